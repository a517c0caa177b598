"""The content of a hub message as Anthropic's blocks."""

from msgspec import Raw

from zai_gateway.dialects.anthropic_messages.media import document, image
from zai_gateway.dialects.anthropic_messages.notes import Notes
from zai_gateway.dialects.anthropic_messages.reading import Block, is_given, read, read_object, unsupported
from zai_gateway.dialects.anthropic_messages.shapes import ImageUrl, Part
from zai_gateway.wire.fields import invalid, missing

OWN = frozenset(
    (
        *("image", "document", "search_result", "container_upload"),
        *("tool_reference", "tool_addition", "tool_removal", "browser_state"),
    )
)
"""Parts that are Anthropic's own blocks already, and go on as they are."""
_FOREIGN_REASONING = frozenset(("thinking", "reasoning"))
"""How other vendors put reasoning into the content: it is no text, and never sent to another vendor."""


def blocks(content: str | list[Raw] | None, path: str, notes: Notes) -> list[Block]:
    """The blocks of a message's content, empty texts left out, which Anthropic refuses.

    `path` is where the message stands. Raises Failure for a part that cannot be said.
    """
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    found: list[Block] = []
    for index, value in enumerate(content):
        block = _block(value, f"{path}.content[{index}]", notes)
        if block is not None:
            found.append(block)
    return found


def mark(block: Block, cache_control: Raw, path: str) -> None:
    """Marks the end of a part of the prompt that is to be cached; `path` is where the mark was asked for."""
    if is_given(cache_control):
        read_object(cache_control, f"{path}.cache_control")
        block["cache_control"] = cache_control


def mark_last(found: list[Block], cache_control: Raw, path: str) -> None:
    """Marks the last block that can be marked, where none of its own says how long it is kept."""
    if is_given(cache_control):
        for block in reversed(found):
            if block.get("type") not in ("thinking", "redacted_thinking"):
                if "cache_control" not in block:
                    mark(block, cache_control, path)
                return


def _block(value: Raw, path: str, notes: Notes) -> Block | None:
    part = read(value, Part, path)
    sort = part.type
    if sort is None:
        raise missing(f"{path}.type", "a string, such as text")
    if sort in OWN:
        return dict(read_object(value, path))
    if sort in _FOREIGN_REASONING:
        return None
    if sort in ("text", "refusal"):
        block = _text(part, sort, path)
    elif sort == "image_url":
        if isinstance(part.image_url, ImageUrl) and part.image_url.detail not in (None, "auto"):
            notes.drop("messages", f"{path}.image_url.detail")
        block = image(part.image_url, path)
    elif sort == "file":
        block = document(part.file, path)
    else:
        raise unsupported(
            f"{path}.type",
            f"`{path}.type` must be text, image_url or file: Anthropic's models take no other content.",
        )
    if block is not None:
        mark(block, part.cache_control, path)
    return block


def _text(part: Part, sort: str, path: str) -> Block | None:
    text = part.text if sort == "text" else part.refusal
    if text is None:
        raise missing(f"{path}.{sort}", "a string")
    if not text:
        return None
    block: Block = {"type": "text", "text": text}
    if is_given(part.citations):
        if not bytes(part.citations).lstrip().startswith(b"["):
            raise invalid(f"{path}.citations", "a list", "something else")
        block["citations"] = part.citations
    return block
