"""What Anthropic's clients meet at the door: their paths, their headers, and errors in their own shape."""

import logging
from collections.abc import Iterator

import msgspec
import pytest

from tests.unit.edge.behind import TOKEN, Asked, Behind
from tests.unit.edge.served import AUTHORIZATION, BODY_LIMIT, Got, Served, read_answer, served
from zai_gateway.accounts.caller import Caller
from zai_gateway.errors import Code, Failure, StoreUnavailable
from zai_gateway.relay.reply import Reply
from zai_gateway.wire.fronts import Front

MESSAGES = "/v1/messages"
COUNT = "/v1/messages/count_tokens"
KEY = f"x-api-key: {TOKEN}\r\n"


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def door(behind: Behind) -> Iterator[Served]:
    with served(behind) as running:
        yield running


def told(got: Got) -> tuple[int, str]:
    """The status and `error.type`, where the answer is a whole error in Anthropic's shape."""
    assert got.header("content-type") == "application/json"
    said = got.json()
    assert sorted(said) == ["error", "request_id", "type"]
    assert said["type"] == "error"
    assert sorted(said["error"]) == ["message", "type"]
    assert said["error"]["message"]
    assert said["request_id"] == got.header("request-id") == got.header("x-request-id")
    return got.status, said["error"]["type"]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        (MESSAGES, Asked("answer", Front.ANTHROPIC)),
        (f"{MESSAGES}?beta=true", Asked("answer", Front.ANTHROPIC)),
        (COUNT, Asked("count_tokens")),
        (f"{COUNT}?beta=true", Asked("count_tokens")),
        ("/v1/embeddings", Asked("embed")),
        ("/v1/chat/completions", Asked("answer", Front.OPENAI)),
    ],
)
def test_each_path_reaches_its_part_of_the_relay(
    path: str, asked: Asked, door: Served, behind: Behind
) -> None:
    got = door.post(b'{"model": "a/b"}', path=path, headers=f"{KEY}anthropic-version: 2023-06-01\r\n")
    assert (got.status, got.json()) == (200, {"hello": "world"})
    assert behind.answerer.asked == [asked]
    assert behind.answerer.bodies == [b'{"model": "a/b"}']
    named = got.header("x-request-id") if path.startswith(MESSAGES) else None
    assert got.header("request-id") == named


@pytest.mark.parametrize(
    ("headers", "names"),
    [
        ("", ()),
        ("anthropic-beta:\r\n", ()),
        ("anthropic-beta: a-2025-01-01\r\n", ("a-2025-01-01",)),
        ("Anthropic-Beta:  b , a,,c \r\n", ("b", "a", "c")),
        ("anthropic-beta: b,a\r\nanthropic-beta: c\r\n", ("b", "a", "c")),
        (f"anthropic-beta: {','.join(['x' * 100] * 20)}\r\n", ("x" * 100,) * 20),
    ],
)
def test_betas_reach_the_relay(headers: str, names: tuple[str, ...], door: Served, behind: Behind) -> None:
    assert door.post(path=MESSAGES, headers=AUTHORIZATION + headers).status == 200
    assert behind.answerer.asked == [Asked("answer", Front.ANTHROPIC, names)]


def test_betas_are_nothing_to_other_paths(door: Served, behind: Behind) -> None:
    headers = f"{AUTHORIZATION}anthropic-beta: {'x' * 200}\r\n"
    assert door.post(headers=headers).status == 200
    assert door.post(path=COUNT, headers=headers).status == 200
    assert behind.answerer.asked == [Asked("answer"), Asked("count_tokens")]


@pytest.mark.parametrize(
    "value",
    ["x" * 101, ",".join("x" * 21), "caf\xe9", "a,b\tc", "x\xff"],
    ids=["long", "many", "e", "tab", "y"],
)
def test_betas_that_are_none_are_refused_by_name(value: str, door: Served, behind: Behind) -> None:
    got = door.post(path=MESSAGES, headers=f"{AUTHORIZATION}anthropic-beta: {value}\r\n")
    assert told(got) == (400, "invalid_request_error")
    message = got.json()["error"]["message"]
    assert message.startswith("anthropic-beta: ")
    assert value not in message
    assert behind.answerer.asked == []


MEDIA = "Content-Type: text/plain\r\n"
REFUSED = {
    "no key": ("POST", MESSAGES, "", 401, "authentication_error"),
    "two keys": ("POST", MESSAGES, KEY + KEY, 401, "authentication_error"),
    "keys that differ": ("POST", COUNT, f"{KEY}Authorization: Bearer x\r\n", 401, "authentication_error"),
    "by GET": ("GET", MESSAGES, KEY, 405, "invalid_request_error"),
    "count by GET": ("GET", COUNT, KEY, 405, "invalid_request_error"),
    "batches": ("POST", f"{MESSAGES}/batches", KEY, 404, "not_found_error"),
    "trailing slash": ("POST", f"{MESSAGES}/", KEY, 404, "not_found_error"),
    "no path and no key": ("POST", f"{COUNT}/x", "", 404, "not_found_error"),
    "media type": ("POST", MESSAGES, KEY + MEDIA, 415, "invalid_request_error"),
    "compressed": ("POST", COUNT, f"{KEY}Content-Encoding: gzip\r\n", 415, "invalid_request_error"),
    "another's host": ("POST", MESSAGES, "", 421, "invalid_request_error"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_have_anthropics_shape(case: str, door: Served, behind: Behind) -> None:
    method, path, headers, status, kind = REFUSED[case]
    host = "evil" if status == 421 else "test"
    got = door.ask(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: 2\r\n\r\n{{}}")
    assert told(got) == (status, kind)
    assert got.header("allow") == ("POST" if status == 405 else None)
    assert got.header("www-authenticate") == ("Bearer" if status == 401 else None)
    assert behind.answerer.asked == []


@pytest.mark.parametrize(
    "path", ["/v1/messagesx", "/v1/message", "/messages", "/v1/embeddings/", "/v1/v1/messages"]
)
def test_other_paths_keep_the_other_shape(path: str, door: Served) -> None:
    got = door.post(path=path)
    assert (got.status, got.json()["error"]["code"]) == (404, "unknown_path")
    assert got.header("request-id") is None
    close = "/v1/embeddings" if "embed" in path else MESSAGES
    assert f"Did you mean {close}?" in got.json()["error"]["message"]


@pytest.mark.parametrize("path", [MESSAGES, COUNT, "/v1/embeddings"])
def test_bodies_have_the_limit_of_every_body(path: str, door: Served, behind: Behind) -> None:
    assert door.post(b"x" * BODY_LIMIT, path=path).status == 200
    got = door.post(b"x" * (BODY_LIMIT + 1), path=path)
    assert got.status == 413
    if path != "/v1/embeddings":
        assert told(got) == (413, "request_too_large")
    assert [len(body) for body in behind.answerer.bodies] == [BODY_LIMIT]


@pytest.mark.parametrize("path", [MESSAGES, COUNT, "/v1/embeddings"])
def test_bodies_in_chunks_are_taken_and_limited_too(path: str, door: Served, behind: Behind) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: test\r\n{KEY}Transfer-Encoding: chunked\r\n\r\n".encode()
    chunks = b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
    with door.connect() as connection:
        for at in range(len(chunks)):
            connection.sendall((head if at == 0 else b"") + chunks[at : at + 1])
        assert read_answer(connection).status == 200
    too_many = b"%x\r\n%b\r\n0\r\n\r\n" % (BODY_LIMIT + 1, b"x" * (BODY_LIMIT + 1))
    assert door.ask(head + too_many).status == 413
    assert behind.answerer.bodies == [b"{}"]


@pytest.mark.parametrize("path", [MESSAGES, COUNT])
def test_a_failure_of_the_relay_keeps_its_advice(path: str, door: Served, behind: Behind) -> None:
    async def refuse(_caller: Caller, _body: bytes, reply: Reply) -> None:
        # What an attempt said before it failed is no part of the answer.
        await reply.start(200, [("content-type", "application/json"), ("x-zai-model", "a/b")])
        failure = Failure(Code.UPSTREAM_RATE_LIMITED, "anthropic: slower.", retry_after=90)
        failure.notices = (("x-ratelimit-limit-requests", "5"),)
        raise failure

    behind.answerer.does = refuse
    got = door.post(path=path)
    assert told(got) == (429, "rate_limit_error")
    assert got.json()["error"]["message"] == "anthropic: slower."
    assert got.header("retry-after") == "90"
    assert got.header("x-should-retry") == "false"
    assert got.header("x-ratelimit-limit-requests") == "5"
    assert got.header("x-zai-model") is None


def test_an_upstreams_own_status_is_kept(door: Served, behind: Behind) -> None:
    async def refuse(_caller: Caller, _body: bytes, _reply: Reply) -> None:
        failure = Failure(Code.UPSTREAM_REFUSED, "anthropic: no.")
        failure.status = 413
        raise failure

    behind.answerer.does = refuse
    assert told(door.post(path=MESSAGES)) == (413, "request_too_large")


def test_a_store_that_is_down_is_told_as_overload(door: Served, behind: Behind) -> None:
    behind.callers.trouble = StoreUnavailable()
    got = door.post(path=MESSAGES)
    assert told(got) == (503, "overloaded_error")
    assert got.header("retry-after") == "1"


@pytest.mark.parametrize("path", [MESSAGES, COUNT, "/v1/embeddings"])
def test_a_defect_gives_nothing_away(
    path: str, door: Served, behind: Behind, caplog: pytest.LogCaptureFixture
) -> None:
    async def break_down(_caller: Caller, body: bytes, _reply: Reply) -> None:
        raise ValueError(f"could not read {body!r}")

    async def say_nothing(_caller: Caller, _body: bytes, _reply: Reply) -> None:
        return

    for does in (break_down, say_nothing):
        behind.answerer.does = does
        with caplog.at_level(logging.DEBUG):
            got = door.post(b'{"prompt": "the secret of the house"}', path=path, headers=KEY)
        assert got.status == 500
        assert got.header("x-should-retry") == "false"
        assert (got.header("x-request-id") or "none") in got.body.decode()
        assert "secret of the house" not in caplog.text + got.body.decode()
        assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (ValueError("the secret of the house"), "api_error"),
        (Failure(Code.UPSTREAM_FAILED, "openai: oh."), "api_error"),
        (Failure(Code.UPSTREAM_RATE_LIMITED, "openai: slower."), "rate_limit_error"),
        (StoreUnavailable(), "overloaded_error"),
    ],
)
def test_trouble_in_a_stream_ends_it_with_an_error_event(
    trouble: Exception, kind: str, door: Served, behind: Behind
) -> None:
    begun = b'event: ping\ndata: {"type": "ping"}\n\n'

    async def break_off(_caller: Caller, _body: bytes, reply: Reply) -> None:
        assert (reply.started, reply.gone) == (False, False)
        await reply.start(200, [("content-type", "text/event-stream; charset=utf-8")])
        assert reply.started
        await reply.write(begun)
        raise trouble

    behind.answerer.does = break_off
    got = door.post(path=MESSAGES)
    assert got.status == 200
    assert got.header("request-id") == got.header("x-request-id")
    assert got.body.startswith(begun)
    name, _, data = got.body.removeprefix(begun).partition(b"\n")
    assert name == b"event: error"
    assert data.startswith(b"data: ")
    assert data.endswith(b"}\n\n")
    event = msgspec.json.decode(data[6:])
    assert (event["type"], event["error"]["type"]) == ("error", kind)
    assert event["request_id"] == got.header("x-request-id")
    assert b"secret of the house" not in got.body
    assert b"[DONE]" not in got.body


def test_the_relay_hears_that_the_client_left(door: Served, behind: Behind) -> None:
    left: list[bool] = []

    async def stay(_caller: Caller, _body: bytes, reply: Reply) -> None:
        reply.when_gone(lambda: left.append(reply.gone))
        await reply.start(200, [("content-type", "text/event-stream")])
        while not reply.gone:
            await reply.write(b"event: ping\ndata: {}\n\n" * 1_000)

    behind.answerer.does = stay
    with door.connect() as connection:
        connection.sendall(
            f"POST {MESSAGES} HTTP/1.1\r\nHost: test\r\n{KEY}Content-Length: 2\r\n\r\n{{}}".encode()
        )
        assert connection.recv(1_000)
    door.until(lambda: left == [True])
    door.nothing_is_left()
