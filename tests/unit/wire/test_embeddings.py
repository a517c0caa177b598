"""Requests for embeddings: what is read of them, and what is refused, by the field at fault."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zai_gateway.errors import Code, Failure
from zai_gateway.wire.embeddings import MOST_DIMENSIONS, MOST_TEXTS, MOST_TOKENS, parse_embeddings

TOKENS = st.integers(0, 2**31 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)

MALFORMED: list[tuple[dict[str, Any], Code, str]] = [
    ({"input": None}, Code.INVALID_REQUEST, "input"),
    ({"input": 7}, Code.INVALID_REQUEST, "input"),
    ({"input": {}}, Code.INVALID_REQUEST, "input"),
    ({"input": []}, Code.INVALID_REQUEST, "input"),
    ({"input": [[]]}, Code.INVALID_REQUEST, "input[0]"),
    ({"input": ["a", 1]}, Code.INVALID_REQUEST, "input"),
    ({"input": ["a", None]}, Code.INVALID_REQUEST, "input[1]"),
    ({"input": [True]}, Code.INVALID_REQUEST, "input[0]"),
    ({"input": [-1]}, Code.INVALID_REQUEST, "input[0]"),
    ({"input": [[1, "a"]]}, Code.INVALID_REQUEST, "input[0][1]"),
    ({"input": [{"image": "x"}]}, Code.INVALID_REQUEST, "input[0]"),
    ({"input": ["a"] * (MOST_TEXTS + 1)}, Code.INVALID_REQUEST, "input"),
    ({"input": [1] * (MOST_TOKENS + 1)}, Code.INVALID_REQUEST, "input"),
    ({"model": None}, Code.INVALID_REQUEST, "model"),
    ({"model": ""}, Code.INVALID_REQUEST, "model"),
    ({"model": 7}, Code.INVALID_REQUEST, "model"),
    ({"model": "m" * 201}, Code.INVALID_REQUEST, "model"),
    ({"model": "a\nb"}, Code.INVALID_REQUEST, "model"),
    ({"model": "openai/"}, Code.INVALID_REQUEST, "model"),
    ({"dimensions": 0}, Code.INVALID_REQUEST, "dimensions"),
    ({"dimensions": 1.5}, Code.INVALID_REQUEST, "dimensions"),
    ({"dimensions": True}, Code.INVALID_REQUEST, "dimensions"),
    ({"dimensions": MOST_DIMENSIONS + 1}, Code.INVALID_REQUEST, "dimensions"),
    ({"encoding_format": 7}, Code.INVALID_REQUEST, "encoding_format"),
    ({"user": {}}, Code.INVALID_REQUEST, "user"),
    ({"Input": "y"}, Code.INVALID_REQUEST, "Input"),
    ({"Models": ["y"]}, Code.INVALID_REQUEST, "Models"),
    ({"models": ["y"]}, Code.UNSUPPORTED_PARAMETER, "models"),
    ({"service_tier": "priority"}, Code.UNSUPPORTED_PARAMETER, "service_tier"),
]


def body(**members: Any) -> bytes:
    return json.dumps({"model": "openai/m", "input": "x", **members}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("value", "texts", "text_bytes", "tokens"),
    [
        ("", 1, 2, 0),
        ("Grüße", 1, 9, 0),
        (["a", "b"], 2, 10, 0),
        ([1, 2, 3], 1, 0, 3),
        ([[1, 2, 3], [4]], 2, 0, 4),
    ],
)
def test_an_input_is_measured(value: object, texts: int, text_bytes: int, tokens: int) -> None:
    read = parse_embeddings(body(input=value))
    assert (read.texts, read.text_bytes, read.tokens) == (texts, text_bytes, tokens)
    assert (read.model, read.unread) == ("openai/m", ())
    assert read.estimated_tokens == tokens + -(-text_bytes // 4)


def test_what_is_not_read_counts_as_text() -> None:
    # Some vendor may embed it: SambaNova reads `inputs` in the place of `input`.
    read = parse_embeddings(body(inputs="Hello", input=[1]))
    assert (read.unread, read.text_bytes, read.tokens) == (("inputs",), len('"Hello"'), 1)


@given(st.text(), st.lists(st.text(), min_size=1, max_size=5))
def test_no_text_has_more_bytes_than_are_counted(text: str, texts: list[str]) -> None:
    for value in (text, texts):
        for ascii_only in (True, False):
            try:
                sent = json.dumps({"model": "m", "input": value}, ensure_ascii=ascii_only).encode()
            except UnicodeEncodeError:
                continue
            read = parse_embeddings(sent)
            whole = "".join(value).encode(errors="replace")
            assert read.text_bytes >= len(whole) + 2


@given(st.lists(TOKENS, min_size=1, max_size=9), st.lists(st.lists(TOKENS, min_size=1), min_size=1))
def test_tokens_count_exactly(flat: list[int], lists: list[list[int]]) -> None:
    assert parse_embeddings(body(input=flat)).tokens == len(flat)
    assert parse_embeddings(body(input=lists)).tokens == sum(map(len, lists))


@pytest.mark.parametrize("text", [rb"\ud83d", rb"a\uDE00b"])
def test_half_a_surrogate_pair_is_read(text: bytes) -> None:
    sent = b'{"model":"m","input":["' + text + b'"]}'
    read = parse_embeddings(sent)
    assert (read.texts, read.body, bytes(read.values["input"])) == (1, sent, b'["' + text + b'"]')


@pytest.mark.parametrize(("members", "code", "param"), MALFORMED)
def test_what_is_malformed_is_refused(members: dict[str, Any], code: Code, param: str) -> None:
    with pytest.raises(Failure) as caught:
        parse_embeddings(body(**members))
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", Code.INVALID_JSON),
        (b"[]", Code.INVALID_JSON),
        (b'{"model":"m","input":"\xff"}', Code.INVALID_JSON),
        (b'{"model":"m","input":"a","input":"b"}', Code.DUPLICATE_FIELD),
        (b'{"model":"m","input":"a","\\u0069nput":"b"}', Code.DUPLICATE_FIELD),
        (b'{"model":"m","input":' + b"[" * 50 + b"]" * 50 + b"}", Code.INVALID_REQUEST),
        (b'{"model":"m","input":' + b"[" * 5_000 + b"]" * 5_000 + b"}", Code.INVALID_JSON),
        (b'{"model":"m","input":[' + b"1," * 400_000 + b"1]}", Code.INVALID_REQUEST),
    ],
)
def test_what_cannot_be_read_is_refused(sent: bytes, code: Code) -> None:
    with pytest.raises(Failure) as caught:
        parse_embeddings(sent)
    assert caught.value.code is code


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("model", "input", "dimensions", "user", "x"), JSON)))
def test_anything_is_read_or_refused_by_a_field(members: dict[str, Any]) -> None:
    try:
        read = parse_embeddings(json.dumps(members).encode())
    except Failure as failure:
        assert failure.param is None or failure.param.partition("[")[0].casefold() in {
            name.casefold() for name in (*members, "model", "input")
        }
    else:
        assert read.texts >= 1


def test_no_message_quotes_what_was_sent() -> None:
    for members in ({"input": [{"secret-word": 1}]}, {"user": ["secret-word"]}, {"model": "secret-word/"}):
        with pytest.raises(Failure) as caught:
            parse_embeddings(body(**members))
        assert "secret-word" not in caught.value.message
