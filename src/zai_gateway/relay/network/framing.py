"""Reads the answers on one connection: bytes in; status, headers, pieces of a body and its end out.

Without input or output of its own: whoever holds the connection feeds it.
"""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from zai_gateway.relay.network.faults import broken
from zai_gateway.relay.network.plain import PlainHeads, is_length
from zai_gateway.relay.upstream import UpstreamError

_MAX_LINE = 16_384
"""Bytes of the status line, and of each header."""
_MAX_HEADERS = 100
_MAX_HEAD = 65_536
"""Bytes of names and values in a head, or in trailers."""
_MAX_UNFRUITFUL = 2 * _MAX_HEAD
"""Bytes that bring no body: a head, and whatever comes between two pieces, with all that sets them apart."""
_CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
"""What the parser is told of a plain head that it need not read, so that it reads the chunks behind it."""
_MAX_INTERIM = 10
"""Interim answers (1xx) before the real one."""
_SPOKEN = b"HTTP/1."
_SPOKEN_SIZE = len(_SPOKEN)
_ONCE = frozenset({"content-encoding", "transfer-encoding"})
"""Headers that decide how a body is read: one that stands twice could be read in two ways."""


class AnswerReader:
    """Reads one answer after the other; `name` is how errors call the server.

    An answer that breaks the rules of HTTP (RFC 9112) raises UpstreamError, and nothing else does. Once
    `headed` is set, `status` and `headers` stand; once `whole` is, the answer is complete.
    """

    __slots__ = (
        "_bodiless", "_chunked", "_delimited", "_end", "_fault", "_header_bytes", "_header_count",
        "_heads", "_interim", "_name", "_parsed", "_parser", "_unfruitful", "headed", "headers", "heard",
        "on_body", "pieces", "reusable", "status", "whole",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self._name = name
        self._heads = PlainHeads()
        self._parsed: list[bytes] = []
        self.on_body = self._parsed.append
        """Called by the parser for each chunk, of which there are many: so it is no method of this."""
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self.begin()

    def begin(self, *, bodiless: bool = False) -> None:
        """Makes ready for the next answer; `bodiless`: to a HEAD, which has a length and no body."""
        self._bodiless = bodiless
        self.heard = 0
        """Bytes of the answer so far."""
        self.pieces: list[bytes] = []
        """Those of the body that nobody took yet. Shared with whoever takes them."""
        self.whole = False
        self.reusable = False
        """Whether the connection can carry another request after this answer."""
        self.headed = False
        self.status = 0
        self.headers: dict[str, str] = {}
        """Names in lower case; of a repeated header, the first."""

    def feed(self, data: bytes) -> None:
        """Takes bytes as they came. Raises UpstreamError; what was read before the breach stays readable."""
        parser = self._parser
        if self.whole or parser is None:
            self.reusable = False
            return
        if self.heard < _SPOKEN_SIZE:
            data = self._open(data, parser)
            if not data:
                return
        self.heard += len(data)
        try:
            parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._stumble()
        if self._parsed:
            if self.headed:
                self.pieces += self._parsed[: self._end]
            self._parsed.clear()
            self._unfruitful = 0
        elif not self.whole:
            self._bear(len(data))
        if self._fault is not None and not self.whole:
            raise self._broken()

    def _open(self, data: bytes, parser: HttpResponseParser) -> bytes:
        """Reads a plain head; gives what of an answer's first bytes is left for the parser."""
        if self.heard:
            self._check_opening(data)
            return data
        headers = None if self._bodiless else self._heads.read(data)
        size = self._heads.size
        if headers is not None and "content-length" not in headers:
            self._begin_parsing()
            parser.feed_data(_CHUNKED_HEAD)
            self.headers = headers
            self.heard = size
            return data[size:]
        if headers is not None and is_length(headers["content-length"], len(data) - size):
            # Of an answer that is here whole, the parser, which stands between two, never hears.
            self.status, self.headers, self.heard = 200, headers, len(data)
            self.headed = self.whole = self.reusable = True
            self.pieces.append(data[size:])
            return b""
        self._begin_parsing()
        self._check_opening(data)
        return data

    def end(self) -> None:
        """The server will send no more. Raises UpstreamError for an answer that is cut short by that."""
        if self.whole:
            return
        if not self.headed:
            self._fault = "it closed the connection without an answer"
        elif self._chunked:
            self._fault = "its answer ended early or in a malformed chunk"
        elif self._delimited:
            self._fault = "its answer ended before the announced length"
        else:
            self.whole = True
            return
        raise self._broken()

    def release(self) -> None:
        """Nothing more will be read: lets go of the parser, which would otherwise wait for the collector."""
        self._parser = None

    def _begin_parsing(self) -> None:
        self._fault: str | None = None
        self._interim = 0
        self._unfruitful = 0
        """Bytes since the last piece of the body, or since the head began."""
        self._end: int | None = None
        """How many pieces of those that are parsed are the answer's, once it is whole."""
        self._begin_head()

    def _stumble(self) -> None:
        """The parser goes no further."""
        if self.whole:
            self.reusable = False
        elif self._fault is None:
            self._fault = self._breach()

    def _bear(self, size: int) -> None:
        """Bears with bytes that brought nothing, up to a number."""
        self._unfruitful += size
        if self._unfruitful > _MAX_UNFRUITFUL and self._fault is None:
            self._fault = "its answer breaks the rules of HTTP" if self.headed else "its head is too large"

    # What follows is called by the parser, in the midst of `feed`: it keeps faults, and raises nothing.

    def on_message_begin(self) -> None:
        if self.whole:
            self.reusable = False

    def on_status(self, reason: bytes) -> None:
        self._count(0, len(reason))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(1, len(name) + len(value))
        if not self.headed and self._fault is None:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1").rstrip(" \t")
            if self.headers.setdefault(key, text) is not text and key in _ONCE:
                self._fault = "it sent a malformed header"

    def on_headers_complete(self) -> None:
        if self.headed or self._parser is None:
            return  # a second answer, which nobody asked for
        status, headers = self._parser.get_status_code(), self.headers
        self._chunked = "transfer-encoding" in headers
        self._delimited = self._chunked or "content-length" in headers
        if self._fault is None:
            self._fault = _refusal(status, headers)
        if 100 <= status < 200:
            self._interim += 1
            if self._interim > _MAX_INTERIM and self._fault is None:
                self._fault = "it sent too many interim answers"
        elif self._fault is None:
            self.status = status
            self.headed = True
            if self._bodiless:
                self.whole, self._end = True, 0
            self._unfruitful = self._header_bytes = self._header_count = 0

    def on_message_complete(self) -> None:
        if not self.headed:
            self._begin_head()
        elif not self.whole and self._fault is None and self._parser is not None:
            self.whole, self._end = True, len(self._parsed)
            self.reusable = self._parser.should_keep_alive() and not (
                # Such framing is not to be trusted (RFC 9112, section 6.1).
                self._chunked and self._parser.get_http_version() == "1.0"
            )

    def _begin_head(self) -> None:
        self.headers = {}
        self._header_bytes = self._header_count = self._unfruitful = 0
        self._chunked = self._delimited = False

    def _check_opening(self, data: bytes) -> None:
        """The parser would read the answers of other protocols too, and of other versions."""
        due = _SPOKEN[self.heard :]
        if self._fault is None and data[: len(due)] != due[: len(data)]:
            self._fault = "it does not speak HTTP/1.1"

    def _count(self, headers: int, size: int) -> None:
        """Bounds heads and trailers: the parser does not."""
        self._header_count += headers
        self._header_bytes += size
        if (
            size > _MAX_LINE or self._header_bytes > _MAX_HEAD or self._header_count > _MAX_HEADERS
        ) and self._fault is None:
            self._fault = "its head is too large"

    def _breach(self) -> str:
        if self.headed:
            if self._chunked:
                return "its answer ended early or in a malformed chunk"
            return "its answer breaks the rules of HTTP"
        return "it sent a malformed header" if self._header_count else "its answer breaks the rules of HTTP"

    def _broken(self) -> UpstreamError:
        return broken(self._name, self._fault or "its answer breaks the rules of HTTP")


def _refusal(status: int, headers: dict[str, str]) -> str | None:
    """Why an answer is refused for its head, though it keeps to the grammar."""
    if status == 101:
        return "it switched to a protocol that was not asked for"
    if status < 100:
        return "it does not speak HTTP/1.1"
    if status < 200:
        framed = "content-length" in headers or "transfer-encoding" in headers
        return "it sent an interim answer with a body" if framed else None
    if headers.get("transfer-encoding", "chunked").lower() != "chunked":
        return "it sent its answer in an unknown transfer encoding"
    if headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        return "it sent a compressed answer, which was not asked for"
    return None
