"""The commands of a key's holder, against a real server on loopback."""

from pathlib import Path

import msgspec
import pytest

from tests.unit.cli.loopback import LAST_CHUNK, answering, event, http, raw, stream
from tests.unit.cli.terminal import Terminal

KEY = "zk_live_0PkUexample"
NOWHERE = Path("/nonexistent")
OWN_KEY = {
    "id": "key_1",
    "name": "production-key",
    "prefix": "zk_live_0PkU",
    "spend_micro_usd": 18234,
    "spend_cap_micro_usd": 5000000,
    "fallback_model": "openai/gpt-5.4-mini",
}
ME = {
    "auth": "api_key",
    "org": {"id": "ws_1", "name": "My Workspace", "slug": "my-ws"},
    "api_key": OWN_KEY,
}
MODELS = {"object": "list", "data": [{"id": "demo/echo", "owned_by": "demo"}, {"id": "openai/gpt-5.4"}]}
DONE = b"data: [DONE]\n\n"
USAGE = event(
    {
        "choices": [],
        "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5},
        "model": "demo/echo",
    }
)


def piece(text: str) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})


def holder(base_url: str, key: str = KEY) -> Terminal:
    return Terminal(NOWHERE, {"ZAI_BASE_URL": base_url, "ZAI_KEY": key})


def test_whoami_shows_the_key_in_words() -> None:
    with answering(http(ME)) as gateway:
        shown = holder(gateway.base_url).run("whoami")
    assert (shown.code, shown.err) == (0, "")
    for word in ("My Workspace", "production-key", "zk_live_0PkU...", "0.018234 USD", "5.00 USD"):
        assert word in shown.out
    assert gateway.heads[0].startswith("GET /v1/me HTTP/1.1")
    assert f"Authorization: Bearer {KEY}" in gateway.heads[0]


def test_whoami_of_an_uncapped_key_says_none() -> None:
    block = {**ME, "api_key": {**OWN_KEY, "spend_cap_micro_usd": None, "fallback_model": None}}
    with answering(http(block)) as gateway:
        shown = holder(gateway.base_url).run("whoami")
    facts = dict(line.split(maxsplit=1) for line in shown.out.splitlines())
    assert (facts["cap"], facts["fallback"]) == ("none", "none")


@pytest.mark.parametrize(("command", "document"), [("whoami", ME), ("models", MODELS)])
def test_json_is_the_gateways_own_document(command: str, document: object) -> None:
    with answering(http(document)) as gateway:
        assert holder(gateway.base_url).ok(command) == document


def test_models_are_one_to_a_line() -> None:
    with answering(http(MODELS)) as gateway:
        shown = holder(gateway.base_url).run("models")
    assert (shown.code, shown.out) == (0, "demo/echo\nopenai/gpt-5.4\n")


def test_a_key_without_models_is_told_why() -> None:
    with answering(http({"object": "list", "data": []})) as gateway:
        shown = holder(gateway.base_url).run("models")
    assert (shown.code, shown.out) == (0, "")
    assert "no model" in shown.err


def test_chat_prints_pieces_as_they_are_and_usage_on_stderr() -> None:
    pieces = (b": keep-alive\n\n", piece("Hel"), piece("lo ✓\n"), piece("\x1b[31mend"), USAGE, DONE)
    with answering(stream(*pieces, headers=["x-zai-max-tokens: 9"]) + LAST_CHUNK) as gateway:
        shown = holder(gateway.base_url).run("chat", "Hi ✓", "--system", "Be brief", "--max-tokens", "7")
    assert (shown.code, shown.out) == (0, "Hello ✓\n\x1b[31mend\n")
    assert "limited to 9 tokens" in shown.err
    assert "demo/echo: 2 tokens in, 3 out" in shown.err
    assert msgspec.json.decode(gateway.bodies[0]) == {
        "model": "demo/echo",
        "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi ✓"}],
        "max_tokens": 7,
        "stream": True,
    }


def test_chat_reads_the_prompt_from_stdin() -> None:
    with answering(stream(piece("ok\n"), DONE) + LAST_CHUNK) as gateway:
        shown = holder(gateway.base_url).run("chat", "-", "-m", "openai/gpt-5.4", stdin="from a pipe")
    assert (shown.code, shown.out) == (0, "ok\n")
    sent = msgspec.json.decode(gateway.bodies[0])
    assert sent["messages"] == [{"role": "user", "content": "from a pipe"}]
    assert sent["model"] == "openai/gpt-5.4"


def test_chat_as_json_is_one_whole_answer() -> None:
    answer = {"id": "cmpl_1", "object": "chat.completion", "big": 12345678901234567890}
    with answering(http(answer)) as gateway:
        assert holder(gateway.base_url).ok("chat", "Hi") == answer
    assert "stream" not in msgspec.json.decode(gateway.bodies[0])


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (
            event({"error": {"message": "The model broke.", "type": "x", "code": "upstream_failed"}}),
            "The model broke.",
        ),
        (LAST_CHUNK, "cut off"),
        (b"", "cut off"),
        (b"data: {not json\n\n", "does not speak"),
    ],
    ids=["an error event", "ended without DONE", "cut", "nonsense"],
)
def test_a_stream_that_breaks_ends_with_1_after_what_came(rest: bytes, said: str) -> None:
    answer = (
        stream(piece("Half")) + rest
        if rest == LAST_CHUNK
        else stream(piece("Half"), *([rest] if rest else []))
    )
    with answering(answer) as gateway:
        shown = holder(gateway.base_url).run("chat", "Hi")
    assert (shown.code, shown.out) == (1, "Half\n")
    assert said in shown.err
    assert shown.err.startswith("zai: ")


@pytest.mark.parametrize("command", [("whoami",), ("models",), ("chat", "Hi"), ("chat", "Hi", "--json")])
def test_a_refusal_is_told_with_its_request_id(command: tuple[str, ...]) -> None:
    refusal = {"detail": "Invalid API key", "error": {"message": "This API key is unknown.", "code": None}}
    with answering(http(refusal, "401 Unauthorized", ["x-request-id: req_42"])) as gateway:
        shown = holder(gateway.base_url).run(*command)
    assert (shown.code, shown.out) == (1, "")
    assert shown.err == "zai: This API key is unknown. (HTTP 401, x-request-id req_42)\n"


def test_a_body_with_detail_alone_is_understood() -> None:
    with answering(http({"detail": "Rate limit exceeded"}, "429 Too Many Requests")) as gateway:
        shown = holder(gateway.base_url).run("whoami")
    assert (shown.code, shown.err) == (1, "zai: Rate limit exceeded (HTTP 429)\n")


def test_a_redirect_is_not_followed_and_the_key_goes_nowhere() -> None:
    with answering() as elsewhere:
        with answering(http({}, "307 Temporary Redirect", [f"Location: {elsewhere.base_url}/me"])) as gateway:
            shown = holder(gateway.base_url).run("whoami")
        assert elsewhere.heads == []
    assert shown.code == 1
    assert "redirect" in shown.err


@pytest.mark.parametrize(
    "answer",
    [raw(b"<html>hello</html>"), raw(b""), http({"object": "list"}), http([1]), raw(b"\xff\xfe{}")],
)
@pytest.mark.parametrize("command", [("whoami",), ("models",), ("chat", "Hi", "--json")])
def test_something_else_at_that_address_is_one_sentence(answer: bytes, command: tuple[str, ...]) -> None:
    with answering(answer) as gateway:
        shown = holder(gateway.base_url).run(*command)
    assert (shown.code, shown.out) == (1, "")
    assert "does not speak as a Z-AI gateway" in shown.err


def test_an_answer_that_is_no_http_is_one_sentence() -> None:
    with answering(b"SSH-2.0-OpenSSH_9.6\r\n") as gateway:
        shown = holder(gateway.base_url).run("whoami")
    assert shown.code == 1
    assert "could not be reached, or broke off" in shown.err


def test_a_page_of_another_server_says_that_the_address_is_wrong() -> None:
    with answering(raw(b"<h1>Not Found</h1>", "404 Not Found")) as gateway:
        shown = holder(gateway.base_url).run("models")
    assert shown.code == 1
    assert "ZAI_BASE_URL must end in /v1" in shown.err


def test_no_gateway_at_all_is_one_sentence() -> None:
    with answering() as gone:
        address = gone.base_url
    shown = holder(address).run("whoami")
    assert (shown.code, shown.out) == (1, "")
    assert address in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    "address",
    [
        "ftp://127.0.0.1/v1",
        "127.0.0.1:8011",
        "http://",
        "http://u:p@h/v1",
        "http://h:99999/v1",
        "http://h/?x",
        "http://a..b/v1",
    ],
)
def test_an_address_that_cannot_be_is_refused_before_anything_is_sent(address: str) -> None:
    shown = holder(address).run("whoami")
    assert (shown.code, shown.out) == (1, "")
    assert "ZAI_BASE_URL" in shown.err


def test_a_slash_at_the_end_of_the_address_does_no_harm() -> None:
    with answering(http(ME)) as gateway:
        assert holder(gateway.base_url + "/").ok("whoami") == ME
    assert gateway.heads[0].startswith("GET /v1/me ")


def test_a_key_that_could_break_a_header_is_refused_and_not_shown() -> None:
    shown = holder("http://127.0.0.1:9/v1", "zk_live_\r\nX-Evil: 1").run("whoami")
    assert (shown.code, shown.out) == (1, "")
    assert "ZAI_KEY" in shown.err
    assert "Evil" not in shown.err


def test_without_a_key_the_holder_is_told_what_to_set() -> None:
    shown = Terminal(NOWHERE, {"ZAI_BASE_URL": "http://127.0.0.1:9/v1"}).run("models")
    assert (shown.code, shown.out) == (1, "")
    assert "ZAI_KEY is not set" in shown.err


@pytest.mark.parametrize(
    "command", [("chat",), ("chat", "Hi", "--max-tokens", "0"), ("chat", "broken \udcff")]
)
def test_a_chat_that_cannot_be_sent_is_misuse(command: tuple[str, ...]) -> None:
    shown = holder("http://127.0.0.1:9/v1").run(*command)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith("zai: ")
