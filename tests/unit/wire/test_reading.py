"""Reading at one go: nothing that is named twice gets by, and what is written anew is what a splice makes."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zai_gateway.wire.reading import OBJECT, OBJECTS, is_utf8, read_at_once, rewritten
from zai_gateway.wire.splice import DuplicateMember, members, splice

NAMES = st.sampled_from(["a", "b", "model", "é", "\n", "\\", '"', "/", ""])
VALUES = st.sampled_from(["1", "1.0", '"x"', '"\\u00e9"', "[1, 2]", '{"a":1,"a":2}', "null", '{"a": {}}'])
SPACE = st.sampled_from(["", "", "", " ", "\n  "])


@st.composite
def objects(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """An object however it is spaced and its names are escaped, and its names, which may repeat."""
    pairs = draw(st.lists(st.tuples(NAMES, VALUES, st.booleans()), max_size=4))
    written = [
        f"{draw(SPACE)}{json.dumps(name, ensure_ascii=escaped)}{draw(SPACE)}:{draw(SPACE)}{value}"
        for name, value, escaped in pairs
    ]
    return f"{{{','.join(written)}}}".encode(), [name for name, _, _ in pairs]


@given(objects())
@example((b'{"a":12,"a":1}', ["a", "a"]))
@example((b'{ "a":1,"a":1}', ["a", "a"]))
def test_no_name_that_stands_twice_gets_by(drawn: tuple[bytes, list[str]]) -> None:
    text, names = drawn
    listed = b"[" + text + b"]"
    found, found_listed = read_at_once(OBJECT, text), read_at_once(OBJECTS, listed)
    if len(set(names)) < len(names):
        assert found is None
        assert found_listed is None
        with pytest.raises(DuplicateMember):
            members(text)
    elif found is not None:
        places = members(text)
        assert list(found) == list(places)
        for name, place in places.items():
            assert bytes(found[name]) == text[place.value_start : place.value_end]
        assert found_listed is not None
        assert [list(each) for each in found_listed] == [list(found)]


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("indent", [None, 2])
def test_what_clients_write_is_read_at_once(separators: tuple[str, str], indent: int | None) -> None:
    given: dict[str, Any] = {"model": "é", "messages": [{"role": "user", "content": 'a "b" \\ \n'}], "n": 1}
    text = json.dumps(given, separators=separators, indent=indent, ensure_ascii=False).encode()
    found = read_at_once(OBJECT, text)
    assert found is not None
    assert read_at_once(OBJECTS, found["messages"]) is not None


def test_what_is_no_object_is_left_to_who_says_why() -> None:
    for text in (b"", b"[]", b"{", b'{"a":"\\ud83d"}', b"{} {}", b'{"a":' + b"[" * 100_000):
        assert read_at_once(OBJECT, text) is None


@given(objects(), st.dictionaries(NAMES, st.none() | st.sampled_from([b"2", b'"new"']), max_size=3))
def test_rewriting_is_splicing(drawn: tuple[bytes, list[str]], changes: dict[str, bytes | None]) -> None:
    text, names = drawn
    values = read_at_once(OBJECT, text)
    if values is not None and len(set(names)) == len(names):
        assert rewritten(text, values, changes) == splice(text, members(text), changes)


def test_utf8_is_told() -> None:
    assert is_utf8(b"abc")
    assert is_utf8("é".encode())
    assert not is_utf8(b"\xff")
    assert not is_utf8(b"\xed\xa0\x80")
