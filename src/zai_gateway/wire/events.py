"""What a dialect reads out of an upstream's bytes, whatever its protocol: the events of an answer."""

from msgspec import Struct

from zai_gateway.wire.usage import Usage


class Chunk(Struct, frozen=True):
    """Chunks in OpenAI's shape that came together, one or many, ready for the client."""

    frames: bytes
    """Each chunk as the server-sent event that goes out."""
    content_bytes: int
    """Bytes of text, reasoning and tool arguments in them; 0 for role chunks and the like."""
    is_content: bool
    """Whether failover ends here: role chunks, pings and comments are not content (wire.md 4)."""


class Reported(Struct, frozen=True):
    """The provider said what the answer used. The last one counts."""

    usage: Usage
    service_tier: str | None
    """The tier that the provider says it served and will bill, where it says so."""
    json: bytes
    """In a stream the closing chunk that carries `usage`, ready for the client but for its framing; it goes
    out once, after the settlement, where the client did not refuse it. Of a whole answer its `usage`."""
    stated_cost: int | None = None
    """Nano-USD that the provider says it billed for the answer, where it says so."""
    final: bool = True
    """Whether nothing more will be counted: some providers say with each chunk what was used so far."""


class Finished(Struct, frozen=True):
    """The answer is complete by its protocol's own rules: nothing was cut."""


class UpstreamProblem(Struct, frozen=True, kw_only=True):
    """An upstream's own error, from an error status or from the middle of a stream."""

    status: int
    """Its HTTP status; for an error inside a stream, the status that the same error has outside, or 200."""
    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None
    """Seconds."""
    reported: Reported | None = None
    """What the provider says that it used all the same, in the place of a whole answer."""


Event = Chunk | Reported | Finished | UpstreamProblem


class Answer(Struct, frozen=True):
    """A whole answer that was not streamed."""

    json: bytes
    """The body for the client."""
    reported: Reported | None
    """None where the provider said nothing of what it used."""
    content_bytes: int
    """Bytes of text, reasoning and tool arguments in it."""
