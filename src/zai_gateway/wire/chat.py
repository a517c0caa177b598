"""A chat request in OpenAI's shape: the fields that the gateway reads, beside the bytes as they came."""

from collections.abc import Mapping
from functools import cached_property

import msgspec
from msgspec import Raw, Struct

from zai_gateway.errors import Code, Failure
from zai_gateway.wire.fields import Fields, invalid, missing, oversized, values_in
from zai_gateway.wire.media import MOST_PARTS, Cargo
from zai_gateway.wire.parameters import PARAMETERS, parameters_of, plain_parameters, texts
from zai_gateway.wire.reading import OBJECT, are_texts, is_utf8, read_dense
from zai_gateway.wire.splice import Member, members, outnumbers
from zai_gateway.wire.values import kind

LONGEST_MODEL = 200
"""Characters that the name of a model may have."""
MOST_VALUES = 100_000
"""Commas between values that a body may have, at any depth: they bound the time that reading it takes."""
MOST_TOOLS = 1_000


class ChatRequest(Struct, frozen=True, kw_only=True, dict=True):
    """A request that was checked. What is not read here stays in `body`, untouched."""

    body: bytes
    """The client's bytes, as received; of another front than OpenAI's, what they are in the hub's form."""
    values: Mapping[str, Raw]
    """Each top-level member's value, as its bytes in `body`."""
    plain: bool = False
    """Whether it was read at one go: messages of text and parameters, without whitespace between members."""
    unread: tuple[str, ...] = ()
    """The names of the top-level members that are not read here."""
    model: str
    models: tuple[str, ...] = ()
    """Further models to try, in order, where `model` fails."""
    stream: bool = False
    include_usage: bool = True
    """False only where the client said `stream_options.include_usage: false`."""
    output_limit: int | None = None
    """The client's limit on output tokens per choice: the lesser of its two spellings, or None."""
    choices: int = 1
    """`n`."""
    stop: tuple[str, ...] = ()
    reasoning_effort: str | None = None
    service_tier: str | None = None
    message_count: int
    part_count: int = 0
    """Parts of the messages' contents that are lists."""
    tool_count: int = 0
    schema_bytes: int = 0
    """Bytes of `tools`, `functions` and `response_format`: some providers render them at greater length."""
    inline_images: int = 0
    """Image parts whose bytes stand in the body."""
    inline_image_bytes: int = 0
    """Bytes of the body that are those images: they cost by the image, not by the byte."""
    foreign_media: int = 0
    """Other media parts, by URL or by bytes: nothing but the context window bounds their tokens."""
    sounds: tuple[str, ...] = ()
    """The first fields of media that may be heard: sound has prices of its own."""
    files: tuple[str, ...] = ()
    """The first fields of media that are files to be read."""
    unbounded: tuple[str, ...] = ()
    """The first fields whose cost nothing in the request bounds: `messages[0].content[1].file.file_id`."""
    original: bytes | None = None
    """The client's bytes, where they are not in the hub's form."""

    @cached_property
    def members(self) -> Mapping[str, Member]:
        """Where each top-level member of `body` stands."""
        return members(self.body)


def parse(body: bytes) -> ChatRequest:
    """Checks a chat request (OpenAI's `POST /v1/chat/completions`) and reads what the gateway needs of it.

    Raises Failure: INVALID_JSON for what is no JSON object in UTF-8, DUPLICATE_FIELD where a name stands
    twice in an object that is read, INVALID_REQUEST for a field of the wrong type or range. `param` names
    the field; no message quotes a value.
    """
    if len(body) > MOST_VALUES and outnumbers(body, MOST_VALUES):
        raise oversized("", f"{MOST_VALUES} JSON values beside the first")
    return _plain(body) or parse_with_care(body)


def parse_with_care(body: bytes) -> ChatRequest:
    """As `parse`, whatever the request is like."""
    fields = Fields.of_body(body)
    unread = [name for name in fields.values if name not in READ]
    _refuse_other_cases(unread)
    cargo = _cargo(fields)
    said = parameters_of(fields.values)
    return ChatRequest(
        body=body,
        values=values_in(body, fields),
        unread=tuple(unread),
        model=_model(said.model),
        models=_models(texts(said.models)) if said.models else (),
        stream=said.stream or False,
        include_usage=_include_usage(fields),
        output_limit=said.output_limit,
        choices=int(said.n or 1),
        stop=texts(said.stop),
        reasoning_effort=said.reasoning_effort,
        service_tier=said.service_tier,
        message_count=cargo.messages,
        part_count=cargo.parts,
        tool_count=cargo.tools,
        schema_bytes=fields.size("tools") + fields.size("functions") + fields.size("response_format"),
        inline_images=cargo.inline_images,
        inline_image_bytes=cargo.inline_image_bytes,
        foreign_media=cargo.foreign_media,
        sounds=tuple(cargo.sounds),
        files=tuple(cargo.files),
        unbounded=tuple(cargo.unbounded),
    )


def _plain(body: bytes) -> ChatRequest | None:
    """A request as most clients write it, which says nothing twice; None for one to be read with care."""
    values = read_dense(OBJECT, body) if is_utf8(body) else None
    if values is None or not _PLAIN.issuperset(values) or "messages" not in values:
        return None
    messages = read_dense(_TEXT_MESSAGES, values["messages"])
    if not messages or len(messages) > MOST_PARTS or not are_texts([each.content for each in messages]):
        return None
    said = plain_parameters(body, values)
    if said is None or said.model is None or said.models is not None:
        return None
    return ChatRequest(
        body=body,
        values=values,
        plain=True,
        model=_model(said.model),
        stream=said.stream or False,
        output_limit=said.output_limit,
        choices=int(said.n or 1),
        stop=texts(said.stop),
        reasoning_effort=said.reasoning_effort,
        service_tier=said.service_tier,
        message_count=len(messages),
    )


class _TextMessage(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    role: str
    content: Raw


def _refuse_other_cases(unread: list[str]) -> None:
    """Some upstreams match names without regard to case: `Model` would be a second `model` to them."""
    for name in unread:
        folded = name[:64].casefold()
        if folded in READ:
            raise Failure(Code.INVALID_REQUEST, f"`{name[:64]}` must be spelled `{folded}`.", param=name[:64])


def _model(model: str | None) -> str:
    if model is None:
        raise missing("model", "the name of a model, such as openai/gpt-5.4-mini")
    return _checked_model(model, "model")


def _models(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_checked_model(name, f"models[{index}]") for index, name in enumerate(names))


def _checked_model(model: str, field: str) -> str:
    if len(model) > LONGEST_MODEL or not model.isprintable():
        # It goes into the ledger, into errors and onto an operator's terminal.
        raise invalid(field, f"a name of at most {LONGEST_MODEL} printable characters", "not one")
    if model.startswith("/") or model.endswith("/"):
        raise invalid(field, "the name of a model, such as openai/gpt-5.4-mini", "cut off at a slash")
    return model


def _cargo(fields: Fields) -> Cargo:
    messages = fields.objects("messages", MOST_PARTS)
    if messages is None:
        raise missing("messages", "a list of at least one message")
    if not messages:
        raise invalid("messages", "a list of at least one message", "empty")
    cargo = Cargo()
    cargo.load_messages(messages)
    tools = fields.objects("tools", MOST_TOOLS)
    if tools:
        cargo.load_tools(tools)
    return cargo


def _include_usage(fields: Fields) -> bool:
    options = fields.raw("stream_options")
    if options is None:
        return True
    if not options.startswith(b"{"):
        raise invalid("stream_options", "an object", kind(options))
    return Fields.of(options, "stream_options").flag("include_usage") is not False


READ = PARAMETERS | {"messages", "tools", "functions", "response_format", "stream_options"}
"""The members that are read: no row of a provider refuses one of them by its name."""
_PLAIN = PARAMETERS | {"messages"}
_TEXT_MESSAGES = msgspec.json.Decoder(list[_TextMessage])
