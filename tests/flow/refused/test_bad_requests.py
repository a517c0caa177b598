"""Playbooks of bad HTTP: sizes, kinds, codings, methods and paths, each refused in the one error shape."""

import asyncio
import gzip
import io
import zlib
from collections.abc import AsyncGenerator, Mapping
from urllib.parse import urlsplit

import pytest

from tests.flow.refused.shapes import BODY_LIMIT, CANARY, body, got_of, head, refusal
from tests.flow.stage import Got, Stage
from zai_gateway.accounts.terms import IssuedKey

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_body_over_the_limit(stage: Stage, key: IssuedKey) -> None:
    filler = CANARY * (BODY_LIMIT // len(CANARY))
    # Given as pieces of a known length, since aiohttp warns of so much at once.
    sent = io.BytesIO(body(user=filler))
    async with stage.session.post(
        f"{stage.base_url}/chat/completions", data=sent, headers=head(key)
    ) as response:
        assert f"{BODY_LIMIT} bytes" in refusal(await got_of(response), 413, "request_too_large")


async def test_a_body_over_the_limit_that_does_not_say_so(stage: Stage, key: IssuedKey) -> None:
    async def pieces() -> AsyncGenerator[bytes]:
        for _ in range(BODY_LIMIT // 50_000 + 1):
            yield b" " * 50_000

    async with stage.session.post(
        f"{stage.base_url}/chat/completions", data=pieces(), headers=head(key)
    ) as response:
        refusal(await got_of(response), 413, "request_too_large")


@pytest.mark.parametrize(
    "lines",
    [f"x-filler: {CANARY * 8_000}\r\n", f"x-filler: {CANARY}\r\n" * 200, f"{'x' * 80_000}: y\r\n"],
    ids=["one that is long", "many", "a long name"],
)
async def test_headers_over_the_limit(stage: Stage, key: IssuedKey, lines: str) -> None:
    sent = body()
    got = await plainly(
        stage,
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key.secret}\r\n"
        f"{lines}Content-Length: {len(sent)}\r\n\r\n".encode()
        + sent,
    )
    assert "fewer or shorter headers" in refusal(got, 431, "headers_too_large")
    assert got.headers["connection"] == "close"


async def test_what_is_no_http(stage: Stage) -> None:
    got = await plainly(stage, f"Hello {CANARY}\r\n\r\n".encode())
    assert "not HTTP/1.1" in refusal(got, 400, "invalid_request")


async def plainly(stage: Stage, sent: bytes) -> Got:
    """The answer to exactly these bytes on a connection of their own."""
    address = urlsplit(stage.base_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(sent)
    try:
        whole = await reader.read()
    finally:
        writer.close()
    first, _, rest = whole.partition(b"\r\n")
    lines, _, answer = rest.partition(b"\r\n\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines.decode().split("\r\n"))
    return Got(int(first.split()[1]), {**headers, "x-request-id": headers["x-request-id"]}, answer)


CODED: Mapping[str, bytes] = {
    "gzip": gzip.compress(body()),
    "deflate": zlib.compress(body()),
    "br": b"\x0b\x02\x80{}\x03",
    "zstd": b"\x28\xb5\x2f\xfd",
    "x-gzip": gzip.compress(body()),
    "identity, gzip": gzip.compress(body()),
    "GZIP": body(),
}


@pytest.mark.parametrize("coding", CODED)
async def test_a_compressed_body(stage: Stage, key: IssuedKey, coding: str) -> None:
    got = await stage.chat(key, CODED[coding], headers={"Content-Encoding": coding})
    assert "compressed" in refusal(got, 415, "unsupported_media_type", "content-encoding")


@pytest.mark.parametrize(
    "media_type",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/json"),
        *("application/octet-stream", "application/jsonl", "application/xml", "application"),
    ],
)
async def test_a_body_of_another_kind(stage: Stage, key: IssuedKey, media_type: str) -> None:
    got = await stage.chat(key, body(), headers={"Content-Type": media_type})
    assert "application/json" in refusal(got, 415, "unsupported_media_type", "content-type")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/chat/completions", "POST"),
        ("DELETE", "/v1/chat/completions", "POST"),
        ("OPTIONS", "/v1/chat/completions", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", "/v1/models/openai/gpt-5.4", "GET, HEAD"),
        ("POST", "/v1/me", "GET, HEAD"),
        ("PATCH", "/v1/whoami", "GET, HEAD"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_path_does_not_take(
    stage: Stage, key: IssuedKey, method: str, path: str, allowed: str
) -> None:
    got = await asked(stage, key, method, path)
    assert method in refusal(got, 405, "method_not_allowed")
    assert got.headers["allow"] == allowed


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/v1", "/docs"),
        ("/v1/", "/v1/me"),
        ("/v1/chat/completion", "/v1/chat/completions"),
        ("/v1/chat/completions/", "/v1/chat/completions"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/model", "/v1/models"),
        ("/v1/completions", "/v1/chat/completions"),
        ("/v1/embedding", "/v1/embeddings"),
        ("/v1/fine_tuning/jobs", "/docs"),
        ("/V1/me", "/v1/me"),
        ("/v1/../etc/passwd", "/docs"),
        ("/" + "x" * 20_000, "/docs"),
    ],
)
async def test_a_path_that_leads_nowhere(stage: Stage, key: IssuedKey, path: str, hint: str) -> None:
    for method in ("GET", "POST"):
        message = refusal(await asked(stage, key, method, path), 404, "unknown_path")
        assert hint in message


async def asked(stage: Stage, key: IssuedKey, method: str, path: str) -> Got:
    url = stage.base_url.removesuffix("/v1") + path
    async with stage.session.request(method, url, headers=head(key), data=body()) as response:
        return await got_of(response)


async def test_a_bad_request_leaves_the_connection_in_order(stage: Stage, key: IssuedKey) -> None:
    """On one connection after another's refusal a request is answered as ever."""
    bad = b'{"model": 5}'
    lines = f"Host: localhost\r\nAuthorization: Bearer {key.secret}\r\n"
    sent = f"POST /v1/chat/completions HTTP/1.1\r\n{lines}Content-Length: {len(bad)}\r\n\r\n".encode() + bad
    last = f"GET /v1/me HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode()
    address = urlsplit(stage.base_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(sent * 3 + last)
    whole = await reader.read()
    writer.close()
    assert whole.count(b"HTTP/1.1 400 ") == 3
    assert whole.count(b"HTTP/1.1 200 ") == 1
    assert whole.index(b"HTTP/1.1 200 ") > whole.rindex(b"HTTP/1.1 400 ")
