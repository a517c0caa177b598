"""What a body may hold: limits that are met exactly, and refusals before anything is read."""

import pytest

from tests.unit.wire.bodies import body, refused
from zai_gateway.errors import Code
from zai_gateway.wire.chat import MOST_TOOLS, MOST_VALUES, parse
from zai_gateway.wire.fields import MOST_MEMBERS
from zai_gateway.wire.media import MOST_PARTS


def listing(element: bytes, count: int) -> bytes:
    return b"[" + b",".join([element] * count) + b"]"


def keyed(count: int) -> bytes:
    return b"{" + b",".join(b'"k%d":1' % index for index in range(count)) + b"}"


def placed(field: str, value: bytes) -> bytes:
    """A small request whose `field` has `value`, which is JSON already."""
    return body(**{field: 0}).replace(b'"%s": 0' % field.encode(), b'"%s": %s' % (field.encode(), value))


TEXT = b'{"type":"text","text":""}'
TURN = b'{"role":"user"}'


def turn(content: bytes) -> bytes:
    return b'{"role":"user","content":' + content + b"}"


def in_content(part: bytes) -> bytes:
    return placed("messages", b"[" + turn(b"[" + part + b"]") + b"]")


KEYED = keyed(MOST_MEMBERS + 1)
LONG_NAME = b"n" * 1_001
# Each is one more than there may be, and what stands first is of the wrong type: an error about the number
# shows that nothing of it was read.
TOO_MUCH: dict[str, tuple[bytes, str | None]] = {
    "members": (KEYED, None),
    "messages": (placed("messages", listing(b"1", MOST_PARTS + 1)), "messages"),
    "tools": (placed("tools", listing(b"1", MOST_TOOLS + 1)), "tools"),
    "members of a message": (placed("messages", b"[" + KEYED + b"]"), "messages[0]"),
    "members of a tool": (placed("tools", b"[" + KEYED + b"]"), "tools[0]"),
    "members of options": (placed("stream_options", KEYED), "stream_options"),
    "members of a part": (in_content(KEYED), "messages[0].content[0]"),
    "members of an image": (in_content(b'{"image_url":' + KEYED + b"}"), "messages[0].content[0].image_url"),
    "members of a file": (in_content(b'{"file":' + KEYED + b"}"), "messages[0].content[0].file"),
    "parts": (placed("messages", b"[" + turn(listing(b"1", MOST_PARTS)) + b"]"), "messages[0].content"),
    "parts of several messages": (
        placed(
            "messages",
            b"[" + TURN + b"," + turn(listing(TEXT, 9_000)) + b"," + turn(listing(TEXT, 10_998)) + b"]",
        ),
        "messages[2].content",
    ),
    "name": (b'{"' + LONG_NAME + b'":1}', None),
    "name in a message": (placed("messages", b'[{"role":1,"' + LONG_NAME + b'":1}]'), "messages[0]"),
    "values": (placed("metadata", listing(b"1", MOST_VALUES + 2)), None),
    "strings": (placed("metadata", listing(b'"a"', MOST_VALUES + 2)), None),
    "values in values": (placed("metadata", listing(b'{"a":[1]}', MOST_VALUES + 2)), None),
    "many times as many values": (placed("messages", listing(b"{}", 10 * MOST_VALUES)), None),
}


@pytest.mark.parametrize("case", TOO_MUCH)
def test_what_holds_too_much_is_refused_before_any_of_it_is_read(case: str) -> None:
    text, param = TOO_MUCH[case]
    failure = refused(text)
    assert (failure.code, failure.param) == (Code.INVALID_REQUEST, param)
    assert f"`{param}`" in failure.message if param else "The body" in failure.message
    assert "at most" in failure.message


def test_the_limits_are_met_exactly() -> None:
    fields = {f"k{index}": index for index in range(MOST_MEMBERS - 2)}
    assert len(parse(body(**fields)).members) == MOST_MEMBERS
    assert "n" * 1_000 in parse(body(**{"n" * 1_000: 1})).members
    assert parse(placed("messages", listing(TURN, MOST_PARTS))).message_count == MOST_PARTS
    parts = b"[" + turn(listing(TEXT, 9_000)) + b"," + turn(listing(TEXT, MOST_PARTS - 9_002)) + b"]"
    assert parse(placed("messages", parts)).message_count == 2
    tools = listing(b'{"type":"function"}', MOST_TOOLS)
    assert parse(placed("tools", tools)).schema_bytes == len(tools)
    separators = body(metadata=0).count(b",")
    assert parse(placed("metadata", listing(b"1", MOST_VALUES - separators + 1)))


def test_commas_in_text_are_no_values() -> None:
    for content in (
        "," * 2 * MOST_VALUES,
        '\\",' * MOST_VALUES,
        ',"' * MOST_VALUES,
        "\\" + "," * MOST_VALUES,
    ):
        assert parse(body(messages=[{"role": "user", "content": content}])).message_count == 1


def test_only_the_first_references_are_kept() -> None:
    parts = [{"type": "file", "file": {"file_id": "f"}}] * 100
    assert parse(body(messages=[{"role": "user", "content": parts}])).unbounded == tuple(
        f"messages[0].content[{index}].file.file_id" for index in range(8)
    )
    tools = parse(body(tools=[{"type": "web_search"}] * 100)).unbounded
    assert tools == tuple(f"tools[{index}].type" for index in range(8))


def test_more_halves_than_any_text_has_are_refused() -> None:
    for half in (b"\\ud83d", b"\\uDE00"):
        failure = refused(body(user=0).replace(b" 0}", b'"' + half * 100_001 + b'"}'))
        assert failure.code is Code.INVALID_JSON
        assert "surrogate" in failure.message
    whole = body(user=0).replace(b" 0}", b'"' + b"\\ud83d\\ude00" * 100_001 + b'"}')
    assert parse(whole).body == whole
