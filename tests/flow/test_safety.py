"""Safe by default, at a whole gateway: what passes it, what it never does, and what it never tells."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.flow.stage import MODEL, UPSTREAM_SECRET, Stage, staged
from tests.upstreams.answers import (
    Answer,
    Ending,
    chunk,
    completion,
    error_answer,
    event,
    json_answer,
    sse_answer,
    stream,
)
from zai_gateway.settings import Limits
from zai_gateway.wire.sse import MOST_BUFFERED

CANARY = "canary-5f0e3b-prompt"
SAID = "canary-77aa10-completion"


def asking(text: str = CANARY, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}


async def test_only_allowlisted_headers_reach_the_provider(stage: Stage) -> None:
    given = {
        "OpenAI-Organization": "org-other",
        "OpenAI-Project": "proj-other",
        "OpenAI-Beta": "assistants=v2",
        "api-key": "another",
        "x-goog-api-key": "another",
        "Cookie": "a=b",
        "Forwarded": "for=1.2.3.4",
        "X-Forwarded-For": "1.2.3.4",
        "X-Forwarded-Host": "evil.example",
        "X-Real-IP": "1.2.3.4",
        "X-Request-Id": "mine",
        "X-Stainless-Lang": "python",
        "Idempotency-Key": "abc",
        "HTTP-Referer": "https://example.com",
        "Origin": "https://example.com",
        "User-Agent": "somebody/1.0",
        "Accept-Encoding": "gzip",
        "TE": "trailers",
    }
    assert (await stage.chat(stage.key(), asking(), headers=given)).status == 200
    sent = stage.stub.requests[-1]
    assert {name.lower() for name, _ in sent.headers} == {
        "host",
        "authorization",
        "content-type",
        "content-length",
        "user-agent",
        "accept-encoding",
    }
    assert sent.header("authorization") == f"Bearer {UPSTREAM_SECRET}"
    assert sent.header("accept-encoding") == "identity"
    assert "somebody" not in (sent.header("user-agent") or "")


async def test_only_allowlisted_headers_reach_the_client(stage: Stage) -> None:
    given = {
        "set-cookie": "a=b",
        "openai-organization": "org-ours",
        "openai-project": "proj-ours",
        "x-request-id": "req_upstream",
        "cf-ray": "abc",
        "server": "cloudflare",
        "x-ratelimit-remaining-requests": "1",
        "access-control-allow-origin": "*",
        "strict-transport-security": "max-age=1",
        "location": "http://169.254.169.254/",
        "openai-version": "2020-10-01",
        "openai-processing-ms": "7",
    }
    whole = {"content-type", "content-length", "date", "x-request-id", "x-content-type-options"}
    passed = {"openai-version", "openai-processing-ms"}
    stage.stub.script(json_answer(completion("gpt-5.4-mini"), headers=given))
    got = await stage.chat(stage.key(), asking())
    assert got.headers.keys() == whole | passed | {"x-zai-cost-micro-usd"}
    assert got.headers["x-request-id"].startswith("req_")
    assert got.headers["x-request-id"] != "req_upstream"
    stage.stub.script(error_answer(400, "No.", headers=given))
    refused = await stage.chat(stage.key(), asking())
    assert (refused.status, refused.headers.keys()) == (400, whole)


@pytest.mark.parametrize(
    "coding", ["gzip", "deflate", "br", "zstd", "GZIP", "gzip, identity", "x-gzip", "any"]
)
async def test_a_compressed_body_is_a_415_and_goes_nowhere(coding: str, stage: Stage) -> None:
    got = await stage.chat(stage.key(), b"\x1f\x8b\x08", headers={"Content-Encoding": coding})
    assert (got.status, got.code()) == (415, "unsupported_media_type")
    assert stage.stub.requests == []


class Listener:
    """Something that a body names, and that nobody may come to."""

    def __init__(self) -> None:
        self.visits = 0

    async def __call__(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()


async def test_an_address_in_a_body_is_never_fetched_and_passed_on_as_it_is(stage: Stage) -> None:
    listener = Listener()
    server = await asyncio.start_server(listener, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/secret.png"
        parts = [
            {"type": "text", "text": url},
            {"type": "image_url", "image_url": {"url": url}},
            {"type": "file", "file": {"file_id": url, "filename": url}},
        ]
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": parts}],
            "metadata": {"callback": url},
            "user": url,
        }
        for streamed in (False, True):
            got = await stage.chat(stage.key(), {**body, "stream": streamed})
            assert got.status == 200
            sent = stage.stub.requests[-1].json()
            assert sent["messages"][0]["content"] == parts
        assert (await stage.chat(stage.key(), {**body, "base_url": url})).status in (200, 400)
    assert listener.visits == 0


async def test_a_redirect_of_the_provider_is_not_followed(stage: Stage) -> None:
    listener = Listener()
    server = await asyncio.start_server(listener, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/chat/completions"
        for status in (301, 302, 303, 307, 308):
            stage.stub.script(error_answer(status, "Elsewhere.", headers={"location": url}))
            got = await stage.chat(stage.key(), asking())
            assert got.status == 502
            assert "location" not in got.headers
            assert url not in got.body.decode()
    assert listener.visits == 0


MIB = 1024 * 1024
ENDLESS = {
    "an answer": Answer(body=b" " * (64 * MIB + 1)),
    "a refusal": Answer(status=400, body=b" " * (MIB + 1)),
    "a header": json_answer(completion(), headers={"x-long": "y" * 17_000}),
    "a head": json_answer(completion(), headers={f"x-{number}": "y" for number in range(101)}),
}


@pytest.mark.parametrize("case", ENDLESS)
async def test_what_a_provider_sends_without_end_is_a_502(case: str, stage: Stage) -> None:
    stage.stub.script(ENDLESS[case])
    got = await stage.chat(stage.key(usd=5), asking())
    assert (got.status, got.code()) == (502, "upstream_failed")
    await stage.settled(1)


async def test_an_event_without_end_ends_the_stream_with_an_error(stage: Stage) -> None:
    begun = chunk("gpt-5.4-mini", {"content": "Hel"})
    stage.stub.script(sse_answer(begun, b"data: " + b"y" * (MOST_BUFFERED + 1)))
    got = await stage.chat(stage.key(usd=5), asking(stream=True))
    assert (got.status, b"[DONE]" in got.body) == (200, False)
    assert b'"upstream_failed"' in got.events()[-1]
    await stage.settled(1)


async def test_prompts_and_secrets_are_not_logged_at_any_level(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in logging.root.manager.loggerDict}
    for name in levels:
        logging.getLogger(name).setLevel(logging.NOTSET)
    try:
        with caplog.at_level(1, root.name):
            async with staged(tmp_path / "data", Limits(body_bytes=100_000)) as stage:
                key = await _everything_that_can_happen(stage)
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    out, err = capfd.readouterr()
    records = [f"{record.getMessage()} {record.__dict__}" for record in caplog.records]
    assert records, "nothing was logged at all, so that this shows nothing"
    told = "\n".join([caplog.text, *records, out, err])
    for secret in (CANARY, SAID, UPSTREAM_SECRET, key):
        assert secret not in told


async def _everything_that_can_happen(stage: Stage) -> str:
    """Requests that succeed and fail in every way, each with the canary in it; gives the key they used."""
    key, capped = stage.key(), stage.key(usd=5)
    answer = completion("gpt-5.4-mini", content=SAID)
    echo = f"Invalid: {CANARY} for {UPSTREAM_SECRET}"
    logging.getLogger("zai_gateway").debug("listening")
    stage.stub.script(
        json_answer(answer),
        sse_answer(*stream("gpt-5.4-mini", [SAID])),
        error_answer(400, echo),
        error_answer(500, echo),
        error_answer(401, echo),
        error_answer(429, echo),
        json_answer({"strange": SAID}),
        sse_answer(chunk("gpt-5.4-mini", {"content": SAID}), ending=Ending.CUT),
        sse_answer(chunk("gpt-5.4-mini", {"content": SAID}), event({"error": {"message": echo}})),
    )
    for streamed in (False, True, False, False, False, False, False, True, True):
        await stage.chat(key, asking(stream=streamed))
    for body in (
        b'{"model": "%b"' % CANARY.encode(),
        asking(CANARY * 10_000),
        asking(n=CANARY),
        asking(plugins=[CANARY]),
        {"model": "openai/unheard-of", "messages": [{"role": "user", "content": CANARY}]},
        {"model": MODEL, "messages": CANARY},
        {**asking(), CANARY: CANARY},
        {"model": "demo/fail", "messages": [{"role": "user", "content": f"crash {CANARY}"}]},
    ):
        await stage.chat(key, body)
        await stage.chat(capped, body)
    await stage.stub.stop()
    await stage.chat(key, asking())
    return key.secret
