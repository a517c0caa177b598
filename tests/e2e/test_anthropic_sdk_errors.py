"""What Anthropic's official SDK raises where a provider or the gateway fails, as Anthropic would tell it."""

from collections.abc import Generator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic
from anthropic.types import MessageParam

from tests.e2e.replayed import CLAUDE, GEMINI, OPENAI, Replayed, replayed_gateway
from tests.upstreams import anthropic_stub
from tests.upstreams.answers import sse_answer
from tests.upstreams.replaying import recorded

HELLO: list[MessageParam] = [{"role": "user", "content": "Hello"}]
AGAIN = 4
"""More often than the gateway asks a provider, and the SDK the gateway."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Replayed]:
    with replayed_gateway(tmp_path_factory.mktemp("anthropic-errors")) as running:
        yield running


@pytest.fixture
def replayed(shared: Replayed) -> Replayed:
    """Failures are scripted oftener than they are needed, so some are left over."""
    for stub in (shared.openai, shared.anthropic, shared.gemini):
        stub.forget()
    return shared


def client_of(replayed: Replayed) -> Anthropic:
    return Anthropic(base_url=replayed.origin, api_key=replayed.operator.key(), max_retries=0)


def ask(client: Anthropic, model: str = CLAUDE, **more: Any) -> anthropic.APIStatusError:
    """The error in which a request ends."""
    with pytest.raises(anthropic.APIStatusError) as raised:
        client.messages.create(model=model, max_tokens=64, messages=HELLO, **more)
    error = raised.value
    assert error.request_id == error.response.headers["x-request-id"]
    assert body_of(error)["type"] == "error"
    assert "sk-ant-" not in str(error)
    return error


def body_of(error: anthropic.APIStatusError) -> dict[str, Any]:
    body: Any = error.body
    return body


def test_a_rate_limit_of_anthropic_s(replayed: Replayed) -> None:
    limit = anthropic_stub.problem(
        429, "rate_limit_error", "This request would exceed your rate limit.", {"retry-after": "17"}
    )
    replayed.anthropic.script(*[limit] * AGAIN)
    with client_of(replayed) as client:
        error = ask(client)
    assert isinstance(error, anthropic.RateLimitError)
    assert body_of(error)["error"]["type"] == "rate_limit_error"
    assert "would exceed your rate limit" in body_of(error)["error"]["message"]
    assert error.response.headers["retry-after"] in ("16", "17")


def test_a_quota_of_gemini_s(replayed: Replayed) -> None:
    replayed.gemini.replay(*["030ec8833147"] * AGAIN)
    with client_of(replayed) as client:
        error = ask(client, GEMINI)
    assert isinstance(error, anthropic.RateLimitError)
    assert body_of(error)["error"]["type"] == "rate_limit_error"
    assert "You exceeded your current quota" in body_of(error)["error"]["message"]
    assert 40 <= int(error.response.headers["retry-after"]) <= 49


def test_an_overload(replayed: Replayed) -> None:
    replayed.anthropic.replay(*["b7b7e1f28c8c"] * AGAIN)
    with client_of(replayed) as client:
        error = ask(client)
    assert isinstance(error, anthropic.InternalServerError)
    assert "Overloaded" in body_of(error)["error"]["message"]


def test_the_sdk_s_own_retries_get_over_an_overload(replayed: Replayed) -> None:
    """The gateway's are in between: together they ask no oftener than they have to."""
    replayed.anthropic.replay("b7b7e1f28c8c", "a4ef8f45e6e3")
    with client_of(replayed).with_options(max_retries=2) as client:
        answer = client.messages.create(model=CLAUDE, max_tokens=64, messages=HELLO)
    assert answer.content[0].type == "text"
    assert len(replayed.anthropic.requests) == 2


def test_what_a_provider_finds_wrong(replayed: Replayed) -> None:
    replayed.anthropic.replay("0ad6989d6aa2")
    with client_of(replayed) as client:
        error = ask(client)
    assert isinstance(error, anthropic.BadRequestError)
    assert body_of(error)["error"]["type"] == "invalid_request_error"
    assert "does not support effort level 'xhigh'" in body_of(error)["error"]["message"]
    assert len(replayed.anthropic.requests) == 1


def test_what_the_gateway_finds_wrong(replayed: Replayed) -> None:
    with client_of(replayed) as client:
        wrong: Any = [{"role": "user", "content": [{"type": "text"}]}]
        with pytest.raises(anthropic.BadRequestError, match=r"messages\[0\]\.content\[0\]\.text|messages\.0"):
            client.messages.create(model=OPENAI, max_tokens=64, messages=wrong)
        with pytest.raises(anthropic.NotFoundError):
            client.messages.create(model="nobody/model", max_tokens=64, messages=HELLO)
    with (
        Anthropic(base_url=replayed.origin, api_key="zk_live_nobody", max_retries=0) as stranger,
        pytest.raises(anthropic.AuthenticationError) as refused,
    ):
        stranger.messages.create(model=CLAUDE, max_tokens=64, messages=HELLO)
    assert body_of(refused.value)["error"]["type"] == "authentication_error"
    assert replayed.anthropic.requests == replayed.openai.requests == []


def test_a_cap_that_is_reached(replayed: Replayed) -> None:
    key = replayed.operator.new_key("--spend-cap", "0.0001")
    with (
        Anthropic(base_url=replayed.origin, api_key=key, max_retries=2) as client,
        pytest.raises(anthropic.APIStatusError) as refused,
    ):
        client.messages.create(model=CLAUDE, max_tokens=4_096, messages=HELLO)
    assert refused.value.status_code == 402
    assert body_of(refused.value)["error"]["type"] == "billing_error"
    assert replayed.anthropic.requests == []


def test_a_stream_that_fails_inside(replayed: Replayed) -> None:
    replayed.anthropic.replay("e4ffb2cc18ee")
    with client_of(replayed) as client:
        told = events_until_failure(client, CLAUDE)
    assert told == "Hello"


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, OPENAI])
def test_a_stream_that_is_cut_never_ends_well(replayed: Replayed, model: str) -> None:
    """The last event is missing; what came before it was whole."""
    ids = {CLAUDE: "4b95f756b24a", GEMINI: "051501bfcacb", OPENAI: "5b92581ae4cd"}
    events = recorded(ids[model]).response.bytes.replace(b"\r\n", b"\n")
    last = {CLAUDE: b"event: message_delta", GEMINI: b'"text": ""', OPENAI: b'"finish_reason":"stop"'}[model]
    kept = events[: events.index(last)].rpartition(b"\n\n")[0] + b"\n\n"
    replayed.stub(model).script(sse_answer(kept))
    with client_of(replayed) as client:
        assert events_until_failure(client, model)
    assert replayed.stub(model).refused == []


def events_until_failure(client: Anthropic, model: str) -> str:
    """The text that came before the stream raised, as it must."""
    told: list[str] = []
    with (
        client.messages.stream(model=model, max_tokens=64, messages=HELLO) as stream,
        pytest.raises(anthropic.APIError),
    ):
        told.extend(stream.text_stream)
    return "".join(told)
