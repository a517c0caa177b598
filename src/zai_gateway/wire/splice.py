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
    places = list(found.items())
    kept = [index for index, (name, _) in enumerate(places) if changes.get(name, b"") is not None]
    last_kept = kept[-1] if kept else -1
    pieces: list[bytes] = []
    at = 0
    for index, (name, place) in enumerate(places[: last_kept + 1]):
        if name not in changes:
            continue
        value = changes[name]
        if value is None:
            pieces.append(text[at : place.key_start])
            at = places[index + 1][1].key_start
        else:
            pieces += (text[at : place.value_start], value)
            at = place.value_end
    if last_kept < len(places) - 1:
        rest_start = places[last_kept][1].value_end if kept else places[0][1].key_start
        pieces.append(text[at:rest_start])
        at = places[-1][1].value_end
    added = [(name, value) for name, value in changes.items() if value is not None and name not in found]
    if added:
        end = places[-1][1].value_end if places else text.rindex(b"}")
        comma = b"," if kept else b""
        pieces += (text[at:end], comma, b",".join(encode(name) + b":" + value for name, value in added))
        at = end
    pieces.append(text[at:])
    return b"".join(pieces)


Values = TypeVar("Values")

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
    if text.startswith(_BYTE_ORDER_MARK):
        raise ValueError(
            "it begins with a byte order mark, which JSON does not allow (RFC 8259, section 8.1)"
        )
    if text.isascii():
        return
    try:
        text.decode()
    except UnicodeDecodeError as trouble:
        raise ValueError(f"it is not UTF-8 (byte {trouble.start})") from None


def _decoded(decoder: "msgspec.json.Decoder[Values]", text: bytes, wanted: str) -> tuple[Values, bytes]:
    """What `text` holds, and the text in which it was found."""
    if not text.strip(b" \t\n\r"):
        raise ValueError("it is empty")
    try:
        return decoder.decode(text), text
    except msgspec.ValidationError:
        raise ValueError(f"it is not a JSON {wanted}") from None
    except msgspec.DecodeError as trouble:
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
