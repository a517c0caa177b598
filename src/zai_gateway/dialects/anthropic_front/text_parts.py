"""The texts that Anthropic's dialect joined to an answer's content, told apart by the markers beside it."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from zai_gateway.dialects.anthropic_front.blocks import Block
from zai_gateway.wire.values import Json


class TextPart(Struct, frozen=True):
    """One text, and the place of its block."""

    index: int
    block: Block


def text_parts(message: Mapping[str, Json]) -> list[TextPart] | None:
    """The texts of a message that has such markers, which say all of its content; else None."""
    content = message.get("content")
    blocks = message.get("provider_blocks")
    if not isinstance(content, str) or not isinstance(blocks, list):
        return None
    found = [_marker(block) for block in blocks]
    parts: list[TextPart] = []
    at = 0
    for marker in [marker for marker in found if marker is not None]:
        if marker.start_index != at or not at < marker.end_index <= len(content):
            return None
        block: Block = {"type": "text", "text": content[at : marker.end_index]}
        if marker.citations:
            block["citations"] = marker.citations
        parts.append(TextPart(marker.index, block))
        at = marker.end_index
    return parts if parts and at == len(content) else None


class _Marker(Struct, frozen=True):
    index: int
    start_index: int
    end_index: int
    citations: list[Any] = []


def _marker(block: Json) -> _Marker | None:
    if not isinstance(block, dict) or block.get("type") != "text" or "text" in block:
        return None
    try:
        return msgspec.convert(block, _Marker)
    except msgspec.ValidationError:
        return None
