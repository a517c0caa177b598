"""Every recorded answer and error of OpenAI's: passed through but for the named splices, and read rightly."""

import json
from typing import Any

import pytest

from tests.dialects.corpus import Exchange, everything, packed
from tests.dialects.streams import NAMING
from zai_gateway.dialects.openai_chat import decode_answer, decode_error
from zai_gateway.wire.events import Answer, UpstreamProblem

OPENAI = [exchange for exchange in everything() if exchange.provider == "openai" and not exchange.is_stream]
ANSWERS = [exchange for exchange in OPENAI if exchange.is_answer]
ERRORS = [exchange for exchange in OPENAI if exchange.response.status != 200]


def test_all_of_openais_answers_are_run() -> None:
    openai = [exchange for exchange in packed() if exchange.provider == "openai" and not exchange.is_stream]
    assert len(openai) == 126
    assert len([exchange for exchange in openai if exchange.is_answer]) == 109


@pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange.name)
def test_answers_pass_through(exchange: Exchange) -> None:
    body = exchange.response.bytes
    given: dict[str, Any] = json.loads(body)
    answer = decode_answer(body, NAMING)
    assert isinstance(answer, Answer)
    names = {"id": NAMING.id, "model": NAMING.model, "created": given["created"] or NAMING.created}
    assert json.loads(answer.json) == given | names
    named = body.replace(json.dumps(given["id"]).encode(), b'"cmpl_test"', 1)
    named = named.replace(json.dumps(given["model"]).encode(), b'"openai/gpt-test"', 1)
    assert answer.json == named.replace(b'"created": 0', b'"created": %d' % NAMING.created)


@pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange.name)
def test_usage_is_what_the_provider_reported(exchange: Exchange) -> None:
    given = json.loads(exchange.response.bytes)
    answer = decode_answer(exchange.response.bytes, NAMING)
    assert isinstance(answer, Answer)
    assert answer.reported is not None
    usage = answer.reported.usage
    told = given["usage"]
    details = told.get("prompt_tokens_details", {})
    assert usage.cache_read == details.get("cached_tokens", 0)
    assert usage.cache_write == details.get("cache_write_tokens", 0)
    assert usage.input == told["prompt_tokens"] - usage.cache_read - usage.cache_write
    assert (usage.output, usage.cache_write_long) == (told["completion_tokens"], 0)
    assert usage.reasoning == told.get("completion_tokens_details", {}).get("reasoning_tokens", 0)
    assert answer.reported.service_tier == given.get("service_tier")
    assert json.loads(answer.reported.json) == told


def test_the_cached_and_the_reasoned_are_among_them() -> None:
    reports = [decode_answer(exchange.response.bytes, NAMING) for exchange in ANSWERS]
    usages = [answer.reported.usage for answer in reports if isinstance(answer, Answer) and answer.reported]
    assert len(usages) == len(ANSWERS)
    assert sum(usage.cache_read > 0 for usage in usages) >= 5
    assert sum(usage.cache_write > 0 for usage in usages) >= 1
    assert sum(usage.reasoning > 0 for usage in usages) >= 20


@pytest.mark.parametrize("exchange", ERRORS, ids=lambda exchange: exchange.name)
def test_errors_are_told_as_they_were(exchange: Exchange) -> None:
    told = json.loads(exchange.response.bytes)["error"]
    status = exchange.response.status
    assert decode_error(status, exchange.response.headers, exchange.response.bytes) == UpstreamProblem(
        status=status, message=told["message"], type=told["type"], code=told["code"], param=told["param"]
    )


@pytest.mark.parametrize("exchange", ANSWERS[::6], ids=lambda exchange: exchange.name)
def test_an_answer_that_is_cut_short_is_no_answer(exchange: Exchange) -> None:
    body = exchange.response.bytes
    for end in range(0, len(body), 7):
        problem = decode_answer(body[:end], NAMING)
        assert isinstance(problem, UpstreamProblem)
        assert "cannot be read" in problem.message
