"""Refusals of what cannot be said upstream name the field where the client wrote it."""

import json
from typing import Any

import pytest

from tests.dialects.test_plainly import ASKED, hub_of, names_of
from zai_gateway.dialects.anthropic_front import read_request
from zai_gateway.dialects.anthropic_front.places import in_clients_words
from zai_gateway.dialects.openai_chat.plainly import plainly
from zai_gateway.errors import Code, Failure

TEXT = {"type": "text", "text": "x"}
UPLOAD = {"type": "container_upload", "file_id": "file_1"}
CALL: dict[str, Any] = {"type": "tool_use", "id": "a", "name": "look", "input": {}}
URL = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}


def result(*content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "a", "content": [*content]}


def refused(*messages: Any, **more: Any) -> Failure:
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": [*messages]} | more).encode()
    with pytest.raises(Failure) as failure:
        plainly(read_request(body), frozenset())
    assert failure.value.param is not None
    told = in_clients_words(failure.value, body)
    assert told.code is failure.value.code
    assert told.message == failure.value.message.replace(f"`{failure.value.param}`", f"`{told.param}`")
    assert "[" not in (told.param or "")
    return told


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": [*content]}


ANSWER: dict[str, Any] = {"role": "assistant", "content": [TEXT, CALL]}


ELSEWHERE: list[tuple[list[Any], dict[str, Any], str]] = [
    ([user(TEXT, UPLOAD)], {}, "messages.0.content.1.type"),
    ([user(TEXT, UPLOAD)], {"system": "Be brief."}, "messages.0.content.1.type"),
    ([user(TEXT)], {"system": [TEXT, {"type": "tool_addition"}]}, "system.1.type"),
    ([user(TEXT), ANSWER, user(result(TEXT), TEXT, UPLOAD)], {}, "messages.2.content.2.type"),
    (
        [user(TEXT), ANSWER, user(result(), result(TEXT, UPLOAD))],
        {},
        "messages.2.content.1.content.1.type",
    ),
    ([user(URL)], {}, "messages.0.content.0"),
    ([{"role": "user", "content": "x"}], {"tools": [{"type": "bash_20250124"}]}, "tools.0.type"),
    ([{"role": "user", "content": "x"}], {"container": "c"}, "container"),
]


@pytest.mark.parametrize(("messages", "more", "path"), ELSEWHERE)
def test_the_path_is_the_clients(messages: list[Any], more: dict[str, Any], path: str) -> None:
    assert refused(*messages, **more).param == path


def test_calls_and_other_blocks_have_theirs() -> None:
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    search: dict[str, Any] = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    answer: dict[str, Any] = {"role": "assistant", "content": [thinking, search, TEXT, CALL, CALL]}
    body = json.dumps({"messages": [user(result()), answer]}).encode()
    for hub, path in (
        ("messages[1].tool_calls[1].function.name", "messages.1.content.4"),
        ("messages[1].provider_blocks[0].type", "messages.1.content.1.type"),
        ("messages[1].content[0].text", "messages.1.content.2"),
        ("messages[1].content[7].text", "messages.1"),
        ("messages[1].reasoning_details", "messages.1"),
        ("messages[0].content", "messages.0.content.0"),
        ("messages[9].role", "messages.9.role"),
    ):
        failure = Failure(Code.INVALID_REQUEST, f"`{hub}` is wrong.", param=hub)
        told = in_clients_words(failure, body)
        assert (told.param, told.message) == (path, f"`{path}` is wrong.")


@pytest.mark.parametrize("exchange", ASKED, ids=names_of(ASKED))
def test_every_message_of_the_hub_has_its_origin(exchange: Any) -> None:
    original = exchange.request.bytes
    asked, hub = json.loads(original), json.loads(hub_of(exchange))
    for index, message in enumerate(hub["messages"]):
        told = in_clients_words(Failure(Code.INVALID_REQUEST, "", param=f"messages[{index}]"), original)
        path = (told.param or "").split(".")
        if message["role"] == "tool":
            block = asked["messages"][int(path[1])]["content"][int(path[3])]
            assert block["tool_use_id"] == message["tool_call_id"]
        elif path[0] != "system":
            assert asked["messages"][int(path[1])]["role"] == message["role"]
            assert len(path) == 2
