"""The frames of Anthropic's event stream: each event under its name, with its type in its data too."""

from zai_gateway.wire.values import Json, encode

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
"""What fills a silence: an event that every client of Anthropic's passes over."""


def framed(name: str, **said: Json) -> bytes:
    """An event that is rare enough to be written from its parts."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), encode({"type": name, **said}))


def delta_head(index: int) -> bytes:
    """What stands in front of each delta of a block; `DELTA_END` stands behind it."""
    return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":' % index


DELTA_END = b"}\n\n"
TEXT_HEAD = b'{"type":"text_delta","text":"'
TEXT_TAIL = b'"}'
"""A delta of text but for the inside of its JSON string."""
