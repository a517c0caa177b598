"""What answers of other vendors left in a conversation, taken out before Anthropic reads it."""

from zai_gateway.dialects.anthropic_front.keepsakes import is_marked
from zai_gateway.dialects.anthropic_front.marks import MARK
from zai_gateway.wire.values import Json


def cleansed(messages: Json) -> Json:
    """The messages without marked blocks and citations, and without messages that held nothing else."""
    if not isinstance(messages, list):
        return messages
    kept = [_cleansed(message) for message in messages]
    return [message for message in kept if message is not None]


def _cleansed(message: Json) -> Json:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(content, list):
        return message
    blocks = [_without_citations(block) for block in content if not _is_marked_block(block)]
    if content and not blocks:
        return None
    return {**message, "content": blocks}


def _is_marked_block(block: Json) -> bool:
    if not isinstance(block, dict):
        return False
    sort = block.get("type")
    name = {"thinking": "signature", "redacted_thinking": "data"}.get(sort if isinstance(sort, str) else "")
    value = block.get(name) if name is not None else None
    return isinstance(value, str) and value.startswith(MARK)


def _without_citations(block: Json) -> Json:
    citations = block.get("citations") if isinstance(block, dict) else None
    if not isinstance(block, dict) or not isinstance(citations, list):
        return block
    own = [each for each in citations if not is_marked(each)]
    if len(own) == len(citations):
        return block
    rest = {name: value for name, value in block.items() if name != "citations"}
    return {**rest, "citations": own} if own else rest
