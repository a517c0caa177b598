"""Splicing: what is named changes, every other byte stays, and no name can stand twice unseen."""

import json
from collections.abc import Mapping
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zai_gateway.wire.splice import (
    DuplicateMember,
    Oversized,
    compact,
    elements,
    members,
    outnumbers,
    splice,
    written,
)

SPACE = st.text(" \t\n\r", max_size=3).map(str.encode)
NUMBERS = st.sampled_from(
    [b"0", b"-0", b"1.0", b"1e3", b"1E+3", b"0.10", b"12345678901234567890123", b"1e999", b"1", b"12"]
)
PLAIN = st.one_of(st.text(max_size=6), st.integers(), st.booleans(), st.none())
NESTED = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


def _spelled(name: str, how: int) -> bytes:
    """One of the ways in which JSON can spell a string."""
    if how == 0:
        return json.dumps(name).encode()
    if how == 1:
        return json.dumps(name, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return b'"' + b"".join(b"\\u%04x" % unit for unit in _units(name)) + b'"'


def _units(name: str) -> list[int]:
    coded = name.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(coded[at : at + 2]) for at in range(0, len(coded), 2)]


VALUES = st.one_of(NESTED.map(lambda value: json.dumps(value, indent=1).encode()), NUMBERS)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
PAIRS = st.lists(st.tuples(NAMES, st.integers(0, 2), VALUES), max_size=6)


@st.composite
def objects(draw: st.DrawFn) -> tuple[bytes, list[tuple[str, bytes]]]:
    """An object's text, with any whitespace and spelling, and its members in order; names may repeat."""
    pairs = draw(PAIRS)
    pieces = [
        draw(SPACE) + _spelled(name, how) + draw(SPACE) + b":" + draw(SPACE) + value + draw(SPACE)
        for name, how, value in pairs
    ]
    text = draw(SPACE) + b"{" + (b",".join(pieces) or draw(SPACE)) + b"}" + draw(SPACE)
    return text, [(name, value) for name, _, value in pairs]


@given(objects())
@example((b'{"a":12,"a":1}', [("a", b"12"), ("a", b"1")]))
@example((b'{"a":1,"a":12}', [("a", b"1"), ("a", b"12")]))
@example((b'{"a":1,"b":2,"\\u0061":1}', [("a", b"1"), ("b", b"2"), ("a", b"1")]))
def test_members_are_found_where_they_stand_or_refused_when_repeated(
    drawn: tuple[bytes, list[tuple[str, bytes]]],
) -> None:
    text, pairs = drawn
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        with pytest.raises(DuplicateMember) as refused:
            members(text)
        assert names.count(refused.value.name) > 1
        return
    found = members(text)
    assert [(name, text[at.value_start : at.value_end]) for name, at in found.items()] == pairs


@given(
    objects(),
    st.dictionaries(NAMES, st.none() | st.sampled_from([b"1", b'"new"', b"{}", b"[1, 2]"]), max_size=4),
    st.data(),
)
def test_splice_changes_only_what_it_names(
    drawn: tuple[bytes, list[tuple[str, bytes]]], changes: dict[str, bytes | None], data: st.DataObject
) -> None:
    text, pairs = drawn
    if len({name for name, _ in pairs}) < len(pairs):
        return
    for name, _ in pairs:
        if data.draw(st.booleans()):
            changes[name] = data.draw(st.sampled_from([None, b"3", b'"other"']))
    changed = splice(text, members(text), changes)
    kept = [(name, changes.get(name, value)) for name, value in pairs]
    names = [name for name, _ in pairs]
    kept += [(name, value) for name, value in changes.items() if name not in names]
    assert [(name, changed[at.value_start : at.value_end]) for name, at in members(changed).items()] == [
        pair for pair in kept if pair[1] is not None
    ]
    if None not in changes.values() and set(changes) <= set(names):
        assert _without_values(changed, changes) == _without_values(text, changes)


def _without_values(text: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """`text` with the values that changed cut out: all that must be the same, byte for byte."""
    pieces: list[bytes] = []
    at = 0
    for name, place in members(text).items():
        if name in changes:
            pieces.append(text[at : place.value_start])
            at = place.value_end
    return b"|".join([*pieces, text[at:]])


@given(objects())
def test_no_change_gives_the_same_bytes(drawn: tuple[bytes, list[tuple[str, bytes]]]) -> None:
    text, pairs = drawn
    if len({name for name, _ in pairs}) == len(pairs):
        assert splice(text, members(text), {}) == text


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
@example(b'{"a":"\\ud800"}')
@example(b'{"a" : [1 , {"b":"}"}] }')
def test_members_agree_with_the_standard_library(text: bytes) -> None:
    try:
        found = members(text)
    except ValueError:
        return
    assert list(json.loads(text)) == list(found)


@given(objects())
@example((b'{"a":1,"a":1}', [("a", b"1"), ("a", b"1")]))
@example((b'{"a":1,"b":2,"a":1}', [("a", b"1"), ("b", b"2"), ("a", b"1")]))
@example((b'{"\\u0061":"\xc3\xa9","\xc3\xa9":[1, 2]}', [("a", '"é"'.encode()), ("é", b"[1, 2]")]))
@example((b'{"a":1} ', [("a", b"1")]))
@example((b"{}", []))
@example((rb'{"a":"\ud800"}', [("a", rb'"\ud800"')]))
def test_what_is_compact_is_written_as_it_was(drawn: tuple[bytes, list[tuple[str, bytes]]]) -> None:
    text, pairs = drawn
    values = compact(text)
    if values is not None:
        assert written(values) == text
        assert [(name, bytes(value)) for name, value in values.items()] == pairs


def test_usual_objects_are_compact() -> None:
    for text in (b"{}", b'{"a":1}', '{"é":{"a": 1},"b":[1, 2],"c":"\\u0061"}'.encode()):
        assert compact(text) is not None
    for text in (b'{"a": 1}', b'{"a":1,"a":1}', b"{ }"):
        assert compact(text) is None


def test_removal_takes_its_comma_along() -> None:
    text = b'{ "a": 1, "b" : 2 , "c":3 }'
    found = members(text)
    assert splice(text, found, {"a": None}) == b'{ "b" : 2 , "c":3 }'
    assert splice(text, found, {"b": None}) == b'{ "a": 1, "c":3 }'
    assert splice(text, found, {"c": None}) == b'{ "a": 1, "b" : 2 }'
    assert splice(text, found, {"b": None, "c": None}) == b'{ "a": 1 }'
    assert splice(text, found, {"a": None, "b": None, "c": None}) == b"{  }"
    assert splice(text, found, {"a": None, "b": None, "c": None, "d": b"4"}) == b'{ "d":4 }'
    assert splice(text, found, {"c": None, "d": b"4"}) == b'{ "a": 1, "b" : 2,"d":4 }'
    assert splice(b"{ }", {}, {"d": b"4"}) == b'{ "d":4}'


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"a":"\xff"}', "not UTF-8 (byte 6)"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        (b'{"a":NaN}', "invalid character"),
        (b'{"a":01}', "invalid number"),
        (b'{"a":1,}', "trailing comma"),
        (b"{} {}", "trailing characters"),
        (b'{"a":"\x01"}', "invalid character"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"a":' + b'{"a":' * 100_000, "nested too deeply"),
        (b'{"a":1', "truncated"),
    ],
)
def test_what_is_no_object_is_refused_with_a_reason(text: bytes, trouble: str) -> None:
    with pytest.raises(ValueError, match=trouble.replace("(", r"\(").replace(")", r"\)")):
        members(text)


@pytest.mark.parametrize("spelling", [b'"mod\\u0065l"', b'"\\u006d\\u006F\\u0064\\u0065\\u006C"', b'"model"'])
def test_escaped_spellings_are_the_same_name(spelling: bytes) -> None:
    with pytest.raises(DuplicateMember) as refused:
        members(b'{"model":"a",' + spelling + b':"b"}')
    assert refused.value.name == "model"
    assert list(members(b"{" + spelling + b":1}")) == ["model"]


def test_values_cannot_be_laid_out_so_that_a_repeated_name_is_stepped_over() -> None:
    # Whoever steps over the first value by the length of the second lands on the inner "b", then at the end.
    with pytest.raises(DuplicateMember):
        members(b'{"a":1,"b":{"x":1,      "b":2},"a":"0123456789"}')


def test_half_a_surrogate_pair_is_kept_as_it_came() -> None:
    text = b'{"a":"x\\ud83d", "\\uDE00":1, "b":"\\ud83d\\ude00", "c":"\\\\ud800"}'
    found = members(text)
    assert list(found) == ["a", "�", "b", "c"]
    assert splice(text, found, {"b": b"2"}) == text.replace(b'"\\ud83d\\ude00"', b"2")


@given(st.lists(st.tuples(SPACE, VALUES, SPACE), max_size=5))
def test_elements_are_the_bytes_between_the_commas(drawn: list[tuple[bytes, bytes, bytes]]) -> None:
    text = b"[" + b",".join(b"".join(item) for item in drawn) + b"]"
    assert elements(text) == [value for _, value, _ in drawn]


def test_elements_refuse_what_is_no_list() -> None:
    for text in (b"{}", b"1", b"[1", b"[1,]", b'["\xff"]'):
        with pytest.raises(ValueError):
            elements(text)
    assert elements(b'["\\ud800" , 1]') == [b'"\\ud800"', b"1"]


def test_what_has_more_than_asked_for_is_refused() -> None:
    assert list(members(b'{"a":1,"b":[2,3]}', most=2)) == ["a", "b"]
    assert elements(b"[1,[2,3]]", most=2) == [b"1", b"[2,3]"]
    with pytest.raises(Oversized, match="at most 1 fields"):
        members(b'{"a":1,"b":2}', most=1)
    with pytest.raises(Oversized, match="at most 1 elements"):
        elements(b"[1,2]", most=1)


@given(NESTED)
def test_commas_outside_strings_are_counted(value: object) -> None:
    text = json.dumps(value).encode()
    commas = sum(
        1 for piece in json.JSONEncoder().iterencode(_without_text(value)) for _ in piece.split(",")[1:]
    )
    assert not outnumbers(text, commas)
    assert commas == 0 or outnumbers(text, commas - 1)


def _without_text(value: object) -> object:
    """`value` with every string emptied of commas."""
    if isinstance(value, str):
        return value.replace(",", ".")
    if isinstance(value, list):
        return [_without_text(each) for each in cast("list[object]", value)]
    if isinstance(value, dict):
        pairs = cast("dict[str, object]", value).items()
        return {f"{index}": _without_text(each) for index, (_, each) in enumerate(pairs)}
    return value
