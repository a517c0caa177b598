"""The door's paths, its order of checks, and the one shape of its errors, on a real socket."""

import logging
import re
from collections.abc import Iterator

import pytest

from tests.unit.edge.behind import TOKEN, Answer, Behind
from tests.unit.edge.served import AUTHORIZATION, Served, posting, read_answer, served
from zai_gateway.accounts.caller import Caller
from zai_gateway.edge.paths import PATHS
from zai_gateway.edge.proxies import Proxies, networks
from zai_gateway.errors import Code, Failure
from zai_gateway.relay.reply import Reply

REQUEST_ID = re.compile(r"req_[0-9a-hjkmnp-tv-z]{26}")


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def door(behind: Behind) -> Iterator[Served]:
    with served(behind) as running:
        yield running


def test_a_chat_request_reaches_the_relay_and_its_answer_the_client(door: Served, behind: Behind) -> None:
    body = b'{"model": "openai/gpt-5.4", "messages": []}'
    got = door.post(body, headers=AUTHORIZATION + "Content-Type: application/json; charset=utf-8\r\n")
    assert (got.status, got.json()) == (200, {"hello": "world"})
    assert got.header("content-type") == "application/json"
    assert got.header("content-length") == str(len(b'{"hello":"world"}'))
    assert behind.answerer.bodies == [body]


def test_every_answer_has_a_request_id_that_was_made_here(door: Served) -> None:
    theirs = AUTHORIZATION + "x-request-id: chosen-by-the-client\r\n"
    answers = [
        door.post(headers=theirs),
        door.post(headers="x-request-id: chosen-by-the-client\r\n"),
        *(door.get(path, headers=theirs) for path in PATHS),
        door.get("/nowhere", headers=theirs),
        door.ask(b"not http at all\r\n\r\n"),
    ]
    ids = [answer.header("x-request-id") or "" for answer in answers]
    assert all(REQUEST_ID.fullmatch(id) for id in ids), ids
    assert len(set(ids)) == len(ids)


MEDIA = Code.UNSUPPORTED_MEDIA_TYPE
CHAT = "POST /v1/chat/completions"
BAD = {
    "no such path": ("GET /v1/nothing", "", 404, Code.UNKNOWN_PATH),
    "trailing slash": ("GET /v1/models/", "", 404, Code.UNKNOWN_PATH),
    "no base path": ("POST /chat/completions", "", 404, Code.UNKNOWN_PATH),
    "encoded path": ("GET /v1%2Fme", "", 404, Code.UNKNOWN_PATH),
    "the template itself": ("GET /v1/models/{id}", "", 404, Code.MODEL_NOT_FOUND),
    "root": ("GET /", "", 404, Code.UNKNOWN_PATH),
    "a browser's preflight": ("OPTIONS /v1/me", "", 405, Code.METHOD_NOT_ALLOWED),
    "chat by GET": ("GET /v1/chat/completions", "", 405, Code.METHOD_NOT_ALLOWED),
    "list by POST": ("POST /v1/models", "", 405, Code.METHOD_NOT_ALLOWED),
    "unknown model": ("GET /v1/models/openai/gpt-9", "", 404, Code.MODEL_NOT_FOUND),
    "wrong media type": (CHAT, "Content-Type: text/plain\r\n", 415, MEDIA),
    "form": (CHAT, "Content-Type: application/x-www-form-urlencoded\r\n", 415, MEDIA),
    "compressed": (CHAT, "Content-Encoding: gzip\r\n", 415, MEDIA),
    "compressed twice": (CHAT, "Content-Encoding: identity\r\nContent-Encoding: br\r\n", 415, MEDIA),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_its_status_in_the_one_shape(case: str, door: Served, behind: Behind) -> None:
    line, headers, status, code = BAD[case]
    got = door.ask(f"{line} HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}{headers}\r\n")
    assert got.status == status
    assert got.header("content-type") == "application/json"
    told = got.json()
    assert sorted(told) == ["detail", "error"]
    assert sorted(told["error"]) == ["code", "message", "param", "type"]
    assert told["error"]["code"] == code
    assert told["detail"]
    assert behind.answerer.bodies == []


@pytest.mark.parametrize(
    ("header", "param"),
    [("Content-Type: text/plain", "content-type"), ("Content-Encoding: gzip", "content-encoding")],
)
def test_a_refused_media_type_names_its_header(header: str, param: str, door: Served) -> None:
    error = door.post(headers=f"{AUTHORIZATION}{header}\r\n").json()["error"]
    assert error["param"] == param
    assert param in error["message"]


@pytest.mark.parametrize(
    "headers", ["", "Content-Type: application/json\r\n", "Content-Type: APPLICATION/JSON;x=y\r\n"]
)
@pytest.mark.parametrize("encoding", ["", "Content-Encoding: identity\r\n"])
def test_plain_json_is_taken(headers: str, encoding: str, door: Served) -> None:
    assert door.post(headers=AUTHORIZATION + headers + encoding).status == 200


@pytest.mark.parametrize(
    ("path", "close"),
    [
        ("/v1/chat/completion", "/v1/chat/completions"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/", "/v1/chat/completions"),
        ("/v1/models/", "/v1/models"),
        ("/healthz/", "/healthz"),
    ],
)
def test_an_unknown_path_is_told_what_is_close(path: str, close: str, door: Served) -> None:
    assert f"Did you mean {close}?" in door.get(path).json()["error"]["message"]


def test_a_wrong_method_is_told_the_right_ones(door: Served) -> None:
    assert door.get("/v1/chat/completions").header("allow") == "POST"
    assert door.post(path="/v1/me").header("allow") == "GET, HEAD"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer wrong\r\n",
        f"Authorization: Basic {TOKEN}\r\n",
        f"Authorization: {TOKEN}\r\n",
        f"Authorization: Bearer {TOKEN} x\r\n",
        "X-Api-Key: wrong\r\n",
        "X-Api-Key:\r\n",
        "X-Api-Key: \xe9\xff\r\n",
        f"X-Api-Key: {TOKEN}\r\nX-Api-Key: {TOKEN}\r\n",
        AUTHORIZATION + "X-Api-Key: wrong\r\n",
        f"Authorization: Bearer wrong\r\nX-Api-Key: {TOKEN}\r\n",
        f"Authorization: Basic {TOKEN}\r\nX-Api-Key: {TOKEN}\r\n",
        f"{AUTHORIZATION}{AUTHORIZATION}X-Api-Key: {TOKEN}\r\n",
        AUTHORIZATION + "X-Api-Key:\r\nX-Api-Key:\r\n",
        AUTHORIZATION + AUTHORIZATION,
        "Authorization: Bearer \xe9\xff\r\n",
    ],
)
@pytest.mark.parametrize("path", ["/v1/me", "/v1/whoami", "/v1/models", "/v1/models/openai/gpt-5.4"])
def test_no_key_or_a_wrong_one_is_the_same_401_everywhere(header: str, path: str, door: Served) -> None:
    got = door.get(path, headers=header)
    assert got.status == 401
    assert got.header("www-authenticate") == "Bearer"
    assert got.json() == door.post(headers="").json()
    assert got.json()["detail"] == "Invalid API key"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
def test_the_scheme_is_read_in_any_case(scheme: str, door: Served) -> None:
    assert door.get("/v1/me", headers=f"Authorization: {scheme} {TOKEN}\r\n").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        f"X-Api-Key: {TOKEN}\r\n",
        f"x-api-key:  {TOKEN} \r\n",
        f"{AUTHORIZATION}X-Api-Key: {TOKEN}\r\n",
        f"X-Api-Key: {TOKEN}\r\nAuthorization: bearer {TOKEN}\r\n",
        f"X-Api-Key: \r\n{AUTHORIZATION}",
    ],
)
@pytest.mark.parametrize("path", ["/v1/me", "/v1/models", "/v1/chat/completions", "/v1/quote"])
def test_the_key_may_come_as_anthropics_clients_send_it(headers: str, path: str, door: Served) -> None:
    got = door.get(path, headers=headers) if "GET" in PATHS[path] else door.post(path=path, headers=headers)
    assert got.status == 200


def test_each_request_of_a_connection_is_let_in_by_its_own_key(door: Served, behind: Behind) -> None:
    # Heads that recur are recognized by their bytes: a key must not be carried over to other ones.
    keys = [TOKEN, TOKEN, "x" * len(TOKEN), TOKEN]
    statuses: list[int] = []
    with door.connect() as connection:
        for key in keys:
            connection.sendall(posting(b"{}", headers=f"x-api-key: {key}\r\n"))
            statuses.append(read_answer(connection).status)
    assert statuses == [200, 200, 401, 200]
    assert len(behind.answerer.bodies) == 3


def test_the_key_is_checked_before_the_body(door: Served) -> None:
    worst = "Content-Encoding: gzip\r\nContent-Type: text/plain\r\n"
    assert door.post(b"x" * 300_000, headers=worst).status == 401
    assert door.post(b"x" * 300_000, headers=AUTHORIZATION + worst).status == 415
    assert door.post(b"x" * 300_000).status == 413


def test_the_log_tells_to_whom_a_refusal_went_and_nothing_of_the_key(
    behind: Behind, caplog: pytest.LogCaptureFixture
) -> None:
    headers = "Authorization: Bearer guess-1\r\nX-Forwarded-For: 1.2.3.4, 203.0.113.9\r\n"
    with caplog.at_level(logging.DEBUG):
        for trusted in ("", "127.0.0.1"):
            with served(behind, proxies=Proxies(networks(trusted))) as door:
                assert door.get("/v1/me", headers=headers).status == 401
    said = [record.getMessage() for record in caplog.records if "invalid_api_key" in record.getMessage()]
    assert [line.rpartition(", told to ")[2] for line in said] == ["127.0.0.1", "203.0.113.9"]
    assert "guess-1" not in caplog.text


async def _out_of_words(_caller: Caller, body: bytes, _reply: Reply) -> None:
    raise ValueError(f"could not read {body!r}")


async def _mid_stream(_caller: Caller, body: bytes, reply: Reply) -> None:
    await reply.start(200, [("content-type", "text/event-stream; charset=utf-8")])
    await reply.write(b'data: {"choices":[]}\n\n')
    raise ValueError(f"could not read {body!r}")


async def _nothing(_caller: Caller, _body: bytes, _reply: Reply) -> None:
    return


async def _half_an_answer(_caller: Caller, _body: bytes, reply: Reply) -> None:
    await reply.start(200, [("content-type", "application/json")])
    await reply.write(b'{"half":')


@pytest.mark.parametrize("answer", [_out_of_words, _nothing, _half_an_answer])
def test_a_defect_is_a_500_that_gives_nothing_away(
    answer: Answer, door: Served, behind: Behind, caplog: pytest.LogCaptureFixture
) -> None:
    behind.answerer.does = answer
    with caplog.at_level(logging.DEBUG):
        got = door.post(b'{"prompt": "the secret of the house"}')
    assert (got.status, got.json()["error"]["code"]) == (500, "internal_error")
    assert got.header("x-should-retry") == "false"
    request_id = got.header("x-request-id") or "none"
    assert request_id in got.json()["error"]["message"]
    assert request_id in caplog.text
    assert "door.py" in caplog.text
    assert "secret of the house" not in caplog.text + got.body.decode()
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/me"])
def test_a_defect_before_the_relay_is_a_500_too(path: str, door: Served, behind: Behind) -> None:
    behind.callers.trouble = ValueError("the secret of the house")
    got = door.post() if path.endswith("completions") else door.get(path)
    assert (got.status, got.json()["error"]["code"]) == (500, "internal_error")
    assert b"secret of the house" not in got.body


def test_a_defect_in_a_stream_ends_it_with_an_error_event(door: Served, behind: Behind) -> None:
    behind.answerer.does = _mid_stream
    got = door.post(b'{"prompt": "the secret of the house"}')
    assert got.status == 200
    events = got.body.decode().split("\n\n")
    assert events[0] == 'data: {"choices":[]}'
    assert '"code":"internal_error"' in events[1]
    assert events[2:] == [""]
    assert b"secret of the house" not in got.body
    assert b"[DONE]" not in got.body


def test_a_failure_of_the_relay_is_told_in_the_one_shape(door: Served, behind: Behind) -> None:
    async def refuse(_caller: Caller, _body: bytes, _reply: Reply) -> None:
        raise Failure(Code.SPEND_CAP_REACHED, "Raise the cap.", detail="Spend cap reached: 5.00 USD")

    behind.answerer.does = refuse
    got = door.post()
    assert got.status == 402
    assert got.json() == {
        "detail": "Spend cap reached: 5.00 USD",
        "error": {
            "message": "Raise the cap.",
            "type": "insufficient_quota",
            "param": None,
            "code": "spend_cap_reached",
        },
    }


def test_a_header_value_cannot_break_out(door: Served, behind: Behind) -> None:
    async def inject(_caller: Caller, _body: bytes, reply: Reply) -> None:
        await reply.start(200, [("content-type", "application/json"), ("x-zai-model", "a/\r\nx-evil: é")])
        await reply.write(b"{}")
        await reply.finish()

    behind.answerer.does = inject
    got = door.post()
    assert got.status == 200
    assert got.header("x-evil") is None
    assert got.header("x-zai-model") == "a/%0D%0Ax-evil: %C3%A9"


def test_connections_are_kept_and_no_task_is_left(door: Served, behind: Behind) -> None:
    idle = door.tasks()
    with door.connect() as connection:
        for _ in range(3):
            connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n")
            connection.sendall(f"{AUTHORIZATION}Content-Length: 2\r\n\r\n{{}}".encode())
            from_server = b""
            while not from_server.endswith(b'{"hello":"world"}'):
                from_server += connection.recv(65_536)
            assert from_server.startswith(b"HTTP/1.1 200 OK\r\n")
        door.settle_at(idle)
    assert len(behind.answerer.bodies) == 3
