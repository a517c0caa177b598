"""A request for embeddings in OpenAI's shape: what the gateway reads of it, beside the bytes as they came."""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct

from zai_gateway.errors import Code, Failure
from zai_gateway.wire.chat import LONGEST_MODEL, ChatRequest
from zai_gateway.wire.fields import Fields, invalid, missing, oversized, values_in
from zai_gateway.wire.splice import outnumbers
from zai_gateway.wire.usage import estimated_tokens
from zai_gateway.wire.values import kind

MOST_TEXTS = 2_048
"""Of one request: OpenAI's own limit."""
MOST_TOKENS = 300_000
"""In all lists of tokens of one request: OpenAI's own limit."""
MOST_DIMENSIONS = 100_000
_MOST_VALUES = MOST_TOKENS + MOST_TEXTS + 10_000
"""Commas between values that a body may have, at any depth: they bound the time that reading it takes."""
_LARGEST_TOKEN = 2**31 - 1


class EmbeddingRequest(ChatRequest, frozen=True, kw_only=True):
    """A request that was checked: to all stations of the relay one with a message for each text."""

    text_bytes: int
    """Bytes of the texts as they stand in the body, and of all that is not read here: no tokenizer makes more
    tokens of them."""
    tokens: int
    """How many tokens stand in its lists of tokens."""

    @property
    def texts(self) -> int:
        """How many embeddings it asks for."""
        return self.message_count

    @property
    def estimated_tokens(self) -> int:
        """A guess at what goes in: exact where the input is tokens."""
        return self.tokens + estimated_tokens(self.text_bytes)


def parse_embeddings(body: bytes) -> EmbeddingRequest:
    """Checks a request for embeddings (OpenAI's `POST /v1/embeddings`).

    Raises Failure: INVALID_JSON for what is no JSON object in UTF-8, DUPLICATE_FIELD where a name stands
    twice in it, INVALID_REQUEST for a field of the wrong type or size, UNSUPPORTED_PARAMETER for what would
    change the model or the price. `param` names the field; no message quotes a value.
    """
    if len(body) > _MOST_VALUES and outnumbers(body, _MOST_VALUES):
        raise oversized("", f"{_MOST_VALUES} JSON values beside the first")
    fields = Fields.of_body(body)
    unread = tuple(name for name in fields.values if name not in _READ)
    _refuse_other_cases(unread)
    _refuse_refused(fields)
    said = _parameters(fields.values)
    texts, tokens = _input(fields)
    return EmbeddingRequest(
        body=body,
        values=values_in(body, fields),
        unread=unread,
        model=_model(said.model),
        message_count=texts,
        text_bytes=(0 if tokens else fields.size("input")) + sum(map(fields.size, unread)),
        tokens=tokens,
    )


class _Parameters(Struct, frozen=True, kw_only=True):
    """Absent is None, and so is `null`."""

    model: Annotated[str, Meta(min_length=1)] | None = None
    encoding_format: str | None = None
    dimensions: Annotated[int, Meta(ge=1, le=MOST_DIMENSIONS)] | None = None
    user: str | None = None


def _parameters(values: Mapping[str, Raw]) -> _Parameters:
    said = {name: value for name, value in values.items() if name in _WANTED}
    try:
        return _PARAMETERS.decode(_ENCODER.encode(said))
    except msgspec.ValidationError as trouble:
        name = str(trouble).rpartition("`$.")[2].rstrip("`")
        found = kind(bytes(values[name])) if " got " in str(trouble) else "one out of range"
        found = "a number with a fraction or an exponent" if "got `float`" in str(trouble) else found
        raise invalid(name, _WANTED[name], found) from None


def _model(model: str | None) -> str:
    if model is None:
        raise missing("model", "the name of a model, such as openai/text-embedding-3-small")
    if len(model) > LONGEST_MODEL or not model.isprintable():
        # It goes into the ledger, into errors and onto an operator's terminal.
        raise invalid("model", f"a name of at most {LONGEST_MODEL} printable characters", "not one")
    if model.startswith("/") or model.endswith("/"):
        raise invalid("model", "the name of a model, such as openai/text-embedding-3-small", "cut off")
    return model


def _input(fields: Fields) -> tuple[int, int]:
    """How many texts there are, and how many tokens where they are lists of tokens."""
    value = fields.raw("input")
    if value is None:
        raise missing("input", _INPUT)
    if value.startswith(b'"'):
        return 1, 0
    if not value.startswith(b"["):
        raise invalid("input", _INPUT, kind(value))
    found = _elements(value)
    if not found:
        raise invalid("input", _INPUT, "an empty list")
    first = found[0]
    if any(type(each) is not type(first) for each in found):
        raise invalid("input", "a list of texts, of tokens, or of lists of tokens", "a mixture of them")
    tokens = len(found) if isinstance(first, int) else _tokens_in(found)
    if tokens > MOST_TOKENS:
        raise oversized("input", f"{MOST_TOKENS} tokens")
    texts = 1 if isinstance(first, int) else len(found)
    if texts > MOST_TEXTS:
        raise oversized("input", f"{MOST_TEXTS} texts")
    return texts, tokens


def _elements(value: bytes) -> "list[_Element]":
    try:
        return _LIST.decode(value)
    except msgspec.ValidationError as trouble:
        where = str(trouble).rpartition("`$")[2].rstrip("`")
        wanted = "a token" if "][" in where else "a text, a token, or a list of tokens"
        raise invalid(f"input{where}", wanted, "something else") from None
    except (msgspec.DecodeError, RecursionError):
        raise invalid("input", _INPUT, "one that cannot be read") from None


def _tokens_in(found: "list[_Element]") -> int:
    """Tokens in lists; 0 where these are texts."""
    total = 0
    for index, each in enumerate(found):
        if isinstance(each, list):
            if not each:
                raise invalid(f"input[{index}]", "a list of at least one token", "empty")
            total += len(each)
    return total


def _refuse_other_cases(unread: tuple[str, ...]) -> None:
    """Some upstreams match names without regard to case: `Model` would be a second `model` to them."""
    for name in unread:
        folded = name[:64].casefold()
        if name != folded and (folded in _READ or folded in _REFUSED):
            raise Failure(Code.INVALID_REQUEST, f"`{name[:64]}` must be spelled `{folded}`.", param=name[:64])


def _refuse_refused(fields: Fields) -> None:
    for name, why in _REFUSED.items():
        if fields.has(name):
            raise Failure(
                Code.UNSUPPORTED_PARAMETER, f"{name}: {why} Take it out of the request.", param=name
            )


_Token: TypeAlias = Annotated[int, Meta(ge=0, le=_LARGEST_TOKEN)]
_Element: TypeAlias = "str | int | list[int]"
_INPUT = "a text, a list of texts, a list of tokens, or a list of such lists"
_REFUSED = {
    "models": "embeddings of different models cannot be compared, so no other one stands in.",
    "service_tier": "embeddings have no service tiers here.",
}
_WANTED = {
    "model": "the name of a model",
    "encoding_format": "a string",
    "dimensions": f"an integer from 1 to {MOST_DIMENSIONS}",
    "user": "a string",
}
_READ = frozenset({*_WANTED, "input"})
_PARAMETERS = msgspec.json.Decoder(_Parameters)
_LIST: "msgspec.json.Decoder[list[_Element]]" = msgspec.json.Decoder(list[str | _Token | list[_Token]])
_ENCODER = msgspec.json.Encoder()
