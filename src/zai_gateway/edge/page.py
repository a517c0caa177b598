"""A page: an answer in one piece, and its headers as bytes."""

from collections.abc import Sequence
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import force_setattr

_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))


class Page(Struct, frozen=True):
    """A whole answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Names in lower case; the length, and what stands on every answer, are added on the way out."""
    body: bytes
    lines: bytes = b""
    """The headers and the length as they go out: many answers are the same page."""

    def __post_init__(self) -> None:
        force_setattr(self, "lines", sized_lines(self.headers, self.body))


def json_page(body: bytes) -> Page:
    """A 200 with JSON."""
    return Page(200, _JSON, body)


def sized_lines(headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """Headers as bytes, with the length of `body`."""
    return b"%bcontent-length: %d\r\n" % (header_lines(headers), len(body))


def header_lines(headers: Sequence[tuple[str, str]]) -> bytes:
    """Headers as bytes. What may not stand in a value is percent-encoded, so that no value can break out."""
    lines = [f"{name}: {value}" for name, value in headers]
    together = "".join(lines)
    if not (together.isascii() and together.isprintable()):
        lines = [f"{name}: {_safe(value)}" for name, value in headers]
    lines.append("")
    return "\r\n".join(lines).encode("ascii")


def _safe(value: str) -> str:
    return value if value.isascii() and value.isprintable() else quote(value, safe=_PRINTABLE)


_JSON = (("content-type", "application/json"),)
