"""The events of Anthropic's streams, as they are read."""

from msgspec import Raw, Struct

from zai_gateway.dialects.anthropic_messages.reading import NULL


class Delta(Struct, frozen=True):
    """`delta` of an event: of a block, or of the message. What a block says stays as it is spelled."""

    type: str | None = None
    text: Raw = NULL
    thinking: Raw = NULL
    partial_json: Raw = NULL
    signature: str | None = None
    citation: Raw = NULL
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Raw = NULL
    container: Raw = NULL


class StreamEvent(Struct, frozen=True):
    """An event: those members that are read of any of them."""

    type: str | None = None
    index: int = -1
    delta: Delta | None = None
    content_block: Raw = NULL
    message: Raw = NULL
    usage: Raw = NULL
    error: Raw = NULL
    container: Raw = NULL
    context_management: Raw = NULL
    diagnostics: Raw = NULL


class MessageBegun(Struct, frozen=True):
    """`message` of the event that begins a stream."""

    usage: Raw = NULL
    container: Raw = NULL
    context_management: Raw = NULL
    diagnostics: Raw = NULL
