"""Each refusal raises the official SDK's own class, with words to read; only some are tried again."""

import openai
import pytest
from msgspec import Struct
from openai import AsyncOpenAI, AsyncStream, OpenAI
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from tests.e2e.gateway_process import GatewayProcess, Operator
from tests.e2e.sdk_material import HELLO, MODEL
from tests.e2e.upstream_process import StubProcess
from tests.upstreams.answers import Answer, error_answer, event, json_answer, sse_answer, stream

STREAM = stream()
NOBODY_S_KEY = "zk_live_0123456789abcdefghijklmnopqrstuvwxyzABCD"


class Refused(Struct, frozen=True, kw_only=True):
    """A request that fails, and how."""

    model: str = MODEL
    prompt: str | None = "Hello"
    """None: no message at all."""
    key: tuple[str, ...] | None = ()
    """The options of `zai admin key create`; None is a key that nobody issued."""
    upstream: Answer | None = None
    raises: type[openai.APIStatusError]
    status: int
    code: str
    says: str
    sent: int = 0
    """How often it reaches the upstream: what cost nothing, and may pass, the gateway tries again."""

    @property
    def messages(self) -> list[ChatCompletionMessageParam]:
        """The messages to send."""
        return [] if self.prompt is None else [{"role": "user", "content": self.prompt}]


KEYLESS = "keyless/gpt-5.4-mini"
"""At a provider key without a secret, which no 401 disables."""

REFUSED = {
    "400 of the gateway": Refused(
        prompt=None, raises=openai.BadRequestError, status=400, code="invalid_request", says="messages"
    ),
    "400 of the upstream": Refused(
        upstream=error_answer(400, "Invalid 'tools': empty array.", param="tools"),
        raises=openai.BadRequestError,
        status=400,
        code="upstream_refused",
        says="Invalid 'tools': empty array.",
        sent=1,
    ),
    "401": Refused(
        key=None,
        raises=openai.AuthenticationError,
        status=401,
        code="invalid_api_key",
        says="Invalid API key. Send one as",
    ),
    "402 of a cap": Refused(
        key=("--spend-cap", "0"),
        raises=openai.APIStatusError,
        status=402,
        code="spend_cap_reached",
        says="spend cap of 0.00 USD leaves 0.00 USD",
    ),
    "402 without a price": Refused(
        key=("--spend-cap", "5.00"),
        model="openai/gpt-unheard-of",
        raises=openai.APIStatusError,
        status=402,
        code="model_unpriced",
        says="zai admin price set openai/gpt-unheard-of",
    ),
    "403": Refused(
        key=("--allow", "demo/*"),
        raises=openai.PermissionDeniedError,
        status=403,
        code="model_not_allowed",
        says="It may call: demo/*",
    ),
    "404 of the gateway": Refused(
        model="opnai/gpt-5.4",
        raises=openai.NotFoundError,
        status=404,
        code="model_not_found",
        says="openai/gpt-5.4",
    ),
    "404 of the upstream": Refused(
        upstream=error_answer(404, "The model does not exist.", code="model_not_found"),
        raises=openai.NotFoundError,
        status=404,
        code="upstream_refused",
        says="The model does not exist.",
        sent=1,
    ),
    "422 of the upstream": Refused(
        upstream=error_answer(422, "Unprocessable."),
        raises=openai.UnprocessableEntityError,
        status=422,
        code="upstream_refused",
        says="Unprocessable.",
        sent=1,
    ),
    "429 of the upstream": Refused(
        upstream=error_answer(429, "Slow down.", code="rate_limit_exceeded"),
        raises=openai.RateLimitError,
        status=429,
        code="upstream_rate_limited",
        says="Slow down.",
        sent=1,
    ),
    "502": Refused(
        upstream=error_answer(500, "The server had an error."),
        raises=openai.InternalServerError,
        status=502,
        code="upstream_failed",
        says="The server had an error.",
        sent=2,
    ),
    "502 for the provider's 401": Refused(
        model=KEYLESS,
        upstream=error_answer(401, "Incorrect API key provided.", code="invalid_api_key"),
        raises=openai.InternalServerError,
        status=502,
        code="upstream_failed",
        says="Incorrect API key provided.",
        sent=1,
    ),
    "502 of the demo": Refused(
        model="demo/fail",
        prompt="with 503, please",
        raises=openai.InternalServerError,
        status=502,
        code="upstream_failed",
        says="This is demo/fail.",
    ),
    "429 of the demo": Refused(
        model="demo/fail",
        prompt="429",
        raises=openai.RateLimitError,
        status=429,
        code="upstream_rate_limited",
        says="This is demo/fail.",
    ),
    "504 of the demo": Refused(
        model="demo/fail",
        prompt="timeout",
        raises=openai.InternalServerError,
        status=504,
        code="upstream_timeout",
        says="the demo was silent for too long",
    ),
}
every_refusal = pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED.keys())
streamed_or_not = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])


def check(error: openai.APIStatusError, refused: Refused, upstream: StubProcess) -> None:
    """The error is of the SDK's own class, and says all that the gateway said."""
    assert type(error) is refused.raises
    assert (error.status_code, error.code) == (refused.status, refused.code)
    assert error.type
    assert refused.says in error.response.json()["error"]["message"]
    assert refused.says in error.message
    assert error.request_id
    assert error.request_id.startswith("req_")
    assert error.response.json()["detail"]
    assert len(upstream.requests) == refused.sent


@streamed_or_not
@every_refusal
def test_a_refusal_is_of_the_sdk_s_own_class(
    gateway: GatewayProcess, operator: Operator, upstream: StubProcess, refused: Refused, streamed: bool
) -> None:
    if refused.upstream:
        upstream.script(*[refused.upstream] * refused.sent)
    key = NOBODY_S_KEY if refused.key is None else operator.key(*refused.key)
    with (
        OpenAI(base_url=gateway.base_url, api_key=key, max_retries=0) as client,
        pytest.raises(openai.APIStatusError) as raised,
    ):
        client.chat.completions.create(model=refused.model, messages=refused.messages, stream=streamed)
    check(raised.value, refused, upstream)


@every_refusal
async def test_a_refusal_is_of_the_sdk_s_own_class_when_awaited(
    gateway: GatewayProcess, operator: Operator, upstream: StubProcess, refused: Refused
) -> None:
    if refused.upstream:
        upstream.script(*[refused.upstream] * refused.sent)
    key = NOBODY_S_KEY if refused.key is None else operator.key(*refused.key)
    async with AsyncOpenAI(base_url=gateway.base_url, api_key=key, max_retries=0) as client:
        with pytest.raises(openai.APIStatusError) as raised:
            await client.chat.completions.create(model=refused.model, messages=refused.messages)
    check(raised.value, refused, upstream)


@pytest.mark.parametrize(
    ("failure", "sent", "retried"),
    [
        # The gateway tries once more by itself, and then the SDK does.
        (error_answer(429, "Slow down.", headers={"retry-after-ms": "1"}), 3, True),
        (error_answer(500, "The server had an error.", headers={"retry-after-ms": "1"}), 3, True),
        (error_answer(400, "Invalid."), 1, False),
        (error_answer(402, "Pay."), 1, False),
        (error_answer(403, "Your country is not supported."), 1, False),
        (error_answer(429, "No credit left.", code="insufficient_quota"), 1, False),
    ],
    ids=["429", "500", "400", "402", "403", "no credit"],
)
def test_what_the_sdk_tries_again_by_itself(
    gateway: GatewayProcess,
    operator: Operator,
    upstream: StubProcess,
    failure: Answer,
    sent: int,
    retried: bool,
) -> None:
    upstream.script(*[failure] * (2 if retried else 1))
    with OpenAI(base_url=gateway.base_url, api_key=operator.key()) as client:
        if retried:
            answer = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
            assert answer.retries_taken == 1
        else:
            with pytest.raises(openai.APIStatusError):
                client.chat.completions.create(model=MODEL, messages=HELLO)
    assert len(upstream.requests) == sent


@pytest.mark.parametrize("refusal", ["402 of a cap", "402 without a price", "403", "401"])
def test_what_no_retry_can_mend_is_sent_once(
    gateway: GatewayProcess, operator: Operator, upstream: StubProcess, refusal: str
) -> None:
    refused = REFUSED[refusal]
    sent: list[object] = []
    counting = openai.DefaultHttpxClient(event_hooks={"request": [sent.append]})
    key = NOBODY_S_KEY if refused.key is None else operator.key(*refused.key)
    with (
        OpenAI(base_url=gateway.base_url, api_key=key, http_client=counting) as client,
        pytest.raises(refused.raises),
    ):
        client.chat.completions.create(model=refused.model, messages=refused.messages)
    assert len(sent) == 1
    assert upstream.requests == []


ERROR = event({"error": {"message": "The server had an error.", "type": "server_error", "code": None}})
BROKEN = {
    "an error event": (sse_answer(*STREAM[:3], ERROR), "The server had an error."),
    "an end before its time": (sse_answer(*STREAM[:3]), "ended before the answer was complete"),
}


@pytest.mark.parametrize(("answer", "says"), BROKEN.values(), ids=BROKEN.keys())
def test_a_stream_that_breaks_raises_after_what_came(
    gateway: GatewayProcess, operator: Operator, upstream: StubProcess, answer: Answer, says: str
) -> None:
    upstream.script(answer)
    came: list[str] = []
    with OpenAI(base_url=gateway.base_url, api_key=operator.key(), max_retries=0) as client:
        chunks = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        with chunks, pytest.raises(openai.APIError) as raised:
            came.extend(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "".join(came) == "Hello!"
    assert type(raised.value) is openai.APIError
    assert says in raised.value.message
    assert raised.value.code == "upstream_failed"


@pytest.mark.parametrize(("how", "says"), [("error", "This is demo/fail."), ("cut", "cut its answer short")])
async def test_a_stream_of_the_demo_that_breaks_raises_when_awaited(
    gateway: GatewayProcess, operator: Operator, how: str, says: str
) -> None:
    came: list[str] = []
    async with AsyncOpenAI(base_url=gateway.base_url, api_key=operator.key(), max_retries=0) as client:
        chunks = await client.chat.completions.create(
            model="demo/fail", messages=[{"role": "user", "content": how}], stream=True
        )
        with pytest.raises(openai.APIError) as raised:
            await _gather(chunks, came)
    assert type(raised.value) is openai.APIError
    assert says in raised.value.message
    assert "".join(came).startswith("This is demo/fail.")


async def _gather(chunks: AsyncStream[ChatCompletionChunk], came: list[str]) -> None:
    async with chunks:
        async for chunk in chunks:
            assert chunk.choices[0].finish_reason is None
            came.append(chunk.choices[0].delta.content or "")


def test_an_answer_in_one_piece_that_breaks_is_a_bad_gateway(
    gateway: GatewayProcess, operator: Operator, upstream: StubProcess
) -> None:
    upstream.script(json_answer({"object": "nonsense"}))
    with (
        OpenAI(base_url=gateway.base_url, api_key=operator.key(), max_retries=0) as client,
        pytest.raises(openai.InternalServerError) as raised,
    ):
        client.chat.completions.create(model=MODEL, messages=HELLO)
    assert (raised.value.status_code, raised.value.code) == (502, "upstream_failed")
