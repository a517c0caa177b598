"""The demo provider: each model does what it is there to show, the same every time."""

import json
from typing import Any

import jsonschema
import pytest
from msgspec import Struct

from tests.upstreams.calls import PATIENT, chat, whole
from zai_gateway.relay.demo.upstream import DemoUpstream
from zai_gateway.relay.upstream import Blame, Inbound, UpstreamError


class Hands:
    """A clock that only `sleep` moves."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now_ms(self) -> int:
        return 1_735_689_600_000

    def monotonic(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Told(Struct, frozen=True):
    """An answer, decoded."""

    status: int
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """What the first choice says."""
        return self.body["choices"][0]["message"]["content"]

    @property
    def finish_reason(self) -> str:
        """Why the first choice ended."""
        return self.body["choices"][0]["finish_reason"]

    @property
    def error(self) -> dict[str, Any]:
        """The error."""
        return self.body["error"]


def said(text: object) -> list[dict[str, object]]:
    return [{"role": "user", "content": text}]


async def send(**fields: object) -> Inbound:
    hands = Hands()
    return await DemoUpstream(hands, hands.sleep).send(chat("demo:", **fields), PATIENT)


async def test_it_tells_its_caller_that_a_request_is_sent_also_where_it_refuses_it() -> None:
    hands, told = Hands(), list[str]()
    for model in ("echo", "fail", "nonsense"):
        await DemoUpstream(hands, hands.sleep).send(
            chat("demo:", model=model, messages=said("hi")), PATIENT, lambda: told.append("sent")
        )
    assert len(told) == 3


async def ask(model: str, text: object, **fields: object) -> Told:
    inbound = await send(**{"model": model, "messages": said(text)} | fields)
    return Told(inbound.status, json.loads(await whole(inbound)))


async def stream(model: str, text: object, **fields: object) -> list[dict[str, Any]]:
    inbound = await send(model=model, messages=said(text), stream=True, **fields)
    *events, done, _ = (await whole(inbound)).decode().split("\n\n")
    assert done == "data: [DONE]"
    return [json.loads(event.removeprefix("data: ")) for event in events]


def streamed_text(chunks: list[dict[str, Any]], choice: int = 0) -> str:
    steps = [step for chunk in chunks for step in chunk["choices"] if step["index"] == choice]
    return "".join(step["delta"].get("content", "") for step in steps)


async def test_echo_says_what_the_user_said_last():
    messages = [*said("first"), {"role": "assistant", "content": "x"}, *said("  then\nthis, caf\xe9 ")]
    told = await ask("echo", "", messages=messages)
    assert told.text == "  then\nthis, caf\xe9 "
    assert told.finish_reason == "stop"
    assert told.body["model"] == "echo"
    assert told.body["created"] == 1_735_689_600


async def test_a_word_is_a_token():
    told = await ask("echo", "one two  three")
    assert told.body["usage"]["prompt_tokens"] == 3
    assert told.body["usage"]["completion_tokens"] == 3
    assert told.body["usage"]["total_tokens"] == 6


async def test_every_message_is_in_the_prompt():
    told = await ask("echo", "", messages=[{"role": "system", "content": "be kind"}, *said("hello")])
    assert told.body["usage"]["prompt_tokens"] == 3


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
async def test_the_limit_on_output_is_kept(limit: str):
    told = await ask("echo", "one two three", **{limit: 2})
    assert (told.text, told.finish_reason) == ("one two", "length")
    assert told.body["usage"]["completion_tokens"] == 2


async def test_a_limit_that_is_just_enough_is_no_reason_to_end():
    assert (await ask("echo", "one two three", max_tokens=3)).finish_reason == "stop"


@pytest.mark.parametrize("stop", ["three", ["never", "three"], ["four", "three"]])
async def test_a_stop_sequence_ends_the_answer(stop: object):
    told = await ask("echo", "one two three four", stop=stop)
    assert (told.text, told.finish_reason) == ("one two ", "stop")


async def test_parts_are_echoed_and_media_are_named():
    parts = [
        {"type": "text", "text": "look at"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ]
    assert (await ask("echo", parts)).text == "look at [image] [audio]"


async def test_several_choices_are_numbered():
    told = await ask("echo", "a b", n=3)
    assert [choice["index"] for choice in told.body["choices"]] == [0, 1, 2]
    assert told.body["usage"]["completion_tokens"] == 6


@pytest.mark.parametrize("model", ["echo", "slow"])
async def test_a_stream_says_the_same_as_the_whole(model: str):
    chunks = await stream(model, "some words here", n=2, stream_options={"include_usage": True})
    told = await ask(model, "some words here", n=2)
    assert [streamed_text(chunks, choice) for choice in (0, 1)] == [told.text, told.text]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == told.body["usage"]
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    reasons = [step["finish_reason"] for chunk in chunks for step in chunk["choices"]]
    assert sorted(reason for reason in reasons if reason) == ["stop", "stop"]
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1


async def test_the_same_request_gets_the_same_bytes():
    first, second = [await whole(await send(model="echo", messages=said("hi"))) for _ in range(2)]
    assert first == second


async def test_slow_speaks_twenty_words_a_second():
    hands = Hands()
    request = chat("demo:", model="slow", messages=said(" word" * 40), stream=True)
    await whole(await DemoUpstream(hands, hands.sleep).send(request, PATIENT))
    hands.slept = [round(slept, 6) for slept in hands.slept]
    assert hands.slept.count(0.05) == 43  # its role, forty words, its end and [DONE]


async def test_slow_takes_as_long_when_it_is_not_streamed():
    hands = Hands()
    request = chat("demo:", model="slow", messages=said(" word" * 40))
    await whole(await DemoUpstream(hands, hands.sleep).send(request, PATIENT))
    assert round(sum(hands.slept), 6) == 2.0


WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "minimum": 2},
        "hourly": {"type": "boolean"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "at": {"$ref": "#/$defs/place"},
        "note": {"type": "string"},
    },
    "required": ["city", "days", "hourly", "unit", "tags", "at"],
    "$defs": {"place": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]}},
}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "now"}},
]


async def test_tool_calls_the_first_function_with_arguments_that_fit():
    told = await ask("tool", "hi", tools=TOOLS)
    message = told.body["choices"][0]["message"]
    assert told.finish_reason == "tool_calls"
    assert message["content"] is None
    assert message["tool_calls"][0]["type"] == "function"
    assert message["tool_calls"][0]["function"]["name"] == "weather"
    arguments = json.loads(message["tool_calls"][0]["function"]["arguments"])
    jsonschema.validate(arguments, WEATHER)
    assert arguments == {
        "city": "city",
        "days": 2,
        "hourly": True,
        "unit": "celsius",
        "tags": ["tags"],
        "at": {"lat": 1},
    }


async def test_tool_calls_the_function_that_is_named():
    named = {"type": "function", "function": {"name": "now"}}
    told = await ask("tool", "hi", tools=TOOLS, tool_choice=named)
    call = told.body["choices"][0]["message"]["tool_calls"][0]
    assert call["function"] == {"name": "now", "arguments": "{}"}


async def test_tool_streams_its_call_in_fragments():
    chunks = await stream("tool", "hi", tools=TOOLS)
    steps = [step for chunk in chunks for step in chunk["choices"]]
    calls = [call for step in steps for call in step["delta"].get("tool_calls", [])]
    whole_call = (await ask("tool", "hi", tools=TOOLS)).body["choices"][0]["message"]["tool_calls"][0]
    assert {call["index"] for call in calls} == {0}
    assert calls[0]["function"]["name"] == "weather"
    assert calls[0]["id"].startswith("call_")
    assert all("id" not in call for call in calls[1:])
    assert "".join(call["function"]["arguments"] for call in calls) == whole_call["function"]["arguments"]
    assert steps[-1]["finish_reason"] == "tool_calls"


async def test_tool_quotes_a_result():
    call = {"id": "call_1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    history = [
        *said("hi"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "noon"},
    ]
    told = await ask("tool", "", messages=history, tools=TOOLS)
    assert (told.text, told.finish_reason) == ("The tool said: noon", "stop")


@pytest.mark.parametrize("fields", [{}, {"tools": []}, {"tools": TOOLS, "tool_choice": "none"}])
async def test_tool_without_a_tool_says_how_it_is_used(fields: dict[str, object]):
    told = await ask("tool", "hi", **fields)
    assert "`tools`" in told.text
    assert told.finish_reason == "stop"


async def test_a_function_that_is_not_there_cannot_be_named():
    named = {"type": "function", "function": {"name": "elsewhere"}}
    told = await ask("tool", "hi", tools=TOOLS, tool_choice=named)
    assert (told.status, told.error["param"]) == (400, "tool_choice")


async def test_a_schema_is_answered_by_what_fits_it():
    wanted = {"type": "json_schema", "json_schema": {"name": "weather", "strict": True, "schema": WEATHER}}
    told = await ask("echo", "hi", response_format=wanted)
    jsonschema.validate(json.loads(told.text), WEATHER)


async def test_a_json_object_holds_the_echo():
    told = await ask("echo", 'say "hi"', response_format={"type": "json_object"})
    assert json.loads(told.text) == {"echo": 'say "hi"'}


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503, 529])
async def test_fail_answers_with_the_status_that_is_asked_for(status: int):
    told = await ask("fail", f"please fail with {status}")
    assert told.status == status
    assert set(told.error) == {"message", "type", "param", "code"}


async def test_fail_says_how_it_is_used():
    told = await ask("fail", "hello")
    assert told.status == 500
    for word in ("400", "cut", "error", "timeout", "connect"):
        assert word in told.error["message"]


async def test_fail_says_when_to_come_back():
    inbound = await send(model="fail", messages=said("429"))
    assert inbound.headers["retry-after"] == "1"


@pytest.mark.parametrize("streamed", [False, True])
async def test_fail_cuts_an_answer_in_the_middle(streamed: bool):
    inbound = await send(model="fail", messages=said("cut"), stream=streamed)
    assert inbound.status == 200
    assert await inbound.read()
    with pytest.raises(UpstreamError) as raised:
        await whole(inbound)
    assert raised.value.blame is Blame.BROKEN


async def test_fail_ends_a_stream_with_an_error():
    inbound = await send(model="fail", messages=said("error"), stream=True)
    *_, last, rest = (await whole(inbound)).decode().split("\n\n")
    assert rest == ""
    assert json.loads(last.removeprefix("data: "))["error"]["message"]


@pytest.mark.parametrize(("word", "blame"), [("timeout", Blame.TIMEOUT), ("connect", Blame.CONNECT)])
async def test_fail_never_answers(word: str, blame: Blame):
    with pytest.raises(UpstreamError) as raised:
        await send(model="fail", messages=said(word))
    assert raised.value.blame is blame


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"n": 0}, "n"),
        ({"n": 10_000}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"messages": "hello"}, None),
        ({"messages": [{"content": "hello"}]}, None),
        ({"max_tokens": "many"}, None),
    ],
)
async def test_a_bad_request_is_refused_as_openai_does(fields: dict[str, object], param: str | None):
    told = await ask("echo", "hi", **fields)
    assert told.status == 400
    assert told.error["type"] == "invalid_request_error"
    assert told.error["param"] == param
    assert told.error["message"]


async def test_an_unknown_model_is_told_which_there_are():
    told = await ask("gpt-5.4", "hi")
    assert (told.status, told.error["code"], told.error["param"]) == (404, "model_not_found", "model")
    for model in ("echo", "slow", "tool", "fail"):
        assert model in told.error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model": "\xff"}', b"[" * 100_000, b"nul"])
async def test_a_body_that_is_no_request_is_refused(body: bytes):
    hands = Hands()
    request = chat("demo:")
    broken = type(request)(method="POST", url=request.url, headers=(), body=body)
    inbound = await DemoUpstream(hands, hands.sleep).send(broken, PATIENT)
    assert inbound.status == 400
    assert json.loads(await whole(inbound))["error"]["message"]
