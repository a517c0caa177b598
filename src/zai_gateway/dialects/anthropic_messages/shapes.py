"""What is read of a request of the hub: the shapes of its messages, parts, calls and reasoning."""

from msgspec import Raw, Struct

from zai_gateway.dialects.anthropic_messages.reading import NULL


class ImageUrl(Struct, frozen=True):
    """`image_url` of a part."""

    url: str | None = None
    detail: str | None = None


class FilePart(Struct, frozen=True):
    """`file` of a part; the last three are extensions that documents of Anthropic's have."""

    filename: str | None = None
    file_data: str | None = None
    file_id: str | None = None
    title: str | None = None
    context: str | None = None
    citations: Raw = NULL


class Part(Struct, frozen=True):
    """One part of a message's content."""

    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    image_url: ImageUrl | str | None = None
    file: FilePart | None = None
    cache_control: Raw = NULL
    citations: Raw = NULL
    """Of a text that an earlier answer of Anthropic's cited: its own list."""


class CalledFunction(Struct, frozen=True):
    """`function` of a tool call."""

    name: str | None = None
    arguments: str | None = None


class Extras(Struct, frozen=True):
    """`extra_content`: what vendors have more to say, by vendor."""

    anthropic: dict[str, Raw] | None = None


class Call(Struct, frozen=True):
    """A tool call that an earlier answer made."""

    id: str | None = None
    function: CalledFunction | None = None
    cache_control: Raw = NULL
    extra_content: Extras | None = None


class ReasoningDetail(Struct, frozen=True):
    """A piece of reasoning that comes back, in OpenRouter's form."""

    type: str | None = None
    text: str | None = None
    signature: str | None = None
    data: str | None = None
    format: str | None = None
    index: int | None = None


class Message(Struct, frozen=True):
    """A message; what is not named here means nothing to Anthropic."""

    role: str | None = None
    content: str | list[Raw] | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str | None = None
    is_error: bool | None = None
    reasoning_details: list[ReasoningDetail] | None = None
    provider_blocks: list[Raw] | None = None
    block_order: list[str] | None = None
    """Where calls came before texts: for each of both, in their order, `content` or `tool_calls`."""
    cache_control: Raw = NULL
    function_call: Raw = NULL
    name: Raw = NULL
    """Of a speaker, or of the function that a tool message answers, which its call names."""
    audio: Raw = NULL
    """Sound of an earlier answer, by its id at the vendor that made it."""
    images: list[Raw] | None = None
    """Those that an earlier answer made, in OpenRouter's form."""
    extra_content: Extras | None = None
