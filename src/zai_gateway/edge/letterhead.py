"""The letterhead: the head of an answer as bytes, with what stands on every answer of this gateway."""

from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

from zai_gateway.clock import Clock

_STATUS_LINES: Mapping[int, bytes] = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
CLOSE = b"connection: close\r\n"


class Letterhead:
    """Writes heads: the date, which is made once in a second, the request's id, and no guessing of types."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._lines = b""

    def head(self, status: int, request_id: str, lines: bytes, *, last: bool) -> bytes:
        """The head of an answer, with these lines; the `last` one of its connection says so."""
        second = self._clock.now_ms() // 1_000
        if second != self._second:
            self._second = second
            self._lines = (
                f"date: {formatdate(second, usegmt=True)}\r\n"
                "x-content-type-options: nosniff\r\n"
                "x-request-id: "
            ).encode("ascii")
        return b"%b%b%b\r\n%b%b\r\n" % (
            _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status,
            self._lines,
            request_id.encode("ascii"),
            lines,
            CLOSE if last else b"",
        )
