"""Why an answer ended, in Anthropic's words."""

from collections.abc import Mapping

from zai_gateway.wire.values import Json


def stop_reason(choice: Mapping[str, Json], *, calls: bool, refused: bool) -> str:
    """`stop_reason` of a choice that ended; `calls`: whether it calls a tool; `refused`: to answer at all.

    The provider's own word stands where it is one of Anthropic's.
    """
    own, told = choice.get("native_finish_reason"), choice.get("finish_reason")
    if isinstance(own, str) and own in _OWN and not (calls and own == "end_turn"):
        return own
    if refused:
        return "refusal"
    known = _REASONS.get(told) if isinstance(told, str) else None
    if known is not None:
        return known
    if calls:
        return "tool_use"
    return "end_turn" if stop_sequence(choice) is None else "stop_sequence"


def stop_sequence(choice: Mapping[str, Json]) -> str | None:
    """The stop sequence that ended the choice, where the provider says which."""
    told = choice.get("stop_sequence")
    return told if isinstance(told, str) else None


_OWN = frozenset(
    (
        *("end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal"),
        "model_context_window_exceeded",
    )
)
_REASONS = {"length": "max_tokens", "content_filter": "refusal"}
