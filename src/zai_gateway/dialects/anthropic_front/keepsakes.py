"""Keepsakes: what a vendor must have back of a whole message, beside its texts, calls and thinking.

Such are signatures of texts, the order of parts, what the vendor's own tools did, and reasoning that came
behind the text. They travel in a citation of the message's last text: clients send it back with the text, and
a message that ended in a block that nobody can read would pass for one without text (Claude Code prints the
last block alone). Where no text can take it, a block of its own carries it, as one carries hidden reasoning.
"""

from collections.abc import Mapping

from zai_gateway.dialects.anthropic_front.blocks import Block
from zai_gateway.dialects.anthropic_front.marks import MARK, marked, unmarked
from zai_gateway.wire.values import Json

_MESSAGE = "message"
"""The `type` that tells a keepsake from a marked entry of reasoning."""
_NO_DOCUMENT = 999_999
"""Of the citation: no client has so many documents, and one that shows sources passes over it."""


class Keepsake:
    """What is kept of one message, whole or delta by delta."""

    def __init__(self, own: str) -> None:
        """`own` is the format of the blocks that clients can be shown, which need no keeping."""
        self._own = own
        self._extra: dict[str, Json] = {}
        self._blocks: list[Json] = []
        self._reasoning: list[Json] = []
        self._has_images = False

    def take(self, holder: Mapping[str, Json]) -> None:
        """What a message, or its next delta, holds of the kind."""
        extra = holder.get("extra_content")
        for vendor, said in extra.items() if isinstance(extra, dict) else ():
            before = self._extra.get(vendor)
            self._extra[vendor] = (
                before | said if isinstance(before, dict) and isinstance(said, dict) else said
            )
        blocks = holder.get("provider_blocks")
        for block in blocks if isinstance(blocks, list) else ():
            if isinstance(block, dict) and block.get("format", self._own) != self._own:
                self._blocks.append(block)
        self._has_images = self._has_images or bool(holder.get("images"))

    def take_reasoning(self, entry: Mapping[str, Json]) -> None:
        """An entry that can no longer stand in a block before the text."""
        self._reasoning.append({**entry})

    def told(self) -> dict[str, Json] | None:
        """All of it; None where there is nothing to keep."""
        said: dict[str, Json] = {}
        # Images cannot come back, and without them a turn is none that anybody signed.
        if self._extra and not self._has_images:
            said["extra_content"] = self._extra
        if self._blocks:
            said["provider_blocks"] = self._blocks
        if self._reasoning:
            said["reasoning_details"] = self._reasoning
        return {"type": _MESSAGE, **said} if said else None


def in_citation(told: Mapping[str, Json]) -> Block:
    """The citation of a text that carries a keepsake."""
    return {
        "type": "char_location",
        "cited_text": "",
        "document_index": _NO_DOCUMENT,
        "document_title": marked(told),
        "start_char_index": 0,
        "end_char_index": 0,
        "file_id": None,
    }


def in_block(told: Mapping[str, Json]) -> Block:
    """The block that carries a keepsake where there is no text."""
    return {"type": "redacted_thinking", "data": marked(told)}


def kept_in(data: str) -> dict[str, Json] | None:
    """The keepsake that a mark holds; None for anything else, as an entry of reasoning."""
    said = unmarked(data)
    return said if said is not None and said.get("type") == _MESSAGE else None


def cited_keepsake(citation: Json) -> dict[str, Json] | None:
    """What a citation carries; None for one that cites."""
    title = citation.get("document_title") if isinstance(citation, dict) else None
    return kept_in(title) if isinstance(title, str) else None


def is_marked(citation: Json) -> bool:
    """Whether a citation was made here, so that Anthropic knows nothing of it."""
    if not isinstance(citation, dict):
        return False
    return citation.get("encrypted_index") == MARK or cited_keepsake(citation) is not None


def brought_back(kept: list[dict[str, Json]]) -> dict[str, Json]:
    """The hub's members that the keepsakes of one message hold, each of its right kind."""
    told: dict[str, Json] = {}
    for name in ("provider_blocks", "reasoning_details"):
        found = [value for said in kept if isinstance(value := said.get(name), list)]
        told[name] = [entry for entries in found for entry in entries if isinstance(entry, dict)]
    extra = kept[0].get("extra_content") if len(kept) == 1 else None
    # Of two turns that a client made one the orders of parts fit neither.
    told["extra_content"] = extra if isinstance(extra, dict) else None
    return {name: value for name, value in told.items() if value}
