"""The worst case and the parameter table against what OpenAI really answered."""

import re
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from tests.dialects.corpus import Exchange, packed
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.cost import cost, own_price
from zai_gateway.catalogue.model import Model, Rates
from zai_gateway.catalogue.quote import quote
from zai_gateway.wire.chat import ChatRequest, parse
from zai_gateway.wire.usage import Usage

_DATA = re.compile(r"^data: (\{.*)$", re.MULTILINE)
_CATALOGUE = Catalogue.load()
_COUNTING = own_price(Rates(input=1, cache_read=1, cache_write=1, cache_write_long=1, output=0), "counting")
"""With it a quote's input is a number of tokens."""


class _Cached(Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Reported(Struct):
    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _Cached | None = None

    def usage(self) -> Usage:
        cached = self.prompt_tokens_details or _Cached()
        read, written = cached.cached_tokens or 0, cached.cache_write_tokens or 0
        plain = self.prompt_tokens - read - written
        return Usage(input=plain, cache_read=read, cache_write=written, output=self.completion_tokens)


class _Answer(Struct):
    usage: _Reported | None = None
    service_tier: str | None = None


def _answered() -> Iterator[tuple[Exchange, Model, ChatRequest]]:
    """Every request that OpenAI answered and whose model the catalogue has."""
    for exchange in packed():
        body = bytes(exchange.request.body)
        if exchange.provider != "openai" or exchange.response.status != 200 or body == b"null":
            continue
        request = parse(body)
        if _CATALOGUE.knows("openai", request.model):
            yield exchange, _CATALOGUE.model("openai", request.model), request


def _reported(exchange: Exchange) -> _Answer:
    """The last report of what the answer used."""
    text = exchange.response.bytes
    found = _DATA.findall(text.decode()) if exchange.is_stream else [text]
    answers = [msgspec.json.decode(each, type=_Answer) for each in found]
    return next((answer for answer in reversed(answers) if answer.usage), _Answer())


def test_no_answer_cost_more_than_its_worst_case() -> None:
    checked = 0
    for exchange, model, request in _answered():
        report = _reported(exchange)
        if report.usage is None:
            continue
        assert model.price is not None
        bound = quote(model, model.price, request, limit_honoured=True)
        used = report.usage.usage()
        tokens = quote(model, _COUNTING, request, limit_honoured=True).input_pico
        assert used.prompt <= tokens, exchange.name
        limit = min(bound.asked or (model.max_output or 0), model.max_output or 0)
        assert cost(used, model.price, report.service_tier) <= bound.worst(limit), exchange.name
        checked += 1
    assert checked > 150


def test_no_answered_request_had_a_parameter_that_its_model_refuses() -> None:
    """`temperature` is refused with another value than its default, 1."""
    checked = 0
    for exchange, model, request in _answered():
        refused = model.refused(request.reasoning_effort) & request.members.keys()
        if "temperature" in refused:
            member = request.members["temperature"]
            assert float(request.body[member.value_start : member.value_end]) == 1, exchange.name
        assert refused <= {"temperature"}, exchange.name
        checked += model.reasoning
    assert checked > 30
