"""The blocks of an answer that the hub has a form for."""

import msgspec
from msgspec import Raw, Struct

from zai_gateway.dialects.anthropic_messages.reading import NULL, Written, is_given


class Block(Struct, frozen=True):
    """Such a block: those members that are read of any of them."""

    type: str
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = NULL
    citations: list[Raw] | None = None
    caller: Raw = NULL
    toolset_name: Raw = NULL


def read_block(text: Raw) -> Block | None:
    """The block that `text` is; None for one that the hub has no form for.

    Raises msgspec.ValidationError where it is no block.
    """
    if msgspec.json.decode(text, type=_Kind).type not in _KNOWN:
        return None
    return msgspec.json.decode(text, type=Block)


def call_extras(block: Block) -> dict[str, Written]:
    """What a call says beside its function, for it to come back: who called, if not the model itself."""
    extras: dict[str, Written] = {}
    if is_given(block.caller) and msgspec.json.decode(block.caller) != {"type": "direct"}:
        extras["caller"] = block.caller
    if is_given(block.toolset_name):
        extras["toolset_name"] = block.toolset_name
    return {"extra_content": {"anthropic": extras}} if extras else {}


class _Kind(Struct, frozen=True):
    type: str


_KNOWN = ("text", "tool_use", "thinking", "redacted_thinking")
