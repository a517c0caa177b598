"""What an Anthropic client is told in its own words, and what only Anthropic's models can do for it."""

import json
from typing import Any

import pytest

from zai_gateway.dialects.anthropic_front import in_clients_words
from zai_gateway.dialects.anthropic_front.marks import marked
from zai_gateway.dialects.dialect import EncodePlan
from zai_gateway.errors import Code, Failure
from zai_gateway.providers.provider import Dialect
from zai_gateway.relay.voices import plain, read, voice_of
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.fronts import Front

MODELS = {Dialect.OPENAI_CHAT: "gpt-5.4", Dialect.GEMINI: "gemini-2.5-flash"}
OTHERS = pytest.mark.parametrize("dialect", list(MODELS))
USER: dict[str, Any] = {"role": "user", "content": "q"}
TEXT: dict[str, Any] = {"type": "text", "text": "The answer is"}
CALL: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
HIDDEN = {"type": "redacted_thinking", "data": marked({"type": "reasoning.encrypted", "data": "x"})}
OPTIONAL: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "additionalProperties": False,
}


def asked(*messages: dict[str, Any], **more: Any) -> ChatRequest:
    request = {"model": "x/y", "max_tokens": 9, "messages": [*messages] or [USER]} | more
    return read(Front.ANTHROPIC, json.dumps(request).encode())


def told(dialect: Dialect, request: ChatRequest) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What is sent to an upstream of a dialect, and the names of what is not."""
    left_out: tuple[str, ...] = ()
    if dialect is Dialect.OPENAI_CHAT:
        request, left_out = plain(request, frozenset(), reasons=True)
    encoded = voice_of(Front.ANTHROPIC, dialect).encode(request, EncodePlan(model=MODELS[dialect]))
    return json.loads(encoded.body), encoded.dropped + left_out


def answered(*content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": [*content]}


@OTHERS
@pytest.mark.parametrize(
    "last",
    [
        {"role": "assistant", "content": "The answer is"},
        answered(TEXT),
        answered(CALL, TEXT),
        answered(TEXT, HIDDEN),
    ],
)
def test_an_answer_that_has_begun_is_refused_where_nobody_goes_on(
    dialect: Dialect, last: dict[str, Any]
) -> None:
    with pytest.raises(Failure) as refused:
        told(dialect, asked(USER, answered(TEXT), USER, last))
    assert (refused.value.code, refused.value.param) == (Code.UNSUPPORTED_PARAMETER, "messages.3")
    assert "`messages.3`" in refused.value.message
    assert "End with a message of the user's." in refused.value.message


def test_an_answer_that_has_begun_goes_to_who_goes_on_with_it() -> None:
    request = asked(USER, answered(TEXT))
    encode = voice_of(Front.ANTHROPIC, Dialect.OPENAI_CHAT).encode
    sent = json.loads(encode(request, EncodePlan(model="anthropic/claude-sonnet-4.5", goes_on=True)).body)
    assert sent["messages"][-1]["role"] == "assistant"


@OTHERS
@pytest.mark.parametrize(
    "messages",
    [
        [USER, answered(TEXT), USER],
        [USER, answered(TEXT, CALL)],
        [USER, {"role": "assistant", "content": ""}],
        [USER, answered()],
    ],
)
def test_what_is_no_text_to_go_on_with_is_sent(dialect: Dialect, messages: list[dict[str, Any]]) -> None:
    assert told(dialect, asked(*messages))[0]


def test_anthropic_goes_on_with_what_was_begun() -> None:
    voice = voice_of(Front.ANTHROPIC, Dialect.ANTHROPIC_MESSAGES)
    request = asked(USER, answered(TEXT))
    assert json.loads(voice.encode(request, EncodePlan(model="m")).body)["messages"][-1] == answered(TEXT)


@OTHERS
def test_a_cache_mark_is_named_alike(dialect: Dialect) -> None:
    marked = {"type": "text", "text": "q", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    for request in (asked({"role": "user", "content": [marked]}), asked(cache_control={"type": "ephemeral"})):
        assert told(dialect, request)[1] == ("cache_control",)
    assert told(dialect, asked())[1] == ()


def test_what_is_left_out_is_named_as_the_client_called_it() -> None:
    tools = [{"name": "f", "input_schema": {"type": "object"}}]
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    request = asked(metadata={"user_id": "u"}, tools=tools, tool_choice=choice)
    assert sorted(told(Dialect.GEMINI, request)[1]) == [
        "metadata.user_id",
        "tool_choice.disable_parallel_tool_use",
    ]
    plan = EncodePlan(model="m", drop=("user", "parallel_tool_calls", "stop", "top_p"))
    request = asked(metadata={"user_id": "u"}, tools=tools, tool_choice=choice, top_p=0.5)
    encoded = voice_of(Front.ANTHROPIC, Dialect.OPENAI_CHAT).encode(request, plan)
    assert sorted(encoded.dropped) == ["metadata.user_id", "tool_choice.disable_parallel_tool_use", "top_p"]


def test_openais_clients_are_told_in_openais_words() -> None:
    body = json.dumps({"model": "x/y", "messages": [USER], "user": "u"}).encode()
    encoded = voice_of(Front.OPENAI, Dialect.GEMINI).encode(
        read(Front.OPENAI, body), EncodePlan(model="gemini-2.5-flash")
    )
    assert encoded.dropped == ("user",)


def test_a_schema_that_openai_cannot_be_strict_about_is_named() -> None:
    format = {"type": "json_schema", "schema": OPTIONAL}
    for more, name in (
        ({"output_config": {"format": format}}, "output_config.format"),
        ({"output_format": format}, "output_format"),
        ({"tools": [{"name": "f", "input_schema": OPTIONAL, "strict": True}]}, "tools.strict"),
    ):
        assert told(Dialect.OPENAI_CHAT, asked(**more))[1] == (name,)


@pytest.mark.parametrize(
    ("hub", "ours"),
    [
        ("user", "metadata.user_id"),
        ("stop[1]", "stop_sequences.1"),
        ("reasoning.max_tokens", "thinking.budget_tokens"),
        ("reasoning_effort", "output_config.effort"),
        ("response_format.json_schema.schema", "output_config.format.schema"),
        ("tools[2].function.parameters", "tools.2.input_schema"),
        ("tools[2].function.name", "tools.2.name"),
        ("tools[2].type", "tools.2.type"),
        ("tool_choice.function.name", "tool_choice.name"),
        ("top_p", "top_p"),
    ],
)
def test_a_refusal_names_the_clients_own_field(hub: str, ours: str) -> None:
    request = asked(output_config={"effort": "low", "format": {"type": "json_schema", "schema": {}}})
    refusal = Failure(Code.INVALID_REQUEST, f"`{hub}` is wrong.", param=hub)
    told = in_clients_words(refusal, request.original or b"")
    assert (told.param, told.message) == (ours, f"`{ours}` is wrong.")


def test_a_refusal_of_the_hubs_reader_names_the_clients_own_field_too() -> None:
    with pytest.raises(Failure) as refused:
        asked(models=["a/b", "/b"])
    assert refused.value.param == "models.1"


def test_further_models_are_read_and_told_to_nobody() -> None:
    request = asked(models=["a/b", "c/d"])
    assert request.models == ("a/b", "c/d")
    for dialect in MODELS:
        assert "models" not in told(dialect, request)[0]
    passed = voice_of(Front.ANTHROPIC, Dialect.ANTHROPIC_MESSAGES).encode(request, EncodePlan(model="m"))
    assert "models" not in json.loads(passed.body)
    assert passed.dropped == ()
