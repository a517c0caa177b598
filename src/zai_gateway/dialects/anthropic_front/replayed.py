"""Blocks of an earlier answer that its client sends back: calls, marked reasoning, texts with keepsakes."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from zai_gateway.dialects.anthropic_front.keepsakes import cited_keepsake, is_marked
from zai_gateway.dialects.anthropic_front.marks import MARK, hub_id, unmarked
from zai_gateway.dialects.anthropic_front.reading import others, raw_text, text_of
from zai_gateway.wire.fields import Fields, invalid
from zai_gateway.wire.values import Json, decode, kind

Message = dict[str, object]
"""A message of the hub, or a part of one, some of its values in JSON already."""


def marked_reasoning(block: Fields, sort: str) -> Mapping[str, Json] | None:
    """Another vendor's entry of reasoning, empty where that had text alone; None where it is Anthropic's."""
    if sort == "redacted_thinking":
        return unmarked(text_of(block, "data"))
    said = unmarked(block.text("signature") or "")
    if said:
        text = "summary" if said.get("type") == "reasoning.summary" else "text"
        said[text] = text_of(block, "thinking")
    return said


def call_of(block: Fields) -> Message:
    """The call of a tool. Raises Failure with the path at fault."""
    if block.begins("input") != b"{":
        found = kind(block.begins("input")) if block.has("input") else "missing"
        raise invalid(block.at("input"), "an object", found)
    id, extra = hub_id(text_of(block, "id"))
    # As models write them, and as their prompts are cached: without whitespace.
    arguments = msgspec.json.format(block.raw("input") or b"{}", indent=-1)
    beside = others(block, ("type", "id", "name", "input"), ())
    return {
        "id": id,
        "type": "function",
        "function": {"name": raw_text(block, "name"), "arguments": arguments.decode()},
        **beside_block(beside, extra),
    }


def beside_block(members: Mapping[str, Raw], extra: Mapping[str, Json] | None = None) -> Message:
    """What a block has beside what the hub knows: its cache mark, and the rest under its vendor's name."""
    told: Message = {name: value for name, value in members.items() if name == "cache_control"}
    rest = {name: value for name, value in members.items() if name != "cache_control"}
    own: Message = {"anthropic": rest} if rest else {}
    if own or extra:
        told["extra_content"] = {**own, **(extra or {})}
    return told


def cleansed_text(block: Fields) -> tuple[Mapping[str, object], list[dict[str, Json]]]:
    """A text without the citations that were made here, and the keepsakes that were among them."""
    citations = block.raw("citations") or b""
    if _MARKED not in citations:
        return block.values, []
    found = decode(citations)
    listed = found if isinstance(found, list) else []
    kept = [said for each in listed if (said := cited_keepsake(each)) is not None]
    own = [each for each in listed if not is_marked(each)]
    told: Message = {name: value for name, value in block.values.items() if name != "citations"}
    return {**told, "citations": own} if own else told, kept


_MARKED = MARK.encode()
