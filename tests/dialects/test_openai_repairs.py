"""What other servers get wrong in streams, and how it reaches a client: wire.md 5 to 13, one by one."""

import json
from typing import Any

import pytest

from tests.dialects.streams import NAMING, chunk, chunks, reports, run, shown, sse
from zai_gateway.dialects.openai_chat import StreamDecoder, StreamPlan
from zai_gateway.wire.events import Chunk, Finished, UpstreamProblem
from zai_gateway.wire.usage import Usage

USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
PARTLY = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}


def call(index: Any = ..., id: Any = ..., name: Any = ..., arguments: Any = ...) -> dict[str, Any]:
    """A tool call as a delta carries it, with the fields that are given."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not ...}
    fields = {key: value for key, value in (("index", index), ("id", id)) if value is not ...}
    return fields | {"function": function}


def deltas(*data: Any) -> list[dict[str, Any]]:
    return [choice["delta"] for shown in chunks(run([sse(*data)])) for choice in shown["choices"]]


def reasons(*data: Any) -> list[Any]:
    shown = chunks(run([sse(*data, "[DONE]")]))
    return [choice["finish_reason"] for entry in shown for choice in entry["choices"]]


def problem(*data: Any) -> UpstreamProblem:
    last = run([sse(*data)])[-1]
    assert isinstance(last, UpstreamProblem)
    return last


# wire.md 5: errors inside the stream


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        ({"error": {"message": "m", "type": "server_error", "code": None}}, 500, None),
        (
            {"error": {"message": "m", "code": "rate_limit_exceeded"}, "choices": []},
            429,
            "rate_limit_exceeded",
        ),
        ({"error": {"message": "m", "code": 502}}, 502, "502"),
        ({"error": "m"}, 200, None),
        (chunk({}, "error", error={"message": "m", "code": 503}), 503, "503"),
        (
            chunk(choices=[{"index": 0, "delta": {}, "error": {"message": "m"}, "finish_reason": "error"}]),
            200,
            None,
        ),
    ],
)
def test_an_error_in_the_stream_is_a_problem(event: Any, status: int, code: str | None) -> None:
    events = run([sse(chunk({"content": "a"}), event, chunk({"content": "b"}, "stop"), "[DONE]")])
    assert [type(event) for event in events] == [Chunk, UpstreamProblem]
    told = events[-1]
    assert isinstance(told, UpstreamProblem)
    assert (told.message, told.status, told.code) == ("m", status, code)


def test_an_event_that_is_named_an_error_is_a_problem() -> None:
    stream = b'event: error\ndata: {"detail": "overloaded"}\n\n'
    assert run([stream]) == [UpstreamProblem(status=200, message="overloaded")]
    assert isinstance(run([b'event: error\ndata: "text"\n\n'])[-1], UpstreamProblem)


def test_a_choice_that_ends_in_an_unexplained_error_is_a_problem() -> None:
    assert "no explanation" in problem(chunk({}, "error")).message


@pytest.mark.parametrize(
    "data", ["{", "hello", "[1]", '"x"', "3", '{"choices":[1]}', '{"choices":[{"index":0}}']
)
def test_what_is_no_chunk_is_a_problem_and_is_not_quoted(data: str) -> None:
    told = problem(chunk({"content": "a"}), data, "[DONE]")
    assert told.code == "broken_answer"
    assert "hello" not in told.message


def test_an_endless_event_is_a_problem_wherever_it_is_cut() -> None:
    start = sse(chunk({"content": "a"}))
    stream = start + b"data: " + b"x" * (16 * 1024 * 1024 + 1)
    whole, cut = run([stream]), run([stream[:100_000], stream[100_000:]])
    assert whole == cut
    assert [type(event) for event in whole] == [Chunk, UpstreamProblem]


# wire.md 7: events


def test_events_without_choices_are_dropped() -> None:
    assert deltas({"type": "ping"}, chunk({"content": "a"}), {"choices": None}, chunk({}, "stop")) == [
        {"content": "a"},
        {},
    ]
    assert run([b": comment\n\ndata:\n\nevent: ping\n\n" + sse("[DONE]")]) == [Finished()]


def test_an_empty_choices_list_without_usage_passes() -> None:
    first = chunk(choices=[], prompt_filter_results=[{"x": 1}])
    shown = chunks(run([sse(first, chunk({"content": "a"}, "stop"), "[DONE]")]))
    assert (shown[0]["choices"], shown[0]["prompt_filter_results"]) == ([], [{"x": 1}])


# wire.md 8: usage


@pytest.mark.parametrize(
    "usage", [{}, {"prompt_tokens": 1}, {"total_tokens": 3}, {"prompt_tokens": "1"}, [], 5]
)
def test_incomplete_usage_becomes_null(usage: Any) -> None:
    events = run([sse(chunk({"content": "a"}, usage=usage), chunk({}, "stop"), "[DONE]")])
    assert chunks(events)[0]["usage"] is None
    assert reports(events) == []


def test_usage_beside_choices_is_told_once_and_at_the_end() -> None:
    first, last = (
        chunk({"content": "a"}, usage=PARTLY),
        chunk({}, "stop", usage=USAGE),
    )
    events = run([sse(first, last, "[DONE]")])
    assert [entry["usage"] for entry in chunks(events)] == [None, None]
    assert [report.usage.output for report in reports(events)] == [1, 4]
    assert json.loads(reports(events)[-1].json) == last | {
        "id": NAMING.id,
        "model": NAMING.model,
        "choices": [],
    }


def test_a_missing_total_is_added_and_unknown_fields_stay() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 4, "cost": 0.1}
    (report,) = reports(run([sse(chunk({}, "stop"), chunk(choices=[], usage=usage, extra=1), "[DONE]")]))
    told = json.loads(report.json)
    assert told["usage"] == usage | {"total_tokens": 14}
    assert (told["extra"], told["choices"]) == (1, [])


def test_usage_may_come_without_choices() -> None:
    events = run([sse(chunk({"content": "a"}, "stop"), {"usage": USAGE, "service_tier": "flex"}, "[DONE]")])
    (report,) = reports(events)
    assert (report.usage, report.service_tier) == (Usage(input=10, output=4), "flex")
    assert json.loads(report.json)["object"] == "chat.completion.chunk"


# wire.md 9: finish_reason


@pytest.mark.parametrize("text", ["None", "", "null"])
def test_no_reason_is_null(text: str) -> None:
    assert reasons(chunk({"content": "a"}, text), chunk({}, "stop")) == [None, "stop"]


def test_the_end_has_a_chunk_of_its_own() -> None:
    choice: dict[str, Any] = {
        "index": 0,
        "delta": {"content": "a"},
        "finish_reason": "length",
        "logprobs": {"content": []},
    }
    first, last = chunks(run([sse(chunk(choices=[choice | {"seen": 1}], extra=2), "[DONE]")]))
    assert first["choices"] == [choice | {"finish_reason": None, "seen": 1}]
    assert last["choices"] == [choice | {"delta": {}, "logprobs": None, "seen": 1}]
    assert first["extra"] == last["extra"] == 2


def test_choices_end_apart() -> None:
    both = [
        {"index": index, "delta": {"content": "a"}, "finish_reason": end}
        for index, end in ((0, "stop"), (1, None))
    ]
    shown = chunks(
        run([sse(chunk(choices=both), chunk(choices=[both[1] | {"finish_reason": "length"}]), "[DONE]")])
    )
    ends = [[(choice["index"], choice["finish_reason"]) for choice in entry["choices"]] for entry in shown]
    assert ends == [[(0, None), (1, None)], [(0, "stop")], [(1, None)], [(1, "length")]]


def test_a_tool_call_ends_as_one_although_the_provider_says_stop() -> None:
    called = chunk({"tool_calls": [call(0, "a", "f", "{}")]})
    assert reasons(called, chunk({}, "stop")) == [None, "tool_calls"]
    assert reasons(called, chunk({}, "length")) == [None, "length"]
    assert reasons(chunk({"content": "x", "tool_calls": []}), chunk({}, "stop")) == [None, "stop"]


def test_an_end_is_told_once() -> None:
    assert reasons(chunk({"content": "a"}), chunk({}, "stop"), chunk({"content": ""}, "stop")) == [
        None,
        "stop",
    ]
    trailing = chunk(choices=[{"index": 0, "finish_reason": None, "content_filter_offsets": {"start": 1}}])
    shown = chunks(run([sse(chunk({"content": "a"}), chunk({}, "stop"), trailing, "[DONE]")]))
    assert shown[-1]["choices"][0]["content_filter_offsets"] == {"start": 1}
    assert shown[-1]["choices"][0]["delta"] == {}
    assert reasons(chunk({}, "stop"), chunk({"content": "late"}, "stop")) == ["stop", None]


def test_done_ends_what_nobody_ended() -> None:
    assert reasons(chunk({"content": "a"})) == [None, "stop"]


# wire.md 10 and 11: tool calls, nulls


def test_tool_calls_without_an_index_get_one_that_stays() -> None:
    shown = deltas(
        chunk({"tool_calls": [call(id="a", name="f", arguments="{")]}),
        chunk({"tool_calls": [call(arguments="}")]}),
        chunk({"tool_calls": [call(id="b", name="g", arguments="")]}),
        chunk({"tool_calls": [call(id="a", arguments=" "), call(None, id="b", arguments="{}")]}),
        chunk({}, "tool_calls"),
    )
    indexes = [[made["index"] for made in delta.get("tool_calls", [])] for delta in shown]
    assert indexes == [[0], [0], [1], [0, 1], []]


def test_several_calls_that_share_one_index_are_told_apart() -> None:
    shown = deltas(
        chunk({"tool_calls": [call(0, "a", "f", "{}")]}),
        chunk({"tool_calls": [call(0, "b", "g", "{")]}),
        chunk({"tool_calls": [call(0, arguments="}")]}),
        chunk({"tool_calls": [call(0, "b", arguments="")]}),
        chunk({}, "tool_calls"),
    )
    assert [made["index"] for delta in shown for made in delta.get("tool_calls", [])] == [0, 1, 1, 1]


def test_the_providers_own_indexes_stay() -> None:
    given = [call(3, "a", "f", ""), call(1, "b", "g", ""), call(3, arguments="{}"), call(1, arguments="{}")]
    shown = deltas(*(chunk({"tool_calls": [made]}) for made in given), chunk({}, "tool_calls"))
    assert [made for delta in shown for made in delta.get("tool_calls", [])] == given


def test_a_call_whose_id_comes_late_or_changes_without_a_name_stays_one() -> None:
    given = [call(0, "", "f", ""), call(0, "late", arguments="{"), call(0, "other", arguments="}")]
    shown = deltas(*(chunk({"tool_calls": [made]}) for made in given), chunk({}, "tool_calls"))
    assert [made["index"] for delta in shown for made in delta.get("tool_calls", [])] == [0, 0, 0]


def test_nulls_that_break_clients_are_left_out_and_openais_own_stay() -> None:
    nulls = {"role": None, "tool_calls": None, "function_call": None}
    assert deltas(chunk({"content": None, "refusal": None, "other": None} | nulls), chunk({}, "stop")) == [
        {"content": None, "refusal": None, "other": None},
        {},
    ]
    made = {"index": 0, "id": None, "type": None, "extra": None, "function": {"name": None, "arguments": "x"}}
    shown = deltas(chunk({"tool_calls": [made]}), chunk({}, "tool_calls"))
    assert shown[0] == {"tool_calls": [{"index": 0, "extra": None, "function": {"arguments": "x"}}]}


def test_unknown_members_of_a_repaired_call_keep_their_bytes() -> None:
    signature = '"extra_content": {"google": {"thought_signature":"a\\/b=="}, "n":1.0}'
    data = '{"id":"x","choices":[{"index":0,"delta":{"tool_calls":[{"id":"a",' + signature + "}]}}]}"
    (first, *_) = shown(run([sse(data, "[DONE]")]))
    assert signature.encode() in first


# wire.md 12: names


def test_names_are_the_same_in_every_chunk() -> None:
    odd: list[dict[str, Any]] = [
        chunk({"content": "a"}),
        chunk({"content": "b"}, created=5, id="2", model="x"),
        {"choices": []},
    ]
    shown = chunks(run([sse(*odd, chunk({}, "stop", object="other", created=None), "[DONE]")]))
    assert {(entry["id"], entry["model"], entry["created"]) for entry in shown} == {
        (NAMING.id, NAMING.model, 1_690_000_000)
    }
    assert {entry["object"] for entry in shown} == {"chat.completion.chunk"}


@pytest.mark.parametrize("created", [None, 0, "2026", -1, 1.5, True])
def test_a_stream_without_a_time_gets_ours(created: Any) -> None:
    (shown, *_) = chunks(run([sse(chunk({"content": "a"}, created=created), "[DONE]")]))
    assert shown["created"] == NAMING.created


def test_index_and_delta_are_always_there() -> None:
    bare = [{"delta": {"content": "a"}}, {"delta": None, "finish_reason": "stop"}, {"finish_reason": "stop"}]
    shown = chunks(run([sse(chunk(choices=bare), "[DONE]")]))
    assert [(choice["index"], choice["delta"]) for choice in shown[0]["choices"]] == [
        (0, {"content": "a"}),
        (1, {}),
        (2, {}),
    ]


def test_a_name_that_stands_twice_upstream_means_its_last() -> None:
    data = '{"id":"1","choices":[],"choices":[{"index":0,"delta":{"content":"a","content":"b"}}],"id":"2"}'
    (first, *_) = shown(run([sse(data, "[DONE]")]))
    assert json.loads(first)["choices"][0]["delta"]["content"] == "b"
    assert first.count(b'"id"') == first.count(b'"choices"') == 1


def test_a_name_that_stands_twice_is_ours_although_the_chunk_begins_as_those_before() -> None:
    first = json.dumps(chunk({"content": "a"}))
    one, other, _ = shown(run([sse(first, first[:-1] + ',"id":"2"}', "[DONE]")]))
    assert json.loads(one) == json.loads(other)
    assert b'"2"' not in other


def test_half_a_surrogate_pair_reaches_the_client_as_it_came() -> None:
    data = r'{"id":"1","choices":[{"index":0,"delta":{"content":"\ud83d"}}]}'
    (first, *_) = shown(run([sse(data, "[DONE]")]))
    assert rb'"content":"\ud83d"' in first


# wire.md 13: the end


def test_without_done_every_choice_must_have_ended() -> None:
    def last(*data: Any, choices: int = 1) -> Any:
        return run([sse(*data)], StreamPlan(choices=choices))[-1]

    second: dict[str, Any] = {"index": 1, "delta": {}, "finish_reason": "stop"}
    assert isinstance(last(chunk({"content": "a"}), chunk({}, "stop")), Finished)
    assert isinstance(last(chunk({}, "stop"), chunk(choices=[second]), choices=2), Finished)
    for cut in (
        last(),
        last(chunk({"content": "a"})),
        last(chunk({}, "stop"), choices=2),
        last(chunk(choices=[])),
    ):
        assert isinstance(cut, UpstreamProblem)
        assert cut.code == "truncated"


def test_nothing_comes_after_the_end() -> None:
    decoder = StreamDecoder(NAMING, StreamPlan())
    events = decoder.feed(sse(chunk({}, "stop"), "[DONE]", chunk({"content": "late"}), "[DONE]"))
    assert [type(event) for event in events] == [Chunk, Finished]
    assert decoder.feed(sse(chunk({"content": "late"}))) == []
    assert decoder.end() == []
    broken = StreamDecoder(NAMING, StreamPlan())
    assert len(broken.feed(sse("{", chunk({}, "stop"), "[DONE]"))) == 1
    assert broken.feed(sse("[DONE]")) + broken.end() == []
