"""What `usageMetadata` says was used, in buckets that do not overlap, and as OpenAI tells it."""

from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from zai_gateway.dialects.gemini.shape import is_told
from zai_gateway.wire.usage import MOST_TOKENS, Usage
from zai_gateway.wire.values import Json, encode

_Count = Annotated[int, Meta(ge=0, le=MOST_TOKENS)] | None


class _Modality(Struct, rename="camel"):
    modality: str | int = ""
    token_count: _Count = None


_Modalities = list[_Modality] | None


class _Told(Struct, rename="camel"):
    prompt_token_count: _Count = None
    candidates_token_count: _Count = None
    thoughts_token_count: _Count = None
    tool_use_prompt_token_count: _Count = None
    cached_content_token_count: _Count = None
    prompt_tokens_details: _Modalities = None
    tool_use_prompt_tokens_details: _Modalities = None
    candidates_tokens_details: _Modalities = None
    service_tier: str | int | None = None
    traffic_type: str | int | None = None


class Count(Struct, frozen=True):
    """One report of what was used."""

    usage: Usage
    service_tier: str | None
    """In the words of `catalogue.tiers`; None where nothing was said."""
    json: bytes
    """OpenAI's `usage` object."""


def read_usage(text: Raw, searches: int) -> Count | None:
    """The report, or None where it says nothing of the prompt's tokens, or cannot be read.

    Gemini counts cached tokens into `promptTokenCount`; what its own tools brought in stands apart from it,
    and thoughts apart from `candidatesTokenCount` (wire.md 22-23). `searches` were told beside it.
    """
    if not is_told(text):
        return None
    try:
        told = _TOLD.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if told.prompt_token_count is None:
        return None
    prompt = told.prompt_token_count + (told.tool_use_prompt_token_count or 0)
    thoughts = told.thoughts_token_count or 0
    output = (told.candidates_token_count or 0) + thoughts
    cached = min(told.cached_content_token_count or 0, prompt)
    usage = Usage(
        input=prompt - cached, cache_read=cached, output=output, reasoning=thoughts, searches=searches
    )
    return Count(usage, _tier(told), _shown(told, usage))


def shown_tier(tier: str | None) -> str | None:
    """A tier in OpenAI's word for it."""
    return "default" if tier == "standard" else tier


def _shown(told: _Told, usage: Usage) -> bytes:
    into: dict[str, Json] = {"cached_tokens": usage.cache_read}
    for details in (told.prompt_tokens_details, told.tool_use_prompt_tokens_details):
        _add(into, details)
    out_of: dict[str, Json] = {"reasoning_tokens": usage.reasoning}
    _add(out_of, told.candidates_tokens_details)
    return encode(
        {
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.output,
            "total_tokens": usage.prompt + usage.output,
            "prompt_tokens_details": into,
            "completion_tokens_details": out_of,
        }
    )


def _add(details: dict[str, Json], told: _Modalities) -> None:
    """Adds how many tokens were of sound, images and the like; text is the rest."""
    for each in told or ():
        name = _MODALITIES.get(each.modality)
        if name is not None and each.token_count:
            before = details.get(name, 0)
            details[name] = each.token_count + (before if isinstance(before, int) else 0)


def _tier(told: _Told) -> str | None:
    tier = told.service_tier
    if isinstance(tier, str) and tier:
        return tier.casefold().removeprefix("service_tier_")
    return None if told.traffic_type is None else _TRAFFIC.get(told.traffic_type)


_TOLD = msgspec.json.Decoder(_Told)
_TRAFFIC: dict[str | int, str] = {
    "ON_DEMAND": "standard",
    1: "standard",
    "ON_DEMAND_PRIORITY": "priority",
    "ON_DEMAND_FLEX": "flex",
}
"""Vertex AI's words; throughput that was paid in advance is no tier."""
_MODALITIES: dict[str | int, str] = {
    "AUDIO": "audio_tokens",
    "IMAGE": "image_tokens",
    "VIDEO": "video_tokens",
}
