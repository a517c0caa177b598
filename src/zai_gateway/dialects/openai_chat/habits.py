"""The habits of a route: what the chunks of its streams have in common, so that later ones are told by bytes.

What a stream's chunks say is learned where they are read with care (`stream`). A chunk of a later stream that
is the same but for its id, its time, its text or its counts says the same but for those.
"""

from msgspec import DecodeError, Struct, ValidationError, json
from msgspec.structs import replace

from zai_gateway.dialects.naming import CHUNK, Naming
from zai_gateway.dialects.openai_chat.shape import PADDING, Shape
from zai_gateway.dialects.openai_chat.usage import Usual, tier_of, usual_usage
from zai_gateway.wire.usage import USUAL_COUNTING, Counting, Usage
from zai_gateway.wire.values import Json, encode

_MOST_KEPT = 16
"""Forms of one sort: a provider that says more different things is read with care."""
_LONGEST_KEPT = 2_000
"""Bytes of a chunk of which the form is kept."""
_LONGEST_ID = 200
_LONGEST_TIME = 16
_DATA = b"data: "
_ID = b'{"id":'
_TIME = b',"object":"%b","created":' % CHUNK.encode()
_USAGE = b'"usage":'
_END = b"\n\n"
_USAGE_ENDS = b"}" + _END
_COUNTS = json.Decoder(Usual)


class Opening(Struct, frozen=True):
    """How every chunk of one stream begins, framing included: as it comes, and as it goes on."""

    begins: bytes
    shown: bytes
    created: int
    """Seconds since 1970, by the provider's word."""


class Aside(Struct, frozen=True):
    """A chunk without content."""

    index: int
    """Of its choice."""
    ends: bool
    """Whether its choice ends with it."""
    tier: str | None


class Wording(Struct, frozen=True):
    """A chunk with content: its shape, without what begins every chunk."""

    shape: Shape
    index: int
    tier: str | None

    def after(self, opening: Opening) -> Shape:
        """The shape in a stream that begins so."""
        shape = self.shape
        return replace(
            shape, begins=opening.begins + shape.begins, shown_begins=opening.shown + shape.shown_begins
        )


class Bill(Struct, frozen=True):
    """What stands before the counts in a chunk that brings them, and nothing else."""

    begins: bytes
    tier: str | None

    def usage(self, rest: bytes, counting: Counting) -> Usage | None:
        """The usage in a chunk whose opening is followed by this; None where it says anything else."""
        if not (rest.startswith(self.begins) and rest.endswith(_USAGE_ENDS)):
            return None
        counts = rest[len(self.begins) : -len(_USAGE_ENDS)]
        if b"\n" in counts or b"\r" in counts:
            return None
        try:
            told = _COUNTS.decode(counts)
        except (ValidationError, DecodeError):
            return None
        return None if told.total_tokens is None else usual_usage(told, counting)


class Habits:
    """Belongs to one route, and so to one model of one provider. Learns from stream after stream."""

    def __init__(self) -> None:
        self._model = ""
        """What the client calls the model."""
        self._after_time = b""
        self._shown_after_time = b""
        """What ends an opening, as it comes and as it goes on."""
        self.asides: dict[bytes, Aside] = {}
        """By what stands behind the opening."""
        self.wordings: list[Wording] = []
        self.bills: list[Bill] = []

    def opening(self, received: bytes, at: int, naming: Naming) -> Opening | None:
        """The opening of the stream whose first event begins at `at`; None for one that is not known."""
        start = at + len(_BEFORE_ID)
        if not received.startswith(_BEFORE_ID, at) or naming.model != self._model:
            return None
        end = received.find(b'"', start, start + _LONGEST_ID)
        if not received.startswith(_TIME, end + 1) or not _is_plain(received[start:end]):
            return None
        time = end + 1 + len(_TIME)
        comma = received.find(b",", time, time + _LONGEST_TIME)
        said = received[time:comma]
        if not received.startswith(self._after_time, comma) or not _is_count(said):
            return None
        shown = (_DATA, _ID, encode(naming.id), _TIME, said, self._shown_after_time)
        return Opening(received[at : comma + len(self._after_time)], b"".join(shown), int(said))

    def learn_opening(
        self, head: bytes, shown: bytes, value: dict[str, Json], naming: Naming
    ) -> Opening | None:
        """The opening of the chunk that says `value`; `head` is what it begins with, up to the last name."""
        id, created = value.get("id"), value.get("created")
        if not isinstance(id, str) or not _is_plain(id.encode()) or not isinstance(created, int):
            return None
        time = str(created).encode()
        begins, ours = _ID + encode(id) + _TIME + time, _ID + encode(naming.id) + _TIME + time
        if not (head.startswith(begins + b",") and shown.startswith(ours + b",") and _is_count(time)):
            return None
        after, shown_after = head[len(begins) :], shown[len(ours) :]
        if (after, shown_after, naming.model) != (self._after_time, self._shown_after_time, self._model):
            self._after_time, self._shown_after_time, self._model = after, shown_after, naming.model
        return Opening(_DATA + head, _DATA + shown, created)

    def learn(self, opening: Opening, data: bytes, value: dict[str, Json], shape: Shape | None) -> None:
        """Keeps what the chunk `data` is like, which went on unchanged but for the names in its opening."""
        choices = value.get("choices")
        choice = choices[0] if isinstance(choices, list) and len(choices) == 1 else None
        index = choice.get("index") if isinstance(choice, dict) else None
        # Whether calls and what they are made of are sound depends on what came before.
        if not isinstance(choice, dict) or not isinstance(index, int) or b'"tool_calls"' in data:
            return
        if len(data) > _LONGEST_KEPT:
            return
        if shape is not None:
            self._learn_wording(opening, shape, index, tier_of(value))
        elif len(self.asides) < _MOST_KEPT and not any(isinstance(value.get(name), str) for name in PADDING):
            rest = data[len(opening.begins) - len(_DATA) :] + _END
            self.asides[rest] = Aside(index, choice.get("finish_reason") is not None, tier_of(value))

    def learn_bill(self, opening: Opening, data: bytes, value: dict[str, Json]) -> None:
        """Keeps where the counts stand in the chunk `data`, which says nothing else and goes on unchanged."""
        rest = data[len(opening.begins) - len(_DATA) :]
        begins = rest[: rest.rfind(_USAGE) + len(_USAGE)]
        bill = Bill(begins, tier_of(value))
        usage = bill.usage(rest + _END, USUAL_COUNTING)
        known = bill in self.bills or len(self.bills) >= _MOST_KEPT or len(data) > _LONGEST_KEPT
        if usage is not None and rest.count(_USAGE) == 1 and not known:
            self.bills.append(bill)

    def _learn_wording(self, opening: Opening, shape: Shape, index: int, tier: str | None) -> None:
        if not shape.begins.startswith(opening.begins) or not shape.shown_begins.startswith(opening.shown):
            return
        begins = shape.begins[len(opening.begins) :]
        cut = replace(shape, begins=begins, shown_begins=shape.shown_begins[len(opening.shown) :])
        wording = Wording(cut, index, tier)
        if wording not in self.wordings and len(self.wordings) < _MOST_KEPT:
            self.wordings.append(wording)


def _is_plain(id: bytes) -> bool:
    return id.translate(None, b"-_.:").isalnum()


def _is_count(time: bytes) -> bool:
    return time.isdigit() and not time.startswith(b"0")


_BEFORE_ID = _DATA + _ID + b'"'
