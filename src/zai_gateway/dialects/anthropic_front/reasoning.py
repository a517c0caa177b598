"""Reasoning of an answer as Anthropic's thinking: what its vendor must have back goes along, marked."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from zai_gateway.dialects.anthropic_front.conversation import ANTHROPIC
from zai_gateway.dialects.anthropic_front.marks import marked
from zai_gateway.wire.values import Json


class Thought(Struct, frozen=True):
    """A piece of reasoning: text, what signs it, or something that only its vendor can read."""

    key: Json
    """Pieces that follow each other under the same key belong together."""
    text: str
    told: dict[str, Json]
    """The entry without its text; empty where a vendor gives text and no more."""

    @property
    def data(self) -> str | None:
        """Of reasoning that cannot be shown."""
        data = self.told.get("data")
        return data if isinstance(data, str) and self.told.get("type") == "reasoning.encrypted" else None

    @property
    def signature(self) -> str | None:
        """Where the entry brings one."""
        signature = self.told.get("signature")
        return signature if isinstance(signature, str) and signature else None


def thoughts(holder: Mapping[str, Json]) -> Iterator[Thought]:
    """The reasoning of a message or of a delta: its entries, or where it has none its text."""
    details = holder.get("reasoning_details")
    found = False
    if isinstance(details, list):
        for entry in details:
            if isinstance(entry, dict):
                found = True
                yield _thought(entry)
    if not found:
        text = holder.get("reasoning_content") or holder.get("reasoning")
        if isinstance(text, str) and text:
            yield Thought(None, text, {})


def signature_of(told: Mapping[str, Json]) -> str:
    """What signs thinking whose pieces said all of `told`: Anthropic's own signature, or a mark."""
    if told.get("format") == ANTHROPIC:
        signature = told.get("signature")
        return signature if isinstance(signature, str) else ""
    return marked(told)


def redacted(thought: Thought) -> dict[str, Json]:
    """The block of reasoning that cannot be shown."""
    own = thought.told.get("format") == ANTHROPIC
    return {"type": "redacted_thinking", "data": thought.data if own else marked(thought.told)}


def _thought(entry: Mapping[str, Json]) -> Thought:
    name = "summary" if entry.get("type") == "reasoning.summary" else "text"
    text = entry.get(name)
    told: dict[str, Json] = {
        member: value for member, value in entry.items() if member != name and value not in (None, "")
    }
    key = entry.get("index"), entry.get("type")
    return Thought([*key], text if isinstance(text, str) else "", told)
