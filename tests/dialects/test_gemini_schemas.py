"""What clients get of Gemini's answers has the shape that OpenAI's own SDK declares."""

import json

import pytest

from tests.dialects.corpus import Exchange
from tests.dialects.gemini_streams import run, whole
from tests.dialects.streams import chunks, reports
from tests.dialects.test_gemini_answers import ANSWERS
from tests.dialects.test_gemini_streams import ENDED
from tests.dialects.test_openai_schemas import faults


@pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange.name)
def test_an_answer_has_openais_shape(exchange: Exchange) -> None:
    answer, _ = whole(exchange.response.bytes)
    assert faults("ChatCompletion", answer) == []


@pytest.mark.parametrize("exchange", ENDED, ids=lambda exchange: exchange.name)
def test_every_chunk_has_openais_shape(exchange: Exchange) -> None:
    events = run([exchange.response.bytes])
    shown = chunks(events) + [json.loads(report.json) for report in reports(events)]
    assert [faults("ChatCompletionChunk", chunk) for chunk in shown] == [[]] * len(shown)
