"""A stream of OpenAI's chat chunks: bytes in at any cut, events out."""

from msgspec import Struct

from zai_gateway.dialects.openai_chat.choice import ChoiceStream, Piece
from zai_gateway.dialects.openai_chat.content import Measure
from zai_gateway.dialects.openai_chat.naming import ChunkNames, Naming
from zai_gateway.dialects.openai_chat.problem import broken, problem_inside, truncated
from zai_gateway.dialects.openai_chat.usage import completed_usage, read_usage, stated_cost, tier_of
from zai_gateway.wire.draft import Draft, listed
from zai_gateway.wire.events import Chunk, Event, Finished, Reported, UpstreamProblem
from zai_gateway.wire.splice import elements
from zai_gateway.wire.sse import EventTooLarge, ServerEvent, ServerEventDecoder
from zai_gateway.wire.usage import USUAL_COUNTING, Counting, Usage
from zai_gateway.wire.values import Json, decode, encode


class StreamPlan(Struct, frozen=True, kw_only=True):
    """What the request asked of its stream."""

    include_usage: bool = True
    """Whether the client gets to see usage."""
    choices: int = 1
    """`n`: how many must have ended for a stream without `[DONE]` to be complete."""
    stop: tuple[str, ...] = ()
    """Stop sequences to look for here, since the model refuses them."""
    counting: Counting = USUAL_COUNTING
    """How the provider counts."""


class StreamDecoder:
    """Reads one upstream's stream. The events do not depend on how its bytes were cut.

    Every chunk gets the same `id`, `created` and `model`, and the repairs of wire.md 7 to 13 where it needs
    them; everything else in it is the provider's bytes. After Finished or UpstreamProblem nothing comes.
    """

    def __init__(self, naming: Naming, plan: StreamPlan) -> None:
        self._names = ChunkNames(naming)
        self._plan = plan
        self._tier: str | None = None
        self._choices: dict[int, ChoiceStream] = {}
        self._source = ServerEventDecoder()
        self._over = False

    def feed(self, received: bytes) -> list[Event]:
        """The events that `received` completes."""
        events: list[Event] = []
        if self._over:
            return events
        try:
            self._take_all(self._source.feed(received), events)
        except EventTooLarge as trouble:
            self._take_all(trouble.before, events)
            if not self._over:
                self._fail(_unreadable(trouble), events)
        return events

    def end(self) -> list[Event]:
        """What the end of the upstream's body means: nothing after `[DONE]`, else completeness or a cut."""
        events: list[Event] = []
        if self._over:
            return events
        ended = [choice.ended for choice in self._choices.values()]
        if all(ended) and len(ended) >= self._plan.choices:
            self._finish(events)
        else:
            self._fail(truncated(), events)
        return events

    def _take_all(self, received: list[ServerEvent], events: list[Event]) -> None:
        for event in received:
            if not self._over:
                self._take(event, events)

    def _take(self, event: ServerEvent, events: list[Event]) -> None:
        data = event.data.strip()
        if not data:
            return
        if data == b"[DONE]":
            self._finish(events)
            return
        try:
            value = decode(data)
            error = value if event.name == "error" else _error_in(value)
            if error is not None:
                self._fail(problem_inside(error), events)
            elif isinstance(value, dict):
                self._take_chunk(data, value, events)
            else:
                raise ValueError("an event is not a JSON object")
        except ValueError as trouble:
            self._fail(_unreadable(trouble), events)

    def _take_chunk(self, data: bytes, value: dict[str, Json], events: list[Event]) -> None:
        choices = value.get("choices")
        usage = read_usage(_told(value), self._plan.counting)
        if not isinstance(choices, list):
            # Every event of OpenAI's has `choices`; what has none is a ping, unless it brings the usage.
            if usage is None:
                return
            choices = []
        self._tier = tier_of(value) or self._tier
        named = self._names.named(data, value)
        if choices or usage is None:
            self._show(named, value, choices, events)
        if usage is not None:
            self._report(Draft(named), usage, _told(value), events)

    def _show(self, named: bytes, value: dict[str, Json], choices: list[Json], events: list[Event]) -> None:
        measures = [self._sound(position, choice) for position, choice in enumerate(choices)]
        sound = [measure for measure in measures if measure is not None]
        if not self._plan.include_usage or value.get("usage") is not None:
            draft = Draft(named)
            if self._plan.include_usage:
                # The one chunk that counts comes last: clients add up what several say.
                draft.put("usage", b"null")
            else:
                draft.drop("usage")
            named = draft.written()
        if len(sound) == len(choices):
            events.append(_chunk(named, sound))
        else:
            self._show_repaired(Draft(named), choices, events)

    def _sound(self, position: int, choice: Json) -> Measure | None:
        return self._stream_of(position, choice).sound(choice) if isinstance(choice, dict) else None

    def _show_repaired(self, draft: Draft, choices: list[Json], events: list[Event]) -> None:
        texts = elements(draft.raw("choices") or b"[]")
        taken = [self._take_choice(*entry) for entry in enumerate(zip(texts, choices, strict=True))]
        for step in range(max(map(len, taken))):
            pieces = [pieces[step] for pieces in taken if step < len(pieces)]
            written = [piece.json for piece in pieces]
            if step or written != texts:
                draft.put("choices", listed(written))
            events.append(_chunk(draft.written(), [piece.measure for piece in pieces]))

    def _take_choice(self, position: int, entry: tuple[bytes, Json]) -> list[Piece]:
        text, choice = entry
        if not isinstance(choice, dict):
            raise ValueError("a choice is not an object")
        return self._stream_of(position, choice).take(text, choice)

    def _stream_of(self, position: int, choice: dict[str, Json]) -> ChoiceStream:
        index = choice.get("index")
        index = index if isinstance(index, int) else position
        if index not in self._choices:
            self._choices[index] = ChoiceStream(index, self._plan.stop)
        return self._choices[index]

    def _report(self, draft: Draft, usage: Usage, told: Json, events: list[Event]) -> None:
        text = draft.raw("usage")
        text = encode(told) if text in (None, b"null") else text
        draft.put("usage", completed_usage(text or b"{}", usage))
        draft.put("choices", b"[]")
        stated = stated_cost(told, self._plan.counting.statement)
        ended = [choice.ended for choice in self._choices.values()]
        final = all(ended) and len(ended) >= self._plan.choices
        events.append(Reported(usage, self._tier, draft.written(), stated, final))

    def _finish(self, events: list[Event]) -> None:
        for choice in self._choices.values():
            for piece in choice.close():
                made = Draft(self._names.named(b"{}", {}))
                made.put("choices", listed([piece.json]))
                events.append(_chunk(made.written(), [piece.measure]))
        self._over = True
        events.append(Finished())

    def _fail(self, problem: UpstreamProblem, events: list[Event]) -> None:
        self._over = True
        events.append(problem)


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


def _chunk(text: bytes, measures: list[Measure]) -> Chunk:
    return Chunk(
        text, sum(measure.bytes for measure in measures), any(measure.is_content for measure in measures)
    )
