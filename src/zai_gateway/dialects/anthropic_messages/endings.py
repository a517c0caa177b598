"""Why an answer ended: Anthropic's reason in OpenAI's word, and its own where that says more."""

import msgspec
from msgspec import Raw, Struct

from zai_gateway.dialects.anthropic_messages.reading import NULL, Written, is_given

_WORDS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    # The answer is not whole: Anthropic goes on with it where it is sent back.
    "pause_turn": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_SAID_IN_FULL = ("end_turn", "max_tokens", "tool_use")


class _Refusal(Struct, frozen=True):
    """`stop_details` of a refusal."""

    explanation: str | None = None


class Ending(Struct, frozen=True):
    """How an answer ended."""

    reason: str | None = None
    sequence: str | None = None
    details: Raw = NULL

    def finish_reason(self, *, called: bool) -> str:
        """OpenAI's word; `called`: whether the client is to answer a tool call."""
        said = _WORDS.get(self.reason or "", "stop")
        if said in ("stop", "tool_calls"):
            return "tool_calls" if called else "stop"
        return said

    def explanation(self) -> str | None:
        """What the provider says of a refusal, in words."""
        if self.reason != "refusal" or not is_given(self.details):
            return None
        try:
            return msgspec.json.decode(self.details, type=_Refusal).explanation
        except (msgspec.MsgspecError, RecursionError):
            return None

    def extras(self) -> dict[str, Written]:
        """What a choice says beside its `finish_reason`."""
        extras: dict[str, Written] = {}
        if self.reason is not None and self.reason not in _SAID_IN_FULL:
            extras["native_finish_reason"] = self.reason
        if self.sequence is not None:
            extras["stop_sequence"] = self.sequence
        if is_given(self.details):
            extras["stop_details"] = self.details
        return extras
