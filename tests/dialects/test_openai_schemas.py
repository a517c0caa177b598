"""What clients get of OpenAI's answers has the shape that OpenAI's own SDK declares."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.dialects.corpus import Exchange, everything
from tests.dialects.streams import NAMING, chunks, reports, run
from zai_gateway.dialects.openai_chat import decode_answer
from zai_gateway.wire.events import Answer

SPECS = Path(__file__).parent / "specs"
ACCEPTED = [
    exchange
    for exchange in everything()
    if exchange.provider in ("openai", "azure_openai") and exchange.response.status == 200
]


@cache
def faults_of(name: str) -> Any:
    return Draft202012Validator(json.loads((SPECS / f"sdk-3.54.0.{name}.schema.json").read_bytes()))


def faults(name: str, value: Any) -> list[str]:
    return [f"{list(fault.path)}: {fault.message[:200]}" for fault in faults_of(name).iter_errors(value)]


@pytest.mark.parametrize("exchange", ACCEPTED, ids=lambda exchange: exchange.name)
def test_the_shape_is_openais(exchange: Exchange) -> None:
    if exchange.is_stream:
        events = run([exchange.response.bytes])
        shown = chunks(events) + [json.loads(report.json) for report in reports(events)]
        assert [faults("ChatCompletionChunk", chunk) for chunk in shown] == [[]] * len(shown)
    else:
        answer = decode_answer(exchange.response.bytes, NAMING)
        assert isinstance(answer, Answer)
        assert faults("ChatCompletion", json.loads(answer.json)) == []


def test_the_schemas_can_refuse() -> None:
    assert faults("ChatCompletion", {"id": "x"})
    assert faults("ChatCompletionChunk", {"choices": [{"delta": {}}]})
