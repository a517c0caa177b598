"""A stream's events in either of its framings: server-sent events, or one JSON array that grows."""

import re

from zai_gateway.wire.sse import MOST_BUFFERED, EventTooLarge, ServerEventDecoder

_SPACE = b" \t\r\n"
_DATA = b"data: "
_BLANK = b"\r\n\r\n"
_NEXT = _BLANK + _DATA
_TURNS = re.compile(rb'["\\{}]')


class TooLarge(ValueError):
    """An event grew past what is kept of one; `before` are those in front of it."""

    def __init__(self, before: list[bytes]) -> None:
        super().__init__(f"one event is larger than {MOST_BUFFERED} bytes")
        self.before = before


class Framing:
    """Bytes in, the data of events out. The first byte tells which framing it is."""

    def __init__(self) -> None:
        self._events: ServerEventDecoder | None = None
        self._array: _Array | None = None

    def feed(self, received: bytes) -> list[bytes]:
        """The events that `received` completes. Raises TooLarge, after which nothing may be fed."""
        if self._events is None and self._array is None:
            received = received.lstrip(_SPACE)
            if not received:
                return []
            if received[:1] in (b"[", b"{"):
                self._array = _Array()
            else:
                self._events = ServerEventDecoder()
        if self._array is not None:
            return self._array.feed(received)
        assert self._events is not None
        if self._events.between_events:
            usual = _usual_events(received)
            if usual is not None:
                self._events.begin()
                return usual
        try:
            return [event.data for event in self._events.feed(received)]
        except EventTooLarge as trouble:
            raise TooLarge([event.data for event in trouble.before]) from None


def _usual_events(received: bytes) -> list[bytes] | None:
    """The data of whole events as Google writes them, one line each; None for any other bytes."""
    if not (received.startswith(_DATA) and received.endswith(_BLANK)) or len(received) > MOST_BUFFERED:
        return None
    lines = received[len(_DATA) : -len(_BLANK)].split(_NEXT)
    # Line ends stand nowhere else, where there is just one blank line behind each of them and none within.
    unbroken = received.replace(_BLANK, b"")
    if b"\n" in unbroken or b"\r" in unbroken or len(received) - len(unbroken) != len(lines) * len(_BLANK):
        return None
    return lines


class _Array:
    """The objects of a JSON array, or of a text without one (an error on its own)."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._at = 0
        self._start = 0
        self._depth = 0
        self._in_string = False

    def feed(self, received: bytes) -> list[bytes]:
        """The objects that `received` completes. Raises TooLarge."""
        self._text += received
        events: list[bytes] = []
        while (turn := _TURNS.search(self._text, self._at)) is not None:
            at, byte = turn.start(), turn[0]
            if byte == b"\\" and at + 1 >= len(self._text):
                self._at = at
                break
            self._at = at + (2 if byte == b"\\" else 1)
            if byte == b'"':
                self._in_string = not self._in_string
            elif not self._in_string:
                self._turn(byte, at, events)
        else:
            self._at = len(self._text)
        self._forget()
        if len(self._text) > MOST_BUFFERED:
            raise TooLarge(events)
        return events

    def _turn(self, byte: bytes, at: int, events: list[bytes]) -> None:
        if byte == b"{":
            if self._depth == 0:
                self._start = at
            self._depth += 1
        elif byte == b"}" and self._depth > 0:
            self._depth -= 1
            if self._depth == 0:
                events.append(bytes(self._text[self._start : at + 1]))
                self._start = at + 1

    def _forget(self) -> None:
        """Lets go of what is read: all but the object that is not complete."""
        done = self._start if self._depth else self._at
        del self._text[:done]
        self._at -= done
        self._start = 0
