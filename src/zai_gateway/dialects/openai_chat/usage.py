"""What `usage` says in OpenAI's dialect, as each of its vendors means it, in buckets that do not overlap."""

from decimal import ROUND_CEILING, Decimal

from zai_gateway.money import MAX_NANO, NANO_PER_USD
from zai_gateway.wire.draft import Draft
from zai_gateway.wire.usage import USUAL_COUNTING, Counting, Statement, Usage
from zai_gateway.wire.values import Json

MOST_TOKENS = 2**31 - 1
"""A count above this is taken for no count at all: at no price would the books hold it."""

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


def stated_cost(value: Json, statement: Statement | None) -> int | None:
    """Nano-USD that a `usage` object says was billed, rounded up; None where it says nothing of the kind."""
    if statement is None or not isinstance(value, dict):
        return None
    billed = _amount(_at(value, statement.path))
    if billed is not None and statement.beside and value.get("is_byok") is True:
        beside = _amount(_at(value, statement.beside))
        billed = None if beside is None else billed + beside
    if billed is None:
        return None
    nano = int((billed * NANO_PER_USD / statement.parts_per_usd).to_integral_value(ROUND_CEILING))
    return nano if nano <= MAX_NANO else None


def tier_of(value: dict[str, Json]) -> str | None:
    """The service tier that an answer or a chunk names, beside its `usage` or in it (Mistral)."""
    told = (value.get("service_tier"), _at(value, ("usage", "service_tier")))
    return next((tier for tier in told if isinstance(tier, str)), None)


def completed_usage(text: bytes, usage: Usage) -> bytes:
    """The provider's own `usage` object, with `total_tokens` where it left that out (wire.md 8)."""
    draft = Draft(text)
    if draft.raw("total_tokens") in (None, b"null"):
        draft.say("total_tokens", usage.prompt + usage.output)
    return draft.written()


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
    return max(_count(_at(usage, place)) or 0 for place in places)


def _at(value: Json, path: tuple[str, ...]) -> Json:
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _count(value: Json) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value) if 0 <= value <= MOST_TOKENS else None


def _amount(value: Json) -> Decimal | None:
    """A sum of money as it is written: a float would bring dust that rounding up makes a nano-USD of."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_NANO:
        return None
    return Decimal(repr(value))
