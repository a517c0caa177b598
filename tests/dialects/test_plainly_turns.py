"""Each member of the hub that OpenAI's protocol does not have: what becomes of it."""

import json
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zai_gateway.dialects.openai_chat.plainly import plainly
from zai_gateway.errors import Code, Failure

HELLO = {"role": "user", "content": "Hello"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}}
MARK = {"type": "ephemeral", "ttl": "1h"}
CALL = {"id": "toolu_1", "type": "function", "function": {"name": "screenshot", "arguments": "{}"}}
PDF = "data:application/pdf;base64,JVBERi0="


def said(*messages: Any, takes: tuple[str, ...] = (), **more: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    body = json.dumps({"model": "m", "messages": [*messages] or [HELLO]} | more).encode()
    sent, named = plainly(body, frozenset(takes))
    return json.loads(sent), named


def turns(*messages: Any, takes: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    sent, named = said(*messages, takes=takes)
    assert named in ((), ("cache_control",))
    return sent["messages"]


def refused(*messages: Any, **more: Any) -> str | None:
    with pytest.raises(Failure) as failure:
        said(*messages, **more)
    assert failure.value.code is Code.UNSUPPORTED_PARAMETER
    assert f"`{failure.value.param}`" in failure.value.message
    return failure.value.param


def test_what_has_no_extension_comes_back_as_the_same_bytes() -> None:
    body = b'{ "model":"m",  "messages" : [{"role":"user","content":[{"text":"x","type":"text"}]}] }'
    assert plainly(body, frozenset()) == (body, ())


@pytest.mark.parametrize(
    ("budget", "effort"),
    [(1024, "low"), (2048, "low"), (2049, "medium"), (8192, "medium"), (8193, "high"), (60_000, "high")],
)
def test_a_budget_is_an_effort_by_its_size(budget: int, effort: str) -> None:
    thinking = {"type": "enabled", "budget_tokens": budget}
    sent, named = said(thinking=thinking, reasoning={"max_tokens": budget})
    assert (sent.get("reasoning_effort"), "reasoning" in sent, "thinking" in sent) == (effort, False, False)
    assert named == ()


def test_an_effort_that_was_named_wins_over_a_budget() -> None:
    sent, named = said(
        thinking={"type": "enabled", "budget_tokens": 1024},
        output_config={"effort": "max"},
        reasoning={"max_tokens": 1024},
        reasoning_effort="max",
    )
    assert (sent, named) == ({"model": "m", "messages": [HELLO], "reasoning_effort": "max"}, ())


def test_thinking_that_adapts_is_left_to_the_model() -> None:
    sent, named = said(thinking={"type": "adaptive"}, reasoning={"enabled": True})
    assert (sent, named) == ({"model": "m", "messages": [HELLO]}, ())


def test_thinking_that_is_off_is_left_out_and_named() -> None:
    sent, named = said(thinking={"type": "disabled"}, reasoning_effort="none")
    assert (sent, named) == ({"model": "m", "messages": [HELLO]}, ("thinking",))
    assert said(reasoning={"enabled": False})[1] == ("reasoning",)
    assert said(reasoning_effort="none") == (
        {"model": "m", "messages": [HELLO], "reasoning_effort": "none"},
        (),
    )


def test_thinking_that_was_not_to_be_shown_is_named() -> None:
    hidden = {"type": "adaptive", "display": "omitted"}
    _, named = said(thinking=hidden, reasoning={"enabled": True, "exclude": True})
    assert named == ("thinking.display",)
    assert said(reasoning={"exclude": True})[1] == ("reasoning.exclude",)


def test_a_model_that_never_reasons_is_told_nothing_of_it() -> None:
    thinking = {"type": "enabled", "budget_tokens": 9000}
    for more, named in (
        ({"thinking": thinking, "reasoning": {"max_tokens": 9000}}, ("thinking",)),
        ({"reasoning_effort": "high", "output_config": {"effort": "high"}}, ("reasoning_effort",)),
        ({"thinking": {"type": "disabled"}, "reasoning_effort": "none"}, ("thinking",)),
        ({"thinking": {"type": "adaptive"}, "reasoning": {"enabled": True}}, ()),
    ):
        body = json.dumps({"model": "m", "messages": [HELLO]} | more).encode()
        sent, unsaid = plainly(body, frozenset(), reasons=False)
        assert (json.loads(sent), unsaid) == ({"model": "m", "messages": [HELLO]}, named)


def test_who_takes_reasoning_gets_one_word_for_it() -> None:
    sent, _ = said(reasoning={"enabled": True}, reasoning_effort="low", takes=("reasoning",))
    assert sent["reasoning"] == {"effort": "low", "enabled": True}
    assert "reasoning_effort" not in sent
    sent, named = said(reasoning={"max_tokens": 2000}, reasoning_effort="low", takes=("reasoning",))
    assert (sent["reasoning"], named) == ({"max_tokens": 2000}, ("reasoning_effort",))
    assert "reasoning_effort" not in sent


def test_who_takes_thinking_gets_it_and_no_effort_made_of_it() -> None:
    own = {"type": "enabled", "budget_tokens": 9000}
    sent, named = said(thinking=own, reasoning={"max_tokens": 9000}, takes=("thinking",))
    assert (sent, named) == ({"model": "m", "messages": [HELLO], "thinking": own}, ())
    off = {"type": "disabled"}
    sent, named = said(thinking=off, reasoning_effort="none", takes=("thinking",))
    assert (sent, named) == ({"model": "m", "messages": [HELLO], "thinking": off}, ())


@pytest.mark.parametrize(
    ("member", "named"),
    [
        ({"top_k": 40}, ("top_k",)),
        ({"top_k": None}, ()),
        ({"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}, ("context_management",)),
        ({"speed": "fast"}, ("speed",)),
        ({"speed": "standard"}, ()),
        ({"diagnostics": {"previous_message_id": "msg_1"}}, ("diagnostics",)),
        ({"output_config": {"effort": "low"}}, ()),
        ({"output_config": {"task_budget": {"type": "tokens", "total": 9}}}, ("output_config",)),
        ({"cache_control": MARK}, ("cache_control",)),
        ({"betas": ["context-1m-2025-08-07"]}, ()),
        ({"mcp_servers": []}, ()),
        ({"container": None}, ()),
    ],
)
def test_what_does_no_harm_is_left_out(member: dict[str, Any], named: tuple[str, ...]) -> None:
    assert said(**member) == ({"model": "m", "messages": [HELLO]}, named)
    sent, unnamed = said(**member, takes=tuple(member))
    assert (sent, unnamed) == ({"model": "m", "messages": [HELLO], **member}, ())


def test_what_the_answer_would_be_wrong_without_is_refused() -> None:
    assert refused(mcp_servers=[{"type": "url", "name": "docs"}]) == "mcp_servers"
    assert refused(container="container_1") == "container"
    assert refused(inference_geo="us") == "inference_geo"


def test_a_long_name_of_the_user_is_a_hash() -> None:
    name = "user_" + "é" * 60
    assert said(user=name)[0]["user"] == sha256(name.encode()).hexdigest()
    assert said(user="u" * 64)[0]["user"] == "u" * 64


def test_tools_lose_what_only_anthropic_reads() -> None:
    function = {"name": "look", "parameters": {"type": "object"}}
    tool = {
        "type": "function",
        "function": function,
        "cache_control": MARK,
        "defer_loading": True,
        "input_examples": [{"q": "x"}],
    }
    sent, named = said(tools=[tool])
    assert sent["tools"] == [{"type": "function", "function": function}]
    assert named == ("input_examples", "cache_control")
    sent, _ = said(tools=[tool], takes=("cache_control",))
    assert sent["tools"] == [{"type": "function", "function": function, "cache_control": MARK}]


@pytest.mark.parametrize("kind", ["web_search_20250305", "bash_20250124", "mcp_toolset", "memory_20250818"])
def test_tools_of_anthropics_models_are_refused_by_their_place(kind: str) -> None:
    function = {"type": "function", "function": {"name": "look"}}
    assert refused(tools=[function, {"type": kind, "name": "x"}]) == "tools[1].type"
    assert said(tools=[{"type": kind}], takes=(kind,))[0]["tools"] == [{"type": kind}]


def test_a_vendors_own_tool_is_for_the_vendor_to_judge() -> None:
    assert said(tools=[{"type": "builtin_function"}])[0]["tools"] == [{"type": "builtin_function"}]


def test_a_search_among_tools_is_needless() -> None:
    search = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
    function = {"type": "function", "function": {"name": "look"}}
    sent, named = said(tools=[search, function], tool_choice="auto")
    assert (sent["tools"], sent["tool_choice"], named) == ([function], "auto", (search["type"],))
    sent, _ = said(tools=[search], tool_choice="auto", parallel_tool_calls=False)
    assert sent == {"model": "m", "messages": [HELLO]}
    assert said(tools=[], tool_choice="required")[0]["tool_choice"] == "required"


ASKED: dict[str, Any] = {"role": "user", "content": [{"type": "text", "text": "x"}]}


@pytest.mark.parametrize(
    "marked",
    [
        [ASKED | {"cache_control": MARK}],
        [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": MARK}]}],
        [ASKED, {"role": "assistant", "content": None, "tool_calls": [CALL | {"cache_control": MARK}]}],
        [ASKED, {"role": "tool", "tool_call_id": "toolu_1", "content": "1", "cache_control": MARK}],
    ],
)
def test_a_cache_mark_is_named_wherever_it_stands(marked: list[dict[str, Any]]) -> None:
    sent, named = said(*marked)
    assert named == ("cache_control",)
    assert "cache_control" not in json.dumps(sent)
    assert said(*marked, takes=("cache_control",)) == ({"model": "m", "messages": marked}, ())


def test_messages_lose_what_only_the_hub_has() -> None:
    detail = {"type": "reasoning.text", "text": "Hm.", "signature": "s", "format": "anthropic-claude-v1"}
    asked = {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": MARK}]}
    answer = {
        "role": "assistant",
        "content": [{"type": "text", "text": "It is.", "citations": [{"type": "page_location"}]}],
        "reasoning_content": "Hm.",
        "reasoning_details": [detail],
        "tool_calls": [
            {**CALL, "cache_control": MARK, "extra_content": {"google": {"thought_signature": "s"}}}
        ],
        "block_order": ["tool_calls", "content"],
    }
    result = {
        "role": "tool",
        "tool_call_id": "toolu_1",
        "content": "1",
        "cache_control": MARK,
        "is_error": False,
    }
    assert turns(asked, answer, result) == [
        {"role": "user", "content": [{"type": "text", "text": "x"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "It is."}], "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "1"},
    ]
    kept = turns(asked, answer, takes=("reasoning_content", "extra_content", "cache_control"))
    assert kept[0] == asked
    assert kept[1]["reasoning_content"] == "Hm."
    assert kept[1]["tool_calls"] == answer["tool_calls"]
    assert "reasoning_details" not in kept[1]


def test_what_its_provider_did_by_itself_is_left_out_of_answers_and_refused_elsewhere() -> None:
    block = {"type": "server_tool_use", "id": "srvtoolu_1", "format": "anthropic-claude-v1", "index": 0}
    answer = {"role": "assistant", "content": "Found.", "provider_blocks": [block]}
    sent, named = said(HELLO, answer, answer)
    assert sent["messages"] == [HELLO, *[{"role": "assistant", "content": "Found."}] * 2]
    assert named == ("provider_blocks",)
    assert (
        refused({"role": "user", "content": "x", "provider_blocks": [block]}) == "messages[0].provider_blocks"
    )
    upload = {"role": "user", "content": [{"type": "container_upload", "file_id": "file_1"}]}
    assert refused(HELLO, upload) == "messages[1].content[0].type"
    result = {"role": "tool", "tool_call_id": "1", "content": [{"type": "search_result"}]}
    assert refused(HELLO, result) == "messages[1].content[0].type"


def test_an_answer_of_nothing_but_reasoning_is_no_message() -> None:
    detail = {"type": "reasoning.encrypted", "data": "x", "format": "anthropic-claude-v1"}
    silent = {"role": "assistant", "content": None, "reasoning_details": [detail]}
    assert turns(HELLO, silent, HELLO) == [HELLO, HELLO]
    calling = {**silent, "tool_calls": [CALL]}
    assert turns(HELLO, calling) == [HELLO, {"role": "assistant", "content": None, "tool_calls": [CALL]}]


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("No such file.", "Error: No such file."),
        ("Error: no such file.", "Error: no such file."),
        ("", "Error: "),
        (
            [{"type": "text", "text": "No."}],
            [{"type": "text", "text": "Error:"}, {"type": "text", "text": "No."}],
        ),
        ([{"type": "text", "text": "ERROR 5"}], [{"type": "text", "text": "ERROR 5"}]),
    ],
)
def test_a_result_that_is_an_error_says_so(content: Any, wanted: Any) -> None:
    result = {"role": "tool", "tool_call_id": "toolu_1", "content": content, "is_error": True}
    assert turns(HELLO, result)[1] == {"role": "tool", "tool_call_id": "toolu_1", "content": wanted}
    assert turns(HELLO, result, takes=("is_error",))[1] == result


def test_images_of_results_move_behind_all_results() -> None:
    other = {"id": "toolu_2", "type": "function", "function": {"name": "zoom", "arguments": "{}"}}
    calling = {"role": "assistant", "content": None, "tool_calls": [CALL, other]}
    text = {"type": "text", "text": "Taken."}
    first = {"role": "tool", "tool_call_id": "toolu_1", "content": [text, IMAGE]}
    second = {"role": "tool", "tool_call_id": "toolu_2", "content": [IMAGE], "is_error": True}
    rest = {"type": "text", "text": "(The rest of this result stands in the user's next message.)"}
    moved = [
        {"type": "text", "text": "From the result of screenshot (toolu_1):"},
        IMAGE,
        {"type": "text", "text": "From the result of zoom (toolu_2):"},
        IMAGE,
    ]
    results = [
        {"role": "tool", "tool_call_id": "toolu_1", "content": [text, rest]},
        {"role": "tool", "tool_call_id": "toolu_2", "content": [{"type": "text", "text": "Error:"}, rest]},
    ]
    assert turns(HELLO, calling, first, second) == [
        *(HELLO, calling, *results),
        {"role": "user", "content": moved},
    ]
    assert turns(HELLO, calling, first, second, HELLO) == [
        *(HELLO, calling, *results),
        {"role": "user", "content": [*moved, {"type": "text", "text": "Hello"}]},
    ]
    answer = {"role": "assistant", "content": "Nice."}
    assert turns(HELLO, calling, first, second, answer) == [
        *(HELLO, calling, *results),
        {"role": "user", "content": moved},
        answer,
    ]


def test_a_tool_that_was_found_is_named() -> None:
    found = {"type": "tool_reference", "tool_name": "weather"}
    result = {"role": "tool", "tool_call_id": "toolu_1", "content": [found]}
    assert turns(HELLO, result)[1]["content"] == [{"type": "text", "text": "weather"}]


def document(**file: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "file", "file": file, "cache_control": MARK}]}


def test_files_have_names() -> None:
    assert turns(document(file_data=PDF))[0]["content"] == [
        {"type": "file", "file": {"filename": "document.pdf", "file_data": PDF}}
    ]
    named = turns(document(file_data=PDF, title="Annual report", context="Of 2025."))[0]["content"]
    assert named == [
        {"type": "text", "text": "Of 2025."},
        {"type": "file", "file": {"filename": "Annual report.pdf", "file_data": PDF}},
    ]
    assert turns(document(file_data=PDF, title="../x"))[0]["content"][0]["file"]["filename"] == "document.pdf"
    assert turns(document(file_id="file-1"))[0]["content"] == [
        {"type": "file", "file": {"file_id": "file-1"}}
    ]


def test_a_document_of_text_is_text() -> None:
    words = "data:text/plain;base64," + b64encode("Grün.".encode()).decode()
    sent = turns(document(file_data=words, title="Colours", context="Of leaves."))
    assert sent[0]["content"] == [{"type": "text", "text": "Colours\n\nOf leaves.\n\nGrün."}]


def test_citations_that_were_asked_for_are_named() -> None:
    _, named = said(document(file_data=PDF, citations={"enabled": True}))
    assert named == ("cache_control", "citations")
    assert turns(document(file_data=PDF, citations={"enabled": False}))


def test_documents_elsewhere_are_refused() -> None:
    url = {"role": "user", "content": [{"type": "file", "file": {"file_data": "https://example.com/a.pdf"}}]}
    assert refused(HELLO, url) == "messages[1].content[0].file.file_data"
    assert turns(url, takes=("file",)) == [url]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "text", "file", "file_data", "citations", "function", "id", "enabled"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
MEMBERS = st.sampled_from(
    [
        *("thinking", "reasoning", "reasoning_effort", "output_config", "tools", "user", "mcp_servers"),
        *("tool_choice", "messages"),
    ]
)
OF_MESSAGES = st.sampled_from(
    ["role", "content", "tool_calls", "is_error", "provider_blocks", "tool_call_id", "cache_control"]
)
MESSAGES = st.lists(
    st.dictionaries(OF_MESSAGES, ANYTHING | st.sampled_from(["tool", "assistant", "user"]), max_size=5),
    max_size=3,
)


@given(st.dictionaries(MEMBERS, ANYTHING, max_size=4), MESSAGES, st.frozensets(MEMBERS | OF_MESSAGES))
def test_whatever_comes_is_said_or_refused(
    members: dict[str, Any], messages: list[Any], takes: frozenset[str]
) -> None:
    body = json.dumps({"model": "m", "messages": messages} | members).encode()
    try:
        sent, _ = plainly(body, takes)
    except Failure as failure:
        assert failure.code in (Code.UNSUPPORTED_PARAMETER, Code.INVALID_REQUEST)
        assert failure.param
    else:
        assert isinstance(json.loads(sent), dict)
