"""The messages of a request: Anthropic's lists of blocks as the hub's messages, with nothing left out."""

from collections.abc import Mapping

from msgspec import Raw

from zai_gateway.dialects.anthropic_front.keepsakes import (
    brought_back,
    kept_in,
)
from zai_gateway.dialects.anthropic_front.marks import hub_id
from zai_gateway.dialects.anthropic_front.media import document_part, image_part
from zai_gateway.dialects.anthropic_front.reading import others, raw_text, text_of
from zai_gateway.dialects.anthropic_front.replayed import (
    Message,
    beside_block,
    call_of,
    cleansed_text,
    marked_reasoning,
)
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.fields import Fields, invalid, missing
from zai_gateway.wire.media import MOST_PARTS
from zai_gateway.wire.values import Json, kind

ANTHROPIC = "anthropic-claude-v1"
"""The `format` of reasoning that Anthropic signed or encrypted, and that nobody else may be sent."""


def hub_messages(request: Fields) -> list[Message]:
    """The system prompt and all messages. Raises Failure with the path of the block at fault."""
    found = request.objects("messages", MOST_PARTS)
    if found is None:
        raise missing("messages", "a list of at least one message")
    if not found:
        raise invalid("messages", "a list of at least one message", "empty")
    conversation = _Conversation(MOST_PARTS - len(found))
    if request.has("system"):
        conversation.add_system(request)
    for message in found:
        conversation.add(message)
    return conversation.messages


class _Conversation:
    """The hub's messages so far, and how many blocks there may still be."""

    def __init__(self, room: int) -> None:
        self.messages: list[Message] = []
        self._room = room

    def add_system(self, request: Fields) -> None:
        content = request.values["system"]
        if request.begins("system") == b"[":
            blocks = self._blocks(request, "system")
            self.messages.append({"role": "system"} | _Contents("system", blocks).members())
        else:
            raw_text(request, "system")
            self.messages.append({"role": "system", "content": content})

    def add(self, message: Fields) -> None:
        role = text_of(message, "role")
        if role not in ("user", "assistant", "system"):
            raise invalid(message.at("role"), "`user`, `assistant` or `system`", "another string")
        beside = others(message, ("role", "content"), _HUBS_OF_MESSAGE)
        begins = message.begins("content")
        if begins == b"[":
            contents = _Contents(role, self._blocks(message, "content"))
            self.messages += [self._tool_message(result) for result in contents.results]
            if contents.has_own or not contents.results:
                self.messages.append({"role": role, **contents.members(), **beside})
        elif begins in (b'"', b""):
            content = raw_text(message, "content")
            self.messages.append({"role": role, "content": content, **beside})
        else:
            raise invalid(message.at("content"), "a string or a list of blocks", kind(begins))

    def _tool_message(self, block: Fields) -> Message:
        """The message of the hub in which a tool's result stands."""
        id, _ = hub_id(text_of(block, "tool_use_id"))
        told: Message = {"role": "tool", "tool_call_id": id, "content": ""}
        if block.begins("content") == b"[":
            told |= _Contents("tool", self._blocks(block, "content")).members()
        elif block.has("content"):
            told["content"] = raw_text(block, "content")
        if block.flag("is_error") is not None:
            told["is_error"] = block.values["is_error"]
        return told | beside_block(others(block, ("type", "tool_use_id", "content", "is_error"), ()))

    def _blocks(self, holder: Fields, name: str) -> list[Fields]:
        blocks = holder.objects(name, self._room)
        assert blocks is not None, "what begins like a list was none"
        self._room -= len(blocks)
        return blocks


class _Contents:
    """The blocks of one message, sorted into the members of the hub's message."""

    def __init__(self, role: str, blocks: list[Fields]) -> None:
        self._role = role
        self._parts: list[Mapping[str, object]] = []
        self._reasoning: list[Mapping[str, object]] = []
        self._unsigned: list[str] = []
        self._calls: list[Mapping[str, object]] = []
        self._foreign: list[Mapping[str, object]] = []
        self._kept: list[dict[str, Json]] = []
        self.results: list[Fields] = []
        """Results of tools, which are messages of their own in the hub."""
        self._order: list[str] = []
        """The members in which the blocks stand whose places are not told by an `index`."""
        self._place = 0
        for block in blocks:
            self._sort(block)

    @property
    def has_own(self) -> bool:
        """Whether there is a block that is no tool's result."""
        return self._place > len(self.results)

    def members(self) -> Message:
        """Content and all that stands beside it."""
        told: Message = {"content": self._parts}
        if not self._parts and self._role == "assistant" and self._place:
            told["content"] = None
        if self._unsigned:
            told["reasoning_content"] = "".join(self._unsigned)
        if self._reasoning:
            told["reasoning_details"] = self._reasoning
        if self._calls:
            told["tool_calls"] = self._calls
        if self._foreign:
            told["provider_blocks"] = self._foreign
        for name, value in brought_back(self._kept).items():
            before = told.get(name)
            told[name] = [*before, *value] if isinstance(before, list) and isinstance(value, list) else value
        if self._order != sorted(self._order, key=_USUAL_ORDER.index):
            told["block_order"] = self._order
        return told

    def _sort(self, block: Fields) -> None:
        sort = text_of(block, "type")
        if sort == "text":
            self._take_text(block)
        elif sort == "image":
            self._take_part(image_part(block) or block.values)
        elif sort == "document":
            self._take_part(document_part(block) or block.values)
        elif sort == "tool_use":
            self._only_in("assistant", block)
            self._calls.append(call_of(block))
            self._order.append("tool_calls")
            self._place += 1
        elif sort in ("thinking", "redacted_thinking"):
            self._only_in("assistant", block)
            self._take_reasoning(block, sort)
        elif sort == "tool_result":
            self._only_in("user", block)
            self.results.append(block)
            self._order.append("tool")
            self._place += 1
        elif self._role == "assistant":
            own = others(block, (), ("index", "format"))
            self._foreign.append({**own, "format": ANTHROPIC, "index": self._place})
            self._place += 1
        elif sort in _HUBS_PARTS:
            raise invalid(block.at("type"), "a type of Anthropic's", "OpenAI's")
        else:
            self._take_part(block.values)

    def _only_in(self, role: str, block: Fields) -> None:
        if self._role != role:
            path = block.at("type")
            message = f"`{path}`: a block of this type belongs in a message with the role `{role}`."
            raise Failure(Code.INVALID_REQUEST, message, param=path)

    def _take_text(self, block: Fields) -> None:
        part, kept = cleansed_text(block) if self._role == "assistant" else (block.values, [])
        self._kept += kept
        self._take_part(part)
        if raw_text(block, "text") == _EMPTY:
            self._place -= 1  # who writes the blocks again leaves it out

    def _take_part(self, part: Mapping[str, object]) -> None:
        self._parts.append(part)
        self._order.append("content")
        self._place += 1

    def _take_reasoning(self, block: Fields, sort: str) -> None:
        kept = kept_in(text_of(block, "data")) if sort == "redacted_thinking" else None
        if kept is not None:
            self._kept.append(kept)
            return
        said = marked_reasoning(block, sort)
        if said is not None:
            if said:
                self._reasoning.append(said)
            elif sort == "thinking":
                self._unsigned.append(text_of(block, "thinking"))
            return
        told: Message = {"format": ANTHROPIC, "index": self._place}
        if sort == "redacted_thinking":
            told |= {"type": "reasoning.encrypted", "data": raw_text(block, "data")}
        else:
            told |= {"type": "reasoning.text", "text": raw_text(block, "thinking")}
            if block.has("signature"):
                told["signature"] = raw_text(block, "signature")
        self._reasoning.append(told)
        self._place += 1


_USUAL_ORDER = ("tool", "content", "tool_calls")
_EMPTY = Raw(b'""')
_HUBS_PARTS = ("image_url", "input_audio", "file", "refusal", "video_url")
_HUBS_OF_MESSAGE = (
    *("tool_calls", "tool_call_id", "reasoning", "reasoning_content", "reasoning_details", "refusal"),
    *("provider_blocks", "block_order", "extra_content", "function_call", "is_error", "name", "audio"),
)
