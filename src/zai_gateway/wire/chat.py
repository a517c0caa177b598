"""A chat request in OpenAI's shape: the fields that the gateway reads, beside the bytes as they came."""

from collections.abc import Mapping

from msgspec import Struct

from zai_gateway.errors import Code, Failure
from zai_gateway.wire.fields import Fields, invalid, missing, oversized
from zai_gateway.wire.media import MOST_PARTS, Cargo
from zai_gateway.wire.splice import Member, outnumbers
from zai_gateway.wire.values import kind

MOST_OUTPUT = 2**31 - 1
"""The largest limit on output tokens that is taken for one."""
LONGEST_MODEL = 200
"""Characters that the name of a model may have."""
MOST_VALUES = 100_000
"""Commas between values that a body may have, at any depth: they bound the time that reading it takes."""
MOST_TOOLS = 1_000
MOST_MODELS = 8
"""Further models that one request may name."""


class ChatRequest(Struct, frozen=True, kw_only=True):
    """A request that was checked. What is not read here stays in `body`, untouched."""

    body: bytes
    """The client's bytes, as received."""
    members: Mapping[str, Member]
    """Where each top-level member of `body` stands."""
    model: str
    models: tuple[str, ...]
    """Further models to try, in order, where `model` fails."""
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
    part_count: int
    """Parts of the messages' contents that are lists."""
    tool_count: int
    schema_bytes: int
    """Bytes of `tools`, `functions` and `response_format`: some providers render them at greater length."""
    inline_images: int
    """Image parts whose bytes stand in the body."""
    inline_image_bytes: int
    """Bytes of the body that are those images: they cost by the image, not by the byte."""
    foreign_media: int
    """Other media parts, by URL or by bytes: nothing but the context window bounds their tokens."""
    sounds: tuple[str, ...]
    """The first fields of media that may be heard: sound has prices of its own."""
    files: tuple[str, ...]
    """The first fields of media that are files to be read."""
    unbounded: tuple[str, ...]
    """The first fields whose cost nothing in the request bounds: `messages[0].content[1].file.file_id`."""


def parse(body: bytes) -> ChatRequest:
    """Checks a chat request (OpenAI's `POST /v1/chat/completions`) and reads what the gateway needs of it.

    Raises Failure: INVALID_JSON for what is no JSON object in UTF-8, DUPLICATE_FIELD where a name stands
    twice in an object that is read, INVALID_REQUEST for a field of the wrong type or range. `param` names
    the field; no message quotes a value.
    """
    if outnumbers(body, MOST_VALUES):
        raise oversized("", f"{MOST_VALUES} JSON values beside the first")
    fields = Fields(body)
    _refuse_other_cases(fields)
    cargo = _cargo(fields)
    fields.number("temperature", 0, 2)
    fields.number("top_p", 0, 1)
    limits = [fields.count(name, MOST_OUTPUT) for name in ("max_tokens", "max_completion_tokens")]
    return ChatRequest(
        body=body,
        members=fields.members,
        model=_model(fields),
        models=_models(fields),
        stream=fields.flag("stream") or False,
        include_usage=_include_usage(fields),
        output_limit=min((limit for limit in limits if limit is not None), default=None),
        choices=fields.count("n", 128) or 1,
        stop=fields.texts("stop", 16),
        reasoning_effort=fields.text("reasoning_effort"),
        service_tier=_name(fields, "service_tier", "the name of a tier"),
        message_count=cargo.messages,
        part_count=cargo.parts,
        tool_count=cargo.tools,
        schema_bytes=sum(fields.size(name) for name in ("tools", "functions", "response_format")),
        inline_images=cargo.inline_images,
        inline_image_bytes=cargo.inline_image_bytes,
        foreign_media=cargo.foreign_media,
        sounds=tuple(cargo.sounds),
        files=tuple(cargo.files),
        unbounded=tuple(cargo.unbounded),
    )


def _refuse_other_cases(fields: Fields) -> None:
    """Some upstreams match names without regard to case: `Model` would be a second `model` to them."""
    for name in fields.members:
        folded = name[:64].casefold()
        if folded != name and folded in _READ:
            raise Failure(Code.INVALID_REQUEST, f"`{name[:64]}` must be spelled `{folded}`.", param=name[:64])


def _model(fields: Fields) -> str:
    model = _name(fields, "model", "the name of a model")
    if model is None:
        raise missing("model", "the name of a model, such as openai/gpt-5.4-mini")
    return _checked_model(model, "model")


def _models(fields: Fields) -> tuple[str, ...]:
    names = fields.texts("models", MOST_MODELS)
    return tuple(_checked_model(name, f"models[{index}]") for index, name in enumerate(names))


def _checked_model(model: str, field: str) -> str:
    if len(model) > LONGEST_MODEL or not model.isprintable():
        # It goes into the ledger, into errors and onto an operator's terminal.
        raise invalid(field, f"a name of at most {LONGEST_MODEL} printable characters", "not one")
    if model.startswith("/") or model.endswith("/"):
        raise invalid(field, "the name of a model, such as openai/gpt-5.4-mini", "cut off at a slash")
    return model


def _name(fields: Fields, field: str, wanted: str) -> str | None:
    name = fields.text(field)
    if name == "":
        raise invalid(field, wanted, "an empty string")
    return name


def _cargo(fields: Fields) -> Cargo:
    messages = fields.items("messages", MOST_PARTS)
    if messages is None:
        raise missing("messages", "a list of at least one message")
    if not messages:
        raise invalid("messages", "a list of at least one message", "empty")
    cargo = Cargo()
    cargo.load_messages(messages)
    cargo.load_tools(fields.items("tools", MOST_TOOLS) or [])
    return cargo


def _include_usage(fields: Fields) -> bool:
    options = fields.raw("stream_options")
    if options is None:
        return True
    if not options.startswith(b"{"):
        raise invalid("stream_options", "an object", kind(options))
    return Fields(options, "stream_options").flag("include_usage") is not False


_READ = frozenset(
    (
        *("model", "models", "messages", "stream", "stream_options", "temperature", "top_p", "stop", "n"),
        *("max_tokens", "max_completion_tokens", "reasoning_effort", "service_tier"),
        *("tools", "functions", "response_format"),
    )
)
