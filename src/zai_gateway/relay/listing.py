"""A provider's own list of models: asked for, and read out of the many shapes that providers give it."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import msgspec

from zai_gateway.accounts.records import ProviderKey
from zai_gateway.catalogue.listings import ListedModel
from zai_gateway.errors import Code, Failure
from zai_gateway.providers.addressing import models_url
from zai_gateway.providers.registry import Provider, provider_of
from zai_gateway.providers.signing import signature
from zai_gateway.relay.exchange import read_whole
from zai_gateway.relay.failures import breakdown, refusal
from zai_gateway.relay.list_entries import in_usual_words
from zai_gateway.relay.upstream import Outbound, Timeouts, Upstream, UpstreamError
from zai_gateway.relay.voices import voice_of
from zai_gateway.wire.fronts import Front

MAX_BYTES = 8 * 1024 * 1024
MOST_MODELS = 5_000
_MOST_ID = 200
_MOST_TOKENS = 10**10
_MOST_WORDS = 16
_LAST_SECOND = 253_402_300_799
_TIMEOUTS = Timeouts(connect=10.0, first_byte=30.0, silence=10.0)
_WHOLE_SECONDS = 60.0

_CONTEXT = ("context_window", "context_length", "max_model_len", "max_context_length")
"""Groq's, OpenRouter's (and Together's, Fireworks', Moonshot's), vLLM's, and Mistral's (and LM Studio's)."""
_OUTPUT = ("max_completion_tokens", "max_output_tokens", "max_output_length")
_CHATS = frozenset({"chat", "language", "llm", "vlm", "text-generation", "image-text-to-text"})
_EMBEDS = frozenset({"embedding", "embeddings"})
_OTHER_KINDS = frozenset(
    {
        *_EMBEDS,
        *("rerank", "reranker", "moderation", "image", "video", "audio", "speech"),
        *("transcribe", "transcription", "tts", "stt", "text-to-image", "text-to-speech", "ocr"),
    }
)
"""Words by which lists say what a model is for; of any other word nothing is known."""


def lists_models(key: ProviderKey) -> bool:
    """Whether its provider has a list that it can be asked for."""
    return models_url(provider_of(key.provider), key.base_url) is not None


async def asked(upstream: Upstream, key: ProviderKey, secret: str) -> tuple[ListedModel, ...]:
    """What the provider lists. Raises Failure, in words without the secret."""
    row = provider_of(key.provider)
    try:
        async with asyncio.timeout(_WHOLE_SECONDS):
            # Not on the loop: a list may be long.
            return await asyncio.to_thread(parsed, await _body(upstream, row, key, secret))
    except UpstreamError as error:
        raise breakdown(error, row.title) from None
    except TimeoutError:
        raise Failure(
            Code.UPSTREAM_TIMEOUT, f"{row.title}: its list took more than {_WHOLE_SECONDS:g} s."
        ) from None


async def _body(upstream: Upstream, row: Provider, key: ProviderKey, secret: str) -> bytes:
    request = Outbound(
        method="GET",
        url=models_url(row, key.base_url) or "",
        headers=signature(row, secret),
        body=b"",
        private=key.private,
    )
    inbound = await upstream.send(request, _TIMEOUTS)
    try:
        body = await read_whole(inbound, MAX_BYTES)
    finally:
        await inbound.close()
    if inbound.status != 200:
        problem = voice_of(Front.OPENAI, row.dialect).error(inbound.status, inbound.headers, body)
        raise refusal(problem, row.title, secret)
    return body


def parsed(body: bytes) -> tuple[ListedModel, ...]:
    """The models of a list, each once and at most 5,000, in its order; what cannot be one is left out.

    A list stands alone (Together), or under `data` (OpenAI, and most) or `models`. Raises Failure for what is
    no list.
    """
    try:
        given: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise _no_list() from None
    if isinstance(given, dict):
        fields = cast(dict[str, object], given)
        given = fields.get("data", fields.get("models"))
    if not isinstance(given, list):
        raise _no_list()
    found: dict[str, ListedModel] = {}
    for entry in cast(list[object], given)[: 2 * MOST_MODELS]:
        model = _model(entry)
        if model is not None:
            found.setdefault(model.id, model)
        if len(found) == MOST_MODELS:
            break
    return tuple(found.values())


def _no_list() -> Failure:
    return Failure(Code.UPSTREAM_FAILED, "What came is no list of models.")


def _model(entry: object) -> ListedModel | None:
    if not isinstance(entry, dict):
        return None
    fields = in_usual_words(cast(dict[str, Any], entry))
    id = fields.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= _MOST_ID or not id.isprintable():
        return None
    architecture, capabilities = _below(fields, "architecture"), _below(fields, "capabilities")
    best, inside = _below(fields, "top_provider"), _below(fields, "meta")
    inputs, outputs = _modalities(fields, architecture)
    return ListedModel(
        id=id,
        created=_number(fields.get("created"), _LAST_SECOND) or 0,
        context_window=_first(
            (fields, *_CONTEXT), (best, "context_length"), (inside, "n_ctx", "n_ctx_train")
        ),
        max_output=_first((fields, *_OUTPUT), (best, "max_completion_tokens")),
        inputs=inputs or _seen(fields, capabilities),
        outputs=outputs,
        chat=_chats(fields, capabilities, outputs),
        embeds=_kind(fields) in _EMBEDS,
    )


def _below(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = fields.get(name)
    return cast(Mapping[str, Any], value) if isinstance(value, dict) else {}


def _first(*places: tuple[Mapping[str, Any] | str, ...]) -> int | None:
    """The first number of tokens that stands under one of the names in one of the objects."""
    for fields, *names in places:
        for name in names:
            number = _number(cast(Mapping[str, Any], fields).get(cast(str, name)), _MOST_TOKENS)
            if number:
                return number
    return None


def _number(value: object, most: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        return None
    return int(value)


def _modalities(
    fields: Mapping[str, Any], architecture: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What goes in and what comes out, as OpenRouter and xAI say it."""
    inputs, outputs = (
        tuple(_words(architecture.get(name) or fields.get(name)))
        for name in ("input_modalities", "output_modalities")
    )
    spelled = architecture.get("modality")
    if not (inputs or outputs) and isinstance(spelled, str) and "->" in spelled:
        before, _, after = spelled.partition("->")
        return tuple(_words(before.split("+"))), tuple(_words(after.split("+")))
    return inputs, outputs


def _words(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for word in cast(list[object], value)[:_MOST_WORDS]:
            if (
                isinstance(word, str)
                and word.isascii()
                and 0 < len(word) <= _MOST_WORDS
                and word.isprintable()
            ):
                yield "pdf" if word == "file" else word.lower()


def _seen(fields: Mapping[str, Any], capabilities: Mapping[str, Any]) -> tuple[str, ...]:
    """The modalities of input where a list only says whether images may be among them."""
    said: Iterable[object] = (
        fields.get("supports_image_in"),
        fields.get("supports_image_input"),
        capabilities.get("vision"),
    )
    known = [each for each in said if isinstance(each, bool)]
    return () if not known else ("text", "image") if any(known) else ("text",)


def _kind(fields: Mapping[str, Any]) -> str:
    kind = fields.get("type") or fields.get("task") or fields.get("model_type")
    return kind.lower() if isinstance(kind, str) else ""


def _chats(
    fields: Mapping[str, Any], capabilities: Mapping[str, Any], outputs: tuple[str, ...]
) -> bool | None:
    """Whether it answers chat requests, as far as the list says."""
    for said in (capabilities.get("completion_chat"), fields.get("supports_chat")):
        if isinstance(said, bool):
            return said
    kind = _kind(fields)
    if kind in _CHATS | _OTHER_KINDS:
        return kind in _CHATS
    return "text" in outputs if outputs else None
