"""Addressing: where a request goes, by its provider's base URL, its dialect and its model."""

import re
from urllib.parse import quote

from zai_gateway.providers.provider import Dialect, Provider, Surface

_DEPLOYMENT = re.compile(r"(.*/openai)/deployments(/[^/]+)?")
CHAT_PATH = "/chat/completions"
EMBEDDINGS_PATH = "/embeddings"
MESSAGES_PATH = "/messages"
AZURE_VERSION = "2024-10-21"
"""The API version of Azure's deployments where the base URL names none: the last one that is no preview."""
AZURE_INFERENCE_VERSION = "2024-05-01-preview"
"""The same for Azure's `/models` endpoint, which has no other."""
_GENERATES = {False: ":generateContent", True: ":streamGenerateContent?alt=sse"}
_PREDICTS = {False: ":rawPredict", True: ":streamRawPredict"}


def chat_url(provider: Provider, base_url: str, model: str, *, streamed: bool = False) -> str:
    """Where a conversation with `model` (the provider's own id) goes."""
    if provider.surface is Surface.AZURE:
        return _azure(base_url, CHAT_PATH, model)
    match provider.dialect_of(model):
        case Dialect.OPENAI_CHAT:
            return base_url + CHAT_PATH
        case Dialect.ANTHROPIC_MESSAGES if provider.surface is Surface.VERTEX:
            return f"{base_url}/publishers/anthropic/models/{_segment(model)}{_PREDICTS[streamed]}"
        case Dialect.ANTHROPIC_MESSAGES:
            return base_url + MESSAGES_PATH
        case Dialect.GEMINI:
            return _google(provider, base_url, model) + _GENERATES[streamed]


def count_url(provider: Provider, base_url: str, model: str) -> str | None:
    """Where the provider counts the tokens of a request to `model`, for free; None where it does not."""
    match provider.dialect_of(model):
        case Dialect.OPENAI_CHAT:
            return None
        case Dialect.ANTHROPIC_MESSAGES if provider.surface is Surface.VERTEX:
            # The body names the model there:
            # https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/count-tokens
            return f"{base_url}/publishers/anthropic/models/count-tokens:rawPredict"
        case Dialect.ANTHROPIC_MESSAGES:
            return f"{base_url}{MESSAGES_PATH}/count_tokens"
        case Dialect.GEMINI:
            return f"{_google(provider, base_url, model)}:countTokens"


def embeddings_url(provider: Provider, base_url: str, model: str, *, texts: int = 1) -> str | None:
    """Where `model` makes embeddings of so many texts; None where the provider makes none, or not so many.

    Vertex AI takes one text at a time: of models up to `gemini-embedding-001` as an instance to predict for,
    of later ones by `embedContent`.
    """
    if provider.surface is Surface.AZURE:
        return _azure(base_url, EMBEDDINGS_PATH, model)
    match provider.dialect_of(model):
        case Dialect.OPENAI_CHAT:
            return base_url + EMBEDDINGS_PATH
        case Dialect.ANTHROPIC_MESSAGES:
            return None
        case Dialect.GEMINI if provider.surface is Surface.VERTEX:
            is_later = model.startswith("gemini-") and model != "gemini-embedding-001"
            verb = "embedContent" if is_later else "predict"
            return f"{_google(provider, base_url, model)}:{verb}" if texts == 1 else None
        case Dialect.GEMINI:
            return f"{_google(provider, base_url, model)}:batchEmbedContents"


def members(provider: Provider, model: str) -> tuple[tuple[str, bytes], ...]:
    """What a body has to say beside what its dialect does, each with its value in JSON."""
    if provider.surface is Surface.VERTEX and provider.dialect_of(model) is Dialect.ANTHROPIC_MESSAGES:
        return (("anthropic_version", b'"vertex-2023-10-16"'),)
    return ()


def names_model(provider: Provider, model: str) -> bool:
    """Whether a body names its model; elsewhere the address does."""
    return provider.surface is not Surface.VERTEX and provider.dialect_of(model) is not Dialect.GEMINI


def serves(provider: Provider, base_url: str, model: str) -> bool:
    """Whether what stands at the base URL answers as `model`: one deployment of Azure's is one model."""
    pinned = _DEPLOYMENT.fullmatch(base_url.partition("?")[0].rstrip("/"))
    return provider.surface is not Surface.AZURE or not pinned or pinned[2] in (None, f"/{model}")


def models_url(provider: Provider, base_url: str) -> str | None:
    """Where the provider lists its models; None where it has no list."""
    return _beside(provider, base_url, provider.models_path)


def key_url(provider: Provider, base_url: str) -> str | None:
    """Where a GET tells whether the provider takes a key; None where it has no such place."""
    return _beside(provider, base_url, provider.key_path)


def _beside(provider: Provider, base_url: str, path: str | None) -> str | None:
    if path is None:
        return None
    return _azure(base_url, path, None) if provider.surface is Surface.AZURE else base_url + path


def _google(provider: Provider, base_url: str, model: str) -> str:
    place = "/publishers/google/models/" if provider.surface is Surface.VERTEX else "/models/"
    return base_url + place + _segment(model)


def _segment(model: str) -> str:
    """The model as one segment of a path: no id leads elsewhere."""
    return quote(model, safe="@")


def _azure(base_url: str, path: str, model: str | None) -> str:
    """An address on the surface that the base URL names; `model` is None for what belongs to no deployment.

    `.../openai/deployments` has one address for each deployment, `.../openai/deployments/NAME` is one of
    them, `.../models` is the inference endpoint of Azure AI; anything else is the v1 surface.
    """
    place, _, query = base_url.partition("?")
    place = place.rstrip("/")
    if found := _DEPLOYMENT.fullmatch(place):
        query = query or f"api-version={AZURE_VERSION}"
        if model is None:
            return f"{found[1]}{path}?{query}"
        deployment = found[2] or f"/{quote(model, safe='')}"
        return f"{found[1]}/deployments{deployment}{path}?{query}"
    if place.endswith("/models") and model is not None:
        return f"{place}{path}?{query or f'api-version={AZURE_INFERENCE_VERSION}'}"
    if place.endswith("/models"):
        place, query = place.removesuffix("/models"), ""
    if not place.endswith("/v1"):
        place = f"{place.removesuffix('/openai')}/openai/v1"
    return f"{place}{path}{'?' if query else ''}{query}"
