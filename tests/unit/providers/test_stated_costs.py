"""Usage times price against what vendors said they billed for it, on every recorded bill."""

from collections import Counter

from tests.dialects.corpus import Exchange, packed
from tests.dialects.vendors import model_of, prefix_of, reported, said
from tests.unit.providers.bills import BY_EXCHANGE, Bill
from vendors.recorded import RECORDED
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.cost import cost
from zai_gateway.catalogue.model import Model
from zai_gateway.wire.events import Reported

CATALOGUE = Catalogue.load()
OWN = "the catalogue's price"
PERPLEXITYS_STEP = 5_000
"""Nano-USD: it rounds each part of a bill to 0.00001 USD."""


def bills() -> list[tuple[Exchange, Model, Reported, int]]:
    """Every exchange whose cost was stated, with its model and what was billed in nano-USD."""
    found = [(exchange, reported(exchange)) for exchange in packed()]
    return [
        (exchange, CATALOGUE.model(prefix_of(exchange), model_of(exchange)), report, report.stated_cost)
        for exchange, report in found
        if report is not None and report.stated_cost is not None
    ]


def by_catalogue(exchange: Exchange, model: Model, report: Reported) -> int | None:
    """Nano-USD by the catalogue's price on the day of the exchange, or now where its day was not kept."""
    day = max(int(each.get("created") or 0) for each in said(exchange))
    price = model.price_at(day) if day else model.price
    return None if price is None else cost(report.usage, price, report.service_tier)


def explained(bill: Bill, own: int | None, report: Reported) -> float:
    usage = report.usage
    if bill.rates is not None:
        return bill.nano((usage.input, usage.cache_read, usage.cache_write, usage.output)) + bill.beside
    return (own or 0) + bill.beside


def agree(vendor: str, nano: float, stated: int) -> bool:
    """Within 0.1 %, and the nano-USD that rounding up makes."""
    return abs(nano - stated) <= max(stated / 1_000, 1, PERPLEXITYS_STEP * (vendor == "perplexity"))


def test_every_bill_is_usage_times_price_or_explained() -> None:
    reasons: Counter[tuple[str, str]] = Counter()
    checked: Counter[str] = Counter()
    for exchange, model, report, stated in bills():
        vendor, own, bill = (
            prefix_of(exchange),
            by_catalogue(exchange, model, report),
            BY_EXCHANGE.get(exchange.id),
        )
        checked[vendor] += 1
        if own is not None and agree(vendor, own, stated):
            assert bill is None, f"{exchange.name}: the explanation is not needed any more"
            reasons[vendor, OWN] += 1
            continue
        assert bill is not None, (exchange.name, model.name, own, stated)
        assert agree(vendor, explained(bill, own, report), stated), (exchange.name, model.name, bill)
        reasons[vendor, bill.why] += 1
    for (vendor, why), count in sorted(reasons.items()):
        print(f"{vendor}: {count} by {why}")
    assert set(BY_EXCHANGE) <= {exchange.id for exchange, *_ in bills()}
    assert checked == {vendor: each.stated for vendor, each in RECORDED.items() if each.stated}
    for vendor, count in checked.items():
        assert count - reasons[vendor, OWN] == RECORDED[vendor].explained, vendor
