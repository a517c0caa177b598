"""JSON splicing: where the members of an object stand, and a copy with some of them replaced."""

import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct

from zai_gateway.wire.surrogates import with_whole_surrogates
from zai_gateway.wire.values import decode, encode


class Member(Struct, frozen=True):
    """One member of an object, as offsets into the bytes that hold it."""

    key_start: int
    value_start: int
    value_end: int


class DuplicateMember(ValueError):
    """A name stands twice in one object (escaped spellings count as the same name): `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the field {name!r} stands twice")
        self.name = name


class Oversized(ValueError):
    """An object or a list holds more than was asked for: `most` says in words what it may hold."""

    def __init__(self, most: str) -> None:
        super().__init__(f"it may hold at most {most}")
        self.most = most


def members(text: bytes, most: int | None = None) -> dict[str, Member]:
    """The top-level members of the JSON object that `text` is, in the order in which they stand.

    Raises Oversized where `most` is given and there are more, or where one then has a name past all sense;
    DuplicateMember; or ValueError where `text` is no JSON object in UTF-8 (RFC 8259). The error says where,
    and never quotes the text.
    """
    _check_utf8(text)
    # Offsets are the same in what the decoder could read, and names are compared as it read them.
    values, text = _decoded(_OBJECT, text, "object")
    if most is not None:
        if len(values) > most:
            raise Oversized(f"{most} fields")
        if any(len(name) > _LONGEST_NAME for name in values):
            raise Oversized(f"{_LONGEST_NAME} characters in a name")
    return _counted_off(text, values) or _found(text, values)


def compact(text: bytes) -> dict[str, msgspec.Raw] | None:
    """The values of the JSON object that `text` is, if `written` makes the same bytes of them again.

    Else None: there is whitespace between them, or a name stands twice or has escapes that it need not have.
    Raises ValueError where `text` is no JSON object in UTF-8.
    """
    _check_utf8(text)
    values, read = _decoded(_OBJECT, text, "object")
    # A name that stands twice was decoded once.
    return values if read is text and _WRITER.encode(values) == text else None


def written(values: Mapping[str, msgspec.Raw]) -> bytes:
    """The JSON object of these values, without whitespace between them."""
    return _WRITER.encode(values)


def _counted_off(text: bytes, values: dict[str, msgspec.Raw]) -> dict[str, Member] | None:
    """Where the members stand if they and their punctuation are all that stands in `text`, else None.

    Names with escapes or beyond ASCII, names that are repeated and whitespace all make `text` longer than
    the sum of what was decoded; where both are equal there is none of them, and nothing to look for.
    """
    if sum(map(len, values)) + sum(map(len, values.values())) + 4 * len(values) + 1 != len(text):
        return None
    found: dict[str, Member] = {}
    at = 1
    for name, value in values.items():
        start = at + len(name) + 3
        end = start + len(value)
        found[name] = Member(at, start, end)
        at = end + 1
    return found


def _found(text: bytes, values: dict[str, msgspec.Raw]) -> dict[str, Member]:
    """Where the members stand, looked for one by one. Raises DuplicateMember."""
    found: dict[str, Member] = {}
    at = 0
    name = ""
    for expected, value in values.items():
        before = name
        opening = _OPENING.match(text, at)
        if opening is None:
            raise DuplicateMember(before)
        name = _unescaped(opening[1])
        start = opening.end()
        # The decoder keeps the last value of a repeated name at the place of its first, so any difference
        # between what it found and what stands here comes from a name that is repeated.
        if name != expected or not text.startswith(value, start):
            raise DuplicateMember(name)
        at = start + len(value)
        found[name] = Member(opening.start(1), start, at)
    if values and _CLOSING.fullmatch(text, at) is None:
        further = _OPENING.match(text, at)
        raise DuplicateMember(_unescaped(further[1]) if further else name)
    return found


def elements(text: bytes, most: int | None = None) -> list[bytes]:
    """The elements of the JSON list that `text` is, each as its bytes.

    Raises Oversized where there are more than `most`, and ValueError where `text` is no JSON list in UTF-8.
    """
    _check_utf8(text)
    values, _ = _decoded(_LIST, text, "list")
    if most is not None and len(values) > most:
        raise Oversized(f"{most} elements")
    if len(values) == 1 and len(values[0]) + 2 == len(text):
        return [text[1:-1]]
    found: list[bytes] = []
    at = 0
    for value in values:
        opening = _BEFORE_ELEMENT.match(text, at)
        assert opening is not None, "what the decoder took for a list does not begin like one"
        at = opening.end() + len(value)
        found.append(text[opening.end() : at])
    return found


def outnumbers(text: bytes, most: int) -> bool:
    """Whether more than `most` commas stand between values in `text`, at whatever depth.

    Told in a fraction of the time and memory in which a decoder finds all those values. Text with more than
    four times as many strings may be taken for one that does.
    """
    if text.count(b",") <= most:
        return False
    return _STRING.sub(b"", text, count=4 * most + 4).count(b",") > most


def splice(text: bytes, found: Mapping[str, Member], changes: Mapping[str, bytes | None]) -> bytes:
    """A copy of `text` with the values of `changes` put in place, byte for byte the same elsewhere.

    A value of None takes the member out; a name that `text` lacks is added at the end. `found` is what
    `members(text)` returned. A member that goes takes one comma and the whitespace beside it along.
    """
    pieces: list[bytes] = []
    at = 0
    gone = kept = last = None
    for name, last in found.items():
        value = changes.get(name, b"")
        if value is None:
            gone = gone or last
            continue
        if gone:
            pieces.append(text[at : gone.key_start])
            at, gone = last.key_start, None
        if value:
            pieces += (text[at : last.value_start], value)
            at = last.value_end
        kept = last
    end = last.value_end if last else text.rindex(b"}")
    if gone:
        pieces.append(text[at : kept.value_end if kept else gone.key_start])
        at = end
    comma = b"," if kept else b""
    for name, value in changes.items():
        if value is not None and name not in found:
            pieces += (text[at:end], comma, encode(name), b":", value)
            at, comma = end, b","
    pieces.append(text[at:])
    return b"".join(pieces)


Values = TypeVar("Values")

_WRITER = msgspec.json.Encoder()
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_BEFORE_ELEMENT = re.compile(rb"[ \t\n\r]*+[\[,][ \t\n\r]*+")
# Possessive, since what was passed would else be remembered, at several times its size.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_OPENING = re.compile(rb"[ \t\n\r]*+[{,][ \t\n\r]*+(%s)[ \t\n\r]*+:[ \t\n\r]*+" % _STRING.pattern, re.DOTALL)
_CLOSING = re.compile(rb"[ \t\n\r]*+\}[ \t\n\r]*+")
_LONGEST_NAME = 1_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def _check_utf8(text: bytes) -> None:
    if text.isascii():
        return
    if text.startswith(_BYTE_ORDER_MARK):
        raise ValueError(
            "it begins with a byte order mark, which JSON does not allow (RFC 8259, section 8.1)"
        )
    try:
        text.decode()
    except UnicodeDecodeError as trouble:
        raise ValueError(f"it is not UTF-8 (byte {trouble.start})") from None


def _decoded(decoder: "msgspec.json.Decoder[Values]", text: bytes, wanted: str) -> tuple[Values, bytes]:
    """What `text` holds, and the text in which it was found."""
    try:
        return decoder.decode(text), text
    except msgspec.ValidationError:
        raise ValueError(f"it is not a JSON {wanted}") from None
    except msgspec.DecodeError as trouble:
        if not text.strip(b" \t\n\r"):
            raise ValueError("it is empty") from None
        whole = with_whole_surrogates(text)
        if whole == text:
            raise ValueError(str(trouble)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return _decoded(decoder, whole, wanted)


def _unescaped(spelling: bytes) -> str:
    if b"\\" not in spelling:
        return spelling[1:-1].decode()
    name = decode(spelling)
    assert isinstance(name, str)
    return name
