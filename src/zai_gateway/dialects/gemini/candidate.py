"""One candidate between its pieces: its turn, why it ended, and what was told beside the text."""

from msgspec import Raw

from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.gemini.finish import finish_reason, is_malformed, malformed, named, native_reason
from zai_gateway.dialects.gemini.grounding import annotations, searches
from zai_gateway.dialects.gemini.shape import NOTHING, Candidate, Event, is_told
from zai_gateway.dialects.gemini.turn import Listener, Turn
from zai_gateway.wire.events import UpstreamProblem
from zai_gateway.wire.values import Json, decode


class CandidateState:
    """What is known of one candidate so far."""

    def __init__(self, listener: Listener, answer: str, index: int, plan: StreamPlan) -> None:
        self.turn = Turn(listener, answer, index, plan)
        self.ended = False
        """Whether it was told to have ended, and nothing came after that: Google's own calls go on."""
        self._reason: str | None = None
        self._finish_message: str | None = None
        self._grounding: Raw = NOTHING
        self._citations: Raw = NOTHING
        self._url_context: Raw = NOTHING
        self._safety: Raw = NOTHING

    def take(self, piece: Candidate, event: Event, place: int) -> None:
        """A piece, which stands in `event` at this place. Raises ValueError for what cannot be read."""
        parts = piece.content.parts if piece.content is not None else None
        for at, part in enumerate(parts or ()):
            if not self.turn.stopped and self.turn.take(part, event, (place, at)):
                self.ended = False
        if piece.finish_reason is not None:
            self._reason = named(piece.finish_reason)
            self.ended = True
        self._finish_message = piece.finish_message or self._finish_message
        self._grounding = _later(piece.grounding_metadata, self._grounding)
        self._citations = _later(piece.citation_metadata, self._citations)
        self._url_context = _later(piece.url_context_metadata, self._url_context)
        self._safety = _later(piece.safety_ratings, self._safety)

    @property
    def goes_on_plainly(self) -> bool:
        """Whether more text is nothing but more of the same text."""
        return self.turn.goes_on_plainly

    def go_on(self, characters: int) -> None:
        """More of the same text was passed on."""
        self.ended = False
        self.turn.layout.add_text(characters)

    @property
    def searches(self) -> int:
        """Searches of the web that it rests on."""
        return searches(self._grounding)

    def annotations(self, text: str) -> list[Json]:
        """Its citations, into its whole text."""
        if not is_told(self._grounding) and not is_told(self._citations):
            return []
        return annotations(self._grounding, self._citations, text)

    def message_extra(self) -> dict[str, Json]:
        """`extra_content.google` of its message: what has to come back with it."""
        extra: dict[str, Json] = {}
        signature, parts = self.turn.layout.text_signature, self.turn.layout.told()
        if signature is not None:
            extra["thought_signature"] = signature
        if parts is not None:
            extra["parts"] = list(parts)
        return extra

    @property
    def problem(self) -> UpstreamProblem | None:
        """What makes it no answer although it ended."""
        if self.turn.stopped or not is_malformed(self._reason):
            return None
        return malformed(self._finish_message)

    def ending(self) -> dict[str, Json]:
        """`finish_reason` and what stands beside it in the choice."""
        reason = "STOP" if self.turn.stopped else self._reason
        ending: dict[str, Json] = {"finish_reason": finish_reason(reason, has_calls=self.turn.calls > 0)}
        native = native_reason(reason)
        if native is not None:
            ending["native_finish_reason"] = native
        extra = self._told_beside()
        if extra:
            ending["extra_content"] = {"google": extra}
        return ending

    def _told_beside(self) -> dict[str, Json]:
        """What Gemini says beside the answer and OpenAI has no place for, as it came."""
        told = {
            "grounding_metadata": self._grounding,
            "citation_metadata": self._citations,
            "url_context_metadata": self._url_context,
            "safety_ratings": self._safety,
        }
        beside = {name: decode(bytes(text)) for name, text in told.items() if is_told(text)}
        if self._finish_message:
            beside["finish_message"] = self._finish_message
        return beside


def _later(new: Raw, old: Raw) -> Raw:
    return new if is_told(new) else old
