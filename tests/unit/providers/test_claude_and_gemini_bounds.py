"""The worst case against all that was recorded with Anthropic and Google, in their own protocols."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.dialects.corpus import Exchange, packed
from tests.dialects.gemini_reading import hub_request
from tests.unit.providers.capped import CATALOGUE, OWN_RATES, TODAY, capped, prepared
from zai_gateway.catalogue.cost import cost, own_price
from zai_gateway.catalogue.model import Rates
from zai_gateway.catalogue.quote import quote
from zai_gateway.dialects import anthropic_messages, gemini
from zai_gateway.dialects.anthropic_front import read_request
from zai_gateway.dialects.dialect import Dialect, StreamPlan
from zai_gateway.dialects.naming import Naming
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.chat import ChatRequest, parse
from zai_gateway.wire.events import Answer, Reported

COUNTING = own_price(Rates(input=1, cache_read=1, cache_write=1, cache_write_long=1, output=0), "counting")
"""With it a quote's input is a number of tokens."""
_NAMING = Naming(id="cmpl_test", model="vendor/model", created=1_700_000_000)
_PACKS: dict[str, Dialect] = {"messages": anthropic_messages, "google": gemini}


def _reported(dialect: Dialect, exchange: Exchange) -> Reported | None:
    body = exchange.response.bytes
    if exchange.response.status != 200 or exchange.api == "count_tokens":
        return None
    if exchange.is_stream or exchange.response.raw is not None:
        decoder = dialect.decoder(_NAMING, StreamPlan())
        reports = [each for each in decoder.feed(body) + decoder.end() if isinstance(each, Reported)]
        return reports[-1] if reports else None
    answer = dialect.decode_answer(body, _NAMING, StreamPlan())
    return answer.reported if isinstance(answer, Answer) else None


def _asked(pack: str, exchange: Exchange) -> tuple[str, bytes]:
    """The model, and the request as the hub has it."""
    asked: dict[str, Any] = json.loads(exchange.request.bytes or b"{}")
    model: str = asked.get("model") or (exchange.request.url or "").split("/models/")[1].split(":")[0]
    name = f"{exchange.provider}/{model}"
    if pack == "google":
        return model, json.dumps(hub_request(asked, model) | {"model": name}).encode()
    asked.pop("anthropic_version", None)  # the address says which
    return model, read_request(json.dumps(asked | {"model": name}).encode())


def _cases() -> Iterator[tuple[Exchange, str, ChatRequest, Reported]]:
    for pack, dialect in _PACKS.items():
        for exchange in packed(pack):
            if exchange.request.bytes is None or exchange.provider == "openrouter":
                continue
            report = _reported(dialect, exchange)
            if report is not None:
                model, body = _asked(pack, exchange)
                yield exchange, model, parse(body), report


def test_nothing_used_or_cost_more_than_its_worst_case() -> None:
    found, refused = Counter[str](), Counter[str]()
    for exchange, model, request, report in _cases():
        known = CATALOGUE.model(exchange.provider, model)
        own = {} if known.price else {known.name: OWN_RATES}
        try:
            route, bound = prepared(request, capped(exchange.provider, own), TODAY)
        except Failure as failure:
            assert failure.code is Code.UNBOUNDED_FEATURE, (exchange.name, failure.message)
            refused[exchange.provider] += 1
            continue
        tokens = quote(route.model, COUNTING, request, limit_honoured=True).input_pico
        assert report.usage.prompt <= tokens, exchange.name
        limit = report.usage.output if bound.asked is None else bound.asked
        assert report.usage.output <= limit, exchange.name
        assert route.price is not None
        media = request.inline_images + request.foreign_media
        assert cost(report.usage, route.price, report.service_tier, media) <= bound.worst(limit), (
            exchange.name
        )
        found[exchange.provider] += 1
    assert found == {"anthropic": 206, "gemini": 199, "vertex": 55}
    # Tools that the provider runs itself, files that it keeps, sound and films.
    assert refused == {"anthropic": 49, "gemini": 33, "vertex": 6}
