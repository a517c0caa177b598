"""What a provider reported, read once more and simply, against what the ledger says of it."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from tests.dialects.vendors import prefix_of
from tests.flow.replay import Replayed

_READ_AND_WRITTEN = "815b92db0f8f"
"""Gemini behind OpenRouter: the same tokens are read from the cache and written to it, and billed as both."""


def booked(each: Replayed, told: Mapping[str, Any] | None, entry: dict[str, Any]) -> str:
    """Checks the entry's buckets, and its cost where that was stated; says how the report is read."""
    name = each.exchange.name
    buckets = {
        bucket: entry[bucket] for bucket in ("input", "cache_read", "cache_write", "output", "reasoning")
    }
    if told is None:
        assert (entry["certainty"], set(buckets.values())) == ("estimated", {None}), name
        return "estimated"
    assert entry["certainty"] == "exact", name
    stated = billed(prefix_of(each.exchange), told)
    if stated is not None:
        assert entry["cost"] == stated, name
    told = _counts(told)
    if not _contradicts_itself(told):
        assert buckets == _plainly(told), name
        return "as reported"
    meant = _as_meant(each, told)
    if meant is not None:
        assert buckets == meant, name
        return "as its vendor means it"
    # Never less than it says.
    assert prefix_of(each.exchange) in ("azure", "doubleword", "gemini-openai", "vercel-gateway"), name
    counted = buckets["input"] + buckets["cache_read"] + buckets["cache_write"] + buckets["output"]
    assert counted >= max(told["total"], told["prompt"] + told["output"]), name
    if told["reasoning"] > told["output"]:
        assert buckets["output"] == told["output"] + told["reasoning"], name
    if told["read"] + told["written"] > told["prompt"]:
        assert buckets["input"] == told["prompt"], name
    return "the dearer way"


def billed(vendor: str, told: Mapping[str, Any]) -> int | None:
    """Nano-USD that the vendor says it billed."""
    usd: Decimal | None = None
    if vendor == "xai" and "cost_in_usd_ticks" in told:
        usd = Decimal(told["cost_in_usd_ticks"]) / 10**10
    elif vendor == "perplexity" and "cost" in told:
        usd = Decimal(str(told["cost"]["total_cost"]))
    elif vendor == "openrouter" and "cost" in told:
        usd = Decimal(str(told["cost"]))
        if told.get("is_byok"):
            usd += Decimal(str(told["cost_details"]["upstream_inference_cost"]))
    return None if usd is None else int((usd * 10**9).to_integral_value(ROUND_CEILING))


def _counts(told: Mapping[str, Any]) -> dict[str, int]:
    into: dict[str, Any] = told.get("prompt_tokens_details") or {}
    out_of: dict[str, Any] = told.get("completion_tokens_details") or {}
    details = {**told, **into}
    read = (details.get(name) for name in ("cached_tokens", "prompt_cache_hit_tokens", "num_cached_tokens"))
    prompt, output = told["prompt_tokens"], told["completion_tokens"]
    return {
        "prompt": prompt,
        "output": output,
        "total": told.get("total_tokens") or prompt + output,
        "read": max(count or 0 for count in read),
        "written": details.get("cache_write_tokens") or 0,
        "reasoning": out_of.get("reasoning_tokens") or details.get("reasoning_tokens") or 0,
        "sound": details.get("audio_tokens") or 0,
    }


def _contradicts_itself(told: Mapping[str, int]) -> bool:
    """Whether its numbers contradict each other, or OpenAI's way to count."""
    return (
        told["total"] != told["prompt"] + told["output"]
        or told["reasoning"] > told["output"]
        or told["read"] + told["written"] > told["prompt"]
    )


def _plainly(told: Mapping[str, int]) -> dict[str, int]:
    return {
        "input": told["prompt"] - told["read"] - told["written"],
        "cache_read": told["read"],
        "cache_write": told["written"],
        "output": told["output"],
        "reasoning": told["reasoning"],
    }


def _as_meant(each: Replayed, told: Mapping[str, int]) -> dict[str, int] | None:
    """The buckets where the vendor's bills or documents say what its numbers mean."""
    match prefix_of(each.exchange):
        case "xai":
            assert told["total"] == told["prompt"] + told["output"] + told["reasoning"]
            return _plainly({**told, "output": told["output"] + told["reasoning"]})
        case "mistral":
            assert told["total"] == told["prompt"] + told["output"] + told["sound"]
            return _plainly({**told, "prompt": told["prompt"] + told["sound"]})
        case "openrouter" if each.exchange.id == _READ_AND_WRITTEN:
            return {**_plainly(told), "input": told["prompt"] - told["read"]}
        case "openrouter":
            # Its bill for 107 tokens of output, of which it says that 118 were reasoning.
            return _plainly({**told, "reasoning": told["output"]})
        case _:
            return None
