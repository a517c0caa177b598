"""The frames of Anthropic's event stream: each event under its name, with its type in its data too."""

from zai_gateway.wire.values import Json, encode

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
"""What fills a silence: an event that every client of Anthropic's passes over."""


def framed(name: str, **said: Json) -> bytes:
    """An event that is rare enough to be written from its parts."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), encode({"type": name, **said}))


def begun(id: str, model: str, input_tokens: int) -> bytes:
    """`message_start`, when nothing is known yet but a guess at the input."""
    usage: Json = {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
    }
    message: Json = {
        "id": id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    return framed("message_start", message=message)


def delta_head(index: int) -> bytes:
    """What stands in front of each delta of a block; `DELTA_END` stands behind it."""
    return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":' % index


DELTA_END = b"}\n\n"
TEXT_HEAD = b'{"type":"text_delta","text":"'
TEXT_TAIL = b'"}'
"""A delta of text but for the inside of its JSON string."""
