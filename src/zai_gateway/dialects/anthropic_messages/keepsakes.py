"""What only Anthropic can take back, marked as its own: reasoning in OpenRouter's form, other blocks."""

from collections.abc import Mapping

from zai_gateway.dialects.anthropic_messages.reading import Written
from zai_gateway.dialects.anthropic_messages.replay import FORMAT


def thought(text: str, signature: str | None, index: int) -> dict[str, Written]:
    """Reasoning that can be read, whole or a piece of it; the signature comes with the last piece."""
    detail: dict[str, Written] = {"type": "reasoning.text", "text": text}
    if signature:
        detail["signature"] = signature
    return {**detail, "format": FORMAT, "index": index}


def own_block(block: Mapping[str, Written], index: int) -> dict[str, Written]:
    """A block that the hub has no form for, as it is, under its maker's name."""
    return {"format": FORMAT, "index": index, **block}


def redacted(data: str, index: int) -> dict[str, Written]:
    """Reasoning that only Anthropic can read."""
    return {"type": "reasoning.encrypted", "data": data, "format": FORMAT, "index": index}
