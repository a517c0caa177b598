"""What OpenAI's `usage` says, brought into buckets that do not overlap."""

from zai_gateway.wire.draft import Draft
from zai_gateway.wire.usage import Usage
from zai_gateway.wire.values import Json

MOST_TOKENS = 2**31 - 1
"""A count above this is taken for no count at all: at no price would the books hold it."""


def read_usage(value: Json) -> Usage | None:
    """The buckets of a `usage` object, or None where it lacks one of its two counts.

    OpenAI counts cached tokens, read or written, into `prompt_tokens` and reasoning into
    `completion_tokens` (wire.md 22-23). Servers of this dialect that count some of them apart are known by
    their own numbers: a total that is more than the sum, or a part that is more than its whole. Where such
    numbers leave a doubt, the dearer reading is taken.
    """
    if not isinstance(value, dict):
        return None
    prompt, completion = _count(value.get("prompt_tokens")), _count(value.get("completion_tokens"))
    if prompt is None or completion is None:
        return None
    reasoning = _detail(value, "completion_tokens_details", "reasoning_tokens")
    uncounted = max(0, (_count(value.get("total_tokens")) or 0) - prompt - completion)
    if uncounted and uncounted == _detail(value, "prompt_tokens_details", "audio_tokens"):
        prompt, uncounted = prompt + uncounted, 0
    elif reasoning > completion:
        uncounted = max(uncounted, reasoning)
    output = completion + uncounted
    cache_read = _detail(value, "prompt_tokens_details", "cached_tokens")
    cache_write = _detail(value, "prompt_tokens_details", "cache_write_tokens")
    if max(cache_read, cache_write) > prompt:
        prompt += cache_read + cache_write
    # Tokens that are said to be both read and written were written, which costs more.
    cache_read = min(cache_read, prompt - cache_write)
    return Usage(
        input=prompt - cache_read - cache_write,
        cache_read=cache_read,
        cache_write=cache_write,
        output=output,
        reasoning=min(reasoning, output),
    )


def completed_usage(text: bytes, usage: Usage) -> bytes:
    """The provider's own `usage` object, with `total_tokens` where it left that out (wire.md 8)."""
    draft = Draft(text)
    if draft.raw("total_tokens") in (None, b"null"):
        draft.say("total_tokens", usage.prompt + usage.output)
    return draft.written()


def _detail(usage: dict[str, Json], group: str, name: str) -> int:
    details = usage.get(group)
    return (_count(details.get(name)) or 0) if isinstance(details, dict) else 0


def _count(value: Json) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value) if 0 <= value <= MOST_TOKENS else None
