"""Every recorded answer of Gemini and Vertex AI, read rightly: text, thoughts, calls, ends and usage."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from tests.dialects.corpus import Exchange, everything, packed
from tests.dialects.gemini_streams import (
    NAMING,
    candidates_in,
    expected_usage,
    reading,
    shown,
    signatures_in,
    told_in,
    whole,
)
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.gemini import decode_answer
from zai_gateway.wire.events import Answer, UpstreamProblem


def is_answer(exchange: Exchange) -> bool:
    return exchange.api == "generateContent" and exchange.response.status == 200


ANSWERS = [exchange for exchange in everything("google") if is_answer(exchange)]
BY_NAME = pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange.name)


def by_id(id: str) -> Exchange:
    return next(exchange for exchange in ANSWERS if exchange.id == id)


def test_every_recorded_answer_is_read() -> None:
    assert len([exchange for exchange in packed("google") if is_answer(exchange)]) == 205


@BY_NAME
def test_an_answer_says_what_it_said(exchange: Exchange) -> None:
    answer, _ = whole(exchange.response.bytes)
    candidates = candidates_in(told_in(exchange))
    assert [choice["index"] for choice in answer["choices"]] == list(candidates)
    for choice in answer["choices"]:
        expected = reading(candidates[choice["index"]])
        said = shown(choice["message"], choice["finish_reason"])
        assert said == replace(expected, signatures=[])
        assert signatures_in(choice["message"]) == sorted(set(expected.signatures))
        assert choice["message"]["role"] == "assistant"
        assert "content" in choice["message"]
        for call in choice["message"].get("tool_calls", []):
            assert call["id"]
            assert call["type"] == "function"
            assert "index" not in call


@BY_NAME
def test_an_answer_has_our_names(exchange: Exchange) -> None:
    answer, _ = whole(exchange.response.bytes)
    assert (answer["id"], answer["model"], answer["object"]) == (NAMING.id, NAMING.model, "chat.completion")
    assert answer["created"] == NAMING.created


@BY_NAME
def test_usage_is_what_was_reported(exchange: Exchange) -> None:
    answer, decoded = whole(exchange.response.bytes)
    expected = expected_usage(told_in(exchange))
    if expected is None:
        assert decoded.reported is None
        assert "usage" not in answer
        return
    prompt, cached, output, reasoning = expected
    assert decoded.reported is not None
    usage = decoded.reported.usage
    assert (usage.input, usage.cache_read, usage.output) == (prompt - cached, cached, output)
    assert (usage.reasoning, usage.cache_write, usage.cache_write_long) == (reasoning, 0, 0)
    assert answer["usage"]["prompt_tokens"] == prompt
    assert answer["usage"]["completion_tokens"] == output
    assert answer["usage"]["total_tokens"] == prompt + output
    assert answer["usage"]["prompt_tokens_details"]["cached_tokens"] == cached
    assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] == reasoning
    assert json.loads(decoded.reported.json) == answer["usage"]


def test_the_rare_kinds_are_among_them() -> None:
    choices = [whole(exchange.response.bytes)[0]["choices"][0] for exchange in ANSWERS]
    messages = [choice["message"] for choice in choices]
    counted = [whole(exchange.response.bytes)[1].reported for exchange in ANSWERS]
    usages = [report.usage for report in counted if report is not None]
    assert sum("reasoning_details" in message for message in messages) >= 25
    assert sum("provider_blocks" in message for message in messages) >= 8
    assert sum("annotations" in message for message in messages) >= 6
    assert sum(usage.cache_read > 0 for usage in usages) >= 8
    assert sum(usage.searches > 0 for usage in usages) >= 5
    ends = {choice["finish_reason"] for choice in choices}
    assert ends == {"stop", "length", "tool_calls", "content_filter"}


def test_a_call_keeps_its_id_or_gets_one_that_is_always_the_same() -> None:
    both = b'{"functionCall":{"id":"abc","name":"f"}},{"functionCall":{"name":"g","args":{"x":1.50}}}'
    answer, _ = whole(b'{"candidates":[{"content":{"parts":[' + both + b']},"finishReason":"STOP"}]}')
    first, second = answer["choices"][0]["message"]["tool_calls"]
    assert first == {"id": "abc", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert second["id"] == "call_test-0-1"
    assert second["function"]["arguments"] == '{"x":1.5}'
    assert answer["choices"][0]["finish_reason"] == "tool_calls"


def test_what_google_carried_out_itself_is_no_call_of_the_clients() -> None:
    answer, _ = whole(by_id("1aef29b1edc6").response.bytes)
    (choice,) = answer["choices"]
    assert choice["finish_reason"] == "stop"
    assert "tool_calls" not in choice["message"]
    sorts = [(block["type"], block["index"]) for block in choice["message"]["provider_blocks"]]
    assert sorts == [("functionCall", 0), ("functionResponse", 1)]
    assert choice["extra_content"]["google"]["finish_message"]


def test_several_candidates_are_several_choices() -> None:
    said: list[dict[str, Any]] = [
        {"content": {"parts": [{"text": text}]}, "finishReason": "STOP"} for text in ("a", "b")
    ]
    said[1] |= {"index": 1, "finishReason": "MAX_TOKENS"}
    answer, decoded = whole(json.dumps({"candidates": said}).encode(), StreamPlan(choices=2))
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    assert [choice["message"]["content"] for choice in answer["choices"]] == ["a", "b"]
    assert [choice["finish_reason"] for choice in answer["choices"]] == ["stop", "length"]
    assert decoded.content_bytes == 2


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("LANGUAGE", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("UNEXPECTED_TOOL_CALL", "stop"),
        ("OTHER", "stop"),
        ("A_NEW_ONE", "stop"),
        (1, "stop"),
        (2, "length"),
        (3, "content_filter"),
    ],
)
def test_every_end_has_a_word_of_openais(reason: str | int, finish: str) -> None:
    told = {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": reason}]}
    (choice,) = whole(json.dumps(told).encode())[0]["choices"]
    assert choice["finish_reason"] == finish
    says_more = reason not in ("STOP", "MAX_TOKENS", 1, 2)
    assert choice.get("native_finish_reason") == (
        ("SAFETY" if reason == 3 else reason) if says_more else None
    )


def test_a_prompt_that_was_blocked_is_an_answer_that_was_filtered() -> None:
    ratings = [{"category": "HARM_CATEGORY_HATE_SPEECH", "probability": "HIGH"}]
    feedback = {"blockReason": "PROHIBITED_CONTENT", "safetyRatings": ratings}
    told: dict[str, Any] = {"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 5}}
    answer, decoded = whole(json.dumps(told).encode())
    (choice,) = answer["choices"]
    assert choice["finish_reason"] == "content_filter"
    assert choice["native_finish_reason"] == "PROHIBITED_CONTENT"
    assert choice["message"] == {"role": "assistant", "content": None}
    assert choice["extra_content"]["google"]["prompt_feedback"] == feedback
    assert decoded.reported is not None
    assert decoded.reported.usage.input == 5


def test_citations_are_placed_in_characters() -> None:
    text = "Grüße: Paris."
    support = {"segment": {"startIndex": 9, "endIndex": 14, "text": "Paris"}, "groundingChunkIndices": [0, 7]}
    chunks = [{"web": {"uri": "https://a.example", "title": "a"}}, {"web": {"uri": "https://b.example"}}]
    grounding = {"groundingChunks": chunks, "groundingSupports": [support], "webSearchQueries": ["q", "r"]}
    candidate = {
        "content": {"parts": [{"text": text}]},
        "finishReason": "STOP",
        "groundingMetadata": grounding,
    }
    told: dict[str, Any] = {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 1}}
    answer, decoded = whole(json.dumps(told | {"modelVersion": "gemini-3-flash"}).encode())
    first, second = (each["url_citation"] for each in answer["choices"][0]["message"]["annotations"])
    assert text[first["start_index"] : first["end_index"]] == "Paris"
    assert (first["url"], first["title"]) == ("https://a.example", "a")
    assert second == {
        "url": "https://b.example",
        "title": "https://b.example",
        "start_index": 0,
        "end_index": 0,
    }
    assert answer["choices"][0]["extra_content"]["google"]["grounding_metadata"] == grounding
    assert decoded.reported is not None
    assert decoded.reported.usage.searches == 2
    _, older = whole(json.dumps(told | {"modelVersion": "gemini-2.5-flash"}).encode())
    assert older.reported is not None
    assert older.reported.usage.searches == 1


@BY_NAME
def test_recorded_citations_name_what_they_cite(exchange: Exchange) -> None:
    (told,) = told_in(exchange)
    answer, _ = whole(exchange.response.bytes)
    for choice, candidate in zip(answer["choices"], told["candidates"], strict=True):
        grounding = candidate.get("groundingMetadata", {})
        passages = [
            support["segment"]["text"]
            for support in grounding.get("groundingSupports", [])
            for index in support["groundingChunkIndices"]
            if grounding["groundingChunks"][index].get("web")
        ]
        cited = [each["url_citation"] for each in choice["message"].get("annotations", [])]
        places = [(each["start_index"], each["end_index"]) for each in cited if each["end_index"]]
        assert len(places) == len(passages)
        for (start, end), passage in zip(places, passages, strict=True):
            # In two records Gemini's own places lie a character or two beside what it quotes.
            around = choice["message"]["content"][max(start - 2, 0) : end + 2]
            assert " ".join(passage.split()) in " ".join(around.split())
            assert abs(end - start - len(passage)) <= 2


def test_an_image_is_told_as_openrouter_tells_it() -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": "aGk="}, "thoughtSignature": "s"}
    told = {"candidates": [{"content": {"parts": [{"text": "look"}, part]}, "finishReason": "STOP"}]}
    message = whole(json.dumps(told).encode())[0]["choices"][0]["message"]
    (image,) = message["images"]
    assert image["image_url"] == {"url": "data:image/png;base64,aGk="}
    assert image["extra_content"] == {"google": {"thought_signature": "s"}}


def test_likelihoods_are_told_token_by_token() -> None:
    exchange = next(each for each in ANSWERS if "logprobsResult" in each.response.bytes.decode())
    (told,) = told_in(exchange)
    result = told["candidates"][0]["logprobsResult"]
    content = whole(exchange.response.bytes)[0]["choices"][0]["logprobs"]["content"]
    assert [each["token"] for each in content] == [each["token"] for each in result["chosenCandidates"]]
    assert [each["logprob"] for each in content] == [
        each["logProbability"] for each in result["chosenCandidates"]
    ]
    assert [len(each["top_logprobs"]) for each in content] == [
        len(each["candidates"]) for each in result["topCandidates"]
    ]


def test_stop_sequences_that_were_not_sent_are_looked_for() -> None:
    told = {"candidates": [{"content": {"parts": [{"text": "one END two"}]}, "finishReason": "MAX_TOKENS"}]}
    (choice,) = whole(json.dumps(told).encode(), StreamPlan(stop=("END",)))[0]["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("one ", "stop")


@pytest.mark.parametrize("exchange", ANSWERS[::9], ids=lambda exchange: exchange.name)
def test_an_answer_that_is_cut_short_is_no_answer(exchange: Exchange) -> None:
    body = exchange.response.bytes
    for end in range(0, len(body.rstrip()), 1 + len(body) // 300):
        problem = decode_answer(body[:end], NAMING, StreamPlan())
        assert isinstance(problem, UpstreamProblem)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"7",
        b"{}",
        b'{"candidates":null}',
        b'{"candidates":[]}',
        b'{"candidates":[7]}',
        b'{"candidates":[{"content":{"parts":[{"text":7}]}}]}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":[1]}}]}}]}',
        b'{"candidates":[{"content":{"parts":[7]}}]}',
    ],
)
def test_what_is_no_answer_is_a_problem(body: bytes) -> None:
    problem = decode_answer(body, NAMING, StreamPlan())
    assert isinstance(problem, UpstreamProblem)
    assert problem.code == "broken_answer"


def test_half_a_surrogate_pair_is_read_all_the_same() -> None:
    body = rb'{"candidates":[{"content":{"parts":[{"text":"a\ud83d"}]},"finishReason":"STOP"}]}'
    assert isinstance(decode_answer(body, NAMING, StreamPlan()), Answer)
    assert whole(body)[0]["choices"][0]["message"]["content"] == "a�"
