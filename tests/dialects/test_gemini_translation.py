"""What each member of a request becomes for Gemini, and what is left out."""

import json
from typing import Any

import pytest

from tests.dialects.gemini_asking import FUNCTION, MODEL, PNG, TOOL, USER, encoded, made
from tests.dialects.test_gemini_requests import ASKED, model_of
from zai_gateway.dialects.dialect import EncodePlan
from zai_gateway.dialects.gemini import GeminiPlan, Traits, path

PDF = "data:application/pdf;base64,aGk="


def of(model: str) -> EncodePlan:
    return EncodePlan(model=model)


def config(plan: EncodePlan | None = None, **members: Any) -> dict[str, Any]:
    return made(plan, **members).get("generationConfig", {})


def test_a_plain_request_says_no_more_than_it_must() -> None:
    assert made() == {"contents": [{"role": "user", "parts": [{"text": "q"}]}]}


def test_recorded_addresses_are_ours() -> None:
    for exchange in ASKED:
        url, vertex = exchange.request.url or "", exchange.provider == "vertex"
        if exchange.api == "count_tokens":
            continue
        stream = exchange.api == "streamGenerateContent"
        wanted, _, query = path(model_of(exchange), stream=stream, vertex=vertex).partition("?")
        assert url.partition("?")[0].endswith(wanted)
        # Not every recorder kept the query.
        assert query == ("alt=sse" if stream else "")


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("gemini-3-pro", "/models/gemini-3-pro:generateContent"),
        ("models/gemini-3-pro", "/models/gemini-3-pro:generateContent"),
        ("tunedModels/mine", "/tunedModels/mine:generateContent"),
        ("../../evil?x#y:z", "/models/..%2F..%2Fevil%3Fx%23y%3Az:generateContent"),
        ("..", "/models/%2E%2E:generateContent"),
    ],
)
def test_a_models_name_leads_nowhere_else(model: str, wanted: str) -> None:
    assert path(model, stream=False) == wanted


def test_on_vertex_a_model_may_be_an_endpoint() -> None:
    assert path("gemini-x", stream=True, vertex=True) == (
        "/publishers/google/models/gemini-x:streamGenerateContent?alt=sse"
    )
    assert path("endpoints/123", stream=False, vertex=True) == "/endpoints/123:generateContent"


def test_sampling_and_limits() -> None:
    said = config(
        temperature=0.5,
        top_p=0.9,
        top_k=7,
        seed=3,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        max_completion_tokens=50,
        n=2,
        stop="END",
        logprobs=True,
        top_logprobs=4,
    )
    assert said == {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 7,
        "seed": 3,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "maxOutputTokens": 50,
        "candidateCount": 2,
        "stopSequences": ["END"],
        "responseLogprobs": True,
        "logprobs": 4,
    }


def test_what_a_plan_says_is_done() -> None:
    plan = EncodePlan(
        model=MODEL,
        output_limit=9,
        drop=("temperature", "stop"),
        service_tier="flex",
        extra=(("labels", b"{}"),),
    )
    sent = encoded(plan, temperature=0.5, stop=["a"], max_tokens=50)
    body = json.loads(sent.body)
    assert body["generationConfig"] == {"maxOutputTokens": 9}
    assert (body["serviceTier"], body["labels"]) == ("flex", {})
    assert (sent.dropped, sent.stop) == (("temperature",), ("a",))
    assert encoded(plan, temperature=1).dropped == ()


def test_the_standard_tier_is_not_asked_for() -> None:
    assert "serviceTier" not in made(service_tier="auto")
    assert made(service_tier="priority")["serviceTier"] == "priority"


def test_more_stop_sequences_than_gemini_takes_are_looked_for_here() -> None:
    sent = encoded(stop=list("abcdefg"))
    assert json.loads(sent.body)["generationConfig"]["stopSequences"] == list("abcde")
    assert sent.stop == ("f", "g")


def test_what_has_no_effect_on_the_answers_meaning_is_left_out_and_named() -> None:
    sent = encoded(
        messages=[
            {"role": "user", "name": "n", "content": [{"type": "text", "text": "q", "cache_control": {}}]}
        ],
        user="u",
        metadata={},
        store=True,
        verbosity="low",
        logit_bias={"1": 1},
        prediction={"type": "content", "content": "x"},
        parallel_tool_calls=False,
        stream=True,
        stream_options={"include_usage": True},
        safety_identifier=None,
    )
    assert set(sent.dropped) == {
        *("user", "metadata", "store", "verbosity", "logit_bias", "prediction", "parallel_tool_calls"),
        *("cache_control", "messages.name"),
    }


def test_instructions_stand_apart() -> None:
    messages = [
        {"role": "system", "content": "one"},
        {"role": "developer", "content": [{"type": "text", "text": "two"}]},
        USER,
    ]
    assert made(messages=messages)["systemInstruction"] == {"parts": [{"text": "one"}, {"text": "two"}]}


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        (
            {"type": "image_url", "image_url": {"url": PNG}},
            {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
        ),
        ({"type": "image_url", "image_url": PNG}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}),
        (
            {"type": "image_url", "image_url": {"url": "https://a.example/b.JPG?c=d.png"}},
            {"fileData": {"fileUri": "https://a.example/b.JPG?c=d.png", "mimeType": "image/jpeg"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://a.example/b"}},
            {"fileData": {"fileUri": "https://a.example/b"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "gs://b/c", "mime_type": "image/webp"}},
            {"fileData": {"fileUri": "gs://b/c", "mimeType": "image/webp"}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "aGk="}},
        ),
        (
            {"type": "video_url", "video_url": {"url": "https://youtu.be/x"}},
            {"fileData": {"fileUri": "https://youtu.be/x"}},
        ),
        (
            {"type": "file", "file": {"filename": "file.pdf", "file_data": PDF}},
            {"inlineData": {"mimeType": "application/pdf", "data": "aGk="}},
        ),
        (
            {"type": "file", "file": {"filename": "file.pdf", "file_data": "https://a.example/1"}},
            {"fileData": {"fileUri": "https://a.example/1", "mimeType": "application/pdf"}},
        ),
        (
            {"type": "file", "file": {"file_id": "files/abc"}},
            {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}},
        ),
    ],
)
def test_media(part: dict[str, Any], wanted: dict[str, Any]) -> None:
    messages = [{"role": "user", "content": [part, {"type": "text", "text": "q"}]}]
    assert made(messages=messages)["contents"][0]["parts"] == [wanted, {"text": "q"}]


def test_results_hold_media_where_the_model_takes_them_there() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    content = [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": PNG}}]
    messages = [
        USER,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": content},
    ]
    image = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    response = {"id": "c", "name": "f", "response": {"output": "see"}}
    assert made(messages=messages)["contents"][2]["parts"] == [
        {"functionResponse": response | {"parts": [image]}}
    ]
    older = made(of("gemini-2.5-flash"), messages=messages)
    assert older["contents"][2]["parts"] == [{"functionResponse": response}, image]


@pytest.mark.parametrize(
    ("message", "response"),
    [
        ({"content": "plain"}, {"output": "plain"}),
        ({"content": '{"a": 1}'}, {"a": 1}),
        ({"content": "{no json"}, {"output": "{no json"}),
        ({"content": "[1]"}, {"output": "[1]"}),
        ({"content": "bad", "is_error": True}, {"error": "bad"}),
        ({"content": None}, {"output": ""}),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, {"output": "ab"}),
    ],
)
def test_results(message: dict[str, Any], response: dict[str, Any]) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    asked = {"role": "assistant", "tool_calls": [call]}
    messages = [USER, asked, {"role": "tool", "tool_call_id": "c", **message}]
    (part,) = made(messages=messages)["contents"][2]["parts"]
    assert part["functionResponse"] == {"id": "c", "name": "f", "response": response}


def test_functions_of_before_tools() -> None:
    messages = [
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"a":1}'}},
        {"role": "function", "name": "f", "content": "done"},
    ]
    body = made(of("gemini-2.5-pro"), messages=messages, functions=[FUNCTION], function_call={"name": "f"})
    assert body["contents"][1:] == [
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "done"}}}]},
    ]
    calling = {"mode": "ANY", "allowedFunctionNames": ["f"]}
    assert body["toolConfig"] == {"functionCallingConfig": calling}


def test_tools_and_googles_own() -> None:
    own: list[dict[str, Any]] = [
        {"type": "google_search", "google_search": {"timeRangeFilter": {}}},
        {"type": "code_execution"},
    ]
    body = made(tools=[TOOL, *own])
    declared: dict[str, Any] = {
        "name": "f",
        "description": "d",
        "parametersJsonSchema": FUNCTION["parameters"],
    }
    assert body["tools"] == [
        {"googleSearch": {"timeRangeFilter": {}}},
        {"codeExecution": {}},
        {"functionDeclarations": [declared]},
    ]
    assert body["toolConfig"] == {"includeServerSideToolInvocations": True}
    assert "toolConfig" not in made(GeminiPlan(model=MODEL, vertex=True), tools=[TOOL, *own])
    assert "toolConfig" not in made(of("gemini-2.5-pro"), tools=[TOOL, *own])


def test_a_search_of_the_web_in_openais_words() -> None:
    sent = encoded(web_search_options={"search_context_size": "low"})
    assert json.loads(sent.body)["tools"] == [{"googleSearch": {}}]
    assert sent.dropped == ("web_search_options.search_context_size",)


CHOICES: list[tuple[Any, dict[str, Any]]] = [
    ("auto", {"mode": "AUTO"}),
    ("none", {"mode": "NONE"}),
    ("required", {"mode": "ANY"}),
    ({"type": "function", "function": {"name": "f"}}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    (
        {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [TOOL]}},
        {"mode": "ANY", "allowedFunctionNames": ["f"]},
    ),
    (
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}},
        {"mode": "VALIDATED", "allowedFunctionNames": ["f"]},
    ),
]


@pytest.mark.parametrize(("choice", "calling"), CHOICES)
def test_tool_choice(choice: Any, calling: dict[str, Any]) -> None:
    body = made(tools=[TOOL], tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": calling}


def test_where_a_choice_cannot_be_narrowed_the_offer_is() -> None:
    other = {"type": "function", "function": {"name": "g"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [other]}}
    body = made(of("gemini-2.0-flash"), tools=[TOOL, other], tool_choice=choice)
    assert body["tools"] == [{"functionDeclarations": [{"name": "g"}]}]


def test_strict_functions_are_validated_where_the_model_can() -> None:
    strict: dict[str, Any] = {"type": "function", "function": FUNCTION | {"strict": True}}
    body = made(tools=[strict, TOOL])
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}
    forced = made(tools=[strict], tool_choice="required")
    assert forced["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
    sent = encoded(of("gemini-2.0-flash"), tools=[strict])
    assert sent.dropped == ("strict",)
    assert "toolConfig" not in json.loads(sent.body)


def test_formats() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    json_type = {"responseMimeType": "application/json"}
    assert config(response_format=wanted) == json_type | {"responseJsonSchema": schema}
    assert config(response_format={"type": "json_object"}) == json_type
    assert config(response_format={"type": "text"}) == {}
    assert config(modalities=["text", "image"]) == {"responseModalities": ["TEXT", "IMAGE"]}
    assert config(generation_config={"mediaResolution": "LOW"}) == {"mediaResolution": "LOW"}


@pytest.mark.parametrize(
    ("model", "members", "thinking", "dropped"),
    [
        (MODEL, {"reasoning_effort": "minimal"}, {"thinkingLevel": "MINIMAL", "includeThoughts": True}, ()),
        (MODEL, {"reasoning_effort": "max"}, {"thinkingLevel": "HIGH", "includeThoughts": True}, ()),
        (MODEL, {"reasoning_effort": "none"}, {"thinkingLevel": "MINIMAL"}, ("reasoning_effort",)),
        (
            "gemini-3-pro-preview",
            {"reasoning_effort": "medium"},
            {"thinkingLevel": "HIGH", "includeThoughts": True},
            (),
        ),
        (
            "gemini-3.1-pro-preview",
            {"reasoning_effort": "minimal"},
            {"thinkingLevel": "LOW", "includeThoughts": True},
            (),
        ),
        (
            "gemini-2.5-flash",
            {"reasoning_effort": "medium"},
            {"thinkingBudget": 8192, "includeThoughts": True},
            (),
        ),
        ("gemini-2.5-flash", {"reasoning_effort": "none"}, {"thinkingBudget": 0}, ()),
        ("gemini-2.5-pro", {"reasoning_effort": "none"}, {"thinkingBudget": 128}, ("reasoning_effort",)),
        ("gemini-2.0-flash", {"reasoning_effort": "high"}, None, ("reasoning_effort",)),
        ("gemini-2.0-flash", {"reasoning_effort": "none"}, None, ()),
        (MODEL, {"reasoning": {"max_tokens": 500}}, {"thinkingBudget": 500, "includeThoughts": True}, ()),
        (MODEL, {"reasoning": {"max_tokens": 500, "exclude": True}}, {"thinkingBudget": 500}, ()),
        (MODEL, {"reasoning": {"enabled": True}}, {"includeThoughts": True}, ()),
        (MODEL, {"reasoning": {"effort": "low", "exclude": True}}, {"thinkingLevel": "LOW"}, ()),
        ("gemini-2.5-flash", {"reasoning": {"enabled": False}}, {"thinkingBudget": 0}, ()),
        (
            MODEL,
            {"extra_body": {"google": {"thinking_config": {"thinking_level": "low"}}}},
            {"thinking_level": "low"},
            (),
        ),
    ],
)
def test_reasoning(model: str, members: dict[str, Any], thinking: Any, dropped: tuple[str, ...]) -> None:
    sent = encoded(of(model), **members)
    assert json.loads(sent.body).get("generationConfig", {}).get("thinkingConfig") == thinking
    assert sent.dropped == dropped


def test_a_plan_may_say_what_a_model_is_like() -> None:
    plan = GeminiPlan(model="mine", traits=Traits(levels=(), budgets={"low": 7}))
    assert config(plan, reasoning_effort="low")["thinkingConfig"]["thinkingBudget"] == 7


def test_geminis_own_members_go_on_as_they_are() -> None:
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]
    body = made(safety_settings=settings, cached_content="cachedContents/x")
    assert (body["safetySettings"], body["cachedContent"]) == (settings, "cachedContents/x")
    google = {"google": {"cached_content": "cachedContents/y"}}
    assert made(extra_body=google)["cachedContent"] == "cachedContents/y"
