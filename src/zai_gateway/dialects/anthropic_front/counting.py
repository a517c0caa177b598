"""A guess at the tokens of a request, for `/v1/messages/count_tokens` where no upstream counts them."""

from zai_gateway.dialects.anthropic_front.request import read_request
from zai_gateway.wire.usage import estimated_tokens
from zai_gateway.wire.values import Json, decode, encode

IMAGE_TOKENS = 1_600
"""What an image comes to at the size to which Anthropic scales large ones (docs.claude.com, "Vision")."""
DOCUMENT_TOKENS = 2_500
"""A page of a PDF: 1,500 to 3,000 of text, and its image (docs.claude.com, "PDF support")."""
_BYTES_PER_PAGE = 50_000
"""Of a PDF, in base64: between a page of text and a scanned one."""
_TOKENS_PER_MESSAGE = 4
"""What stands around a message where the model reads it."""
_TOKENS_OF_TOOLS = 500
"""What tells the model how to call tools: 290 to 700 in recorded requests, by model and choice."""
_SCHEMA_BYTES_PER_TOKEN = 3
"""Schemas are names and signs more than words, and are written out at greater length."""


def count_tokens(body: bytes) -> bytes:
    """The answer to a count request: `{"input_tokens": N}`, a guess.

    Four bytes of text are taken for a token. Raises Failure as `read_request` does.
    """
    read_request(body, counting=True)
    return encode({"input_tokens": estimate(body)})


def estimate(body: bytes) -> int:
    """Tokens that the input of a Messages request may come to; `body` is one that can be read."""
    request = decode(body)
    assert isinstance(request, dict), "what was read as a request is an object"
    config = request.get("output_config")
    schemas = [request.get("output_format"), config.get("format") if isinstance(config, dict) else None]
    tools = request.get("tools")
    told = _TOKENS_OF_TOOLS if tools else 0
    for tool in tools if isinstance(tools, list) else []:
        # One that is loaded later is not in the prompt yet.
        schemas += [tool] if isinstance(tool, dict) and not tool.get("defer_loading") else []
    sizes = [len(encode(schema)) for schema in schemas if schema is not None]
    told += sum(-(-size // _SCHEMA_BYTES_PER_TOKEN) for size in sizes)
    return told + _tokens([request.get("system"), request.get("messages")])


def _tokens(value: Json) -> int:
    if isinstance(value, str):
        return estimated_tokens(len(value.encode(errors="replace")))
    if isinstance(value, bool) or value is None:
        return 0
    if isinstance(value, int | float):
        return 1
    if isinstance(value, list):
        return sum(map(_tokens, value))
    sort = value.get("type")
    if sort in ("image", "document"):
        return _media_tokens(value)
    told = sum(_tokens(each) for name, each in value.items() if name not in _UNREAD)
    return told + (_TOKENS_PER_MESSAGE if "role" in value else 0)


def _media_tokens(block: dict[str, Json]) -> int:
    source = block.get("source")
    if block.get("type") == "image" or not isinstance(source, dict):
        return IMAGE_TOKENS
    data = source.get("data")
    if source.get("type") == "text" or not isinstance(data, str):
        return _tokens([source.get("data"), source.get("content")]) or DOCUMENT_TOKENS
    return DOCUMENT_TOKENS * (1 + len(data) // _BYTES_PER_PAGE)


_UNREAD = (
    "type",
    "cache_control",
    "signature",
    "id",
    "tool_use_id",
    "role",
    "encrypted_content",
    "citations",
)
