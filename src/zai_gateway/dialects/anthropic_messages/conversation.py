"""The messages of the hub as Anthropic's `system` and its turns of user and assistant."""

from msgspec import Raw, Struct

from zai_gateway.dialects.anthropic_messages.notes import Notes
from zai_gateway.dialects.anthropic_messages.parts import blocks, mark, mark_last
from zai_gateway.dialects.anthropic_messages.reading import Block, Written, is_given, read, unsupported
from zai_gateway.dialects.anthropic_messages.replay import assistant_blocks, tool_id
from zai_gateway.dialects.anthropic_messages.shapes import Message
from zai_gateway.wire.fields import invalid, missing


class Turn(Struct, frozen=True):
    """What one side says until the other does."""

    role: str
    content: list[Block]


class Conversation(Struct, frozen=True):
    """All that was said."""

    system: list[Block]
    turns: list[Turn]

    @property
    def resumes_unreasoned(self) -> bool:
        """Whether tool results follow an answer that came back without the reasoning it began with.

        Models that reason within a budget refuse to go on reasoning there.
        """
        turns = [turn for turn in self.turns if turn.role != "system"]
        if len(turns) < 2 or turns[-1].content[0]["type"] != "tool_result":
            return False
        return turns[-2].content[0]["type"] not in ("thinking", "redacted_thinking")


def conversation(messages: Raw, notes: Notes, *, late_system: bool) -> Conversation:
    """The conversation of a hub request's `messages`, neighbours of one role joined.

    A system message in the midst of it stays there where the model takes it (`late_system`), else it moves to
    the others in front. Raises Failure for a message that cannot be said, with its path.
    """
    said = Conversation([], [])
    late: list[_Late] = []
    for index, message in enumerate(read(messages, list[Message], "messages")):
        path = f"messages[{index}]"
        role, content = _said(message, path, notes)
        if role == "system" and said.turns:
            late.append(_Late(path, content))
        elif role == "system":
            _put_in_front(said, path, content)
        elif content:
            if role == "assistant" or not late_system:
                _place(said, late, notes, late_system=late_system)
            _join(said.turns, role, content)
    _place(said, late, notes, late_system=late_system)
    if not said.turns:
        raise invalid("messages", "a list with a message of the user", "one without")
    return said


class _Late(Struct, frozen=True):
    """A system message in the midst of a conversation."""

    path: str
    content: list[Block]


def _place(said: Conversation, late: list[_Late], notes: Notes, *, late_system: bool) -> None:
    """Puts the system messages that wait in their place.

    Anthropic takes one behind a turn of the user's and before one of the assistant's, so that it waits for
    what else the user says ("Mid-conversation system messages", placement rules).
    """
    for message in late:
        if late_system and said.turns[-1].role != "assistant":
            _join(said.turns, "system", message.content)
            continue
        _put_in_front(said, message.path, message.content)
        if message.content:
            notes.drop("messages", f"{message.path}.role")
    late.clear()


def _put_in_front(said: Conversation, path: str, content: list[Block]) -> None:
    if any(block["type"] != "text" for block in content):
        raise unsupported(f"{path}.content", f"`{path}.content` must be text: it goes to all models.")
    said.system.extend(content)


def _join(turns: list[Turn], role: str, content: list[Block]) -> None:
    if content and turns and turns[-1].role == role:
        turns[-1].content.extend(content)
    elif content:
        turns.append(Turn(role, content))


def _said(message: Message, path: str, notes: Notes) -> tuple[str, list[Block]]:
    """Whose turn a message is, and its blocks."""
    role = message.role
    _refuse_others(message, path)
    if role == "tool":
        return "user", [_tool_result(message, path, notes)]
    if is_given(message.name):
        notes.drop("messages", "messages.name")
    if role == "assistant":
        content = assistant_blocks(message, path, notes)
    elif role in ("user", "system", "developer"):
        content = blocks(message.content, path, notes)
        if role == "user" and not content:
            raise invalid(f"{path}.content", "a text or a list of parts", "empty")
    elif role is None:
        raise missing(f"{path}.role", "a string, such as user")
    else:
        raise unsupported(
            f"{path}.role", f"`{path}.role` must be system, developer, user, assistant or tool."
        )
    mark_last(content, message.cache_control, path)
    return ("system" if role == "developer" else role), content


def _refuse_others(message: Message, path: str) -> None:
    """Raises Failure for what the conversation would lack if it was left out."""
    if message.role == "assistant" and is_given(message.function_call):
        raise unsupported(f"{path}.function_call", f"`{path}.function_call` is obsolete: use tool_calls.")
    if is_given(message.audio):
        raise unsupported(
            f"{path}.audio", f"`{path}.audio` is sound, which Anthropic's models do not hear: say it in text."
        )
    if message.images:
        raise unsupported(
            f"{path}.images",
            f"`{path}.images` cannot be part of what Anthropic's models said: put them into the content of a "
            "user's message, as image_url.",
        )
    if message.provider_blocks and message.role != "assistant":
        raise unsupported(
            f"{path}.provider_blocks",
            f"`{path}.provider_blocks` can stand in an assistant's message alone: it came with an answer.",
        )


def _tool_result(message: Message, path: str, notes: Notes) -> Block:
    if message.tool_call_id is None:
        raise missing(f"{path}.tool_call_id", "the id of the tool call that it answers")
    block: Block = {"type": "tool_result", "tool_use_id": tool_id(message.tool_call_id)}
    if isinstance(message.content, str):
        block["content"] = message.content
    elif message.content is not None:
        content: list[Written] = [*blocks(message.content, path, notes)]
        block["content"] = content
    if message.is_error is not None:
        block["is_error"] = message.is_error
    if message.extra_content is not None and message.extra_content.anthropic is not None:
        block = {**message.extra_content.anthropic, **block}
    mark(block, message.cache_control, path)
    return block
