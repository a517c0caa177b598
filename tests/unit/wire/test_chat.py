"""Reading a chat request: what is accepted as clients send it, and what is refused, by name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.wire.bodies import body, refused
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.chat import ChatRequest, parse

REFERENCE = b"""{
"model": "openai/gpt-5.4-mini",
"messages": [
{ "role": "system", "content": "..." },
{ "role": "user", "content": "..." },
{ "role": "assistant", "content": "..." }
],
"stream": false,
"temperature": 0.7,
"max_tokens": 512,
"stop": ["\\n###"],
"top_p": 0.9
}"""


def with_part(part: Any) -> ChatRequest:
    return parse(body(messages=[{"role": "user", "content": [part]}]))


def test_the_reference_request_is_read() -> None:
    request = parse(REFERENCE)
    assert request.body is REFERENCE
    assert list(request.members) == [
        *("model", "messages", "stream", "temperature", "max_tokens", "stop", "top_p"),
    ]
    assert (request.model, request.stream, request.include_usage) == ("openai/gpt-5.4-mini", False, True)
    assert (request.output_limit, request.choices, request.stop) == (512, 1, ("\n###",))
    assert (request.message_count, request.unbounded) == (3, ())
    assert (request.reasoning_effort, request.service_tier) == (None, None)


def test_null_is_the_same_as_absent() -> None:
    nulls = (
        *("stream", "stream_options", "temperature", "top_p", "max_tokens", "max_completion_tokens", "n"),
        *("stop", "service_tier", "reasoning_effort", "tools", "functions", "response_format"),
    )
    plain, nulled = parse(body()), parse(body(**dict.fromkeys(nulls)))
    for field in ChatRequest.__struct_fields__:
        if field not in ("body", "values"):
            assert getattr(plain, field) == getattr(nulled, field), field


def test_the_lesser_of_both_limits_counts() -> None:
    assert parse(body(max_tokens=7, max_completion_tokens=5)).output_limit == 5
    assert parse(body(max_tokens=4, max_completion_tokens=5)).output_limit == 4
    assert parse(body(max_tokens=None, max_completion_tokens=5)).output_limit == 5
    assert parse(body(max_tokens=2**31 - 1)).output_limit == 2**31 - 1


def test_what_clients_send_daily_is_accepted() -> None:
    messages = [
        {"role": "developer", "content": [{"type": "text", "text": "a"}], "name": "x"},
        {"role": "assistant", "content": None, "refusal": None, "audio": None, "tool_calls": [{"id": "c"}]},
        {"role": "assistant", "reasoning_content": "r", "reasoning_details": [{"type": "x"}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}], "function_call": None},
        {"role": "tool", "tool_call_id": "c", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}}]},
    ]
    tools = [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g"}}]
    request = parse(
        body(messages=messages, tools=tools, parallel_tool_calls=True, unheard_of={"a": [1]}, stop="x", n=3)
    )
    assert (request.foreign_media, request.inline_images, request.unbounded) == (0, 0, ())
    assert (request.message_count, request.choices, request.stop) == (6, 3, ("x",))
    assert request.schema_bytes == len(json.dumps(tools))


def test_schema_bytes_are_those_of_the_body() -> None:
    text = (
        b'{"model":"m","messages":[{"role":"user"}],"tools":[ ],"response_format":{"a": 1},"functions":[{}]}'
    )
    assert parse(text).schema_bytes == len(b"[ ]") + len(b'{"a": 1}') + len(b"[{}]")


def test_stream_options() -> None:
    assert parse(body(stream=True, stream_options={"include_usage": True})).include_usage
    assert not parse(body(stream=True, stream_options={"include_usage": False})).include_usage
    assert parse(body(stream=True, stream_options={"include_obfuscation": False})).include_usage
    assert parse(body(stream=True, stream_options={"include_usage": None})).include_usage


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "empty"),
        (b"hello canary-5d1f", "malformed"),
        (b"[1]", "not a JSON object"),
        (b'"canary-5d1f"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"model":"canary-5d1f \xff"}', "not UTF-8"),
        (b'\xef\xbb\xbf{"model":"x"}', "byte order mark"),
        (b'{"temperature":NaN,"model":"canary-5d1f"}', "malformed"),
        (body() + b"x", "trailing"),
        (b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    ],
)
def test_what_is_no_json_object_is_said_so(text: bytes, words: str) -> None:
    failure = refused(text)
    assert failure.code is Code.INVALID_JSON
    assert words in failure.message
    assert failure.param is None


@pytest.mark.parametrize(
    ("text", "param"),
    [
        (b'{"model":"a","model":"a"}', "model"),
        (b'{"model":"a","mod\\u0065l":"b"}', "model"),
        (b'{"m\\u006fdel":"a","messages":[],"model":"b"}', "model"),
        (b'{"plugins":1,"plugins":1}', "plugins"),
        (b'{"n":1,"n":12}', "n"),
        (b'{"n":12,"n":1}', "n"),
        (body(stream_options=0).replace(b" 0}", b'{"include_usage":true,"include_usage":false}}'), None),
        (body(messages=0).replace(b" 0}", b'[{"role":"user","role":"user"}]}'), "messages[0].role"),
        (
            body(messages=0).replace(b" 0}", b'[{"role":"user","content":"a","c\\u006fntent":[]}]}'),
            "messages[0].content",
        ),
        (
            body(messages=0).replace(b" 0}", b'[{"role":"u","content":[{"type":"text","type":"file"}]}]}'),
            "messages[0].content[0].type",
        ),
        (
            body(messages=0).replace(
                b" 0}",
                b'[{"role":"u","content":[{"type":"image_url","image_url":{"url":"data:image/png","url":"h"}}]}]}',
            ),
            "messages[0].content[0].image_url.url",
        ),
        (body(tools=0).replace(b" 0}", b'[{"type":"function","type":"web_search"}]}'), "tools[0].type"),
    ],
)
def test_no_name_that_is_read_may_stand_twice(text: bytes, param: str | None) -> None:
    failure = refused(text)
    assert failure.code is Code.DUPLICATE_FIELD
    assert failure.param == (param or "stream_options.include_usage")
    assert f"`{failure.param}`" in failure.message


WRONG: list[tuple[str, list[Any]]] = [
    ("model", [None, "", 1, ["canary-5d1f"], {}, True]),
    ("messages", [None, [], "canary-5d1f", {}, 3]),
    ("stream", ["true", 1, 0, []]),
    ("temperature", ["0.5", -0.1, 2.1, True, [], 10**400]),
    ("top_p", ["1", -1, 1.01, False]),
    ("max_tokens", [0, -1, 1.0, 1.5, "9", True, 2**31, 10**30, [1]]),
    ("max_completion_tokens", [0, -1, 1.0, 1.5, "9", False, 2**31]),
    ("n", [0, -1, 129, 1.0, "1", True]),
    ("stop", ["", 1, {}, True, ["a", ""], ["a", 1], [None], ["canary-5d1f"] * 17]),
    ("service_tier", [1, [], {}]),
    ("reasoning_effort", [1, True, ["canary-5d1f"]]),
    ("stream_options", [True, "canary-5d1f", []]),
    ("tools", ["canary-5d1f", {}, 1]),
]


@pytest.mark.parametrize(("param", "value"), [(name, value) for name, values in WRONG for value in values])
def test_wrong_values_are_refused_by_name(param: str, value: Any) -> None:
    failure = refused(body(**{param: value}))
    assert (failure.code, failure.param) == (Code.INVALID_REQUEST, param)
    assert f"`{param}`" in failure.message


@pytest.mark.parametrize(
    ("spelling", "param"),
    [(b"1e999", "temperature"), (b"1e3", "max_tokens"), (b"-0", "n"), (b"1E0", "n"), (b"2e0", "max_tokens")],
)
def test_absurd_numbers_are_refused(spelling: bytes, param: str) -> None:
    text = body(**{param: 0}).replace(b" 0}", spelling + b"}")
    assert (refused(text).code, refused(text).param) == (Code.INVALID_REQUEST, param)


MISSHAPEN: list[tuple[Any, str]] = [
    ([1], "messages[0]"),
    ([{"role": "user"}, "canary-5d1f"], "messages[1]"),
    ([{}], "messages[0].role"),
    ([{"role": None}], "messages[0].role"),
    ([{"role": 1}], "messages[0].role"),
    ([{"role": "user", "content": 5}], "messages[0].content"),
    ([{"role": "user", "content": {"canary-5d1f": 1}}], "messages[0].content"),
    ([{"role": "user", "content": [{"type": 5}]}], "messages[0].content[0].type"),
]


@pytest.mark.parametrize(("messages", "param"), MISSHAPEN)
def test_messages_of_the_wrong_shape_are_refused_by_place(messages: Any, param: str) -> None:
    failure = refused(body(messages=messages))
    assert (failure.code, failure.param) == (Code.INVALID_REQUEST, param)


def test_tools_of_the_wrong_shape_are_refused_by_place() -> None:
    assert refused(body(tools=[{"type": "function"}, 5])).param == "tools[1]"
    assert refused(body(stream_options={"include_usage": "no"})).param == "stream_options.include_usage"


@pytest.mark.parametrize(
    "name", ["Model", "MODEL", "Max_Tokens", "N", "\u017ftop", "Stop", "max_to\u212aens"]
)
def test_names_that_differ_in_case_alone_are_refused(name: str) -> None:
    failure = refused(body(**{name: 1}))
    assert (failure.code, failure.param) == (Code.INVALID_REQUEST, name)


@pytest.mark.parametrize("name", ["/", "openai/", "/gpt-5.4", "openai/gpt-5.4/"])
def test_a_model_has_a_name_on_both_sides_of_its_slash(name: str) -> None:
    failure = refused(body(model=name))
    assert (failure.code, failure.param) == (Code.INVALID_REQUEST, "model")
    assert "slash" in failure.message


INLINE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}


def test_inline_images_are_counted() -> None:
    request = parse(body(messages=[{"role": "user", "content": [INLINE, INLINE]}, {"role": "user"}]))
    assert (request.inline_images, request.foreign_media) == (2, 0)
    assert request.inline_image_bytes == 2 * len(json.dumps(INLINE["image_url"]))
    assert with_part({"type": "image_url", "image_url": "data:image/jpeg;base64,AA"}).inline_images == 1
    escaped = body(messages=[{"role": "user", "content": [INLINE]}]).replace(
        b"data:image/", b"d\\u0061ta:image\\/"
    )
    assert parse(escaped).inline_images == 1


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image_url", "image_url": {"url": "DATA:image/png;base64,AA"}},
        {"type": "image_url", "image_url": {"url": "data:application/pdf;base64,AA"}},
        {"type": "image_url", "image_url": {"url": "data:image/png", "URL": "https://example.com"}},
        {"type": "image_url", "image_url": {"detail": "low"}},
        {"type": "image_url"},
        {"type": "text", "text": "a", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "text", "text": "a", "Image_URL": {"url": "data:image/png"}},
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
        {"type": "video_url", "video_url": {"url": "data:video/mp4"}},
        {"type": "file", "file": {"file_data": "AA", "filename": "a.pdf"}},
        {"type": "text", "text": "a", "file": {"file_data": "AA"}},
        {"type": "document", "source": {"type": "base64"}},
        {"type": "hologram", "hologram": 1},
        {"type": "hologram", "image_url": {"url": "https://example.com"}},
        {"text": "no type"},
        "a bare string",
        None,
    ],
)
def test_other_media_are_foreign(part: Any) -> None:
    request = with_part(part)
    assert (request.inline_images, request.foreign_media) == (0, 1)


def test_every_medium_of_a_part_counts() -> None:
    both = with_part({**INLINE, "file": {"file_data": "AA"}, "input_audio": {"data": "AA"}})
    assert (both.inline_images, both.foreign_media) == (1, 2)
    disguised = with_part({**INLINE, "type": "hologram"})
    assert (disguised.inline_images, disguised.foreign_media) == (1, 1)


def test_references_are_unbounded_by_place() -> None:
    assert with_part({"type": "file", "file": {"file_id": "file-1"}}).unbounded == (
        "messages[0].content[0].file.file_id",
    )
    assert with_part({"type": "file", "file": {"file_id": None, "file_data": "AA"}}).unbounded == ()
    assert with_part({"type": "text", "text": "a", "image_url": {"FILE_ID": "f"}}).unbounded == (
        "messages[0].content[0].image_url.FILE_ID",
    )
    heard = parse(body(messages=[{"role": "user"}, {"role": "assistant", "audio": {"id": "audio_1"}}]))
    assert heard.unbounded == ("messages[1].audio",)
    seen = parse(body(messages=[{"role": "user", "content": "hi", "images": ["AA"]}]))
    assert (seen.foreign_media, seen.unbounded) == (1, ())


@pytest.mark.parametrize(
    ("part", "sounds", "files"),
    [
        ({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}, ["input_audio"], []),
        ({"type": "text", "text": "a", "Audio_URL": "https://example.com/a.mp3"}, ["Audio_URL"], []),
        ({"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}, ["video_url"], []),
        ({"type": "image_url", "image_url": {"url": "DATA:audio/wav;base64,AA"}}, ["image_url"], []),
        ({"type": "image_url", "image_url": "data:video/mp4;base64,AA"}, ["image_url"], []),
        ({"type": "document", "source": {"type": "base64"}}, ["source"], []),
        ({"type": "audio_embeds", "embeds": "AA"}, ["type"], []),
        ({"type": "file", "file": {"file_data": "AA"}}, [], ["file"]),
        ({"type": "document_url", "document_url": "https://example.com/a.pdf"}, [], ["type"]),
        ({"type": "text", "text": "a", "input_audio": {}, "input_file": {}}, ["input_audio"], ["input_file"]),
        ({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}, [], []),
        ({"type": "image_url", "image_url": {"url": "DATA:image/png;base64,AA"}}, [], []),
        ({"type": "image_url"}, [], []),
        (INLINE, [], []),
        ({"type": "text", "text": "input_audio"}, [], []),
        ({"type": "hologram", "hologram": 1}, [], []),
    ],
)
def test_what_may_be_heard_or_read_is_told_apart(part: Any, sounds: list[str], files: list[str]) -> None:
    request = with_part(part)
    assert [path.removeprefix("messages[0].content[0].") for path in request.sounds] == sounds
    assert [path.removeprefix("messages[0].content[0].") for path in request.files] == files


def test_what_may_be_heard_in_a_message_itself_is_told() -> None:
    request = parse(body(messages=[{"role": "user", "content": "hi", "videos": ["AA"], "images": ["AA"]}]))
    assert (request.sounds, request.foreign_media) == (("messages[0].videos",), 2)


def test_reasoning_that_comes_back_in_parts_is_text() -> None:
    thought: dict[str, Any] = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    request = with_part(thought)
    assert (request.foreign_media, request.sounds, request.part_count) == (0, (), 1)
    assert with_part({**thought, "file": {"file_data": "AA"}}).foreign_media == 1


def test_tools_that_the_provider_runs_are_unbounded_by_place() -> None:
    tools: Any = [
        {"type": "function", "function": {"name": "f"}},
        {"type": "custom", "custom": {"name": "c"}},
        {"type": "web_search"},
        {"google_search": {}},
        {"function": {"name": "untyped"}},
        {"type": "Function", "function": {"name": "f"}},
    ]
    assert parse(body(tools=tools)).unbounded == ("tools[2].type", "tools[3]", "tools[5].type")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from([name for name, _ in WRONG] + ["other"]),
        JSON | st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": JSON}), max_size=2),
    )
)
def test_any_json_is_read_or_refused(fields: dict[str, Any]) -> None:
    text = json.dumps(fields).encode()
    try:
        assert parse(text).body == text
    except Failure as failure:
        assert failure.code in (Code.INVALID_REQUEST, Code.INVALID_JSON)


def test_half_a_surrogate_pair_is_passed_on() -> None:
    text = body(messages=[{"role": "user", "content": "cut \ud83d"}], stop=["\ud83d"])
    assert parse(text).stop == ("�",)
    assert parse(text).body == text
