"""Samples: an attempt and an outcome, as far as a test cares."""

from typing import Any

from zai_gateway.spend.ledger import Attempt, Outcome
from zai_gateway.wire.usage import Usage


def attempt(request: str = "req_1", **other: Any) -> Attempt:
    """An attempt of the request; `other` replaces fields."""
    fields: dict[str, Any] = {
        "number": 1,
        "workspace": "ws_1",
        "key": "key_1",
        "member": None,
        "tags": ("team=a",),
        "provider": "openai",
        "provider_key": "pkey_1",
        "requested_model": "openai/gpt-5.4-mini",
        "answering_model": "openai/gpt-5.4-mini",
        "price_version": "2026-11-01",
        "streamed": False,
        "started_ms": 0,
    }
    return Attempt(request=request, **(fields | other))


def outcome(cost: int, **other: Any) -> Outcome:
    """An exact outcome of this cost in nano-USD; `other` replaces fields."""
    fields: dict[str, Any] = {"status": 200, "total_ms": 12, "usage": Usage(input=5, output=6)}
    return Outcome(cost=cost, **(fields | other))
