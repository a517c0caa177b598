"""Embeddings: a request in OpenAI's shape as Gemini's batch or Vertex AI's prediction, and back."""

import binascii
import struct
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from zai_gateway.dialects.gemini.asked import Dropped, integer, value
from zai_gateway.dialects.problem import broken
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.events import Answer, Reported, UpstreamProblem
from zai_gateway.wire.fields import Fields, invalid, missing
from zai_gateway.wire.usage import Usage, estimated_tokens
from zai_gateway.wire.values import Json, encode, kind

MOST_TEXTS = 2_048
"""Of one request: OpenAI's own limit."""
MOST_DIMENSIONS = 100_000
_TAKEN = ("model", "input", "dimensions", "encoding_format", "task_type")


class Asked(Struct, frozen=True, kw_only=True):
    """What a request for embeddings asks for."""

    texts: tuple[str, ...]
    dimensions: int | None = None
    base64: bool = False
    """Whether each vector is wanted as the base64 of its floats (32 bits, little-endian)."""
    task: str | None = None
    """Gemini's `taskType`, which is `task_type` in the request: an extension."""
    dropped: tuple[str, ...] = ()
    """Members that are left out, by name."""


def read_embeddings(body: bytes) -> Asked:
    """A request in OpenAI's shape (`POST /v1/embeddings`).

    Raises Failure with the field at fault: INVALID_JSON, DUPLICATE_FIELD or INVALID_REQUEST for what is
    malformed, UNSUPPORTED_PARAMETER for tokens, which are another model's.
    """
    fields = Fields.of_body(body)
    wanted = fields.text("encoding_format") or "float"
    if wanted not in ("float", "base64"):
        raise invalid("encoding_format", "float or base64", "another word")
    dimensions = integer(fields, "dimensions")
    if dimensions is not None and not 1 <= dimensions <= MOST_DIMENSIONS:
        raise invalid("dimensions", f"an integer from 1 to {MOST_DIMENSIONS}", "one out of range")
    dropped = Dropped()
    for name in fields.values:
        if name not in _TAKEN and fields.has(name):
            dropped.note(name)
    return Asked(
        texts=_texts(fields),
        dimensions=dimensions,
        base64=wanted == "base64",
        task=fields.text("task_type"),
        dropped=tuple(dropped.names),
    )


def encode_embeddings(asked: Asked, model: str, *, vertex: bool = False) -> bytes:
    """The body for `:batchEmbedContents`, or for Vertex AI's `:predict` (https://ai.google.dev/api/embeddings).

    Vertex AI would cut a text that is too long and say nothing; here it is asked to refuse it.
    """
    if vertex:
        task: dict[str, Json] = {} if asked.task is None else {"task_type": asked.task}
        instances: list[Json] = [{"content": text, **task} for text in asked.texts]
        parameters: dict[str, Json] = {"autoTruncate": False}
        if asked.dimensions is not None:
            parameters["outputDimensionality"] = asked.dimensions
        return encode({"instances": instances, "parameters": parameters})
    shared: dict[str, Json] = {"model": model if model.startswith("models/") else f"models/{model}"}
    if asked.dimensions is not None:
        shared["outputDimensionality"] = asked.dimensions
    if asked.task is not None:
        shared["taskType"] = asked.task
    return encode({"requests": [{**shared, "content": {"parts": [{"text": text}]}} for text in asked.texts]})


def encode_one_embedding(asked: Asked) -> bytes:
    """The body for Vertex AI's `:embedContent`, which takes one text (the REST reference of `v1`)."""
    (text,) = asked.texts
    config: dict[str, Json] = {"autoTruncate": False}
    if asked.dimensions is not None:
        config["outputDimensionality"] = asked.dimensions
    if asked.task is not None:
        config["taskType"] = asked.task
    return encode({"content": {"parts": [{"text": text}]}, "embedContentConfig": config})


def decode_embeddings(body: bytes, asked: Asked, model: str) -> Answer | UpstreamProblem:
    """OpenAI's list of embeddings, from any form of answer; or what is wrong with it.

    `model` is the `provider/model` that answers. Where the provider says nothing of tokens, the answer shows
    an estimate and nothing is reported.
    """
    try:
        told = _TOLD.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as trouble:
        return broken(f"The provider's answer cannot be read: {trouble}.")
    vectors = told.vectors()
    if len(vectors) != len(asked.texts):
        return broken("The provider's answer has not one embedding for each text.")
    try:
        shown = [_shown(vector, asked.base64) for vector in vectors]
    except OverflowError:
        return broken("The provider's answer holds a number that is too large for an embedding.")
    data: list[Json] = [
        {"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(shown)
    ]
    tokens = told.tokens()
    usage = _usage(sum(estimated_tokens(len(text.encode())) for text in asked.texts), tokens)
    answer = encode({"object": "list", "data": data, "model": model, "usage": usage})
    reported = None if tokens is None else Reported(Usage(input=tokens, output=0), None, encode(usage))
    return Answer(answer, reported, 0)


class _Statistics(Struct):
    token_count: Annotated[float, Meta(ge=0, le=2**31 - 1)] | None = None


class _Vector(Struct):
    values: list[float]
    statistics: _Statistics | None = None


class _Prediction(Struct):
    embeddings: _Vector


class _UsageMetadata(Struct, rename="camel"):
    prompt_token_count: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None


class _Told(Struct, rename="camel"):
    embedding: _Vector | None = None
    """Of `:embedContent`."""
    embeddings: list[_Vector] | None = None
    predictions: list[_Prediction] | None = None
    usage_metadata: _UsageMetadata | None = None

    def vectors(self) -> list[_Vector]:
        if self.embeddings is not None:
            return self.embeddings
        if self.embedding is not None:
            return [self.embedding]
        return [prediction.embeddings for prediction in self.predictions or ()]

    def tokens(self) -> int | None:
        """Tokens that went in; None where that is not told of each text."""
        if self.usage_metadata is not None and self.usage_metadata.prompt_token_count is not None:
            return self.usage_metadata.prompt_token_count
        counts = [vector.statistics and vector.statistics.token_count for vector in self.vectors()]
        known = [int(count) for count in counts if count is not None]
        return sum(known) if known and len(known) == len(counts) else None


def _texts(fields: Fields) -> tuple[str, ...]:
    told = value(fields, "input")
    if told is None:
        raise missing("input", "a string or a list of strings")
    if isinstance(told, str):
        return (told,)
    if not isinstance(told, list):
        raise invalid("input", "a string or a list of strings", kind(fields.begins("input")))
    if not 1 <= len(told) <= MOST_TEXTS:
        raise invalid("input", f"a list of 1 to {MOST_TEXTS} strings", "a shorter or a longer one")
    texts: list[str] = []
    for index, text in enumerate(told):
        if isinstance(text, int | list) and not isinstance(text, bool):
            raise Failure(
                Code.UNSUPPORTED_PARAMETER,
                "`input` holds tokens, which mean nothing to another vendor's model: send text.",
                param="input",
            )
        if not isinstance(text, str):
            raise invalid(f"input[{index}]", "a string", "something else")
        texts.append(text)
    return tuple(texts)


def _shown(vector: _Vector, base64: bool) -> Json:
    if not base64:
        return list[Json](vector.values)
    packed = struct.pack(f"<{len(vector.values)}f", *vector.values)
    return binascii.b2a_base64(packed, newline=False).decode()


def _usage(estimated: int, tokens: int | None) -> dict[str, Json]:
    shown = estimated if tokens is None else tokens
    return {"prompt_tokens": shown, "total_tokens": shown}


_TOLD = msgspec.json.Decoder(_Told)
