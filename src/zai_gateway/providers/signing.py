"""Signing and addressing: the headers by which a provider knows whose request it is, and where it goes."""

import re
from urllib.parse import quote

from zai_gateway.providers.provider import Auth, Provider, Surface

_DEPLOYMENT = re.compile(r"(.*/openai)/deployments(/[^/]+)?")
CHAT_PATH = "/chat/completions"
AZURE_VERSION = "2024-10-21"
"""The API version of Azure's deployments where the base URL names none: the last one that is no preview."""
AZURE_INFERENCE_VERSION = "2024-05-01-preview"
"""The same for Azure's `/models` endpoint, which has no other."""


def signature(provider: Provider, secret: str) -> tuple[tuple[str, str], ...]:
    """The headers that carry `secret` to the provider; none where it asks for none."""
    if provider.auth is Auth.NONE or not secret:
        return ()
    if provider.auth is Auth.API_KEY:
        return (("api-key", secret),)
    return (("authorization", f"Bearer {secret}"),)


def chat_url(provider: Provider, base_url: str, model: str) -> str:
    """Where a chat request for `model` (the provider's own id) goes."""
    if provider.surface is Surface.AZURE:
        return _azure(base_url, CHAT_PATH, model)
    return base_url + CHAT_PATH


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
