"""A stream of Gemini's in OpenAI's chunks: bytes in at any cut, events out."""

from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.gemini.answer import billed_searches, blocked_ending, blocked_reason
from zai_gateway.dialects.gemini.candidate import CandidateState
from zai_gateway.dialects.gemini.chunks import ChoiceChunks, ChunkHead
from zai_gateway.dialects.gemini.framing import Framing, TooLarge
from zai_gateway.dialects.gemini.logprobs import logprobs_of
from zai_gateway.dialects.gemini.plain import PlainShape, learned
from zai_gateway.dialects.gemini.problem import problem_told
from zai_gateway.dialects.gemini.shape import NOTHING, Candidate, Event, is_told
from zai_gateway.dialects.gemini.usage import read_usage, shown_tier
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.outgoing import Outgoing
from zai_gateway.dialects.problem import broken, truncated
from zai_gateway.wire import events as wire
from zai_gateway.wire.values import Json, encode

MOST_CHOICES = 128


class StreamDecoder:
    """Reads one upstream's stream. What it says does not depend on how its bytes were cut.

    Nothing of Gemini's ends a stream but the end of the body: it is whole where every candidate has told why
    it ended, and said nothing after that. So the last chunks come with the end.
    """

    def __init__(self, naming: Naming, plan: StreamPlan) -> None:
        self._naming = naming
        self._plan = plan
        self._head = ChunkHead.of(naming)
        self._source = Framing()
        self._candidates: dict[int, CandidateState] = {}
        self._chunks: dict[int, ChoiceChunks] = {}
        self._blocked: dict[str, Json] | None = None
        self._usage = NOTHING
        self._unread = b""
        """The last plain event: nobody needs to know what it says was used until the stream ends."""
        self._shape: PlainShape | None = None
        self._model: str | None = None
        self._reported: wire.Reported | None = None
        self._over = False

    def feed(self, received: bytes) -> list[wire.Event]:
        """The events that `received` completes."""
        out = Outgoing()
        if self._over:
            return []
        try:
            self._take_all(self._source.feed(received), out)
        except TooLarge as trouble:
            self._take_all(trouble.before, out)
            if not self._over:
                self._fail(_unreadable(trouble), out)
        return out.events()

    def end(self) -> list[wire.Event]:
        """What the end of the upstream's body means: completeness, or a cut."""
        out = Outgoing()
        if self._over:
            return []
        try:
            if self._unread:
                self._usage = Event(self._unread).body.usage_metadata
                self._report(out)
            if self._is_whole():
                self._finish(out)
            else:
                self._fail(truncated(), out)
        except ValueError as trouble:
            self._fail(_unreadable(trouble), out)
        return out.events()

    def _is_whole(self) -> bool:
        if self._blocked is not None and not self._candidates:
            return True
        ended = [candidate.ended for candidate in self._candidates.values()]
        return all(ended) and len(ended) >= self._plan.choices

    def _take_all(self, received: list[bytes], out: Outgoing) -> None:
        at = 0
        while at < len(received) and not self._over:
            taken = 0 if self._shape is None else self._take_plain(self._shape, received, at, out)
            if not taken:
                taken = 1
                try:
                    self._take(received[at], out)
                except ValueError as trouble:
                    self._fail(_unreadable(trouble), out)
            at += taken

    def _take_plain(self, shape: PlainShape, received: list[bytes], at: int, out: Outgoing) -> int:
        """Passes on the texts of events that say nothing else but what was used so far, which can wait.

        Gives how many they are.
        """
        run = shape.run(received, at)
        if run is None:
            return 0
        insides, text = run
        self._candidates[shape.candidate].go_on(len(text))
        chunks = self._chunks[shape.candidate]
        chunks.out = out
        chunks.plain_texts(insides, text)
        self._unread = received[at + len(insides) - 1]
        return len(insides)

    def _take(self, data: bytes, out: Outgoing) -> None:
        if not data or data.isspace():
            return
        self._shape = None
        event = Event(data)
        told = event.body
        if is_told(told.error):
            self._fail(problem_told(event.value), out)
            return
        self._model = told.model_version or self._model
        for place, candidate in enumerate(told.candidates or ()):
            self._take_candidate(candidate, event, place, out)
        blocked = blocked_reason(told)
        if blocked is not None:
            self._blocked = blocked_ending(event, blocked)
        if is_told(told.usage_metadata):
            self._usage, self._unread = told.usage_metadata, b""
            self._report(out)
        shape = learned(data, event)
        if shape is not None and self._candidates[shape.candidate].goes_on_plainly:
            self._shape = shape

    def _take_candidate(self, candidate: Candidate, event: Event, place: int, out: Outgoing) -> None:
        index = place if candidate.index is None else candidate.index
        state = self._candidates.get(index)
        if state is None:
            if not 0 <= index < MOST_CHOICES:
                raise ValueError(f"it has more than {MOST_CHOICES} choices")
            chunks = self._chunks[index] = ChoiceChunks(self._head, index, out)
            state = self._candidates[index] = CandidateState(chunks, self._naming.id, index, self._plan)
        chunks = self._chunks[index]
        chunks.out = out
        likely = logprobs_of(candidate.logprobs_result)
        if likely is not None:
            chunks.logprobs = encode(likely)
        state.take(candidate, event, place)

    def _report(self, out: Outgoing) -> None:
        """What was used so far, where it is news: the last report counts."""
        searches = sum(candidate.searches for candidate in self._candidates.values())
        count = read_usage(self._usage, billed_searches(searches, self._model))
        if count is None:
            return
        shown = self._head.closing(count.json, shown_tier(count.service_tier))
        final = self._is_whole()
        reported = wire.Reported(count.usage, count.service_tier, shown, final=final)
        if reported != self._reported:
            self._reported = reported
            out.event(reported)

    def _finish(self, out: Outgoing) -> None:
        self._over = True
        for index, candidate in self._candidates.items():
            chunks = self._chunks[index]
            chunks.out = out
            candidate.turn.close()
            if candidate.problem is not None:
                self._fail(candidate.problem, out)
                return
            beside: dict[str, Json] = {}
            cited = candidate.annotations(chunks.whole_text)
            if cited:
                beside["annotations"] = cited
            extra = candidate.message_extra()
            if extra:
                beside["extra_content"] = {"google": extra}
            chunks.close(beside, candidate.ending())
        if not self._candidates and self._blocked is not None:
            for index in range(self._plan.choices):
                ChoiceChunks(self._head, index, out).close({}, self._blocked)
        out.event(wire.Finished())

    def _fail(self, problem: wire.UpstreamProblem, out: Outgoing) -> None:
        self._over = True
        out.event(problem)


def _unreadable(trouble: ValueError) -> wire.UpstreamProblem:
    return broken(f"The provider's stream cannot be read: {trouble}.")
