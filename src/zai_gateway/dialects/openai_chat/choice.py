"""One choice of a stream: its deltas repaired where wire.md 9 to 11 ask for it, and its one end."""

from msgspec import Struct

from zai_gateway.dialects.openai_chat.content import Measure, measured
from zai_gateway.dialects.openai_chat.tools import ToolCalls
from zai_gateway.dialects.stops import StopWatch
from zai_gateway.wire.draft import Draft
from zai_gateway.wire.values import Json, encode

_NEVER_NULL = ("role", "tool_calls", "function_call")
_NOTHING = Measure(0, False)
_SAYS_NOTHING = ("index", "delta", "finish_reason", "native_finish_reason", "stop_reason", "logprobs")


class Piece(Struct, frozen=True):
    """What one chunk says of one choice."""

    json: bytes
    measure: Measure


class ChoiceStream:
    """The state of one choice between its chunks."""

    def __init__(self, index: int, stop: tuple[str, ...]) -> None:
        self.index = index
        self.ended = False
        """Whether the provider said why this choice ended."""
        self._closed = False
        """Whether the client was told."""
        self._calls = ToolCalls()
        self._watch = StopWatch(stop) if stop else None
        self._stopped = False

    def sound(self, choice: dict[str, Json]) -> Measure | None:
        """The measure of an entry that can pass as it is: most are, and need no closer look."""
        delta = choice.get("delta")
        if self._closed or self._watch is not None:
            return None
        if not isinstance(delta, dict) or choice.get("index") != self.index or "function_call" in delta:
            return None
        if "tool_calls" in delta and not self._calls.sound(delta["tool_calls"]):
            return None
        if delta.get("role", "") is None:
            return None
        measure = measured(delta)
        reason = choice.get("finish_reason")
        return measure if reason is None or self._ends_soundly(reason, measure) else None

    def pass_as_it_is(self, choice: dict[str, Json]) -> None:
        """Takes note of an entry that was found sound and goes on to the client unchanged."""
        if choice.get("finish_reason") is not None:
            self.end()

    @property
    def goes_on(self) -> bool:
        """Whether anything sound can pass as it is, its end too."""
        return not (self._closed or self._watch is not None or self._calls.any)

    def end(self) -> None:
        """Its provider ended it soundly, and the client was told."""
        self.ended = self._closed = True

    def take(self, text: bytes, choice: dict[str, Json]) -> list[Piece]:
        """What the client gets of this entry: nothing, one piece, or a second one that ends the choice.

        `choice` is what `text` says. Raises ValueError where its parts are not what they must be.
        """
        reason = _reason(choice.get("finish_reason"))
        self.ended = self.ended or reason is not None
        if self._stopped:
            return []
        given = choice.get("delta")
        delta: dict[str, Json] = dict(given) if isinstance(given, dict) else {}
        if self._closed:
            reason = None
            if not measured(delta).is_content and not _says_more(choice):
                return []
        draft = Draft(text)
        if not isinstance(choice.get("index"), int):
            draft.say("index", self.index)
        delta_draft = self._repaired_delta(draft.raw("delta") if isinstance(given, dict) else None, delta)
        if self._watch is not None:
            reason = self._watched(delta_draft, delta, reason)
        if reason == "stop" and self._calls.any:
            reason = "tool_calls"
        repaired = delta_draft.written()
        if repaired != draft.raw("delta"):
            draft.put("delta", repaired)
        pieces = self._split(draft, delta, choice, reason)
        self._closed = self._closed or reason is not None
        return pieces

    def close(self) -> list[Piece]:
        """What is left to say when the whole stream ended well and this choice was never told to."""
        if self._closed:
            return []
        self._closed = True
        pieces: list[Piece] = []
        held = self._watch.rest() if self._watch is not None else ""
        if held:
            delta: Json = {"content": held}
            text = encode({"index": self.index, "delta": delta, "finish_reason": None})
            pieces.append(Piece(text, measured({"content": held})))
        reason = "tool_calls" if self._calls.any else "stop"
        text = encode({"index": self.index, "delta": {}, "finish_reason": reason})
        return [*pieces, Piece(text, _NOTHING)]

    def _ends_soundly(self, reason: Json, measure: Measure) -> bool:
        if measure.is_content or _reason(reason) is None:
            return False
        return reason != "stop" or not self._calls.any

    def _repaired_delta(self, text: bytes | None, delta: dict[str, Json]) -> Draft:
        draft = Draft(b"{}" if text is None else text)
        for name in _NEVER_NULL:
            if name in delta and delta[name] is None:
                draft.drop(name)
        calls, calls_text = delta.get("tool_calls"), draft.raw("tool_calls")
        if isinstance(calls, list) and calls_text is not None:
            repaired = self._calls.repaired(calls_text, calls)
            if repaired != calls_text:
                draft.put("tool_calls", repaired)
        return draft

    def _watched(self, draft: Draft, delta: dict[str, Json], reason: str | None) -> str | None:
        """Cuts the delta's text at a stop sequence, and says why the choice ends now, if it does."""
        assert self._watch is not None
        content = delta.get("content")
        if content is not None and not isinstance(content, str):
            return reason
        shown = content or ""
        if shown:
            shown, self._stopped = self._watch.feed(shown)
        if reason is not None and not self._stopped:
            shown += self._watch.rest()
        if shown != (content or ""):
            delta["content"] = shown
            draft.say("content", shown)
        return "stop" if self._stopped else reason

    def _split(
        self, draft: Draft, delta: dict[str, Json], choice: dict[str, Json], reason: str | None
    ) -> list[Piece]:
        if choice.get("finish_reason") != reason:
            draft.say("finish_reason", reason)
        measure = measured(delta)
        if reason is None or not measure.is_content:
            return [Piece(draft.written(), measure)]
        draft.put("finish_reason", b"null")
        first = Piece(draft.written(), measure)
        draft.say("finish_reason", reason)
        draft.put("delta", b"{}")
        if choice.get("logprobs") is not None:
            draft.put("logprobs", b"null")
        return [first, Piece(draft.written(), _NOTHING)]


def _reason(value: Json) -> str | None:
    return value if isinstance(value, str) and value not in ("", "None", "null") else None


def _says_more(choice: dict[str, Json]) -> bool:
    if choice.get("logprobs") is not None:
        return True
    return any(name not in _SAYS_NOTHING and value is not None for name, value in choice.items())
