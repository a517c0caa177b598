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
        if len(self.turns) < 2 or self.turns[-1].content[0]["type"] != "tool_result":
            return False
        return self.turns[-2].content[0]["type"] not in ("thinking", "redacted_thinking")


def conversation(messages: Raw, notes: Notes, *, late_system: bool) -> Conversation:
    """The conversation of a hub request's `messages`, neighbours of one role joined.

    A system message in the midst of it stays there where the model takes it (`late_system`), else it moves to
    the others in front. Raises Failure for a message that cannot be said, with its path.
    """
    system: list[Block] = []
    turns: list[Turn] = []
    for index, message in enumerate(read(messages, list[Message], "messages")):
        path = f"messages[{index}]"
        role, content = _said(message, path, notes)
        if role == "system" and not (turns and late_system):
            if any(block["type"] != "text" for block in content):
                raise unsupported(f"{path}.content", f"`{path}.content` must be text: it goes to all models.")
            if turns and content:
                notes.drop("messages", f"{path}.role")
            system += content
        elif content and turns and turns[-1].role == role:
            turns[-1].content.extend(content)
        elif content:
            turns.append(Turn(role, content))
    if not turns:
        raise invalid("messages", "a list with a message of the user", "one without")
    return Conversation(system, turns)


def _said(message: Message, path: str, notes: Notes) -> tuple[str, list[Block]]:
    """Whose turn a message is, and its blocks."""
    role = message.role
    if role == "tool":
        return "user", [_tool_result(message, path, notes)]
    if role == "assistant":
        if is_given(message.function_call):
            raise unsupported(f"{path}.function_call", f"`{path}.function_call` is obsolete: use tool_calls.")
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
