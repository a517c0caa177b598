"""Hand-kept prices: those that no order of the sources gets right, with their evidence."""

from datetime import UTC, datetime
from typing import Any

from merging import tariff
from offers import PARTS, Offer, dearest
from tables import PriceRow, Tables

_ROW = dict[str, Any]


def apply_kept(rows: dict[str, _ROW], tables: Tables) -> None:
    """Puts the kept prices into the rows. Raises KeyError for one that is of a model without a price."""
    for name, row in rows.items():
        kept = tables.price(name)
        price = _kept(row, rows, kept) if kept is not None else None
        if kept is not None and price is not None:
            row["earlier_prices"] = []
            if kept.since is not None:
                row["earlier_prices"] = [row["price"]]
                begins = datetime(kept.since.year, kept.since.month, kept.since.day, tzinfo=UTC)
                price["since"] = int(begins.timestamp())
            row["price"] = price
        fees = tables.fees(name)
        if fees is not None and "price" in row:
            source = f"{row['price']['source']}; fees: {fees.source}"
            row["price"] = {**row["price"], "fees": fees.fees, "source": source}


def _kept(row: _ROW, rows: dict[str, _ROW], kept: PriceRow) -> _ROW | None:
    if kept.price is not None:
        return {**kept.price, "source": kept.source}
    if kept.price_of is not None:
        row["later_prices"] = rows[kept.price_of]["later_prices"]
        return {**rows[kept.price_of]["price"], "source": f"that of {kept.price_of}: {kept.source}"}
    if kept.dearest_with is not None:
        row["later_prices"] = []
        return _dearer(row["price"], rows[kept.dearest_with]["price"], kept)
    return None


def _dearer(own: _ROW, other: _ROW, kept: PriceRow) -> _ROW:
    """Of the standard tier; other tiers are not sold for a name that stands for another model."""
    offers = [_offer(price["standard"]) for price in (own, other)]
    source = f"the dearer of {own['source']} and {kept.dearest_with}: {kept.source}"
    return {"source": source, "standard": tariff(dearest(offers)), "fees": own.get("fees", {})}


def _offer(row: _ROW) -> Offer:
    steps = {step["over"]: _rates(step) for step in row.get("steps", ())}
    return Offer(_rates(row), steps)


def _rates(row: _ROW) -> dict[str, int]:
    return {part: row[part] for part in PARTS if part in row}
