"""What `usage` says in OpenAI's dialect, as each of its vendors means it, in buckets that do not overlap."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from zai_gateway.wire.draft import Draft
from zai_gateway.wire.usage import MOST_TOKENS, USUAL_COUNTING, Counting, Usage
from zai_gateway.wire.values import Json, at_path

_INTO, _OUT_OF = "prompt_tokens_details", "completion_tokens_details"

# The same count stands in different places, by vendor; where it stands in several they say the same.
_REASONING = ((_OUT_OF, "reasoning_tokens"), ("reasoning_tokens",))  # Perplexity, Copilot
_READ = (
    (_INTO, "cached_tokens"),
    ("prompt_cache_hit_tokens",),  # DeepSeek, beside `prompt_cache_miss_tokens`
    ("cached_tokens",),  # Moonshot, Together
    ("num_cached_tokens",),  # Mistral
    ("cache_read_input_tokens",),  # Anthropic's name, at servers that resell its models
)
_WRITTEN = (
    (_INTO, "cache_write_tokens"),  # OpenRouter
    (_INTO, "cache_creation_input_tokens"),  # Alibaba
    ("cache_creation_input_tokens",),
)
_WRITTEN_LONG = (
    (_INTO, "cache_creation", "ephemeral_1h_input_tokens"),
    ("cache_creation", "ephemeral_1h_input_tokens"),
)
_SEARCHES = (
    ("num_search_queries",),  # Perplexity
    ("num_sources_used",),  # xAI, which charges for each source
    ("server_tool_use", "web_search_requests"),  # OpenRouter
    ("server_tool_use_details", "web_search_requests"),
)


def read_usage(value: Json, counting: Counting = USUAL_COUNTING) -> Usage | None:
    """The buckets of a `usage` object, or None where it lacks one of its two counts.

    OpenAI counts cached tokens, read or written, into `prompt_tokens` and reasoning into
    `completion_tokens` (wire.md 22-23). Vendors that count some of them apart are known by `counting`, else
    by their own numbers: a total that is more than the sum, or a part that is more than its whole. Where such
    numbers leave a doubt, the dearer reading is taken.
    """
    if not isinstance(value, dict):
        return None
    usual = _read_usual(value, counting)
    if usual is not None:
        return usual
    prompt, completion = _count(value.get("prompt_tokens")), _count(value.get("completion_tokens"))
    if prompt is None or completion is None:
        return None
    prompt, output = _whole(value, prompt, completion, counting)
    written_long = _most(value, _WRITTEN_LONG)
    written = max(_most(value, _WRITTEN), written_long)
    read = _most(value, _READ)
    if counting.cache_apart or (counting.cache_apart is None and read + written > prompt):
        prompt += read + written
    read, written = min(read, prompt), min(written, prompt)
    written_long = min(written_long, written)
    if read + written > prompt and counting.statement is None:
        read = prompt - written  # no more tokens than there were: the dearer of both
    return Usage(
        # Where its bill shows it, what was both read and written was paid for as both (OpenRouter's Gemini).
        input=prompt - (read + written if read + written <= prompt else max(read, written)),
        cache_read=read,
        cache_write=written - written_long,
        cache_write_long=written_long,
        output=output,
        reasoning=min(_most(value, _REASONING), output),
        searches=_most(value, _SEARCHES),
    )


_Count = Annotated[int, Meta(ge=0, le=MOST_TOKENS)]


class _Into(Struct, forbid_unknown_fields=True):
    cached_tokens: _Count = 0
    audio_tokens: _Count = 0


class _OutOf(Struct, forbid_unknown_fields=True):
    reasoning_tokens: _Count = 0
    audio_tokens: _Count = 0
    accepted_prediction_tokens: _Count = 0
    rejected_prediction_tokens: _Count = 0


class Usual(Struct, forbid_unknown_fields=True):
    """`usage` as OpenAI writes it."""

    prompt_tokens: _Count
    completion_tokens: _Count
    total_tokens: _Count | None = None
    prompt_tokens_details: _Into | None = None
    completion_tokens_details: _OutOf | None = None


def usual_usage(told: Usual, counting: Counting) -> Usage | None:
    """The buckets of counts that leave no doubt; None where one of them stands, or may stand, apart."""
    into, out_of = told.prompt_tokens_details or _Into(), told.completion_tokens_details or _OutOf()
    prompt, output, read = told.prompt_tokens, told.completion_tokens, into.cached_tokens
    if counting.cache_apart or counting.reasoning_apart or (told.total_tokens or 0) > prompt + output:
        return None
    if read > prompt or out_of.reasoning_tokens > output:
        return None
    return Usage(input=prompt - read, cache_read=read, output=output, reasoning=out_of.reasoning_tokens)


def _read_usual(value: dict[str, Json], counting: Counting) -> Usage | None:
    if not value.keys() <= _USUAL:
        return None
    try:
        return usual_usage(msgspec.convert(value, Usual), counting)
    except msgspec.ValidationError:
        return None


def tier_of(value: dict[str, Json]) -> str | None:
    """The service tier that an answer or a chunk names, beside its `usage` or in it (Mistral)."""
    tier = value.get("service_tier")
    if isinstance(tier, str):
        return tier
    usage = value.get("usage")
    tier = usage.get("service_tier") if isinstance(usage, dict) else None
    return tier if isinstance(tier, str) else None


def has_total(told: Json) -> bool:
    """Whether a `usage` object has the counter that some providers leave out."""
    return isinstance(told, dict) and told.get("total_tokens") is not None


def completed_usage(text: bytes, told: Json, usage: Usage) -> bytes:
    """The provider's own `usage` object, with `total_tokens` where it left that out (wire.md 8).

    `text` says `told`, in which `usage` was found.
    """
    if has_total(told):
        return text
    draft = Draft(text)
    draft.say("total_tokens", usage.prompt + usage.output)
    return draft.written()


_USUAL = frozenset(Usual.__struct_fields__)


def _whole(value: dict[str, Json], prompt: int, completion: int, counting: Counting) -> tuple[int, int]:
    """The prompt and the output with what the two counts leave out; cached tokens aside."""
    apart = max(0, (_count(value.get("total_tokens")) or 0) - prompt - completion)
    if apart and apart == _most(value, ((_INTO, "audio_tokens"),)):
        prompt, apart = prompt + apart, 0  # Mistral counts the tokens of sound apart
    reasoning = _most(value, _REASONING)
    if counting.reasoning_apart or (counting.reasoning_apart is None and reasoning > completion):
        apart = max(apart, reasoning)
    # What Perplexity read on the way is billed as input, and stands in no other count.
    return prompt + _most(value, (("citation_tokens",),)), completion + apart


def _most(usage: dict[str, Json], places: tuple[tuple[str, ...], ...]) -> int:
    """The largest count in these places, 0 where none has one."""
    return max(_count(at_path(usage, place)) or 0 for place in places)


def _count(value: Json) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value) if 0 <= value <= MOST_TOKENS else None
