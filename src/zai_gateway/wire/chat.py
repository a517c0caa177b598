"""A chat request in OpenAI's shape: the fields that the gateway reads, beside the bytes as they came."""

from collections.abc import Mapping

from msgspec import Struct

from zai_gateway.wire.splice import Member


class ChatRequest(Struct, frozen=True, kw_only=True):
    """A request that was checked. What is not read here stays in `body`, untouched."""

    body: bytes
    """The client's bytes, as received."""
    members: Mapping[str, Member]
    """Where each top-level member of `body` stands."""
    model: str
    stream: bool
    include_usage: bool
    """False only where the client said `stream_options.include_usage: false`."""
    output_limit: int | None
    """The client's limit on output tokens per choice: the lesser of its two spellings, or None."""
    choices: int
    """`n`."""
    stop: tuple[str, ...]
    reasoning_effort: str | None
    service_tier: str | None
    message_count: int
    schema_bytes: int
    """Bytes of `tools`, `functions` and `response_format`: some providers render them at greater length."""
    inline_images: int
    """Image parts whose bytes stand in the body."""
    foreign_media: int
    """Other media parts, by URL or by bytes: nothing but the context window bounds their tokens."""
    unbounded: tuple[str, ...]
    """Fields in use whose cost nothing in the request bounds, such as `messages[0].content[1].file.file_id`."""
