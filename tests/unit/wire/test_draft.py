"""Drafts and values: untouched objects keep their bytes, and what JSON allows is read."""

import pytest

from zai_gateway.wire.draft import Draft, listed
from zai_gateway.wire.values import decode, encode, kind


def test_a_draft_without_changes_keeps_its_bytes() -> None:
    text = b' {"a" : 1.0, "\\u0062":"\\/"} '
    draft = Draft(text)
    assert draft.written() == text
    assert draft.raw("a") == b"1.0"
    assert draft.raw("b") == b'"\\/"'
    assert draft.raw("c") is None


def test_changes_add_up() -> None:
    draft = Draft(b'{"a":1, "b":2}')
    draft.put("a", b"[ ]")
    draft.say("c", {"d": None})
    draft.drop("b")
    draft.drop("never there")
    assert draft.written() == b'{"a":[ ],"c":{"d":null}}'
    assert draft.raw("a") == b"1"


def test_of_a_repeated_name_the_last_stands() -> None:
    draft = Draft(b'{"a":1, "b":2, "a":3}')
    assert draft.raw("a") == b"3"
    assert decode(draft.written()) == {"a": 3, "b": 2}


def test_lists_are_joined() -> None:
    assert listed([b"1", b"{}"]) == b"[1,{}]"
    assert listed([]) == b"[]"


def test_decoding_forgives_what_json_allows() -> None:
    assert decode(b'"a\\ud83d"') == "a�"
    assert decode(b'"\\ud83d\\ude00\\\\ud83d"') == "😀\\ud83d"
    assert decode(b'["\\ude00\\ud83d", 12345678901234567890123]') == ["��", 12345678901234567890123]
    assert encode({"a": "é😀"}) == '{"a":"é😀"}'.encode()


@pytest.mark.parametrize(
    "text",
    [b"", b"secret", b'"secret\xff"', b'{"a":"secret', b"[" * 100_000, b"[1e999,NaN]", b'[1e999,"secret'],
)
def test_decoding_fails_without_quoting(text: bytes) -> None:
    with pytest.raises(ValueError) as refused:
        decode(text)
    assert "secret" not in str(refused.value)
    assert type(refused.value) is ValueError


def test_kinds_are_named() -> None:
    kinds = [kind(text) for text in (b'"', b"{", b"[", b"true", b"false", b"null", b"-1", b"0", b"")]
    assert kinds == [
        *("a string", "an object", "a list", "true", "false", "null", "a number", "a number", "nothing"),
    ]


def test_a_number_beyond_every_float_is_read_all_the_same() -> None:
    assert decode(b'{"a": 1e999, "b": "\\ud800"}') == {"a": float("inf"), "b": "\ufffd"}
    assert decode(b"1" + b"0" * 400) == 10**400
