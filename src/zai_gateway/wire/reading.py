"""Reading at one go: what a JSON text holds, where one look tells that nothing in it is named twice."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec
from msgspec import Raw

from zai_gateway.wire.splice import members, splice

Values = TypeVar("Values")

OBJECT = msgspec.json.Decoder(dict[str, Raw])
"""An object's values by name, each as its bytes."""
OBJECTS = msgspec.json.Decoder(list[dict[str, Raw]])
"""The same for each object of a list."""


def read_at_once(decoder: "msgspec.json.Decoder[Values]", text: bytes | Raw) -> Values | None:
    """What `text` holds, in the place of its objects' values their bytes; None where it takes a closer look.

    A reader keeps the last of the values that stand under one name, and drops the others. So a text which is
    the same bytes when it is written anew, with or without the whitespace between its tokens, has no name
    twice. Nothing is said of UTF-8.
    """
    try:
        found = decoder.decode(text)
        if _is_written_as(found, text):
            return found
        dense = msgspec.json.format(bytes(text), indent=-1)
        return found if _is_written_as(decoder.decode(dense), dense) else None
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def read_dense(decoder: "msgspec.json.Decoder[Values]", text: bytes | Raw) -> Values | None:
    """As `read_at_once`, and None too where whitespace stands between the tokens."""
    try:
        found = decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    written = _ENCODER.encode(found)
    return found if written == text or Raw(written) == text else None


def rewritten(
    text: bytes, values: Mapping[str, Raw], changes: Mapping[str, bytes | None], *, dense: bool = False
) -> bytes:
    """As `splice.splice` of the object `text`, which holds these values.

    `dense`: it is known that nothing but they and their punctuation stands in it.
    """
    if not (dense or _is_written_as(values, text)):
        return splice(text, members(text), changes)
    wanted = dict(values)
    for name, value in changes.items():
        if value is None:
            wanted.pop(name, None)
        else:
            wanted[name] = Raw(value)
    return _ENCODER.encode(wanted)


def are_texts(values: Iterable[Raw]) -> bool:
    """Whether each value is a string."""
    for value in values:  # noqa: SIM110 - as a generator it would cost half as much again
        if memoryview(value)[0] != _QUOTE:
            return False
    return True


def is_utf8(text: bytes) -> bool:
    """Whether `text` is UTF-8 (RFC 3629)."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_written_as(found: object, text: bytes | Raw) -> bool:
    written = _ENCODER.encode(found)
    # A Raw equals no bytes, only another Raw.
    return written == text or Raw(written) == text


_QUOTE = ord('"')
_ENCODER = msgspec.json.Encoder()
