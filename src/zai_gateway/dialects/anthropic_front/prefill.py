"""Prefill: an answer that its client began, and that few vendors beside Anthropic go on with."""

from zai_gateway.errors import Code, Failure
from zai_gateway.wire.fields import Fields
from zai_gateway.wire.media import MOST_PARTS


def refuse_prefill(original: bytes) -> None:
    """Raises Failure where the last message is the assistant's, and the answer is to go on with its text.

    To most other vendors it is a turn that is over: their answer would begin anew, and the client would join
    two texts that do not belong together. What ends in a call or in what a server's tool did is no text to
    go on with, nor is an empty message. `original` is a request that `read_request` could read.
    """
    messages = Fields.of_body(original).objects("messages", MOST_PARTS) or []
    if messages and messages[-1].text("role") == "assistant" and _ends_in_text(messages[-1]):
        path = f"messages.{len(messages) - 1}"
        raise Failure(
            Code.UNSUPPORTED_PARAMETER,
            f"`{path}` begins the answer, and this model cannot go on with it, as Anthropic's can. "
            "End with a message of the user's.",
            param=path,
        )


def _ends_in_text(message: Fields) -> bool:
    if message.begins("content") == b'"':
        return bool((message.text("content") or "").strip())
    for block in reversed(message.objects("content", MOST_PARTS) or []):
        sort = block.text("type")
        if sort not in ("thinking", "redacted_thinking"):
            return sort == "text" and bool((block.text("text") or "").strip())
    return False
