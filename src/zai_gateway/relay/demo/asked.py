"""A chat request as the demo reads it: the fields that change its answer, and the words in its messages."""

import msgspec
from msgspec import Struct

from zai_gateway.relay.demo.shapes import RequestError

MAX_OUTPUT = 16_384
"""Tokens of output that a demo model gives at most, per choice."""
MAX_CHOICES = 8
"""`n` at most: the demo runs inside the gateway, and a request is free."""

MAX_STOPS = 4
"""Stop sequences at most, as at OpenAI."""


class Part(Struct, frozen=True):
    """A content part; of one that is no text, only the type is read."""

    type: str
    text: str | None = None


class Message(Struct, frozen=True):
    """A message of the conversation."""

    role: str
    content: str | list[Part] | None = None

    def text(self) -> str:
        """What it says: text parts as they are, an image as `[image]`, other parts likewise."""
        if isinstance(self.content, str):
            return self.content
        return " ".join(_said(part) for part in self.content or ())


class Function(Struct, frozen=True):
    """A function that a tool offers; `parameters` is a JSON schema."""

    name: str
    parameters: object = None


class Tool(Struct, frozen=True):
    """A tool that may be called, if it is a function."""

    type: str
    function: Function | None = None


class NamedFunction(Struct, frozen=True):
    """The function that `tool_choice` insists on."""

    name: str


class NamedTool(Struct, frozen=True):
    """`tool_choice` in its long form."""

    type: str
    function: NamedFunction | None = None


class NamedSchema(Struct, frozen=True):
    """The schema that the answer has to fit."""

    name: str
    schema: object = None


class ResponseFormat(Struct, frozen=True):
    """`text`, `json_object` or `json_schema`."""

    type: str
    json_schema: NamedSchema | None = None


class StreamOptions(Struct, frozen=True):
    """Whether a stream ends with its usage."""

    include_usage: bool | None = None


class Asked(Struct, frozen=True):
    """A request that was checked as far as its types go."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    tools: list[Tool] | None = None
    tool_choice: str | NamedTool | None = None
    response_format: ResponseFormat | None = None

    @property
    def limit(self) -> int:
        """Output tokens per choice at most."""
        limits = (self.max_tokens, self.max_completion_tokens, MAX_OUTPUT)
        return min(limit for limit in limits if limit is not None)

    @property
    def stops(self) -> list[str]:
        """The texts before which an answer ends."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def wants_usage(self) -> bool:
        """Whether its stream ends with an event that says what was used."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    @property
    def functions(self) -> list[Function]:
        """The functions among its tools."""
        return [tool.function for tool in self.tools or () if tool.function is not None]

    def last_from(self, role: str) -> str:
        """What the last message of that role says; empty where there is none."""
        return next((message.text() for message in reversed(self.messages) if message.role == role), "")


def read(body: bytes) -> Asked:
    """The request in `body`. Raises RequestError, which names the field at fault."""
    try:
        asked = msgspec.json.decode(body, type=Asked)
    except msgspec.ValidationError as error:
        raise RequestError(f"The request does not fit the API: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RequestError("The body is not JSON that can be read.") from None
    if not asked.messages:
        raise RequestError("There has to be at least one message.", param="messages", code="empty_array")
    if asked.n is not None and not 1 <= asked.n <= MAX_CHOICES:
        raise RequestError(f"The demo gives 1 to {MAX_CHOICES} choices.", param="n", code="invalid_value")
    if len(asked.stops) > MAX_STOPS:
        raise RequestError(
            f"At most {MAX_STOPS} stop sequences.", param="stop", code="array_above_max_length"
        )
    for name, value in (
        ("max_tokens", asked.max_tokens),
        ("max_completion_tokens", asked.max_completion_tokens),
    ):
        if value is not None and value < 1:
            raise RequestError(f"{name} has to be at least 1.", param=name, code="integer_below_min_value")
    return asked


def _said(part: Part) -> str:
    if part.type == "text":
        return part.text or ""
    return f"[{part.type.removesuffix('_url').removeprefix('input_')}]"
