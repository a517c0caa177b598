"""Where a Gemini takes no schema beside tools, its answer is the call of a tool, which is read as text."""

import json
from typing import Any

import pytest

from tests.dialects.gemini_asking import TOOL, encoded, refused
from tests.dialects.gemini_streams import messages, run, whole
from tests.dialects.streams import sse
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.gemini import GeminiPlan
from zai_gateway.errors import Code

OLDER = GeminiPlan(model="gemini-2.5-flash", schema_with_tools=False)
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WANTED: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}
ANY_JSON = {"type": "json_object"}
ANSWERING = StreamPlan(answer_tool="answer_as_json")
CALL = {"functionCall": {"name": "answer_as_json", "args": {"city": "Paris"}}}
OTHER = {"functionCall": {"name": "f", "args": {"a": 1}}}


def sent(**members: Any) -> tuple[dict[str, Any], str | None]:
    asked = encoded(OLDER, tools=[TOOL], **members)
    assert asked.dropped == ()
    return json.loads(asked.body), asked.answer_tool


def calling(body: dict[str, Any]) -> dict[str, Any]:
    return body["toolConfig"]["functionCallingConfig"]


def answered(*parts: dict[str, Any], plan: StreamPlan = ANSWERING) -> tuple[dict[str, Any], dict[str, Any]]:
    """The message of an answer with these parts and its end, which a stream of them must say as well."""
    events = [{"candidates": [{"content": {"parts": [part]}}]} for part in parts]
    end: dict[str, Any] = {"candidates": [{"finishReason": "STOP"}]}
    stream = sse(*events, end)
    streamed, ending = messages(run([stream], plan))[0]
    assert messages(run((stream[at : at + 1] for at in range(len(stream))), plan))[0] == (streamed, ending)
    told = {"candidates": [{"content": {"parts": [*parts]}, "finishReason": "STOP"}]}
    (choice,) = whole(json.dumps(told).encode(), plan)[0]["choices"]
    message = choice["message"]
    for call in streamed.get("tool_calls", []):
        del call["index"]
    assert {"content": None} | streamed == message
    assert ending["finish_reason"] == choice["finish_reason"]
    return message, choice


def test_the_schema_is_that_of_a_tool_that_has_to_be_called() -> None:
    body, tool = sent(response_format=WANTED)
    assert tool == "answer_as_json"
    (declared,) = body["tools"]
    assert [function["name"] for function in declared["functionDeclarations"]] == ["f", tool]
    assert declared["functionDeclarations"][1]["parametersJsonSchema"] == SCHEMA
    assert calling(body) == {"mode": "ANY"}
    assert "generationConfig" not in body


def test_its_name_is_no_other_tools() -> None:
    taken = {"type": "function", "function": {"name": "answer_as_json"}}
    asked = encoded(OLDER, tools=[taken], response_format=WANTED)
    assert asked.answer_tool == "answer_as_json_"


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ("auto", {"mode": "ANY"}),
        ("none", {"mode": "ANY", "allowedFunctionNames": ["answer_as_json"]}),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}},
            {"mode": "ANY", "allowedFunctionNames": ["f", "answer_as_json"]},
        ),
    ],
)
def test_what_else_may_be_called(choice: Any, wanted: dict[str, Any]) -> None:
    assert calling(sent(response_format=WANTED, tool_choice=choice)[0]) == wanted


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "f"}}])
def test_a_model_that_has_to_call_another_tool_does_not_answer(choice: Any) -> None:
    body, tool = sent(response_format=WANTED, tool_choice=choice)
    assert tool is None
    assert len(body["tools"][0]["functionDeclarations"]) == 1
    assert "generationConfig" not in body


def test_any_call_keeps_to_strict_schemas() -> None:
    strict = {"type": "function", "function": {"name": "f", "strict": True}}
    asked = encoded(
        GeminiPlan(model="gemini-2.0-flash", schema_with_tools=False), tools=[strict], response_format=WANTED
    )
    assert calling(json.loads(asked.body)) == {"mode": "ANY"}
    assert asked.dropped == ()


def test_without_tools_and_where_both_may_stand_it_is_asked_for_natively() -> None:
    alone = json.loads(encoded(OLDER, response_format=WANTED).body)
    assert alone["generationConfig"]["responseJsonSchema"] == SCHEMA
    newer = encoded(tools=[TOOL], response_format=WANTED)
    assert newer.answer_tool is None
    assert json.loads(newer.body)["generationConfig"]["responseJsonSchema"] == SCHEMA
    text = encoded(OLDER, tools=[TOOL], response_format={"type": "text"})
    assert text.answer_tool is None


@pytest.mark.parametrize(
    ("tools", "format"),
    [
        ([{"type": "google_search"}], WANTED),
        ([TOOL], {"type": "json_schema", "json_schema": {"schema": {"type": "array"}}}),
        ([TOOL], {"type": "json_schema", "json_schema": {"schema": True}}),
    ],
)
def test_what_no_tool_can_say_is_refused(tools: list[Any], format: dict[str, Any]) -> None:
    failure = refused(OLDER, tools=tools, response_format=format)
    assert (failure.code, failure.param) == (Code.UNSUPPORTED_PARAMETER, "response_format")
    assert "response_format" in failure.message


def test_a_model_that_cannot_be_made_to_call_a_tool_is_not_asked() -> None:
    plan = GeminiPlan(model="gemini-2.5-flash", schema_with_tools=False, forced_tools=False)
    assert refused(plan, tools=[TOOL], response_format=WANTED).param == "response_format"


def test_its_call_is_the_answers_text() -> None:
    thought = {"text": "hm", "thought": True}
    message, end = answered(thought, CALL | {"thoughtSignature": "s"})
    assert message["content"] == '{"city":"Paris"}'
    assert "tool_calls" not in message
    assert end["finish_reason"] == "stop"


def test_calls_of_other_tools_are_calls() -> None:
    message, end = answered(OTHER)
    assert message["content"] is None
    assert (message["tool_calls"][0]["function"]["name"], end["finish_reason"]) == ("f", "tool_calls")
    message, end = answered(CALL, OTHER)
    assert message["content"] == '{"city":"Paris"}'
    assert [call["id"] for call in message["tool_calls"]] == ["call_test-0-0"]
    assert end["finish_reason"] == "tool_calls"


def test_an_answer_is_given_once() -> None:
    message, end = answered(CALL, CALL)
    assert (message["content"], end["finish_reason"]) == ('{"city":"Paris"}', "stop")


def test_elsewhere_a_tool_of_this_name_is_the_clients_own() -> None:
    message, _ = answered(CALL, plan=StreamPlan())
    assert message["tool_calls"][0]["function"]["name"] == "answer_as_json"


def test_any_json_is_asked_for_as_text_since_an_object_without_members_would_stay_empty() -> None:
    body, tool = sent(response_format=ANY_JSON)
    declared = body["tools"][0]["functionDeclarations"][1]
    assert declared["name"] == tool == "answer_in_json_text"
    (member,) = declared["parametersJsonSchema"]["properties"]
    plan = StreamPlan(answer_tool=tool)
    written = '{"cities": ["Paris"]}'
    message, end = answered({"functionCall": {"name": tool, "args": {member: written}}}, plan=plan)
    assert (message["content"], end["finish_reason"]) == (written, "stop")
    message, _ = answered({"functionCall": {"name": tool, "args": {"cities": 1}}}, plan=plan)
    assert message["content"] == '{"cities":1}'


def test_stop_sequences_are_looked_for_in_it() -> None:
    plan = StreamPlan(answer_tool="answer_as_json", stop=("ris",))
    message, end = answered(CALL, plan=plan)
    assert (message["content"], end["finish_reason"]) == ('{"city":"Pa', "stop")
