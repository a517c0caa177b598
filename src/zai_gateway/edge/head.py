"""The head of a request in its parts, and the bytes of one that comes again and again."""

import re
from collections.abc import Sequence

from zai_gateway.edge.paths import Place

Headers = Sequence[tuple[bytes, bytes]]

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)[ \t]*\r\n", re.IGNORECASE)
LONGEST_LENGTH = 18
"""Digits: such a number fits 64 bits with a sign."""
_END = b"\r\n\r\n"
_LONGEST_KEPT = 8 * 1024
"""Bytes of a head that are kept for the next one of the connection."""


class Head:
    """All of a request but its body; shared by the requests of one connection whose heads are the same.

    The length that they announce may differ: here it is the first one's, and each request knows its own.
    """

    __slots__ = ("distinct", "fields", "headers", "is_json", "method", "place", "target", "token")

    def __init__(self, method: str, target: bytes, headers: Headers) -> None:
        self.method = method
        self.target = target
        """As it came: a path with its query, or a URL."""
        self.headers = headers
        """Their names are in lower case, their values as they came."""
        self.fields = dict(headers)
        """The last header of each name."""
        self.distinct = len(self.fields) == len(headers)
        """Whether no name stands twice."""
        self.place: Place | None = None
        """Where it leads, once the door has found everything in it right."""
        self.token: str | None = None
        """The API key in it, as soon as `place` is known."""
        self.is_json = False
        """Whether it was found to announce plain JSON."""


class Recurring:
    """A head that was read once, with its bytes: the same mean the same, whatever length they announce."""

    __slots__ = ("_ending", "_opening", "_size", "head")

    def __init__(self, head: Head, opening: bytes, ending: bytes) -> None:
        self.head = head
        self._opening = opening
        """All before the length; without one, everything."""
        self._size = len(opening)
        self._ending = ending

    def body_after(self, data: bytes) -> bytes | None:
        """The body of `data`, where it is one whole request with this head and nothing else; else None."""
        if not data.startswith(self._opening):
            return None
        ending, start = self._ending, self._size
        if not ending:
            return b"" if len(data) == start else None
        end = data.find(b"\r", start, start + LONGEST_LENGTH + 1)
        digits = data[start:end]
        if end <= start or not data.startswith(ending, end) or not is_plain(digits):
            return None
        body = data[end + len(ending) :]
        return body if len(body) == int(digits) else None


def recurring(data: bytes, head: Head, length: int) -> Recurring | None:
    """What a second request like it is known by: `data` was read as `head` and a body of `length` bytes.

    None where `data` holds anything else, or a head that one might read in another way the second time.
    """
    size = data.find(_END) + len(_END)
    if size != len(data) - length or size > _LONGEST_KEPT:
        return None
    if b"content-length" not in head.fields:
        return Recurring(head, data, b"") if not length else None
    raw = data[:size]
    announced = _LENGTH.search(raw)
    return Recurring(head, raw[: announced.start(1)], raw[announced.end(1) :]) if announced else None


def is_plain(length: bytes) -> bool:
    """Whether it is a number in one reading: not too large for anybody, and octal to nobody."""
    return length.isdigit() and len(length) <= LONGEST_LENGTH and (length == b"0" or length[:1] != b"0")
