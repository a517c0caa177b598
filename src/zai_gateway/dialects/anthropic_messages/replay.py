"""An earlier answer on its way back: reasoning, text, calls and provider blocks, each in its place again.

The `index` of reasoning and of a provider's block is the place that it had in Anthropic's list of blocks,
empty texts not counted. What has none, texts and then calls unless `block_order` says otherwise, fills the
places that are left.
"""

from hashlib import sha256
from typing import TypeAlias

import msgspec
from msgspec import Raw, Struct

from zai_gateway.dialects.anthropic_messages.notes import Notes
from zai_gateway.dialects.anthropic_messages.parts import blocks, mark
from zai_gateway.dialects.anthropic_messages.reading import (
    NULL,
    Block,
    Written,
    read,
    read_given,
    read_object,
)
from zai_gateway.dialects.anthropic_messages.shapes import Call, Message, ReasoningDetail
from zai_gateway.wire.fields import invalid, missing
from zai_gateway.wire.surrogates import legible

FORMAT = "anthropic-claude-v1"
"""What reasoning of Anthropic's is called (OpenRouter's word): only its maker can read its signature."""

_Placed: TypeAlias = tuple[int | None, Block | None]
"""A block and its place; None stands for one that keeps its place and is not sent."""


def assistant_blocks(message: Message, path: str, notes: Notes) -> list[Block]:
    """The blocks of an assistant's message. Raises Failure for a part of it that cannot be said."""
    placed = _reasoning(message.reasoning_details or [])
    markers: list[TextMarker] = []
    for index, value in enumerate(message.provider_blocks or []):
        if not _take_provider_block(value, f"{path}.provider_blocks[{index}]", placed, markers):
            notes.drop("messages", "provider_blocks")
    texts = _texts(message, markers, path, notes)
    calls = [
        _tool_use(call, f"{path}.tool_calls[{index}]") for index, call in enumerate(message.tool_calls or [])
    ]
    known = [(index, block) for index, block in placed + texts if index is not None]
    loose = [block for index, block in placed if index is None and block is not None]
    first = [block for block in loose if block["type"] in _FIRST]
    rest: list[Block | None] = [block for block in loose if block["type"] not in _FIRST]
    rest += _ordered([block for index, block in texts if index is None], calls, message.block_order or [])
    return first + _in_place(known, rest)


def tool_id(id: str) -> str:
    """The id of a call as Anthropic takes it: other vendors use characters that it refuses."""
    if id and all(character.isascii() and (character.isalnum() or character in "_-") for character in id):
        return id
    kept = "".join(character if character.isascii() and character.isalnum() else "_" for character in id[:40])
    return f"{kept}_{sha256(id.encode(errors='replace')).hexdigest()[:8]}"


class TextMarker(Struct, frozen=True):
    """Where one block of text stands in the content of an answer that has several (see `places`)."""

    index: int
    start_index: int
    end_index: int
    citations: list[Raw] | None = None


def _reasoning(details: list[ReasoningDetail]) -> list[_Placed]:
    """Thinking whose signature came back with it, and redacted thinking: without one, it is refused."""
    found: list[tuple[int | None, Block]] = []
    block: Block = {}
    for detail in details:
        if detail.format not in (None, FORMAT):
            continue
        if detail.type == "reasoning.encrypted" and detail.data:
            found.append((detail.index, {"type": "redacted_thinking", "data": detail.data}))
        elif detail.type == "reasoning.text":
            goes_on = (
                found and found[-1] == (detail.index, block) and not (block["signature"] and detail.text)
            )
            if not goes_on:
                block = {"type": "thinking", "thinking": "", "signature": ""}
                found.append((detail.index, block))
            block["thinking"] = f"{block['thinking']}{detail.text or ''}"
            block["signature"] = detail.signature or block["signature"]
    return [(index, block if block.get("signature", True) else None) for index, block in found]


def _take_provider_block(value: Raw, path: str, placed: list[_Placed], markers: list[TextMarker]) -> bool:
    """Whether the block is Anthropic's own, and so taken."""
    members = dict(read_object(value, path))
    form = read_given(members.pop("format", NULL), str, f"{path}.format")
    if form not in (None, FORMAT):
        return False
    sort = read_given(members.get("type", NULL), str, f"{path}.type")
    if sort is None:
        raise missing(f"{path}.type", "a string")
    if sort == "text" and "text" not in members:
        markers.append(read(value, TextMarker, path))
        return True
    index = read_given(members.pop("index", NULL), int, f"{path}.index")
    block: Block = {**members}
    placed.append((index, block))
    return True


def _texts(message: Message, markers: list[TextMarker], path: str, notes: Notes) -> list[_Placed]:
    content = message.content
    split = _split(content, markers) if isinstance(content, str) and markers else None
    if split is not None:
        return split
    found = blocks(content, path, notes) or blocks(message.refusal, path, notes)
    # Anthropic refuses blank texts, which its models do write between other blocks.
    return [(None, None if _is_blank(block) else block) for block in found]


def _is_blank(block: Block) -> bool:
    text = block.get("text")
    return block["type"] == "text" and isinstance(text, str) and not text.strip()


def _split(content: str, markers: list[TextMarker]) -> list[_Placed] | None:
    """The content as the blocks that it was joined of; None where it is not that content any more."""
    placed: list[_Placed] = []
    at = 0
    for marker in sorted(markers, key=lambda marker: marker.start_index):
        if marker.start_index != at or marker.end_index < at:
            return None
        at = marker.end_index
        block: Block = {"type": "text", "text": content[marker.start_index : at]}
        if marker.citations:
            citations: list[Written] = [*marker.citations]
            block["citations"] = citations
        placed.append((marker.index, None if _is_blank(block) else block))
    return placed if at == len(content) else None


def _tool_use(call: Call, path: str) -> Block:
    function = call.function
    if function is None or not function.name:
        raise missing(f"{path}.function.name", "the name of a function")
    if call.id is None:
        raise missing(f"{path}.id", "a string")
    block: Block = {
        "type": "tool_use",
        "id": tool_id(call.id),
        "name": function.name,
        "input": _input(function.arguments or "", f"{path}.function.arguments"),
    }
    mark(block, call.cache_control, path)
    if call.extra_content is not None and call.extra_content.anthropic is not None:
        block = {**call.extra_content.anthropic, **block}
    return block


def _input(arguments: str, path: str) -> Raw:
    text = arguments.strip().encode(errors="replace") or b"{}"
    try:
        text = legible(text)
        msgspec.json.decode(text, type=dict[str, Raw])
    except (ValueError, RecursionError):
        raise invalid(path, "a JSON object in a string", "something else") from None
    return Raw(text)


def _ordered(texts: list[Block | None], calls: list[Block], order: list[str]) -> list[Block | None]:
    """Texts and calls as they followed each other; `order` names for each where it stood in the hub."""
    sources: dict[str, list[Block | None]] = {"content": texts, "tool_calls": [*calls]}
    ordered = [sources[name].pop(0) for name in order if sources.get(name)]
    return ordered + sources["content"] + sources["tool_calls"]


def _in_place(placed: list[tuple[int, Block | None]], rest: list[Block | None]) -> list[Block]:
    ordered: list[Block | None] = []
    for index, block in sorted(placed, key=_index_of):
        left_open = max(0, min(index - len(ordered), len(rest)))
        ordered += rest[:left_open]
        del rest[:left_open]
        ordered.append(block)
    return [block for block in ordered + rest if block is not None]


def _index_of(placed: tuple[int, Block | None]) -> int:
    return placed[0]


_FIRST = ("thinking", "redacted_thinking")
"""What an answer begins with, where nothing says its place."""
