"""A proxy's answer to CONNECT, read without a socket: whole, cut anywhere, and from nonsense."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zai_gateway.relay.network.tunnel import Breach, ConnectAnswer, connect_request

OK = b"HTTP/1.1 200 Connection established\r\nvia: 1.1 proxy\r\nx:\r\n\r\n"
UNTIMED = settings(deadline=None)
LIMIT = 16_384
"""Bytes before the empty line."""


def told(*pieces: bytes) -> int | str | None:
    """The status, what is wrong, or None while something is missing."""
    answer = ConnectAnswer()
    try:
        for piece in pieces:
            answer.feed(piece)
    except Breach as breach:
        return str(breach)
    return answer.status


def of_length(length: int) -> bytes:
    """A good head with so many bytes before its empty line."""
    return OK[:-4].ljust(length, b"x") + b"\r\n\r\n"


ANSWERS = [
    (OK, 200),
    (b"HTTP/1.0 200\r\n\r\n", 200),
    (b"HTTP/1.1 299 \r\n\r\n", 299),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n" + OK, 200),
    (
        b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n<html>who?</html>",
        407,
    ),
    (b"HTTP/1.1 302 Found\r\nlocation: http://elsewhere\r\n\r\n", 302),
    (b"HTTP/1.1 502 Bad Gateway\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 502),
    (OK + b"x", "it sent more than the head of its answer"),
    (OK + OK, "it sent more than the head of its answer"),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "it sent more than the head of its answer"),
    (b"", None),
    (b"HTTP/1.1 200 OK\r\n", None),
    (b"HTTP/1.1 100 Continue\r\n\r\n", None),
    (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "it switched to a protocol that was not asked for"),
    (b"SSH-2.0-x\r\n", "it does not speak HTTP/1.1"),
    (b"\r\n\r\n", "it does not speak HTTP/1.1"),
    (b"HTTP/2 200 OK\r\n\r\n", "it does not speak HTTP/1.1"),
    (b"HTTP/1.1 20 OK\r\n\r\n", "it does not speak HTTP/1.1"),
    (b"HTTP/1.1 2000 OK\r\n\r\n", "it does not speak HTTP/1.1"),
    (b"HTTP/1.1 200\tOK\r\n\r\n", "it does not speak HTTP/1.1"),
    (b"HTTP/1.1 999 OK\r\n\r\n", "it does not speak HTTP/1.1"),
    (b"HTTP/1.1 200 OK\nx: y\r\n\r\n", "it does not speak HTTP/1.1"),
    (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "it sent a malformed header"),
    (b"HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n", "it sent a malformed header"),
    (b"HTTP/1.1 200 OK\r\na : b\r\n\r\n", "it sent a malformed header"),
    (b"HTTP/1.1 200 OK\r\na: b\0\r\n\r\n", "it sent a malformed header"),
    (b"HTTP/1.1 200 OK\r\na: b\rc\r\n\r\n", "it sent a malformed header"),
    (of_length(LIMIT), 200),
    (of_length(LIMIT)[:-1], None),
    (of_length(LIMIT + 1), "its head is too large"),
    (of_length(LIMIT + 1)[:-1], "its head is too large"),
    (b"HTTP/1.1 100 \r\n\r\n" * 2_000 + OK, "its head is too large"),
    (b"HTTP/1.1 " + b"2" * 100_000, "its head is too large"),
]


@pytest.mark.parametrize(("answer", "expected"), ANSWERS)
def test_an_answer_means_the_same_in_whatever_pieces_it_comes(answer: bytes, expected: int | str | None):
    assert told(answer) == expected
    assert told(*(bytes([byte]) for byte in answer)) == expected
    if len(answer) < 200:
        for cut in range(len(answer)):
            assert told(answer[:cut], answer[cut:]) == expected


@UNTIMED
@given(st.data(), st.lists(st.sampled_from([each for each, _ in ANSWERS if len(each) < 1_000]), max_size=3))
def test_answers_in_a_row_mean_the_same_cut_at_random(data: st.DataObject, answers: list[bytes]):
    whole = b"".join(answers)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert told(*pieces) == told(whole)


NONSENSE = st.lists(
    st.sampled_from([b"HTTP/1.1 ", b"200", b" OK", b"\r\n", b"\r", b"\n", b"\r\n\r\n", b"a: b", b":", b"\0"])
    | st.binary(max_size=8)
)


@UNTIMED
@given(NONSENSE)
def test_nonsense_is_judged_alike_however_it_comes(pieces: list[bytes]):
    verdict = told(*pieces)
    assert verdict == told(b"".join(pieces))
    # Nothing of the answer is quoted.
    if isinstance(verdict, str):
        assert verdict in {expected for _, expected in ANSWERS}


@UNTIMED
@given(st.integers(0, len(OK) - 1))
def test_an_answer_that_is_cut_is_no_answer(cut: int):
    assert told(OK[:cut]) is None


def test_what_is_asked():
    assert connect_request("llm.example:443", None) == (
        b"CONNECT llm.example:443 HTTP/1.1\r\nHost: llm.example:443\r\n\r\n"
    )
    assert connect_request("[::1]:443", "Basic eDp5") == (
        b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic eDp5\r\n\r\n"
    )
