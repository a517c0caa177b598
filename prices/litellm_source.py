"""LiteLLM's table: prices by suffixed field names, limits and capabilities."""

import json
import lzma
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from offers import Fees, Offer, Rates, pico_of_usd_up
from vendor_table import Vendor

Row = dict[str, Any]

_FIELD = re.compile(
    r"(?P<bucket>input_cost_per_token|output_cost_per_token|output_cost_per_reasoning_token"
    r"|cache_read_input_token_cost|cache_creation_input_token_cost)"
    r"(?P<lasting>_above_(1|12)hr)?"
    r"(_above_(?P<thousands>\d+)k_tokens)?"
    r"(_(?P<tier>flex|priority|ultrafast|batches))?"
)
_BUCKETS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    # Some charge all output at another rate where the model reasoned: the dearer one is kept.
    "output_cost_per_reasoning_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
}
_INPUTS = {
    "image": "supports_vision",
    "audio": "supports_audio_input",
    "video": "supports_video_input",
    "pdf": "supports_pdf_input",
}


def read(file: Path) -> dict[str, Row]:
    """Every record by its name; numbers are exact."""
    return json.loads(lzma.decompress(file.read_bytes()), parse_float=Decimal)


def of_vendor(records: dict[str, Row], vendor: Vendor) -> dict[str, Row]:
    """The vendor's records by its own ids."""
    found: dict[str, Row] = {}
    for provider in vendor.litellm:
        for name, row in records.items():
            if row.get("litellm_provider") == provider:
                found.setdefault(vendor.own_id(name), row)
    return found


def offers(row: Row) -> dict[str, Offer]:
    """The tiers that the record prices; where prices change by the hour, those of the dearest hours."""
    bases: dict[str, Rates] = {}
    steps: dict[str, dict[int, Rates]] = {}
    for field, usd in row.items():
        match = _FIELD.fullmatch(field)
        if match is None:
            continue
        tier = {None: "standard", "batches": "batch"}.get(match["tier"], match["tier"])
        rates = bases.setdefault(tier, {})
        if match["thousands"]:
            rates = steps.setdefault(tier, {}).setdefault(int(match["thousands"]) * 1_000, {})
        _put(rates, _BUCKETS[match["bucket"]] + ("_long" if match["lasting"] else ""), usd)
    _put_ranges(row.get("tiered_pricing") or (), bases, steps)
    return {tier: Offer(rates, steps.get(tier, {})) for tier, rates in bases.items()}


def fees(row: Row) -> Fees:
    """The dearest of each."""
    searches: dict[str, Decimal] = row.get("search_context_cost_per_query") or {}
    return Fees(
        request=pico_of_usd_up(Decimal(row.get("input_cost_per_request", 0))),
        image=pico_of_usd_up(Decimal(row.get("input_cost_per_image", 0))),
        search=max((pico_of_usd_up(Decimal(usd)) for usd in searches.values()), default=0),
    )


def inputs(row: Row) -> tuple[str, ...]:
    """The modalities that it takes; none where the record says nothing of them."""
    if not any(flag in row for flag in _INPUTS.values()):
        return ()
    return ("text", *(kind for kind, flag in _INPUTS.items() if row.get(flag)))


def _put_ranges(ranges: Any, bases: dict[str, Rates], steps: dict[str, dict[int, Rates]]) -> None:
    """Prices by ranges of the prompt's length."""
    for each in ranges:
        start = int(each["range"][0])
        standard = bases.setdefault("standard", {})
        rates = steps.setdefault("standard", {}).setdefault(start, {}) if start else standard
        for field, usd in each.items():
            if field in _BUCKETS:
                _put(rates, _BUCKETS[field], usd)


def _put(rates: Rates, bucket: str, usd: Any) -> None:
    rates[bucket] = max(rates.get(bucket, 0), pico_of_usd_up(Decimal(usd)))
