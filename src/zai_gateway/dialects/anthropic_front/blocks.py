"""The blocks of an answer, made of what a message of the hub holds."""

from collections.abc import Iterator, Mapping

from zai_gateway.dialects.anthropic_front.marks import shown_id
from zai_gateway.wire.values import Json, decode

Block = dict[str, Json]

UNREADABLE = "INVALID_JSON"
"""Under this name stand arguments that are no JSON object: `input` must be one, and the model is to see what
it wrote (docs.claude.com, "Fine-grained tool streaming")."""
AN_IMAGE = (
    "[The model made an image here. Anthropic's Messages API has no form for it, so that it is not shown: "
    "/v1/chat/completions shows it.]"
)
"""What stands in the place of images, so that nobody takes the answer for one without them."""


def spoken(holder: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """The texts of a message or of a delta, each with what it is: `text` or `thinking`."""
    content = holder.get("content")
    if isinstance(content, str):
        yield "text", content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, dict):
                yield from _of_part(part)


def refusal_of(holder: Mapping[str, Json]) -> str:
    """The words in which the model refuses, or the piece of them that a delta brings."""
    refusal = holder.get("refusal")
    return refusal if isinstance(refusal, str) else ""


def call_block(call: Mapping[str, Json], id: str) -> Block:
    """The call of a tool, without its input; `id` is for a call to which its provider gave none."""
    function = call.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    given = call.get("id")
    extra = call.get("extra_content")
    block: Block = {"type": "tool_use", "id": "", "name": name if isinstance(name, str) else "", "input": {}}
    if isinstance(extra, dict) and isinstance(own := extra.get("anthropic"), dict):
        block |= own
        extra = None
    block["id"] = shown_id(given if isinstance(given, str) and given else id, extra)
    return block


def input_of(arguments: str) -> dict[str, Json]:
    """The input that a call's arguments spell."""
    if not arguments.strip():
        return {}
    try:
        value = decode(arguments.encode(errors="replace"))
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {UNREADABLE: arguments}


def arguments_of(call: Mapping[str, Json]) -> str:
    """The arguments of a call, or the piece of them that a delta brings."""
    function = call.get("function")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    return arguments if isinstance(arguments, str) else ""


def provider_block(value: Json, format: str) -> Block | None:
    """A block that an Anthropic model made for itself, as it was; None for another vendor's."""
    if not isinstance(value, dict) or value.get("format", format) != format:
        return None
    if not isinstance(value.get("type"), str) or (value["type"] == "text" and "text" not in value):
        return None
    return {name: said for name, said in value.items() if name not in ("format", "index")}


def _of_part(part: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Mistral's models answer in parts, reasoning among them."""
    text, thinking = part.get("text"), part.get("thinking")
    if isinstance(text, str):
        yield "text", text
    elif isinstance(thinking, list):
        for each in thinking:
            if isinstance(each, dict) and isinstance(said := each.get("text"), str):
                yield "thinking", said
