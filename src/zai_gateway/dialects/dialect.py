"""What a dialect is: a request in OpenAI's chat shape out in a provider's own, its answer back as events."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from zai_gateway.dialects.naming import Naming
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.events import Answer, Event, UpstreamProblem
from zai_gateway.wire.usage import USUAL_COUNTING, Counting


class EncodePlan(Struct, frozen=True, kw_only=True):
    """What a request needs before its upstream takes it."""

    model: str
    """The model's id at its provider."""
    output_limit: int | None = None
    """The limit on output tokens per choice that is sent; None leaves the client's own, or none."""
    limit_name: str = "max_tokens"
    """What the model calls that limit, in OpenAI's dialect: `max_tokens` or `max_completion_tokens`."""
    drop: tuple[str, ...] = ()
    """Parameters that the model refuses."""
    service_tier: str | None = None
    """The service tier that is asked for in place of the client's; None leaves the client's own, or none."""
    ask_usage: bool = True
    """Whether usage is asked of a stream; False for a provider that refuses `stream_options`."""
    extra: tuple[tuple[str, bytes], ...] = ()
    """Further members by name, each with its value in JSON, in place of the client's own."""
    most_output: int | None = None
    """The most output tokens that the model makes, for a protocol that must say a limit where nobody did."""
    native_schema: bool = True
    """Whether the model takes the schema of its answer, and of strict tools, as such; else by other means."""
    efforts: tuple[str, ...] = ()
    """The levels of reasoning effort that the model takes by name, in rising order."""
    budgets: bool = True
    """Whether the model takes a budget of reasoning tokens."""
    least_budget: int | None = None
    """The smallest budget that it takes, but for zero; None: unknown, or it takes none."""
    most_budget: int | None = None
    """The largest; None: unknown, or the limit on output tokens alone bounds it."""
    off: str | None = None
    """What turns reasoning off, in the provider's word; None: nothing does, or it is unknown."""
    off_up_to: str | None = None
    """The greatest effort at which reasoning may be off; None: any."""
    forced_tools: bool = True
    """Whether a request may force the model to call a tool."""
    schema_with_tools: bool = True
    """Whether the model takes the schema of its answer beside tools."""
    late_system: bool = False
    """Whether the model takes system messages in the midst of a conversation."""
    goes_on: bool = False
    """Whether the upstream goes on with an answer whose beginning is the last message."""
    both_samplers: bool = False
    """Whether the model takes `temperature` and `top_p` in one request."""


class Encoded(Struct, frozen=True, kw_only=True):
    """A request as it is sent, and what it no longer says."""

    body: bytes
    dropped: tuple[str, ...]
    """Parameters taken out whose absence can be noticed, in the order of the body: for `x-zai-dropped`."""
    stop: tuple[str, ...]
    """Stop sequences that the model refuses, so that they are looked for in the answer."""
    answer_tool: str | None = None
    """The tool that the model must call to give its answer in the schema that was asked for, if it must."""


class StreamPlan(Struct, frozen=True, kw_only=True):
    """What the request asked of its answer."""

    include_usage: bool = True
    """Whether the client gets to see usage."""
    choices: int = 1
    """`n`: how many must have ended for a stream without `[DONE]` to be complete."""
    stop: tuple[str, ...] = ()
    """Stop sequences to look for here, since the model refuses them."""
    counting: Counting = USUAL_COUNTING
    """How the provider counts."""
    answer_tool: str | None = None
    """The tool whose call is the answer (see Encoded)."""


class Decoder(Protocol):
    """Reads one upstream's stream. What it says does not depend on how its bytes were cut.

    After Finished or UpstreamProblem nothing comes.
    """

    def feed(self, received: bytes) -> list[Event]:
        """The events that `received` completes."""
        ...

    def end(self) -> list[Event]:
        """What the end of the upstream's body means: completeness, or a cut."""
        ...


class Dialect(Protocol):
    """One provider protocol. It turns values into bytes and bytes into events, and does nothing else."""

    def encode(self, request: ChatRequest, plan: EncodePlan) -> Encoded:
        """The request for the upstream. Raises Failure for what it cannot express."""
        ...

    def decode_answer(self, body: bytes, naming: Naming, plan: StreamPlan) -> Answer | UpstreamProblem:
        """The answer for the client, or what is wrong with it although its status was 200."""
        ...

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamProblem:
        """The problem that an answer with an error status tells; `headers` have names in lower case."""
        ...

    def decoder(self, naming: Naming, plan: StreamPlan) -> Decoder:
        """Reads one stream."""
        ...
