"""A stream of OpenAI's chat chunks: bytes in at any cut, events out."""

from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.openai_chat.choice import ChoiceStream, Piece
from zai_gateway.dialects.openai_chat.content import Measure
from zai_gateway.dialects.openai_chat.habits import Habits, Opening
from zai_gateway.dialects.openai_chat.naming import ChunkNames
from zai_gateway.dialects.openai_chat.shape import Run, Shape, learned
from zai_gateway.dialects.openai_chat.usage import (
    completed_usage,
    has_total,
    read_usage,
    tier_of,
)
from zai_gateway.dialects.outgoing import Outgoing
from zai_gateway.dialects.problem import broken, problem_inside, truncated
from zai_gateway.dialects.stated_cost import stated_cost
from zai_gateway.wire.draft import Draft, listed
from zai_gateway.wire.events import Chunk, Event, Finished, Reported, UpstreamProblem
from zai_gateway.wire.splice import elements
from zai_gateway.wire.sse import DONE, EventTooLarge, ServerEvent, ServerEventDecoder, frame
from zai_gateway.wire.usage import Usage
from zai_gateway.wire.values import Json, decode, encode

MOST_CHOICES = 128
"""OpenAI's own limit of `n`."""


class StreamDecoder:
    """Reads one upstream's stream. What it says does not depend on how its bytes were cut, and nor does it on
    `learning`: whether what is like an earlier chunk is told by its bytes (`shape`) or read with care too.

    Every chunk gets the same `id`, `created` and `model`, and the repairs of wire.md 7 to 13 where it needs
    them; everything else in it is the provider's bytes. After Finished or UpstreamProblem nothing comes.
    """

    def __init__(
        self, naming: Naming, plan: StreamPlan, *, learning: bool = True, habits: Habits | None = None
    ) -> None:
        """`habits`: those of its route, which it goes by and adds to."""
        self._naming = naming
        self._names = ChunkNames(naming)
        self._plan = plan
        usual = plan.include_usage and plan.choices == 1 and not plan.stop and plan.counting.statement is None
        self._habits = habits if usual else None
        self._opening: Opening | None = None
        self._tier: str | None = None
        self._choices: dict[int, ChoiceStream] = {}
        self._source = ServerEventDecoder()
        self._blank = _BLANK
        self._learning = learning
        self._shape: Shape | None = None
        self._shape_tier: str | None = None
        self._over = False

    def feed(self, received: bytes) -> list[Event]:
        """The events that `received` completes."""
        if self._over:
            return []
        shape = self._shape
        if shape is not None and self._source.between_events:
            # Of a stream that is paced, nearly every piece is just that.
            chunk = shape.only(received)
            if chunk is not None:
                self._tier = self._shape_tier or self._tier
                return [chunk]
        out = Outgoing()
        try:
            self._read(received, out)
        except EventTooLarge as trouble:
            self._take_all(trouble.before, out)
            if not self._over:
                self._fail(_unreadable(trouble), out)
        return out.events()

    def end(self) -> list[Event]:
        """What the end of the upstream's body means: nothing after `[DONE]`, else completeness or a cut."""
        out = Outgoing()
        if self._over:
            return []
        if self._all_ended():
            self._finish(out)
        else:
            self._fail(truncated(), out)
        return out.events()

    def _all_ended(self) -> bool:
        ended = [choice.ended for choice in self._choices.values()]
        return all(ended) and len(ended) >= self._plan.choices

    def _read(self, received: bytes, out: Outgoing) -> None:
        # Where a line ends in CR LF, LF twice stands nowhere.
        self._blank = _BLANK if b"\r" not in received else _BLANK_WITH_RETURNS
        at = 0
        while at < len(received) and not self._over:
            known = self._take_known(received, at, out) if self._source.between_events else at
            if known == at:
                # Whatever is no data, blank lines and comments, goes along with what stands before it.
                following = received.find(self._blank + b"data", at)
                known = len(received) if following < 0 else following + len(self._blank)
                self._take_all(self._source.feed(received[at:known]), out)
            at = known

    def _take_known(self, received: bytes, at: int, out: Outgoing) -> int:
        """Takes what begins at `at` and is told by its bytes; says where what follows begins."""
        if self._shape is not None:
            run = self._shape.run(received, at)
            if run is not None:
                self._tier = self._shape_tier or self._tier
                out.chunk(run.chunk)
                return run.end
        if self._habits is not None:
            return self._take_habitual(self._habits, received, at, out)
        return at

    def _take_habitual(self, habits: Habits, received: bytes, at: int, out: Outgoing) -> int:
        opening = self._opening
        if opening is None and not self._names.begun:
            opening = habits.opening(received, at, self._naming)
        if opening is None or not received.startswith(opening.begins, at):
            if not received.startswith(DONE, at):
                return at
            self._finish(out)
            return at + len(DONE)
        behind = at + len(opening.begins)
        end = received.find(_BLANK, behind) + len(_BLANK)
        rest = received[behind:end]
        aside = habits.asides.get(rest)
        if aside is not None and self._goes_on(aside.index):
            self._begin(opening, aside.index, aside.tier)
            if aside.ends:
                self._stream(aside.index).end()
                self._shape = None
            out.chunk(Chunk(opening.shown + rest, 0, False))
            return end
        run = self._take_wording(habits, received, at, opening)
        if run is not None:
            out.chunk(run.chunk)
            return run.end
        reported = self._take_bill(habits, rest, opening)
        if reported is not None:
            out.event(reported)
            return end
        return at

    def _take_wording(self, habits: Habits, received: bytes, at: int, opening: Opening) -> Run | None:
        behind = at + len(opening.begins)
        for wording in habits.wordings:
            if received.startswith(wording.shape.begins, behind) and self._goes_on(wording.index):
                shape = wording.after(opening)
                run = shape.run(received, at)
                if run is not None:
                    self._begin(opening, wording.index, wording.tier)
                    self._shape, self._shape_tier = shape, wording.tier
                    return run
        return None

    def _take_bill(self, habits: Habits, rest: bytes, opening: Opening) -> Reported | None:
        for bill in habits.bills:
            usage = bill.usage(rest, self._plan.counting)
            if usage is not None:
                self._begin(opening, None, bill.tier)
                shown = opening.shown[len(_DATA) :] + rest[: -len(_BLANK)]
                return Reported(usage, self._tier, shown, None, self._all_ended())
        return None

    def _begin(self, opening: Opening, index: int | None, tier: str | None) -> None:
        """What is known is said of the choice `index`."""
        if self._opening is None:
            self._opening = opening
            self._names.begin(opening.created)
            self._source.begin()
        if index is not None:
            self._stream(index)
        self._tier = tier or self._tier

    def _goes_on(self, index: int) -> bool:
        """Whether the choice takes what goes on as it is, or can begin with it."""
        choice = self._choices.get(index)
        return not self._choices if choice is None else choice.goes_on

    def _take_all(self, received: list[ServerEvent], out: Outgoing) -> None:
        for event in received:
            if not self._over:
                self._take(event, out)

    def _take(self, event: ServerEvent, out: Outgoing) -> None:
        data = event.data.strip()
        if not data:
            return
        if data == b"[DONE]":
            self._finish(out)
            return
        try:
            value = decode(data)
            error = value if event.name == "error" else _error_in(value)
            if error is not None:
                self._fail(problem_inside(error), out)
            elif isinstance(value, dict):
                self._take_chunk(data, value, out)
            else:
                raise ValueError("an event is not a JSON object")
        except ValueError as trouble:
            self._fail(_unreadable(trouble), out)

    def _take_chunk(self, data: bytes, value: dict[str, Json], out: Outgoing) -> None:
        choices = value.get("choices")
        told = _told(value)
        usage = read_usage(told, self._plan.counting)
        if not isinstance(choices, list):
            # Every event of OpenAI's has `choices`; what has none is a ping, unless it brings the usage.
            if usage is None:
                return
            choices = []
        self._tier = tier_of(value) or self._tier
        named = self._names.named(data, value)
        if choices or usage is None:
            shown = self._without_usage(named, value)
            measure = self._show(shown, choices, out)
            learns = self._learning and usage is None and self._names.verbatim
            if measure is not None and learns and shown is named:
                self._learn(data, named, value, measure)
        if usage is not None:
            self._report(named, value, usage, told, out)
            if value.get("choices") == [] and has_total(value.get("usage")) and self._names.verbatim:
                self._learn_bill(data, named, value)

    def _learn(self, data: bytes, named: bytes, value: dict[str, Json], measure: Measure) -> None:
        """Keeps what a chunk is like that went on as it is, but for its names."""
        shape = learned(data, named, value, measure.bytes, self._blank) if measure.bytes else None
        if measure.bytes:
            self._shape, self._shape_tier = shape, tier_of(value)
        if self._habits is not None and (shape is not None or not measure.is_content):
            opening = self._learned_opening(data, named, value)
            if opening is not None:
                self._habits.learn(opening, data, value, shape)

    def _learn_bill(self, data: bytes, named: bytes, value: dict[str, Json]) -> None:
        opening = self._learned_opening(data, named, value)
        if self._habits is not None and opening is not None:
            self._habits.learn_bill(opening, data, value)

    def _learned_opening(self, data: bytes, named: bytes, value: dict[str, Json]) -> Opening | None:
        head, shown = self._names.heads
        unbroken = self._blank == _BLANK and b"\n" not in data and b"\r" not in data
        if self._habits is None or not unbroken or not head or data[len(head) :] != named[len(shown) :]:
            return None
        if self._opening is None:
            self._opening = self._habits.learn_opening(head, shown, value, self._naming)
        return self._opening if self._opening is not None and self._opening.begins == _DATA + head else None

    def _without_usage(self, named: bytes, value: dict[str, Json]) -> bytes:
        if self._plan.include_usage and value.get("usage") is None:
            return named
        draft = Draft(named)
        if self._plan.include_usage:
            # The one chunk that counts comes last: clients add up what several say.
            draft.put("usage", b"null")
        else:
            draft.drop("usage")
        return draft.written()

    def _show(self, shown: bytes, choices: list[Json], out: Outgoing) -> Measure | None:
        """Passes a chunk on; gives the measure of one that needed no repair, None for one that did."""
        size = 0
        is_content = False
        for position, choice in enumerate(choices):
            measure = self._stream_of(position, choice).sound(choice) if isinstance(choice, dict) else None
            if measure is None:
                self._shape = None
                self._show_repaired(Draft(shown), choices, out)
                return None
            size += measure.bytes
            is_content = is_content or measure.is_content
        for position, choice in enumerate(choices):
            assert isinstance(choice, dict)
            if choice.get("finish_reason") is not None:
                self._stream_of(position, choice).pass_as_it_is(choice)
                self._shape = None
        out.chunk(Chunk(frame(shown), size, is_content))
        return Measure(size, is_content)

    def _show_repaired(self, draft: Draft, choices: list[Json], out: Outgoing) -> None:
        texts = elements(draft.raw("choices") or b"[]")
        taken = [self._take_choice(*entry) for entry in enumerate(zip(texts, choices, strict=True))]
        for step in range(max(map(len, taken))):
            pieces = [pieces[step] for pieces in taken if step < len(pieces)]
            written = [piece.json for piece in pieces]
            if step or written != texts:
                draft.put("choices", listed(written))
            size = sum(piece.measure.bytes for piece in pieces)
            is_content = any(piece.measure.is_content for piece in pieces)
            out.chunk(Chunk(frame(draft.written()), size, is_content))

    def _take_choice(self, position: int, entry: tuple[bytes, Json]) -> list[Piece]:
        text, choice = entry
        if not isinstance(choice, dict):
            raise ValueError("a choice is not an object")
        return self._stream_of(position, choice).take(text, choice)

    def _stream_of(self, position: int, choice: dict[str, Json]) -> ChoiceStream:
        index = choice.get("index")
        return self._stream(index if isinstance(index, int) else position)

    def _stream(self, index: int) -> ChoiceStream:
        found = self._choices.get(index)
        if found is None:
            if len(self._choices) >= MOST_CHOICES:
                raise ValueError(f"it has more than {MOST_CHOICES} choices")
            found = self._choices[index] = ChoiceStream(index, self._plan.stop)
        return found

    def _report(self, named: bytes, value: dict[str, Json], usage: Usage, told: Json, out: Outgoing) -> None:
        stated = stated_cost(told, self._plan.counting.statement)
        shown = _usage_chunk(named, value, usage, told)
        out.event(Reported(usage, self._tier, shown, stated, self._all_ended()))

    def _finish(self, out: Outgoing) -> None:
        for choice in self._choices.values():
            for piece in choice.close():
                made = Draft(self._names.named(b"{}", {}))
                made.put("choices", listed([piece.json]))
                out.chunk(Chunk(frame(made.written()), piece.measure.bytes, piece.measure.is_content))
        self._over = True
        out.event(Finished())

    def _fail(self, problem: UpstreamProblem, out: Outgoing) -> None:
        self._over = True
        out.event(problem)


def _usage_chunk(named: bytes, value: dict[str, Json], usage: Usage, told: Json) -> bytes:
    """The chunk that tells the client what was used, made of the one that brought it."""
    if told is value.get("usage") and value.get("choices") == [] and has_total(told):
        return named
    draft = Draft(named)
    text = draft.raw("usage")
    if text is None or text == b"null":
        text = encode(told)
    draft.put("usage", completed_usage(text, told, usage))
    draft.put("choices", b"[]")
    return draft.written()


def _unreadable(trouble: ValueError) -> UpstreamProblem:
    return broken(f"The provider's stream cannot be read: {trouble}.")


def _told(value: dict[str, Json]) -> Json:
    """The report of what was used in a chunk; where OpenAI's place for it is empty, Groq's or Moonshot's."""
    if value.get("usage") is not None:
        return value["usage"]
    choices = value.get("choices")
    for holder in (value.get("x_groq"), *(choices if isinstance(choices, list) else ())):
        if isinstance(holder, dict) and holder.get("usage") is not None:
            return holder["usage"]
    return None


def _error_in(value: Json) -> Json:
    """The part of an event that tells an error: its own `error`, or one inside a choice (OpenRouter)."""
    if not isinstance(value, dict):
        return None
    if value.get("error"):
        return value
    choices = value.get("choices")
    for choice in choices if isinstance(choices, list) else []:
        if isinstance(choice, dict) and (choice.get("error") or choice.get("finish_reason") == "error"):
            return choice
    return None


_DATA = b"data: "
_BLANK = b"\n\n"
_BLANK_WITH_RETURNS = b"\r\n\r\n"
