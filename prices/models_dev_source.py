"""models.dev: names, limits, modalities, dates of release, and prices in USD per million tokens."""

import json
import lzma
from decimal import Decimal
from pathlib import Path
from typing import Any

from offers import Fees, Offer, Rates, pico_of_usd_up
from vendor_table import Vendor

Row = dict[str, Any]

_FIELDS = {
    "input": "input",
    "cache_read": "cache_read",
    "cached_input": "cache_read",
    "cache_write": "cache_write",
    "output": "output",
    "reasoning": "output",
}


def read(file: Path) -> dict[str, dict[str, Row]]:
    """Every model by provider and id; numbers are exact."""
    return json.loads(lzma.decompress(file.read_bytes()), parse_float=Decimal)


def of_vendor(providers: dict[str, dict[str, Row]], vendor: Vendor) -> dict[str, Row]:
    """The vendor's models by id."""
    found: dict[str, Row] = {}
    for provider in vendor.models_dev:
        for id, row in providers[provider].items():
            found.setdefault(id, row)
    return found


def offers(row: Row) -> dict[str, Offer]:
    """The standard tier, which is the only one that the source prices; nothing where it has no price."""
    cost: dict[str, Any] = row.get("cost") or {}
    base = _rates(cost)
    steps = {int(step["tier"]["size"]): _rates(step) for step in cost.get("tiers") or ()}
    return {"standard": Offer(base, steps)} if base else {}


def fees(row: Row) -> Fees:
    """What it says of requests."""
    cost: dict[str, Any] = row.get("cost") or {}
    return Fees(request=pico_of_usd_up(Decimal(cost.get("request", 0))))


def modalities(row: Row, way: str) -> tuple[str, ...]:
    """What the model takes (`input`) or answers in (`output`); none where it says nothing."""
    listed: dict[str, list[str]] = row.get("modalities") or {}
    return tuple(listed.get(way, ()))


def _rates(cost: dict[str, Any]) -> Rates:
    found: Rates = {}
    for field, bucket in _FIELDS.items():
        if field in cost:
            pico = pico_of_usd_up(Decimal(cost[field]) / 1_000_000)
            found[bucket] = max(found.get(bucket, 0), pico)
    return found
