"""The shape of a stream's plain deltas: the bytes around their text, by which they are told without parsing.

A delta that was read with care and said nothing but one text teaches it. What begins and ends with the same
bytes, and has the inside of a JSON string between them, says the same but for that text.
"""

from typing import TypeAlias

import msgspec
from msgspec import Struct

from zai_gateway.dialects.openai_chat.content import CONTENT
from zai_gateway.wire.events import Chunk
from zai_gateway.wire.values import Json

_DATA = b"data: "
_END = b"\n\n"
_END_WITH_RETURNS = b"\r\n\r\n"
_WINDOW = 16 * 1024
"""Bytes that are looked at in one go, so that strange events among the plain ones cost no more than time."""
PADDING = ("obfuscation", "p")
"""Letters and digits that hide from eavesdroppers how long a text is (OpenAI's and Azure's; Mistral's)."""


class Run(Struct, frozen=True):
    """Plain deltas that follow each other."""

    chunk: Chunk
    end: int
    """Where what follows them begins."""


class PlainShape(Struct, frozen=True):
    """What stands around the text of a delta, with its framing: as it comes, and as it goes on."""

    begins: bytes
    ends: bytes
    shown_begins: bytes
    shown_ends: bytes

    def only(self, received: bytes) -> Chunk | None:
        """The delta of this shape that `received` is; None where it is something else, or more."""
        begins, ends = self.begins, self.ends
        if not (received.startswith(begins) and received.endswith(ends)):
            return None
        start, end = len(begins), len(received) - len(ends)
        if end <= start:
            return None
        try:
            # With the quotation marks in which the one ends and the other begins.
            text = _STRING.decode(received[start - 1 : end + 1])
        except ValueError:
            return None
        size = len(text) if text.isascii() else len(text.encode())
        return Chunk(self.shown_begins + received[start:end] + self.shown_ends, size, True)

    def run(self, received: bytes, at: int) -> Run | None:
        """The deltas of this shape that begin at `at`, where an event begins; None where there is none."""
        if not received.startswith(self.begins, at):
            return None
        start = at + len(self.begins)
        end = received.rfind(self.ends, start, at + _WINDOW)
        if end < 0:
            return None
        first = received.find(self.ends, start)
        if first == end or not received.startswith(self.begins, first + len(self.ends)):
            end = first
            texts = [received[start:end]]
        else:
            texts = self._texts(received[at : end + len(self.ends)])
        size = _measured(texts)
        if not size:
            return _one_by_one(self, received, at)
        shown = (self.shown_ends + self.shown_begins).join(texts)
        chunk = Chunk(self.shown_begins + shown + self.shown_ends, size, True)
        return Run(chunk, end + len(self.ends))

    def one(self, received: bytes, at: int) -> Run | None:
        """The delta of this shape that begins at `at`, if there is one."""
        if not received.startswith(self.begins, at):
            return None
        start = at + len(self.begins)
        end = received.find(self.ends, start, start + _WINDOW)
        text = received[start:end]
        size = _measured([text]) if end >= 0 else 0
        if not size:
            return None
        return Run(Chunk(self.shown_begins + text + self.shown_ends, size, True), end + len(self.ends))

    def _texts(self, events: bytes) -> list[bytes]:
        """The texts of these events, none of them where one has another shape."""
        blank = _END if self.ends.endswith(_END) else _END_WITH_RETURNS
        head, tail = len(self.begins), len(blank) - len(self.ends)
        texts = [event[head:tail] for event in events.split(blank)[:-1]]
        # Put together again and compared, since that costs less than to search for so long a separator.
        again = self.begins + (self.ends + self.begins).join(texts) + self.ends
        return texts if again == events else []


class PaddedShape(Struct, frozen=True):
    """The same where padding of any length follows the text; `turns` is what stands between the two."""

    begins: bytes
    turns: bytes
    ends: bytes
    shown_begins: bytes
    shown_turns: bytes
    shown_ends: bytes

    def only(self, received: bytes) -> Chunk | None:
        """As PlainShape's."""
        one = self.one(received, 0)
        return one.chunk if one is not None and one.end == len(received) else None

    def run(self, received: bytes, at: int) -> Run | None:
        """As PlainShape's."""
        return _one_by_one(self, received, at)

    def one(self, received: bytes, at: int) -> Run | None:
        """As PlainShape's."""
        if not received.startswith(self.begins, at):
            return None
        start = at + len(self.begins)
        end = received.find(self.ends, start, start + _WINDOW)
        turn = received.find(self.turns, start, end)
        padding = received[turn + len(self.turns) : end]
        if end < 0 or turn < 0 or not padding.isalnum():
            return None
        text = received[start:turn]
        size = _measured([text])
        if not size:
            return None
        shown = (self.shown_begins, text, self.shown_turns, padding, self.shown_ends)
        return Run(Chunk(b"".join(shown), size, True), end + len(self.ends))


Shape: TypeAlias = PlainShape | PaddedShape


def learned(
    data: bytes, shown: bytes, value: dict[str, Json], size: int, ending: bytes = _END
) -> Shape | None:
    """The shape of the chunk `data`, which says `value` in one sound choice; None where it has no plain one.

    `shown` is what the client gets: `data` but for values that are replaced, none of which are a choice's.
    `size` is the measure of the choice in bytes, and `ending` the line ends that stand behind it.
    """
    name = _only_text(value)
    # Without a backslash every name is spelled as it reads, so that one that stands once stands in one place.
    if name is None or b"\\" in data or b"\n" in data:
        return None
    place, shown_place = _place_of(name, data), _place_of(name, shown)
    if place < 0 or shown_place < 0 or data.find(b'"', place) != place + size:
        return None
    begins, ends = _DATA + data[:place], data[place + size :] + ending
    shown_begins, shown_ends = _DATA + shown[:shown_place], shown[shown_place + size :] + _END
    for name in PADDING:
        if isinstance(value.get(name), str):
            turn, shown_turn = _place_of(name, ends), _place_of(name, shown_ends)
            close, shown_close = ends.find(b'"', turn), shown_ends.find(b'"', shown_turn)
            if turn < 0 or shown_turn < 0:
                return None
            return PaddedShape(
                *(begins, ends[:turn], ends[close:]),
                *(shown_begins, shown_ends[:shown_turn], shown_ends[shown_close:]),
            )
    return PlainShape(begins, ends, shown_begins, shown_ends)


def _place_of(name: str, text: bytes) -> int:
    """Where the string that is the only member of this name begins; -1 where it is not so."""
    key = b'"%b"' % name.encode()
    if text.count(key) != 1:
        return -1
    at = text.find(key) + len(key)
    for opening in (b':"', b': "'):
        if text.startswith(opening, at):
            return at + len(opening)
    return -1


def _one_by_one(shape: Shape, received: bytes, at: int) -> Run | None:
    """A run up to the first event that is none of its shape after all."""
    first = one = shape.one(received, at)
    if first is None:
        return None
    frames: list[bytes] = []
    size = 0
    while one is not None:
        frames.append(one.chunk.frames)
        size += one.chunk.content_bytes
        at = one.end
        one = shape.one(received, at)
    return first if len(frames) == 1 else Run(Chunk(b"".join(frames), size, True), at)


def _only_text(value: dict[str, Json]) -> str | None:
    """The name under which the only choice of a chunk says all that it says."""
    choices = value["choices"]
    assert isinstance(choices, list)
    delta = choices[0]["delta"] if len(choices) == 1 and isinstance(choices[0], dict) else None
    if not isinstance(delta, dict):
        return None
    told = [name for name, said in delta.items() if said and name in CONTENT]
    if len(told) != 1:
        return None
    return told[0] if told[0] != "tool_calls" else _argument(delta["tool_calls"])


def _argument(calls: Json) -> str | None:
    call = calls[0] if isinstance(calls, list) and len(calls) == 1 else None
    function = call.get("function") if isinstance(call, dict) else None
    return "arguments" if isinstance(function, dict) and "arguments" in function else None


def _measured(texts: list[bytes]) -> int:
    """Bytes of content in what must be the insides of JSON strings; 0 where there is none, or one is not."""
    if not texts:
        return 0
    try:
        # No escape, pair of surrogates or character can begin before a space and end after it.
        text = _STRING.decode(b'"' + b" ".join(texts) + b'"')
    except ValueError:
        return 0
    size = len(text) if text.isascii() else len(text.encode())
    return max(size - len(texts) + 1, 0)


_STRING = msgspec.json.Decoder(str)
