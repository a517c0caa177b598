"""LiteLLM's table: prices by suffixed field names, limits and capabilities."""

import json
import lzma
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from offers import Offer, pico_of_usd

Row = dict[str, Any]

_FIELD = re.compile(
    r"(?P<bucket>input_cost_per_token|output_cost_per_token"
    r"|cache_read_input_token_cost|cache_creation_input_token_cost)"
    r"(?P<lasting>_above_12hr)?"
    r"(_above_(?P<thousands>\d+)k_tokens)?"
    r"(_(?P<tier>flex|priority|ultrafast))?"
)
_BUCKETS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
}


def read(file: Path) -> dict[str, Row]:
    """Every record by model id; numbers are exact."""
    return json.loads(lzma.decompress(file.read_bytes()), parse_float=Decimal)


def offers(row: Row) -> dict[str, Offer]:
    """The tiers that the record prices. Batch prices are not among them: no chat request is served as one."""
    found: dict[str, Offer] = {}
    for field, usd in row.items():
        match = _FIELD.fullmatch(field)
        if match is None:
            continue
        tier = match["tier"] or "standard"
        offer = found.get(tier, Offer({}, {}, None))
        bucket = _BUCKETS[match["bucket"]] + ("_long" if match["lasting"] else "")
        if match["thousands"]:
            over = int(match["thousands"]) * 1_000
            if offer.long_over not in (None, over):
                raise ValueError(f"two long-context thresholds in one record: {offer.long_over}, {over}")
            found[tier] = Offer(offer.base, {**offer.long, bucket: pico_of_usd(Decimal(usd))}, over)
        else:
            found[tier] = Offer(
                {**offer.base, bucket: pico_of_usd(Decimal(usd))}, offer.long, offer.long_over
            )
    return found
