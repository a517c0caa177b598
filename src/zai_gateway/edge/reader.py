"""The reader: turns the bytes of one connection into requests, and what breaks a rule into a refusal."""

from enum import Enum

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from zai_gateway.edge.framing import fault_of_head
from zai_gateway.edge.head import LONGEST_LENGTH, Head, Recurring, recurring
from zai_gateway.edge.refusals import HeadLimits, malformed, too_large
from zai_gateway.edge.request import Request, Source
from zai_gateway.errors import Failure

_SEPARATORS = 4
"""Bytes around a header: its colon, a space, and the end of its line."""
_MOST_FRAMING = 8
"""Bytes between chunks for each byte in them: chunks of one byte have five."""
_BEGUN_ANEW = frozenset({b"upgrade", b"expect"})
"""Headers after which reading takes turns of its own."""


class Stage(Enum):
    """How far the last request has come."""

    BETWEEN = 0
    HEAD = 1
    BODY = 2


class _Stop(Exception):
    """Stops the parser."""


class Reader:
    """Reads the requests of one connection, strictly; each is in `line` from the end of its head on."""

    def __init__(self, source: Source, line: list[Request], limits: HeadLimits) -> None:
        self._source: Source | None = source
        self._line = line
        self._limits = limits
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self.stage = Stage.BETWEEN
        self.begun = 0
        """Requests of which anything came."""
        self.request: Request | None = None
        """The one whose body comes, or came last."""
        self.done = False
        """Whether nothing more is read: the client said so, or too many requests stand in line."""
        self.crowded = False
        self.body_bytes = 0
        """Those of bodies that came since somebody set it to 0."""
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._most_fields = limits.fields
        self._head_bytes = 0
        """No fewer than those of the head that came last."""
        self._fed = 0
        self._chunked_bytes = 0
        self._stalled_bytes = 0
        self._progressed = False
        self._room = 0
        self._fault: Failure | None = None
        self._recurring: Recurring | None = None
        """The head of the last request, as long as each comes whole and alone."""

    def feed(self, data: bytes, room: int) -> None:
        """Reads on, at most `room` requests ahead. Raises Failure, and is then of no more use.

        One header, trailer or chunk extension that never ends is cut off too.
        """
        known, source = self._recurring, self._source
        if known is not None and source is not None and not self._line:
            body = known.body_after(data)
            if body is not None:
                # The parser, which stands between two requests, need not hear of this one.
                self.begun += 1
                self.body_bytes += len(body)
                self._stalled_bytes = 0
                self.request = request = Request(source, known.head, body)
                self._line.append(request)
                return
        begun, between = self.begun, self.stage is Stage.BETWEEN
        self._read(data, room)
        self._recurring = None
        if between and self.begun == begun + 1 and self.stage is Stage.BETWEEN and not self.done:
            self._recurring = self._as_recurring(data)

    def _read(self, data: bytes, room: int) -> None:
        self._room = room
        self._fed = len(data)
        self._head_bytes += self._fed
        self._progressed = False
        request = self.request if self.stage is Stage.BODY else None
        try:
            if self._parser is not None:
                self._parser.feed_data(data)
        except HttpParserUpgrade as offered:
            self._read_on(offered, data)
        except HttpParserError as error:
            if not self.done:
                raise self._blamed(error) from None
        self._stalled_bytes = 0 if self._progressed else self._stalled_bytes + len(data)
        if request is not None and request.length is None:
            self._chunked_bytes += len(data)
            if self._chunked_bytes > self._limits.total_bytes + _MOST_FRAMING * request.size:
                raise too_large(self._limits)
        if self._stalled_bytes > self._limits.total_bytes:
            raise too_large(self._limits)

    def close(self) -> None:
        """Lets go of whatever holds on to this."""
        self.done = True
        self.stage = Stage.BETWEEN
        self._parser = self._source = self.request = self._recurring = None

    def on_message_begin(self) -> None:
        """A request begins."""
        if self.done:
            raise _Stop
        if len(self._line) >= self._room:
            self.done = self.crowded = True
            raise _Stop
        self.stage = Stage.HEAD
        self.begun += 1
        self._progressed = True
        self._target = b""
        self._headers = []
        self._head_bytes = self._fed

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer: that is counted, but dropped, since it may not pass for a header."""
        headers = self._headers
        headers.append((name.lower(), value))
        if len(headers) > self._most_fields:
            self._fault = too_large(self._limits)
            raise _Stop

    def on_headers_complete(self) -> None:
        """The head is whole; one that offers to upgrade comes again, without the offer."""
        parser, source = self._parser, self._source
        if parser is None or source is None:
            raise _Stop
        request = Request(source, Head(parser.get_method().decode("ascii"), self._target, self._headers))
        fits = self._head_fits()
        self._fault = fault_of_head(request, parser.get_http_version()) if fits else too_large(self._limits)
        if self._fault is not None:
            raise _Stop
        if parser.should_upgrade():
            return
        request.keep_alive = parser.should_keep_alive() and not request.old
        self.request = request
        self.stage = Stage.BODY
        self._progressed = True
        self._chunked_bytes = 0
        self._headers = []  # for the trailers
        self._line.append(request)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._progressed = True
        self.body_bytes += len(body)
        if self.request is not None:
            self.request.came(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        request = self.request
        if request is None or self.stage is not Stage.BODY:
            return  # the head of an offer, which comes again
        self.stage = Stage.BETWEEN
        self._progressed = True
        request.ended()
        if not request.keep_alive:
            self.done = True

    def _as_recurring(self, data: bytes) -> Recurring | None:
        """The head of the request that `data` was, where the same bytes are sure to mean the same again."""
        request = self.request
        if request is None or request.length is None or request.old:
            return None
        if not _BEGUN_ANEW.isdisjoint(request.fields):
            return None
        if len(data) - request.length + LONGEST_LENGTH > self._limits.total_bytes:
            return None
        return recurring(data, request.head, request.length)

    def _read_on(self, offered: HttpParserUpgrade, data: bytes) -> None:
        """Reads what follows a head that offered to upgrade, and the head as if it had not."""
        left = memoryview(data)
        while self._parser is not None:
            left = left[offered.args[0] :]
            try:
                self._pass_over_upgrade(self._parser)
                self._parser.feed_data(left)
            except HttpParserUpgrade as another:
                offered = another
            except HttpParserError as error:
                if not self.done:
                    raise self._blamed(error) from None
                return
            else:
                return

    def _pass_over_upgrade(self, offered: HttpRequestParser) -> None:
        """Begins the request anew without the offer, which a server may ignore (RFC 9110, section 7.8).

        The parser takes whatever follows such a head for another protocol, or else for the next request:
        the body would be parsed as one.
        """
        version = offered.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (offered.get_method(), self._target, version)]
        lines += (b"%b: %b" % header for header in self._headers if header[0] != b"upgrade")
        self.begun -= 1
        self._parser = HttpRequestParser(self)
        self._parser.feed_data(b"\r\n".join((*lines, b"\r\n")))

    def _head_fits(self) -> bool:
        if self._head_bytes <= self._limits.total_bytes:
            return True  # so much came with all that stands around it
        sizes = (len(name) + len(value) + _SEPARATORS for name, value in self._headers)
        return len(self._target) + sum(sizes) <= self._limits.total_bytes

    def _blamed(self, error: HttpParserError) -> Exception:
        """Whose fault it is: the client's, as a Failure, or else a defect of this gateway's own."""
        fault, self._fault = self._fault, None
        if fault is not None:
            return fault
        own = error.__context__ if isinstance(error, HttpParserCallbackError) else None
        return own if isinstance(own, Exception) and not isinstance(own, _Stop) else malformed()
