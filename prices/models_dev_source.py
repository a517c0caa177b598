"""models.dev: prices and limits, and the dates of release."""

import json
import lzma
from decimal import Decimal
from pathlib import Path
from typing import Any

from offers import PARTS, Offer, pico_of_usd

Row = dict[str, Any]


def read(file: Path) -> dict[str, Row]:
    """Every model by id; numbers are exact."""
    return json.loads(lzma.decompress(file.read_bytes()), parse_float=Decimal)


def offers(row: Row) -> dict[str, Offer]:
    """The standard tier: other tiers stand there as experiments."""
    cost: Row | None = row.get("cost")
    if not cost:
        return {}
    steps: list[Row] = cost.get("tiers", [])
    if len(steps) > 1:
        raise ValueError("more than one long-context threshold")
    long, over = (_rates(steps[0]), int(steps[0]["tier"]["size"])) if steps else ({}, None)
    return {"standard": Offer(_rates(cost), long, over)}


def _rates(cost: Row) -> dict[str, int]:
    """Of USD per million tokens. A cache read of 0 is how the source says that it knows none."""
    named = ((part, Decimal(cost.get(part, 0))) for part in PARTS)
    return {part: pico_of_usd(usd / 1_000_000) for part, usd in named if usd}
