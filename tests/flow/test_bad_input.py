"""Playbooks of bad input: each line gets its status and code in the one error shape, and nothing is lost by it."""

import asyncio
import gzip
import io
import json
import zlib
from collections.abc import AsyncGenerator, Generator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.flow.stage import MODEL, Got, Stage, staged
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.settings import Limits

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY_LIMIT = 1_000_000
HELLO: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
CANARY = "canary-7c1e"
"""Stands where only a prompt or a value stands: no error may quote it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stage]:
    data = tmp_path_factory.mktemp("bad-input") / "data"
    async with staged(data, Limits(body_bytes=BODY_LIMIT)) as ready:
        yield ready


@pytest.fixture(scope="module")
def key(stage: Stage) -> IssuedKey:
    return stage.key(usd=5)


@pytest.fixture(autouse=True)
def untouched(stage: Stage) -> Generator[None]:
    """Every test of this file leaves it so: nothing went out, nothing was booked, nothing is held."""
    before = len(stage.stub.requests), len(stage.ledger())
    yield
    assert (len(stage.stub.requests), len(stage.ledger())) == before
    assert stage.rows("hold") == []


def body(**fields: Any) -> bytes:
    return json.dumps(HELLO | fields).encode()


def without(name: str) -> bytes:
    return json.dumps({field: value for field, value in HELLO.items() if field != name}).encode()


def refusal(got: Got, status: int, code: str, param: str | None = None) -> str:
    """Checks the one error shape; gives `error.message`."""
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-request-id"].startswith("req_")
    said = got.json()
    assert sorted(said) == ["detail", "error"]
    error: dict[str, Any] = said["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    assert (got.status, error["code"], error["param"]) == (status, code, param)
    assert isinstance(error["type"], str)
    assert isinstance(said["detail"], str)
    assert said["detail"]
    message: str = error["message"]
    assert CANARY not in got.body.decode()
    assert len(got.body) < 2_000
    return message


UNREADABLE: Mapping[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "blanks": (b" \n\t ", "empty"),
    "words": (f"Hello {CANARY}".encode(), "malformed"),
    "a form": (b"model=openai%2Fgpt-5.4-mini&n=1", "malformed"),
    "a list": (b"[%b]" % body(), "not a JSON object"),
    "a text": (json.dumps(CANARY).encode(), "not a JSON object"),
    "a number": (b"5", "not a JSON object"),
    "null": (b"null", "not a JSON object"),
    "half an object": (body()[:-10], "Input data was truncated"),
    "two objects": (body() + body(), "trailing"),
    "a comment": (b"/* Hello */ " + body(), "malformed"),
    "a trailing comma": (body()[:-1] + b",}", "malformed"),
    "single quotes": (body().replace(b'"', b"'"), "malformed"),
    "no number": (body()[:-1] + b', "temperature": NaN}', "malformed"),
    "a control character in a text": (body(user="#").replace(b"#", b"\x00"), "malformed"),
    "no UTF-8": (body(user="#").replace(b"#", b"\xff"), "not UTF-8"),
    "Latin-1": (json.dumps(HELLO | {"user": "é"}, ensure_ascii=False).encode("latin-1"), "not UTF-8"),
    "half a character": (body(user="#").replace(b"#", b"\xe2\x82"), "not UTF-8"),
    "a bare surrogate": (body(user="#").replace(b"#", b"\xed\xa0\x80"), "not UTF-8"),
    "UTF-16": (body().decode().encode("utf-16"), "not UTF-8"),
    "a byte order mark": (b"\xef\xbb\xbf" + body(), "byte order mark"),
    "lists without end": (
        body(user=0).replace(b" 0}", b"[" * 400_000 + b"]" * 400_000 + b"}"),
        "nested too deeply",
    ),
    "objects without end": (
        body(user=0).replace(b" 0}", b'{"a":' * 150_000 + b"1" + b"}" * 150_000 + b"}"),
        "nested too deeply",
    ),
    "messages without end": (
        body(messages=0).replace(b" 0}", b"[" * 400_000 + b"]" * 400_000 + b"}"),
        "nested too deeply",
    ),
    "lists that never close": (body()[:-1] + b', "user":' + b"[" * 900_000, "nested too deeply"),
}


@pytest.mark.parametrize("case", UNREADABLE)
async def test_what_is_no_json_object(stage: Stage, key: IssuedKey, case: str) -> None:
    sent, words = UNREADABLE[case]
    message = refusal(await stage.chat(key, sent), 400, "invalid_json")
    assert words in message or words in message.lower()


MISSHAPEN: Mapping[str, tuple[bytes, str]] = {
    "no model": (without("model"), "model"),
    "a null model": (body(model=None), "model"),
    "an empty model": (body(model=""), "model"),
    "a model that is a number": (body(model=5), "model"),
    "a model that is a list": (body(model=[CANARY]), "model"),
    "a model that is an object": (body(model={"name": CANARY}), "model"),
    "a model that is true": (body(model=True), "model"),
    "no messages": (without("messages"), "messages"),
    "null messages": (body(messages=None), "messages"),
    "empty messages": (body(messages=[]), "messages"),
    "messages that are a text": (body(messages=CANARY), "messages"),
    "messages that are an object": (body(messages={"role": "user"}), "messages"),
    "a message that is a text": (body(messages=[CANARY]), "messages[0]"),
    "a message that is null": (body(messages=[None]), "messages[0]"),
    "a second message that is a list": (body(messages=[*HELLO["messages"], [CANARY]]), "messages[1]"),
    "a message without a role": (body(messages=[{"content": CANARY}]), "messages[0].role"),
    "a message with a null role": (body(messages=[{"role": None, "content": CANARY}]), "messages[0].role"),
    "a message with a number as its role": (body(messages=[{"role": 1}]), "messages[0].role"),
    "content that is a number": (body(messages=[{"role": "user", "content": 5}]), "messages[0].content"),
    "content that is an object": (
        body(messages=[{"role": "user", "content": {"text": CANARY}}]),
        "messages[0].content",
    ),
    "a part whose type is a number": (
        body(messages=[{"role": "user", "content": [{"type": 1}]}]),
        "messages[0].content[0].type",
    ),
    "a tool that is a text": (body(tools=[CANARY]), "tools[0]"),
    "a tool whose type is a number": (body(tools=[{"type": 1}]), "tools[0].type"),
    "include_usage that is a number": (
        body(stream=True, stream_options={"include_usage": 1}),
        "stream_options.include_usage",
    ),
}


@pytest.mark.parametrize("case", MISSHAPEN)
async def test_what_has_not_the_shape_of_a_request(stage: Stage, key: IssuedKey, case: str) -> None:
    sent, param = MISSHAPEN[case]
    assert f"`{param}`" in refusal(await stage.chat(key, sent), 400, "invalid_request", param)


VALUES: list[Any] = [True, 1.5, -1, 0, 10**30, CANARY, "", [], [CANARY], {}, {CANARY: 1}]
RIGHT: Mapping[str, tuple[Any, ...]] = {
    "stream": (True,),
    "stream_options": ({}, {CANARY: 1}),
    "temperature": (1.5, 0),
    "top_p": (0,),
    "n": (),
    "max_tokens": (),
    "max_completion_tokens": (),
    "stop": (CANARY, [], [CANARY]),
    "reasoning_effort": (CANARY, ""),
    "service_tier": (CANARY,),
    "tools": ([], [CANARY]),
}
"""What of VALUES each field that is read may be; all else is refused. Null is the same as absent."""


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, right in RIGHT.items() for value in VALUES if value not in right],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value),
)
async def test_wrong_types_and_absurd_numbers(stage: Stage, key: IssuedKey, field: str, value: Any) -> None:
    message = refusal(await stage.chat(key, body(**{field: value})), 400, "invalid_request", field)
    assert f"`{field}` must be" in message


@pytest.mark.parametrize("name", ["model", "messages", "n", "unheard_of"])
async def test_a_field_that_stands_twice(stage: Stage, key: IssuedKey, name: str) -> None:
    sent = body()[:-1] + b', "%b": 1, "\\u00%02x%b": 1}' % (name.encode(), ord(name[0]), name[1:].encode())
    assert f"`{name}` stands twice" in refusal(await stage.chat(key, sent), 400, "duplicate_field", name)


@pytest.mark.parametrize(
    ("model", "close"),
    [
        ("opneai/gpt-5.4", "openai/gpt-5.4"),
        ("openia/gpt-5.4-mini", "openai/gpt-5.4-mini"),
        ("gpt-5.4-mni", "openai/gpt-5.4-mini"),
        ("OpenAI/gpt-5.4", "openai/gpt-5.4"),
        ("demos/echo", "demo/echo"),
        ("anthropic/claude-4.5-sonnet", "models"),
        ("x" * 200, "models"),
    ],
)
async def test_nobody_serves_such_a_name(stage: Stage, key: IssuedKey, model: str, close: str) -> None:
    message = refusal(await stage.chat(key, body(model=model)), 404, "model_not_found", "model")
    assert close in message


async def test_a_vendor_without_a_key_says_how_to_add_one(stage: Stage) -> None:
    accounts = stage.house.accounts
    kept = accounts.list_provider_keys(stage.workspace)
    (gone,) = [each for each in kept if each.provider == "openai"]
    accounts.remove_provider_key(stage.workspace, gone.id)
    try:
        got = await stage.chat(stage.key(usd=5), HELLO)
    finally:
        accounts.add_provider_key(stage.workspace, "openai", "sk-new", base_url=gone.base_url)
    assert "zai admin provider add openai" in refusal(got, 404, "model_not_found", "model")


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


def head(key: IssuedKey) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.secret}", "Content-Type": "application/json"}


async def got_of(response: Any) -> Got:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Got(response.status, headers, await response.read())


@pytest.mark.parametrize(
    "lines",
    [f"x-filler: {CANARY * 8_000}\r\n", f"x-filler: {CANARY}\r\n" * 200, f"{'x' * 80_000}: y\r\n"],
    ids=["one that is long", "many", "a long name"],
)
async def test_headers_over_the_limit(stage: Stage, key: IssuedKey, lines: str) -> None:
    sent = body()
    got = await plainly(
        stage,
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key.secret}\r\n"
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
        ("/", "/docs"),
        ("/v1", "/docs"),
        ("/v1/", "/v1/me"),
        ("/v1/chat/completion", "/v1/chat/completions"),
        ("/v1/chat/completions/", "/v1/chat/completions"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/model", "/v1/models"),
        ("/v1/completions", "/v1/chat/completions"),
        ("/v1/embeddings", "/docs"),
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


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("opneai/gpt-5.4", "openai/gpt-5.4"),
        ("openai%2Fgpt-5.5-mini", "openai/gpt-5"),
        ("x" * 9_000, "/v1/models"),
    ],
)
async def test_a_model_that_is_not_there(stage: Stage, key: IssuedKey, id: str, words: str) -> None:
    assert words in refusal(await stage.get(key, f"/models/{id}"), 404, "model_not_found", "model")


async def test_checks_run_in_their_order(stage: Stage) -> None:
    poor = stage.key(usd=0, allow=("openai/*", "nobody/*"))
    stranger = f"Bearer {poor.secret[:-1]}"
    bad: list[tuple[bytes, dict[str, str], int, str]] = [
        (b"{", {"Authorization": stranger, "Content-Type": "text/plain"}, 401, "invalid_api_key"),
        (b"{", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (body(messages=[], model="demo/echo"), {}, 400, "invalid_request"),
        (body(plugins=[], model="openai/gpt-4o"), {}, 400, "unsupported_parameter"),
        (body(model="demo/echo"), {}, 403, "model_not_allowed"),
        (body(model="nobody/gpt"), {}, 404, "model_not_found"),
        (body(model="openai/gpt-unpriced"), {}, 402, "model_unpriced"),
        (body(), {}, 402, "spend_cap_reached"),
    ]
    for sent, headers, status, code in bad:
        got = await stage.chat(poor, sent, headers=headers)
        assert (got.status, got.code()) == (status, code)


async def test_a_bad_request_leaves_the_connection_in_order(stage: Stage, key: IssuedKey) -> None:
    """On one connection after another's refusal a request is answered as ever."""
    bad = b'{"model": 5}'
    lines = f"Host: x\r\nAuthorization: Bearer {key.secret}\r\n"
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
