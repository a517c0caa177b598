"""Blocks that a provider made for itself, on their way back: what in them is media, and costs accordingly."""

import json
from typing import Any

import pytest

from tests.unit.wire.bodies import body
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.chat import ChatRequest, parse

OWN = {"format": "anthropic-claude-v1", "index": 0}
CALL = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}, **OWN}
PLACE = ("messages[1].provider_blocks",)


def answer(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "x", "provider_blocks": [*blocks]}


def with_blocks(*blocks: Any) -> ChatRequest:
    return parse(body(messages=[{"role": "user", "content": "x"}, answer(*blocks)]))


def fetched(content: Any) -> dict[str, Any]:
    return {"type": "web_fetch_tool_result", "tool_use_id": "srvtoolu_1", "content": content, **OWN}


def test_what_is_text_costs_by_its_bytes() -> None:
    found = {
        "type": "web_search_result",
        "url": "https://example.com",
        "encrypted_content": "AA",
        "page_age": None,
    }
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [found], **OWN}
    marker: dict[str, Any] = {"type": "text", "index": 2, "start_index": 0, "end_index": 1, "citations": []}
    request = with_blocks(CALL, result, marker)
    assert (request.foreign_media, request.unbounded, request.sounds, request.files) == (0, (), (), ())
    assert request.part_count == 3
    assert with_blocks().part_count == 0


@pytest.mark.parametrize(
    ("block", "sounds", "files"),
    [
        ({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}, (), ()),
        (fetched({"type": "document", "source": {"type": "base64", "data": "AA"}}), (), PLACE),
        (fetched([[{"TYPE": "Document"}]]), (), PLACE),
        ({"inlineData": {"mimeType": "audio/wav", "data": "AA"}, "format": "google-gemini-v1"}, PLACE, ()),
        ({"type": "x", "input_audio": {"data": "AA"}}, PLACE, ()),
    ],
)
def test_media_in_them_are_foreign(block: Any, sounds: tuple[str, ...], files: tuple[str, ...]) -> None:
    request = with_blocks(CALL, block)
    assert (request.foreign_media, request.unbounded) == (1, ())
    assert (request.sounds, request.files) == (sounds, files)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "container_upload", "file_id": "file_1"},
        fetched({"content": [{"type": "code_execution_output", "file_id": "file_1"}]}),
        {"fileData": {"fileUri": "https://example.com"}},
        {"deep": [{"er": {"File_ID": "file_1"}}]},
    ],
)
def test_what_the_provider_stores_is_unbounded(block: Any) -> None:
    assert with_blocks(CALL, block).unbounded == PLACE
    assert with_blocks({"file_id": None}).unbounded == ()


def test_a_name_that_stands_twice_or_is_escaped_hides_nothing() -> None:
    plain = body(messages=[{"role": "user"}, answer({"x": {"file_id": "file_1"}})])
    assert b'"file_id": "file_1"' in plain or b'"file_id":"file_1"' in plain
    spelled = plain.replace(b'"file_id"', b'"f\\u0069le_id"')
    assert parse(spelled).unbounded == PLACE
    inner = json.dumps({"file_id": "file_1"}).encode()
    twice = plain.replace(inner, b'{"file_id":"file_1","file_id":null}')
    assert twice != plain
    assert parse(twice).unbounded == PLACE


def test_their_number_is_bounded() -> None:
    with pytest.raises(Failure) as refused:
        with_blocks(*[{}] * 20_000)
    assert (refused.value.code, refused.value.param) == (Code.INVALID_REQUEST, *PLACE)
    request = with_blocks(*[{"type": "image"}] * 1_500)
    assert request.foreign_media == 1_000


@pytest.mark.parametrize("blocks", [1, "x", ["x"], [1], {}])
def test_what_is_no_list_of_objects_is_refused(blocks: Any) -> None:
    message = {"role": "assistant", "content": "x", "provider_blocks": blocks}
    with pytest.raises(Failure) as refused:
        parse(body(messages=[message]))
    assert refused.value.code is Code.INVALID_REQUEST
    assert (refused.value.param or "").startswith("messages[0].provider_blocks")


def test_numbers_of_any_length_are_nothing() -> None:
    long = body(messages=[{"role": "user"}, answer({"n": 7})]).replace(b"7", b"7" * 10_000)
    assert parse(long).unbounded == ()
