"""Embeddings of OpenAI's dialect over what was recorded: bytes that pass, and usage that is read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.corpus import Exchange, everything, packed
from zai_gateway.dialects.openai_embeddings import decode_answer, encode
from zai_gateway.wire.embeddings import EmbeddingRequest, parse_embeddings
from zai_gateway.wire.events import Answer, UpstreamProblem
from zai_gateway.wire.usage import Counting, Statement

_OTHERS = ("cohere", "gemini", "vertex")
RECORDED = [each for each in everything("embeddings") if each.provider not in _OTHERS]
SENT = [each for each in RECORDED if each.request.bytes and each.id != "89472cfe2dd8"]
"""But for one that is refused here, as it was by the provider: it asks for -1 dimensions."""
ANSWERS = [each for each in RECORDED if each.is_answer]
NAME = "vendor/model"


def asked(texts: int = 1) -> EmbeddingRequest:
    return parse_embeddings(json.dumps({"model": "m", "input": ["Hello"] * texts}).encode())


def answered(told: dict[str, Any], texts: int = 1) -> Answer | UpstreamProblem:
    return decode_answer(json.dumps(told).encode(), asked(texts), NAME)


def test_every_recorded_exchange_is_here() -> None:
    here = [each for each in packed("embeddings") if each.provider not in _OTHERS]
    assert (len(here), len([each for each in here if each.is_answer])) == (27, 14)


@pytest.mark.parametrize("exchange", SENT, ids=lambda exchange: exchange.name)
def test_a_recorded_request_passes_but_for_its_model(exchange: Exchange) -> None:
    recorded = exchange.request.bytes or b""
    model = json.loads(recorded)["model"]
    named = recorded.replace(json.dumps(model).encode(), b'"alias"', 1)
    assert encode(parse_embeddings(named), model).body == recorded


@pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange.name)
def test_a_recorded_answer_passes_but_for_its_model(exchange: Exchange) -> None:
    told = json.loads(exchange.response.bytes)
    answer = decode_answer(exchange.response.bytes, asked(len(told["data"])), NAME)
    assert isinstance(answer, Answer)
    shown = json.loads(answer.json)
    usage = told["usage"]
    prompt = usage.get("prompt_tokens", usage["total_tokens"])
    assert shown == {**told, "model": NAME, "usage": {**usage, "prompt_tokens": prompt}}
    # The vectors are the same bytes.
    assert answer.json.count(exchange.response.bytes.partition(b'"embedding":')[2][:500]) == 1
    assert answer.reported is not None
    assert (answer.reported.usage.input, answer.reported.usage.output) == (prompt, 0)
    assert json.loads(answer.reported.json) == shown["usage"]


def test_a_stated_cost_is_read() -> None:
    (router,) = [each for each in packed("embeddings") if each.id == "ededd1d2b156"]
    counting = Counting(statement=Statement(path=("cost",)))
    answer = decode_answer(router.response.bytes, asked(), NAME, counting)
    assert isinstance(answer, Answer)
    assert answer.reported is not None
    assert answer.reported.stated_cost == 160


@pytest.mark.parametrize(
    ("usage", "prompt", "shown"),
    [
        ({"total_tokens": 3}, 3, {"prompt_tokens": 3, "total_tokens": 3}),
        ({"prompt_tokens": 3}, 3, {"prompt_tokens": 3, "total_tokens": 3}),
        ({"prompt_tokens": 2, "total_tokens": 9}, 9, {"prompt_tokens": 2, "total_tokens": 9}),
        ({"prompt_tokens": 0, "total_tokens": 0}, 0, {"prompt_tokens": 0, "total_tokens": 0}),
    ],
)
def test_usage_is_read_in_its_dearer_meaning(
    usage: dict[str, Any], prompt: int, shown: dict[str, Any]
) -> None:
    answer = answered({"data": [{}], "usage": usage})
    assert isinstance(answer, Answer)
    assert answer.reported is not None
    assert answer.reported.usage.input == prompt
    assert json.loads(answer.json)["usage"] == shown


@pytest.mark.parametrize(
    "usage", [None, {}, [], {"prompt_tokens": -1}, {"prompt_tokens": "5"}, {"total_tokens": True}]
)
def test_what_says_nothing_of_tokens_shows_an_estimate(usage: object) -> None:
    answer = answered({"data": [{}, {}], "usage": usage}, texts=2)
    assert isinstance(answer, Answer)
    assert answer.reported is None
    assert json.loads(answer.json) == {
        "data": [{}, {}],
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
        "model": NAME,
        "object": "list",
    }


def test_an_error_under_a_good_status_is_a_problem() -> None:
    problem = answered({"error": {"message": "Too long.", "code": 400}})
    assert isinstance(problem, UpstreamProblem)
    assert (problem.status, problem.message) == (400, "Too long.")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"data":{}}', b'{"data":[]}', b'{"data":[1,2]}', b'{"data":[1}', b"\xff"]
)
def test_what_is_no_answer_is_a_problem(body: bytes) -> None:
    assert isinstance(decode_answer(body, asked(), NAME), UpstreamProblem)


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,data1eusg', max_size=40).map(str.encode))
def test_any_bytes_are_an_answer_or_a_problem(body: bytes) -> None:
    assert isinstance(decode_answer(body, asked(), NAME), Answer | UpstreamProblem)
