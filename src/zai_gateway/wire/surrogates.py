r"""Halves of surrogate pairs: escapes such as \ud83d on their own, which JSON allows and decoders refuse."""

import re

import msgspec

MOST_HALVES = 100_000
"""Escapes that are looked at, whole pairs among them. The event loop waits meanwhile."""


def with_whole_surrogates(text: bytes) -> bytes:
    r"""`text` with each escaped half of a surrogate pair replaced by \ufffd, so that every offset stays.

    RFC 8259, section 8.2. Raises ValueError where there are too many escapes to look at.
    """
    # A byte of zero stands in no JSON, and here in place of escaped backslashes.
    if b"\0" in text:
        return text
    read = text.replace(b"\\\\", b"\0\0")
    if sum(map(read.count, _BEGINNINGS)) > MOST_HALVES:
        raise ValueError(f"it has a half surrogate pair among more than {MOST_HALVES} escaped ones")
    whole = bytearray(text)
    for beginning in _BEGINNINGS:
        at = read.find(beginning)
        while at >= 0:
            if _HALF.match(read, at):
                whole[at : at + 6] = b"\\ufffd"
            at = read.find(beginning, at + 6)
    return bytes(whole)


def legible(text: bytes) -> bytes:
    """`text`, with whole surrogates where it has half ones: for one who decodes it piece by piece.

    Raises ValueError as `with_whole_surrogates` does.
    """
    if not any(beginning in text for beginning in _BEGINNINGS):
        return text
    try:
        _ANYTHING.decode(text)
    except msgspec.DecodeError:
        return with_whole_surrogates(text)
    except RecursionError:
        return text
    return text


_ANYTHING = msgspec.json.Decoder(msgspec.Raw)
_BEGINNINGS = (b"\\ud", b"\\uD")
_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF = re.compile(rb"%s(?!%s)|(?<!%s)%s" % (_HIGH, _LOW, _HIGH, _LOW))
