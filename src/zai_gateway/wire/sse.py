"""Server-sent events: a decoder that takes bytes cut anywhere, and the frames that go to clients."""

from msgspec import Struct

DONE = b"data: [DONE]\n\n"
"""What ends a stream that succeeded (wire.md 13)."""

KEEP_ALIVE = b": keep-alive\n\n"
"""A comment, which fills a silence and which no client takes for an event (wire.md 14)."""

MOST_BUFFERED = 16 * 1024 * 1024
"""Bytes of one event that the decoder keeps before it gives up."""

_LONGEST_NAME = 256
"""Bytes of an event's name that are kept."""


class ServerEvent(Struct, frozen=True):
    """One event: its data lines, joined by line feeds, and its name (empty where it has none)."""

    data: bytes
    name: str


class EventTooLarge(ValueError):
    """An event grew past what the decoder keeps: `limit` bytes; `before` are the events in front of it."""

    def __init__(self, limit: int, before: list[ServerEvent]) -> None:
        super().__init__(f"one event is larger than {limit} bytes")
        self.limit = limit
        self.before = before


class ServerEventDecoder:
    """Bytes in, events out, as the HTML standard reads an event stream (section 9.2.6).

    Comments, `id` and `retry` are dropped, and so is an event that its blank line does not complete. Data
    stay bytes: whoever parses them says whether they are UTF-8.
    """

    def __init__(self, limit: int = MOST_BUFFERED) -> None:
        self._limit = limit
        self._line = bytearray()
        self._data: list[bytes] = []
        self._data_size = 0
        self._name = ""
        self._at_start = True
        self._after_carriage_return = False
        self.between_events = True
        """Whether an event begins with the next byte, and nothing that was fed says more about it."""

    def begin(self) -> None:
        """Something was read before the first byte that is fed."""
        self._at_start = False

    def feed(self, received: bytes) -> list[ServerEvent]:
        """The events that `received` completes. Raises EventTooLarge, after which nothing may be fed."""
        if self.between_events and self._is_one_line_of_data(received):
            self._at_start = False
            return [ServerEvent(received[6:-2], "")]
        events = self._take_lines(received)
        self.between_events = not (self._line or self._data or self._name or self._after_carriage_return)
        return events

    def _is_one_line_of_data(self, received: bytes) -> bool:
        """Whether this is just one event in its usual form: most pieces are, and need no closer look."""
        return (
            received.startswith(b"data: ")
            and received.endswith(b"\n\n")
            and received.find(b"\n") == len(received) - 2
            and b"\r" not in received
            and len(received) - 2 <= self._limit
        )

    def _take_lines(self, received: bytes) -> list[ServerEvent]:
        if not received:
            return []
        if self._after_carriage_return and received.startswith(b"\n"):
            received = received[1:]
        # A line ends at CR at once: waiting for the LF that may follow would hold an event back.
        self._after_carriage_return = received.endswith(b"\r")
        if b"\r" in received:
            received = received.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        first, *others = received.split(b"\n")
        self._line += first
        events: list[ServerEvent] = []
        for following in others:
            self._check_size(events)
            self._take(bytes(self._line), events)
            self._line = bytearray(following)
        self._check_size(events)
        return events

    def _check_size(self, before: list[ServerEvent]) -> None:
        if len(self._line) + self._data_size > self._limit:
            raise EventTooLarge(self._limit, before)

    def _take(self, line: bytes, events: list[ServerEvent]) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            self._dispatch(events)
            return
        # A comment is a field without a name.
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._data_size += len(value) + 1
        elif field == b"event":
            self._name = value[:_LONGEST_NAME].decode(errors="replace")

    def _dispatch(self, events: list[ServerEvent]) -> None:
        if self._data:
            events.append(ServerEvent(b"\n".join(self._data), self._name))
        self._data = []
        self._data_size = 0
        self._name = ""


def frame(data: bytes) -> bytes:
    """`data` as one event; a line end inside it (whitespace to JSON) begins a further data line."""
    if b"\r" in data or b"\n" in data:
        data = b"\ndata: ".join(data.splitlines())
    return b"data: " + data + b"\n\n"
