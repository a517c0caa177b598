"""Playbooks of upstreams that fail: what the client sees, and what the ledger says of it."""

import asyncio
import json
from typing import Any

import pytest

from tests.flow.stage import MODEL, UPSTREAM_SECRET, Got, Stage
from tests.upstreams.answers import (
    Answer,
    Ending,
    completion,
    error_answer,
    event,
    json_answer,
    sse_answer,
    stream,
)
from zai_gateway.accounts.terms import IssuedKey

HELLO: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 1_000,
}
STREAM = stream()
COST_NANO = 12 * 750 + 4 * 4_500


@pytest.fixture
def key(stage: Stage) -> IssuedKey:
    return stage.key(usd=5)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("status", "shown", "code"),
    [
        (400, 400, "upstream_refused"),
        (401, 502, "upstream_failed"),
        (402, 502, "upstream_failed"),
        (403, 502, "upstream_failed"),
        (404, 404, "upstream_refused"),
        (408, 502, "upstream_failed"),
        (409, 502, "upstream_failed"),
        (413, 413, "upstream_refused"),
        (422, 422, "upstream_refused"),
        (429, 429, "upstream_rate_limited"),
        (500, 502, "upstream_failed"),
        (503, 502, "upstream_failed"),
        (504, 502, "upstream_failed"),
        (529, 502, "upstream_failed"),
    ],
)
async def test_an_upstream_s_refusal(
    stage: Stage, key: IssuedKey, status: int, shown: int, code: str, streamed: bool
) -> None:
    stage.stub.script(error_answer(status, "Something is wrong.", code="its_code", param="messages"))
    got = await stage.chat(key, {**HELLO, "stream": streamed})
    assert got.status == shown
    error = got.json()["error"]
    assert error["code"] == code
    assert "Something is wrong." in error["message"]
    assert error["param"] == "messages"
    assert error["upstream"] == {"status": status, "type": "invalid_request_error", "code": "its_code"}
    (entry,) = await stage.settled(1)
    assert (entry["status"], entry["failure"]) == (status, code)
    if status in (408, 504):  # it may have worked all the same
        assert entry["certainty"] == "estimated"
        assert entry["risk"] > 0
    else:
        assert (entry["cost"], entry["risk"], entry["certainty"]) == (0, 0, "exact")


async def test_the_reference_s_words_for_a_rate_limit_and_the_provider_s_wait(
    stage: Stage, key: IssuedKey
) -> None:
    stage.stub.script(error_answer(429, "Slow down.", headers={"retry-after": "7"}))
    got = await stage.chat(key, HELLO)
    assert got.json()["detail"] == "Rate limit exceeded"
    assert got.headers["retry-after"] == "7"


async def test_a_secret_that_the_upstream_repeats_does_not_reach_the_client(
    stage: Stage, key: IssuedKey
) -> None:
    stage.stub.script(error_answer(401, f"Incorrect API key provided: {UPSTREAM_SECRET}."))
    got = await stage.chat(key, HELLO)
    assert UPSTREAM_SECRET.encode() not in got.body
    assert "[redacted]" in got.json()["error"]["message"]
    assert got.headers["x-should-retry"] == "false"


async def test_a_context_that_is_too_long_keeps_the_code_that_clients_look_for(
    stage: Stage, key: IssuedKey
) -> None:
    stage.stub.script(error_answer(400, "Too long.", code="context_length_exceeded"))
    assert (await stage.chat(key, HELLO)).code() == "context_length_exceeded"


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_upstream_that_cannot_be_reached_costs_nothing(
    stage: Stage, key: IssuedKey, streamed: bool
) -> None:
    await stage.stub.stop()
    got = await stage.chat(key, {**HELLO, "stream": streamed})
    assert (got.status, got.code()) == (502, "upstream_failed")
    (entry,) = await stage.settled(1)
    assert (entry["cost"], entry["risk"], entry["status"]) == (0, 0, 0)


@pytest.mark.parametrize("ending", [Ending.CUT, Ending.RESET])
@pytest.mark.parametrize("events", range(2, len(STREAM)))
async def test_a_stream_that_is_cut_after_content_ends_with_an_error(
    stage: Stage, key: IssuedKey, events: int, ending: Ending
) -> None:
    seen = asyncio.Event()
    stage.stub.script(sse_answer(*STREAM[:events], seen, ending=ending))
    async with stage.opened(key, {**HELLO, "stream": True}) as response:
        assert response.status == 200
        first = await response.content.readany()
        seen.set()
        said = Got(200, {}, first + await response.content.read()).events()
    assert b"[DONE]" not in said
    assert json.loads(said[-1])["error"]["code"] == "upstream_failed"
    (entry,) = await stage.settled(1)
    assert (entry["failure"], json.loads(entry["flags"])) == ("upstream_failed", ["interrupted"])
    if events == len(STREAM) - 1:  # its usage had come
        assert (entry["cost"], entry["risk"], entry["certainty"]) == (COST_NANO, 0, "exact")
    else:
        assert entry["certainty"] == "estimated"
        assert entry["cost"] > 0
        assert entry["risk"] > 0


async def test_a_stream_that_is_cut_before_content_has_a_status(stage: Stage, key: IssuedKey) -> None:
    stage.stub.script(sse_answer(STREAM[0], ending=Ending.CUT))
    got = await stage.chat(key, {**HELLO, "stream": True})
    assert (got.status, got.code()) == (502, "upstream_failed")
    (entry,) = await stage.settled(1)
    assert entry["certainty"] == "estimated"


async def test_a_stream_is_cut_at_every_byte(stage: Stage, key: IssuedKey) -> None:
    whole = b"".join(STREAM)
    last = whole.rindex(b"data: [DONE]")
    for length in range(1, last, 23):
        stage.stub.script(sse_answer(whole[:length]))
        got = await stage.chat(key, {**HELLO, "stream": True})
        if got.status == 200 and b"[DONE]" in got.events():
            # Only [DONE] itself was missing, after every choice had ended (wire.md 13).
            assert b'"finish_reason":"stop"' in whole[:length].rpartition(b"\n\n")[0]
    assert len(await stage.settled(1)) == len(range(1, last, 23))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(headers=(("content-type", "text/html"),), body=b"<html><title>Oops</title></html>"),
        Answer(headers=(("content-type", "application/json"),), body=b""),
        Answer(headers=(("content-type", "application/json"),), body=b'{"choices": '),
        Answer(headers=(("content-type", "application/json"),), body=b"[1]"),
        Answer(status=302, headers=(("location", "http://127.0.0.1:1/"),)),
        Answer(
            status=500, headers=(("content-type", "text/html"),), body=b"<html><title>Oops</title></html>"
        ),
    ],
)
async def test_nonsense_is_a_bad_gateway(
    stage: Stage, key: IssuedKey, answer: Answer, streamed: bool
) -> None:
    stage.stub.script(answer)
    got = await stage.chat(key, {**HELLO, "stream": streamed})
    assert (got.status, got.code()) == (502, "upstream_failed")
    assert b"<html>" not in got.body
    assert len(await stage.settled(1)) == 1


async def test_an_error_inside_a_stream_is_told_inside_the_stream(stage: Stage, key: IssuedKey) -> None:
    broken = event({"error": {"message": "The server had an error.", "type": "server_error", "code": None}})
    stage.stub.script(sse_answer(*STREAM[:3], broken))
    got = await stage.chat(key, {**HELLO, "stream": True})
    assert got.status == 200
    assert "The server had an error." in json.loads(got.events()[-1])["error"]["message"]
    assert b"[DONE]" not in got.events()


async def test_an_error_before_the_first_content_has_a_status(stage: Stage, key: IssuedKey) -> None:
    broken = event({"error": {"message": "The server had an error.", "type": "server_error", "code": None}})
    stage.stub.script(sse_answer(STREAM[0], broken))
    got = await stage.chat(key, {**HELLO, "stream": True})
    assert (got.status, got.code()) == (502, "upstream_failed")


async def test_an_answer_cut_in_the_middle_is_an_error(stage: Stage, key: IssuedKey) -> None:
    body = json_answer(completion()).body
    headers = (("content-type", "application/json"),)
    stage.stub.script(Answer(headers=headers, pieces=(body[:50],), ending=Ending.CUT))
    got = await stage.chat(key, HELLO)
    assert (got.status, got.code()) == (502, "upstream_failed")
    (entry,) = await stage.settled(1)
    assert (entry["certainty"], json.loads(entry["flags"])) == ("estimated", ["interrupted"])
