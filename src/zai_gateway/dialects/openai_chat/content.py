"""How much of an answer stands in a message or in a delta."""

from msgspec import Struct

from zai_gateway.wire.values import Json


class Measure(Struct, frozen=True):
    """What a message or delta holds of the answer."""

    bytes: int
    """Of text, reasoning, tool names and arguments."""
    is_content: bool
    """Whether there is anything: not a role, a ping or an empty string."""


def measured(holder: dict[str, Json]) -> Measure:
    """The measure of a message or delta."""
    plain = reasoning = 0
    told = False
    for name, value in holder.items():
        if not value or name not in CONTENT:
            continue
        told = True
        if name in _REASONING:
            # The same reasoning stands twice where a server gives it in two forms: the longer counts.
            reasoning = max(reasoning, _text_bytes(value))
        elif name not in _MEDIA:
            plain += _text_bytes(value)
    return Measure(plain + reasoning, told)


def _text_bytes(value: Json) -> int:
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    if isinstance(value, list):
        return sum(_text_bytes(item) for item in value)
    if isinstance(value, dict):
        return sum(_text_bytes(item) for name, item in value.items() if name not in ("id", "type", "index"))
    return 0


_REASONING = frozenset(("reasoning_content", "reasoning", "reasoning_details"))
_MEDIA = frozenset(("audio", "images"))
CONTENT = _REASONING | _MEDIA | {"content", "refusal", "thinking", "tool_calls", "function_call"}
