"""What Gemini's protocol has no word for is told in another way, named, or refused; never lost silently."""

import json
from typing import Any

import pytest

from tests.dialects.gemini_asking import PNG, TOOL, USER, encoded, made, refused
from zai_gateway.dialects import anthropic_front
from zai_gateway.dialects.gemini import GeminiPlan, encode
from zai_gateway.errors import Code
from zai_gateway.wire.chat import parse

PDF = "data:application/pdf;base64,aGk="
IMAGE = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
BLOB = {"inlineData": {"mimeType": "application/pdf", "data": "aGk="}}
ADDRESS = "https://a.example/b.png"
FETCHED = {"fileData": {"fileUri": ADDRESS, "mimeType": "image/png"}}
CALLED = {
    "role": "assistant",
    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def result(content: Any, plan: GeminiPlan | None = None, **members: Any) -> list[dict[str, Any]]:
    told = {"role": "tool", "tool_call_id": "c", "content": content, **members}
    return made(plan, messages=[USER, CALLED, told])["contents"][2]["parts"]


def test_a_result_that_is_an_image_of_an_error_says_so() -> None:
    (part,) = result([image(PNG)], is_error=True)
    assert list(part["functionResponse"]["response"]) == ["error"]
    assert part["functionResponse"]["response"]["error"]
    assert part["functionResponse"]["parts"] == [IMAGE]
    (part,) = result([image(PNG)])
    assert part["functionResponse"]["response"] == {}


def test_an_address_stands_inside_a_result_on_vertex_alone() -> None:
    on_vertex = GeminiPlan(model="gemini-3-flash-preview", vertex=True)
    (part,) = result([image(ADDRESS)], on_vertex)
    assert part["functionResponse"]["parts"] == [FETCHED]
    part, beside = result([image(ADDRESS), image(PNG)])
    assert part["functionResponse"]["parts"] == [IMAGE]
    assert beside == FETCHED


def file(**members: Any) -> dict[str, Any]:
    return {"type": "file", "file": {"file_data": PDF, **members}}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"title": "Contract", "context": "Signed in May."}, "Contract\n\nSigned in May."),
        ({"title": "Contract", "filename": "c.pdf"}, "Contract"),
        ({"context": "Signed in May."}, "Signed in May."),
        ({"filename": "contract.pdf"}, "contract.pdf"),
        ({"filename": "document.pdf"}, None),
        ({}, None),
    ],
)
def test_what_a_document_is_called_is_told(members: dict[str, Any], said: str | None) -> None:
    sent = encoded(messages=[{"role": "user", "content": [file(**members)]}])
    (content,) = json.loads(sent.body)["contents"]
    assert content["parts"] == ([] if said is None else [{"text": said}]) + [BLOB]
    assert sent.dropped == ()


def test_what_a_document_in_a_result_is_called_stands_apart_from_its_text() -> None:
    (part,) = result([{"type": "text", "text": "see"}, file(title="Contract")])
    assert part["functionResponse"]["response"] == {"output": "see\n\nContract"}


def test_citations_of_a_document_are_named_where_they_were_asked_for() -> None:
    sent = encoded(messages=[{"role": "user", "content": [file(citations={"enabled": True})]}])
    assert sent.dropped == ("citations",)
    sent = encoded(messages=[{"role": "user", "content": [file(citations={"enabled": False})]}])
    assert sent.dropped == ()


def test_a_system_message_that_moves_is_named() -> None:
    system = {"role": "system", "content": "s"}
    sent = encoded(messages=[system, USER, system])
    assert json.loads(sent.body)["systemInstruction"] == {"parts": [{"text": "s"}, {"text": "s"}]}
    assert sent.dropped == ("messages.role",)
    assert encoded(messages=[system, system, USER]).dropped == ()
    assert encoded(messages=[USER, {"role": "system", "content": []}]).dropped == ()


def of_anthropics(blocks: list[dict[str, Any]]) -> list[str]:
    """The parts, in a word each, of an answer that an Anthropic client sends back."""
    body: dict[str, Any] = {"model": "x", "max_tokens": 9, "messages": [USER]}
    body["messages"].append({"role": "assistant", "content": blocks})
    request = parse(anthropic_front.read_request(json.dumps(body).encode()))
    contents = json.loads(encode(request, GeminiPlan(model="gemini-2.5-flash")).body)["contents"]
    return [part["text"] if "text" in part else part["functionCall"]["name"] for part in contents[1]["parts"]]


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def call(name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": {}}


@pytest.mark.parametrize(
    ("blocks", "wanted"),
    [
        ([call("f"), text("a")], ["f", "a"]),
        ([text("a"), call("f"), text("b"), call("g")], ["a", "f", "b", "g"]),
        ([call("f"), text(""), call("g"), text("a")], ["f", "g", "a"]),
        ([text("a"), call("f")], ["a", "f"]),
    ],
)
def test_texts_and_calls_keep_the_order_that_they_had(
    blocks: list[dict[str, Any]], wanted: list[str]
) -> None:
    assert of_anthropics(blocks) == wanted


def test_an_order_that_does_not_fit_loses_nothing() -> None:
    message = {**CALLED, "content": "a", "block_order": ["tool_calls", "tool_calls", 7, "content", "content"]}
    (_, content) = made(messages=[USER, message])["contents"]
    assert [next(iter(part)) for part in content["parts"]] == ["functionCall", "text"]


def test_another_vendors_blocks_are_named() -> None:
    block = {"type": "server_tool_use", "format": "anthropic-claude-v1", "id": "s"}
    message = {"role": "assistant", "content": "a", "provider_blocks": [block]}
    assert encoded(messages=[USER, message]).dropped == ("provider_blocks",)
    own = {"type": "executableCode", "format": "google-gemini-v1", "executableCode": {"code": "1"}}
    assert encoded(messages=[USER, {**message, "provider_blocks": [own]}]).dropped == ()


def test_reasoning_of_nobody_knows_whom_stays_behind() -> None:
    message = {"role": "assistant", "content": "a", "reasoning_content": "r"}
    sent = encoded(messages=[USER, message])
    assert json.loads(sent.body)["contents"][1]["parts"] == [{"text": "a"}]
    assert sent.dropped == ()


@pytest.mark.parametrize("name", ["mcp_servers", "container", "inference_geo"])
def test_what_only_anthropic_does_is_refused(name: str) -> None:
    said: dict[str, Any] = {name: [{"x": 1}] if name == "mcp_servers" else "x"}
    failure = refused(**said)
    assert (failure.code, failure.param) == (Code.UNSUPPORTED_PARAMETER, name)
    empty: list[Any] = [None, [], {}, ""]
    for nothing in empty:
        members: dict[str, Any] = {name: nothing}
        assert encoded(**members).dropped == ()


def test_examples_of_a_tools_input_are_named() -> None:
    sent = encoded(tools=[{**TOOL, "input_examples": [{}]}])
    assert sent.dropped == ("input_examples",)
