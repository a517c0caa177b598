"""Stop sequences that are looked for here, because the model refuses the parameter."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.streams import NAMING, chunk, chunks, reports, run, sse
from zai_gateway.dialects.openai_chat import StreamPlan, decode_answer
from zai_gateway.dialects.stops import StopWatch
from zai_gateway.wire.events import Answer, Chunk, Finished, UpstreamProblem

USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
TEXT = st.text("ab#é", max_size=12)
SEQUENCES = st.lists(st.text("ab#é", min_size=1, max_size=4), min_size=1, max_size=3, unique=True).map(tuple)


def reference(text: str, sequences: tuple[str, ...]) -> tuple[str, bool]:
    """The text before the sequence that is complete first, and of two the longer."""
    for end in range(1, len(text) + 1):
        matched = [sequence for sequence in sequences if text[:end].endswith(sequence)]
        if matched:
            return text[: end - max(map(len, matched))], True
    return text, False


@given(st.lists(TEXT, max_size=6), SEQUENCES)
def test_the_watch_finds_what_a_search_finds(pieces: list[str], sequences: tuple[str, ...]) -> None:
    watch = StopWatch(sequences)
    shown = ""
    whole = "".join(pieces)
    for count, piece in enumerate(pieces, 1):
        safe, found = watch.feed(piece)
        shown += safe
        if found:
            assert (shown, True) == reference(whole, sequences)
            return
        # Nothing is held back without need: what is held could still become a stop sequence.
        held = "".join(pieces[:count])[len(shown) :]
        assert not held or any(sequence.startswith(held) for sequence in sequences)
    assert (shown + watch.rest(), False) == reference(whole, sequences)
    assert watch.rest() == ""


def texts(stop: tuple[str, ...], *data: Any) -> tuple[str, list[str]]:
    """All text that the client gets, and why its choices ended."""
    shown = chunks(run([sse(*data)], StreamPlan(stop=stop)))
    choices = [choice for entry in shown for choice in entry["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    return text, [choice["finish_reason"] for choice in choices if choice["finish_reason"]]


@given(st.lists(TEXT, min_size=1, max_size=6), SEQUENCES, st.booleans())
def test_a_stream_is_cut_where_the_whole_answer_is(
    pieces: list[str], sequences: tuple[str, ...], with_last: bool
) -> None:
    parts = [chunk({"content": piece}) for piece in pieces]
    if with_last:
        parts[-1]["choices"][0]["finish_reason"] = "length"
    else:
        parts.append(chunk({}, "length"))
    shown, found = reference("".join(pieces), sequences)
    assert texts(sequences, *parts, "[DONE]") == (shown, ["stop" if found else "length"])
    body = {"choices": [{"message": {"content": "".join(pieces)}, "finish_reason": "length"}], "usage": USAGE}
    answer = decode_answer(json.dumps(body).encode(), NAMING, sequences)
    assert isinstance(answer, Answer)
    (choice,) = json.loads(answer.json)["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == (shown, "stop" if found else "length")
    assert answer.content_bytes == len("".join(pieces).encode())


def test_after_a_stop_the_rest_is_swallowed_and_usage_still_read() -> None:
    parts = [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "one\n##"}),
        chunk({"content": "# two"}),
    ]
    rest = [chunk({"content": "three"}), chunk({}, "length"), chunk(choices=[], usage=USAGE), "[DONE]"]
    events = run([sse(*parts, *rest)], StreamPlan(stop=("\n###",)))
    shown = chunks(events)
    assert [entry["choices"][0]["delta"] for entry in shown] == [
        {"role": "assistant", "content": ""},
        {"content": "one"},
        {"content": ""},
    ]
    assert [entry["choices"][0]["finish_reason"] for entry in shown] == [None, None, "stop"]
    assert [report.usage.output for report in reports(events)] == [4]
    assert isinstance(events[-1], Finished)


def test_what_was_held_back_comes_before_the_end() -> None:
    parts = [chunk({"content": "a\n"}), chunk({"content": "##"}), chunk({}, "stop"), "[DONE]"]
    shown = chunks(run([sse(*parts)], StreamPlan(stop=("\n###",))))
    assert [entry["choices"][0]["delta"] for entry in shown] == [
        {"content": "a"},
        {"content": ""},
        {"content": "\n##"},
        {},
    ]
    assert texts(("\n###",), chunk({"content": "a\n##"}), "[DONE]") == ("a\n##", ["stop"])


def test_each_choice_is_watched_alone() -> None:
    def part(index: int, text: str) -> dict[str, Any]:
        return chunk(choices=[{"index": index, "delta": {"content": text}, "finish_reason": None}])

    ends: list[dict[str, Any]] = [
        {"index": index, "delta": {}, "finish_reason": "length"} for index in (0, 1)
    ]
    parts = [
        part(0, "a#"),
        part(1, "#b"),
        part(0, "c"),
        part(1, "##"),
        part(0, "d"),
        chunk(choices=ends),
        "[DONE]",
    ]
    shown = chunks(run([sse(*parts)], StreamPlan(stop=("##",), choices=2)))
    found: dict[int, list[Any]] = {0: [], 1: []}
    for entry in shown:
        for choice in entry["choices"]:
            found[choice["index"]] += [choice["delta"].get("content", ""), choice["finish_reason"]]
    assert "".join(text for text in found[0][::2]) == "a#cd"
    assert "".join(text for text in found[1][::2]) == "#b"
    assert [[end for end in found[index][1::2] if end] for index in (0, 1)] == [["length"], ["stop"]]


def test_a_stream_that_is_cut_after_our_stop_is_still_cut() -> None:
    events = run([sse(chunk({"content": "a#b"}))], StreamPlan(stop=("#",)))
    assert [type(event) for event in events] == [Chunk, UpstreamProblem]
    assert len(chunks(events)) == 2


def test_only_text_is_watched() -> None:
    made = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "##"}}]}
    parts = [chunk({"reasoning_content": "##"}), chunk(made), chunk({"content": None}, "stop"), "[DONE]"]
    shown = chunks(run([sse(*parts)], StreamPlan(stop=("##",))))
    assert [entry["choices"][0]["delta"] for entry in shown] == [
        {"reasoning_content": "##"},
        made,
        {"content": None},
    ]
    assert shown[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("sequence", ["a" * 200_000, "ab" * 100_000])
def test_a_hostile_sequence_costs_no_more_than_its_length(sequence: str) -> None:
    watch = StopWatch((sequence,))
    assert watch.feed(sequence[:-1]) == ("", False)
    shown, found = watch.feed("x")
    assert (len(shown), found) == (len(sequence), False)
