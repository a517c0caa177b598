"""The worst case against all that was recorded: nothing cost more than what a capped key would have held."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from tests.dialects.corpus import Exchange, packed
from tests.dialects.vendors import model_of, prefix_of, reported, said
from tests.unit.providers.capped import CATALOGUE, OWN_RATES, TODAY, capped, prepared
from zai_gateway.catalogue.bound import Bound
from zai_gateway.catalogue.cost import OWN_PRICE, cost, own_price
from zai_gateway.catalogue.model import Rates
from zai_gateway.catalogue.quote import quote
from zai_gateway.errors import Code, Failure
from zai_gateway.relay.routing import Route
from zai_gateway.wire.chat import ChatRequest, parse
from zai_gateway.wire.events import Reported

COUNTING = own_price(Rates(input=1, cache_read=1, cache_write=1, cache_write_long=1, output=0), "counting")
"""With it a quote's input is a number of tokens."""
NOT_SENT = ("provider",)
"""What no request may ask for; without it the same request is fed."""

DOUBTFUL = {
    "5f7e81a48985": "says 16 tokens of output, as asked for, and 19 of reasoning in them: counted as 35",
    "9fbafa2b32e8": "the same",
}
"""Where more output is booked than was asked for: of what contradicts itself the dearer reading is taken."""

REFUSED = {
    ("groq", "model"): 2,  # it calls other models and searches by itself
    ("llamacpp", "messages"): 1,  # an image, for a model of which nothing is known
    ("mistral", "messages[0].content[1].input_audio"): 2,
    ("openai", "messages[0].content[1].input_audio"): 1,
    ("openai", "messages[3].content[0].file.file_id"): 1,
    ("openai", "modalities"): 1,
    ("openai", "web_search_options"): 1,
    ("openrouter", "messages[0].content[1].file"): 1,  # read by OpenRouter itself, for a fee
    ("openrouter", "messages[1].content[1].input_audio"): 1,
    ("openrouter", "tools[0].type"): 4,  # searches, and calls of other models
}
"""How often a capped key may not ask what was asked, as nothing bounds it, by vendor and field."""


class Case(Struct, frozen=True):
    """An answered request and what it used."""

    exchange: Exchange
    request: ChatRequest
    report: Reported

    def prepared(self) -> tuple[Route, Bound]:
        """As a capped key sends it, where the workspace prices what nobody else does.

        Raises Failure for what it may not ask.
        """
        model = CATALOGUE.model(prefix_of(self.exchange), model_of(self.exchange))
        own = {} if model.price else {model.name: OWN_RATES}
        day = max(int(each.get("created") or 0) for each in said(self.exchange))
        return prepared(self.request, capped(prefix_of(self.exchange), own), day or TODAY)

    def limit(self, bound: Bound) -> int:
        """The output limit that was sent; where there was none, the tightest that lets the answer come."""
        if bound.asked is not None:
            return bound.asked if bound.most is None else min(bound.asked, bound.most)
        return -(-self.report.usage.output // self.request.choices)

    def billed(self, route: Route) -> int:
        """Nano-USD: the dearer of usage times price and what the vendor says."""
        assert route.price is not None
        media = self.request.inline_images + self.request.foreign_media
        used = cost(self.report.usage, route.price, self.report.service_tier, media)
        return used if _is_own(route) else max(used, self.report.stated_cost or 0)


def _is_own(route: Route) -> bool:
    return route.price is not None and route.price.source == OWN_PRICE


def cases() -> Iterator[Case]:
    """Every exchange that reports usage, and whose request was published."""
    for exchange in packed():
        report = reported(exchange)
        if report is None or exchange.request.bytes is None:
            continue
        named = {"model": f"{prefix_of(exchange)}/{model_of(exchange)}"}
        asked: dict[str, Any] = json.loads(exchange.request.bytes) | named
        kept = {field: value for field, value in asked.items() if field not in NOT_SENT}
        yield Case(exchange, parse(json.dumps(kept, ensure_ascii=False).encode()), report)


def test_nothing_used_or_cost_more_than_its_worst_case() -> None:
    found, refused = Counter[str](), Counter[tuple[str, str | None]]()
    nearest = (0.0, "")
    for case in cases():
        name = case.exchange.name
        try:
            route, bound = case.prepared()
        except Failure as failure:
            assert failure.code is Code.UNBOUNDED_FEATURE, (name, failure.message)
            refused[prefix_of(case.exchange), failure.param] += 1
            continue
        tokens = quote(route.model, COUNTING, case.request, limit_honoured=True).input_pico
        assert case.report.usage.prompt <= tokens, name
        limit = case.limit(bound)
        if case.exchange.id not in DOUBTFUL:
            assert case.report.usage.output <= limit * case.request.choices, name
        billed, worst = case.billed(route), bound.worst(limit)
        assert billed <= worst, (name, route.model.name, billed, worst)
        nearest = max(nearest, (billed / worst if worst else 0.0, name))
        found["at a price of the workspace's own" if _is_own(route) else "at the catalogue's price"] += 1
    print(f"checked {found.total() + refused.total()}: {dict(found)}, refused {refused.total()}")
    print(f"nearest to its worst case: {nearest[0]:.0%} of it, {nearest[1]}")
    for (vendor, field), count in sorted(refused.items(), key=str):
        print(f"refused on capped keys: {vendor}: {count} by {field}")
    assert refused == REFUSED
    assert found == {"at the catalogue's price": 725, "at a price of the workspace's own": 168}
    assert found.total() + refused.total() == 908


def test_only_where_the_request_was_not_published_is_nothing_checked() -> None:
    answers = [exchange for exchange in packed() if reported(exchange) is not None]
    skipped = [exchange.name for exchange in answers if exchange.request.bytes is None]
    print(f"reporting usage: {len(answers)}, of which without a published request: {len(skipped)}")
    assert (len(answers), len(skipped)) == (908 + 39, 39)


def test_the_doubtful_are_still_so() -> None:
    over: set[str] = set()
    for case in cases():
        try:
            _, bound = case.prepared()
        except Failure:
            continue
        if case.report.usage.output > case.limit(bound) * case.request.choices:
            over.add(case.exchange.id)
    assert over == set(DOUBTFUL)
