"""The messages of a request as OpenAI's vendors take them."""

from typing import cast

from zai_gateway.dialects.openai_chat.omissions import Omissions, unsayable
from zai_gateway.dialects.openai_chat.plain_parts import Part, is_text, plain_part, text_part
from zai_gateway.wire.fields import Fields
from zai_gateway.wire.media import MOST_PARTS

ERROR = "Error: "
"""What the result of a tool begins with that says it is an error."""

_Message = dict[str, object]


def plain_messages(request: Fields, omissions: Omissions) -> list[_Message] | None:
    """The new messages; None where they stay as they are. Raises Failure with the path at fault."""
    messages = request.objects("messages", MOST_PARTS)
    if messages is None:
        return None
    conversation = _Conversation(omissions)
    for message in messages:
        conversation.add(message)
    said = conversation.finished()
    return None if said == [message.values for message in messages] else said


class _Conversation:
    """The messages so far."""

    def __init__(self, omissions: Omissions) -> None:
        self._omissions = omissions
        self._said: list[_Message] = []
        self._called: dict[str, str] = {}
        """The tools that were called, by the call's id."""
        self._moved: list[Part] = []
        """What was in tool results and no such message may hold: it comes behind all of them."""

    def add(self, message: Fields) -> None:
        role = message.text("role")
        plain: _Message = {name: value for name, value in message.values.items() if self._stays(name)}
        extended = len(plain) < len(message.values)
        self._name_marks(message)
        if message.has("provider_blocks") and "provider_blocks" not in plain:
            if role != "assistant":
                raise unsayable(message.at("provider_blocks"), "only the provider that made them reads them.")
            self._omissions.name("provider_blocks")
        if message.has("tool_calls"):
            self._add_calls(message, plain)
        if message.begins("content") == b"[":
            self._add_parts(message, plain)
        if role == "tool":
            self._add_result(message, plain)
            return
        if self._moved and role == "user":
            plain["content"] = [*self._taken(), *_as_parts(message, plain)]
        elif self._moved:
            self._said.append({"role": "user", "content": self._taken()})
        # An answer of nothing but reasoning, or of what its provider did by itself, says nothing to others.
        if not (extended and role == "assistant" and _is_silent(message)):
            self._said.append(plain)

    def finished(self) -> list[_Message]:
        if self._moved:
            self._said.append({"role": "user", "content": self._taken()})
        return self._said

    def _stays(self, name: str) -> bool:
        return name not in _EXTENSIONS or self._omissions.spares(name)

    def _name_marks(self, holder: Fields) -> None:
        if holder.has("cache_control") and not self._stays("cache_control"):
            self._omissions.name("cache_control")

    def _taken(self) -> list[Part]:
        taken, self._moved = self._moved, []
        return taken

    def _add_parts(self, message: Fields, plain: _Message) -> None:
        parts = message.objects("content", MOST_PARTS) or []
        said = [each for part in parts for each in plain_part(part, self._omissions)]
        if said != [part.values for part in parts]:
            plain["content"] = said

    def _add_calls(self, message: Fields, plain: _Message) -> None:
        calls = message.objects("tool_calls", MOST_PARTS) or []
        said: list[_Message] = []
        for call in calls:
            function = call.raw("function")
            if function is not None:
                name = Fields.of(function, call.at("function")).text("name")
                self._called[call.text("id") or ""] = name or ""
            self._name_marks(call)
            said.append({name: value for name, value in call.values.items() if self._stays(name)})
        if said != [call.values for call in calls]:
            plain["tool_calls"] = said

    def _add_result(self, message: Fields, plain: _Message) -> None:
        parts = _as_parts(message, plain)
        moved = [part for part in parts if not is_text(part)]
        if moved:
            left = text_part("(The rest of this result stands in the user's next message.)")
            plain["content"] = [*(part for part in parts if is_text(part)), left]
            self._moved += [text_part(self._origin(message)), *moved]
        if message.flag("is_error") and "is_error" not in plain:
            plain["content"] = _as_error(message, plain)
        self._said.append(plain)

    def _origin(self, message: Fields) -> str:
        id = message.text("tool_call_id") or ""
        name = self._called.get(id)
        return f"From the result of {name} ({id}):" if name else f"From the result of the tool call {id}:"


def _as_parts(message: Fields, plain: _Message) -> list[Part]:
    """The content as a list of parts."""
    content = plain.get("content")
    if isinstance(content, list):
        return cast("list[Part]", content)
    if message.begins("content") == b"[":
        return [part.values for part in message.objects("content", MOST_PARTS) or []]
    text = message.text("content")
    return [] if text is None else [text_part(text)]


def _as_error(message: Fields, plain: _Message) -> object:
    """The content, beginning with what says that it is an error, as many tools say by themselves."""
    if message.begins("content") != b"[" and not isinstance(plain.get("content"), list):
        text = message.text("content") or ""
        return text if _says_error(text) else ERROR + text
    first = (message.objects("content", MOST_PARTS) or [None])[0]
    if first is not None and first.text("type") == "text" and _says_error(first.text("text") or ""):
        return _as_parts(message, plain)
    return [text_part(ERROR.rstrip()), *_as_parts(message, plain)]


def _says_error(text: str) -> bool:
    return text.lstrip()[: len("error")].casefold() == "error"


def _is_silent(message: Fields) -> bool:
    if any(message.has(name) for name in ("tool_calls", "function_call", "refusal", "audio")):
        return False
    return message.raw("content") in (None, b'""', b"[]")


_EXTENSIONS = frozenset(
    (
        *("cache_control", "reasoning_content", "reasoning_details", "provider_blocks", "block_order"),
        *("is_error", "extra_content"),
    )
)
"""Members of messages and calls that OpenAI's API does not have."""
