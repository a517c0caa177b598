"""How much of an answer stands in a message or in a delta."""

from zai_gateway.wire.values import Json

_CONTENT = (
    *("content", "refusal", "reasoning_content", "reasoning", "reasoning_details", "thinking"),
    *("tool_calls", "function_call", "audio", "images"),
)


def content_bytes(holder: dict[str, Json]) -> int:
    """Bytes of text, reasoning, tool names and arguments in a message or delta."""
    # The same reasoning stands twice where a server gives it in two forms: only the longer is counted.
    reasoning = max(
        (_text_bytes(holder.get(name)) for name in ("reasoning_content", "reasoning", "reasoning_details")),
        default=0,
    )
    plain = sum(_text_bytes(holder.get(name)) for name in ("content", "refusal", "thinking", "function_call"))
    return reasoning + plain + _text_bytes(holder.get("tool_calls"))


def has_content(holder: dict[str, Json]) -> bool:
    """Whether anything of the answer is in a delta: not a role, a ping or an empty string."""
    return any(holder.get(name) for name in _CONTENT)


def _text_bytes(value: Json) -> int:
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    if isinstance(value, list):
        return sum(_text_bytes(item) for item in value)
    if isinstance(value, dict):
        return sum(_text_bytes(item) for name, item in value.items() if name not in ("id", "type", "index"))
    return 0
