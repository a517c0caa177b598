"""JSON values as Python holds them: decoding all that JSON allows, and the words for their kinds."""

import json
from typing import TypeAlias, cast

import msgspec

from zai_gateway.wire.surrogates import with_whole_surrogates

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def decode(text: bytes) -> Json:
    """The value that `text` spells; of a name that stands twice in an object, the last.

    Half of a surrogate pair, escaped, is read as U+FFFD: JSON allows it (RFC 8259, section 8.2), and an
    answer cut between two chunks contains it. Raises ValueError, which never quotes the text.
    """
    try:
        return cast("Json", _ANYTHING.decode(text))
    except UnicodeDecodeError as trouble:
        raise ValueError(f"it is not UTF-8 (byte {trouble.start})") from None
    except msgspec.ValidationError:
        # No type was asked for, so it is a number beyond a float's range, which JSON allows.
        return _decode_any_number(with_whole_surrogates(text))
    except msgspec.MsgspecError as trouble:
        whole = with_whole_surrogates(text)
        if whole == text:
            raise ValueError(str(trouble)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return decode(whole)


def _decode_any_number(text: bytes) -> Json:
    try:
        return cast("Json", json.loads(text, parse_constant=_refuse))
    except json.JSONDecodeError as trouble:
        # The error itself carries the whole text.
        raise ValueError(f"JSON is malformed: {trouble.msg}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(constant: str) -> Json:
    raise ValueError(f"JSON is malformed: {constant} is no number")


def encode(value: Json) -> bytes:
    """`value` in JSON, without whitespace."""
    return _WRITER.encode(value)


def kind(text: bytes) -> str:
    """What the JSON value that begins `text` is, in a word for an error message."""
    first = text[:1]
    if first in _KINDS:
        return _KINDS[first]
    return "a number"


_ANYTHING = msgspec.json.Decoder()
_WRITER = msgspec.json.Encoder()

_KINDS = {
    b'"': "a string",
    b"{": "an object",
    b"[": "a list",
    b"t": "true",
    b"f": "false",
    b"n": "null",
    b"": "nothing",
}


def at_path(value: Json, path: tuple[str, ...]) -> Json:
    """What stands at `path` in nested objects; None where nothing does."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
