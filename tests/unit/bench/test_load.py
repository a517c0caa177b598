"""Load: the requests that are sent, and what the tools say came of them."""

import json

import pytest

from bench.contender import Client, Target, Upstream
from bench.load import Answered, Load, answered, question, streamed
from bench.processes import Unusable
from bench.programme import chosen, programme
from bench.resting import whole

WRK = """Running 2s test @ http://127.0.0.1:8012/v1/chat/completions
  1 threads and 64 connections
Requests/sec:  56006.01
BENCH {"requests":112012,"microseconds":2000001,"bytes":99,"failed":%d,"broken":%d,"p50":1100,"p99":2300}
"""
PACED = '{"chunks":%d,"microseconds":2000000,"whole":9,"broken":%d,"trouble":"%s","p50":120,"p99":900}\n'


def test_what_wrk_says_is_understood() -> None:
    said = answered(WRK % (0, 0))
    assert said == Answered(112_012, 2_000_001, 99, 0, 0, 1_100, 2_300)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (WRK % (3, 0), "3 of 112012 answers were errors"),
        (WRK % (0, 2), "2 connections broke"),
        ((WRK % (0, 0)).replace("112012", "0"), "no request was answered"),
        ("unable to connect to 127.0.0.1:1\n", "did not say"),
        ((WRK % (0, 0)) * 2, "did not say"),
    ],
)
def test_answers_that_failed_make_the_measurement_void(said: str, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        answered(said)


def test_what_paced_load_says_is_understood() -> None:
    said = streamed(PACED % (30_000, 0, ""))
    assert (said.chunks, said.p50, said.p99) == (30_000, 120, 900)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (PACED % (30_000, 1, "not a whole stream (HTTP/1.1 200 OK, 7 chunks)"), "the first by: not a whole"),
        (PACED % (0, 0, ""), "no chunk arrived"),
        ("", "did not say"),
    ],
)
def test_streams_that_broke_make_the_measurement_void(said: str, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        streamed(said)


@pytest.mark.parametrize("kilobytes", [0.3, 10, 100, 1000])
def test_a_request_has_about_the_size_that_is_asked_for(kilobytes: float) -> None:
    body = question(Target(port=1), Load(kilobytes=kilobytes))
    assert 0.9 * kilobytes < len(body) / 1000 < 1.1 * kilobytes + 0.1
    asked = json.loads(body)
    assert asked["messages"][-1]["role"] == "user"
    assert "stream" not in asked


def test_a_stream_is_asked_for_as_the_mock_understands_it() -> None:
    assert b'"stream":true' in question(Target(port=1), Load(stream=True))


def test_an_anthropic_client_asks_for_the_same_in_its_own_words() -> None:
    load = Load(stream=True, top_p=False, kilobytes=10)
    asked, other = (json.loads(question(Target(port=1, client=client), load)) for client in Client)
    system, *messages = asked.pop("messages")
    assert (other.pop("system"), other.pop("messages")) == (system["content"], messages)
    assert asked == other
    assert "top_p" not in asked


def test_a_target_is_told_as_lines() -> None:
    target = Target(port=1, headers=(("Authorization", "Bearer x"),))
    assert target.lines == "Content-Type: application/json\nAuthorization: Bearer x"
    assert Upstream(9100).base_url == "http://127.0.0.1:9100/v1"


def test_an_answer_is_whole_when_its_last_byte_is_here() -> None:
    for answer in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ):
        assert [cut for cut in range(len(answer) + 1) if whole(answer[:cut])] == [len(answer)]


def test_rows_are_chosen_by_name_in_the_order_of_the_programme() -> None:
    rows = programme(print, idle=1, requests=1)
    assert list(chosen(rows, ["stream", "non-stream"])) == ["non-stream", "stream"]
    assert list(chosen(rows, [])) == list(rows)
    with pytest.raises(Unusable, match="no row is called steam"):
        chosen(rows, ["steam"])
