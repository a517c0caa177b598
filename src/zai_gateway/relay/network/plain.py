"""Plain heads: a 200 as nearly all are, with a length or in chunks; read without a parser."""

import re

_OPENING = b"HTTP/1.1 200 OK\r\n"
_OPENING_SIZE = len(_OPENING)
_END = b"\r\n\r\n"
_END_SIZE = len(_END)
_LINE = re.compile(rb"([0-9A-Za-z_-]+): ?([!-~](?:[ -~]*[!-~])?)")
"""A header as nearly all are: what the grammar allows beside it (RFC 9112, section 5) is for the parser."""
_NO_NAME = ""
_NOT_PLAIN = frozenset({_NO_NAME, "content-encoding", "upgrade", "trailer", "proxy-connection"})
_LONGEST = 16_384
_MOST_LINES = 100
_REMEMBERED = 256
"""Lines; a server says most of them in each answer."""


class PlainHeads:
    """Reads the plain heads of one server, and leaves every other to the parser, of which it knows nothing.

    What it takes, the parser would take, and read in the same way: tests hold one against the other.
    """

    __slots__ = ("_lines", "size")

    def __init__(self) -> None:
        self._lines: dict[bytes, tuple[str, str]] = {}
        self.size = 0
        """Bytes of the head that was read last."""

    def read(self, data: bytes) -> dict[str, str] | None:
        """The headers at the beginning of `data`, with a length or in chunks and not both; else None.

        Names are in lower case; none stands twice.
        """
        if not data.startswith(_OPENING):
            return None
        end = data.find(_END, 0, _LONGEST)
        if end < _OPENING_SIZE:
            return None
        lines = data[_OPENING_SIZE:end].split(b"\r\n")
        try:
            headers = dict(map(self._lines.__getitem__, lines))
        except KeyError:
            headers = dict(map(self._header, lines))
        if len(headers) != len(lines) or len(headers) > _MOST_LINES:
            return None
        if "content-length" in headers:
            if "transfer-encoding" in headers:
                return None
        elif headers.get("transfer-encoding") != "chunked":
            return None
        if "connection" in headers and headers["connection"].lower() != "keep-alive":
            return None
        self.size = end + _END_SIZE
        return headers if _NOT_PLAIN.isdisjoint(headers) else None

    def _header(self, line: bytes) -> tuple[str, str]:
        """Its name, `_NO_NAME` where it is not plain, and its value."""
        known = self._lines.get(line)
        if known is not None:
            return known
        found = _LINE.fullmatch(line)
        if found is None:
            return _NO_NAME, ""
        name, value = found.groups()
        header = name.decode("ascii").lower(), value.decode("ascii")
        if len(self._lines) >= _REMEMBERED:
            self._lines.clear()
        self._lines[line] = header
        return header


def is_length(text: str, size: int) -> bool:
    """Whether `text` says `size`, which is more than nothing, in the one plain way."""
    return text == str(size) and size > 0
