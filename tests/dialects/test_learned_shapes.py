"""What is told by its bytes alone is what a careful reading says: the same streams, read both ways."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.dialects.corpus import Exchange, everything
from tests.dialects.streams import NAMING, chunk, cut, run, shown, sse
from zai_gateway.dialects.openai_chat import StreamDecoder, StreamPlan
from zai_gateway.dialects.openai_chat.stream import MOST_CHOICES
from zai_gateway.dialects.openai_chat.tools import MOST_CALLS
from zai_gateway.wire.events import Chunk, Event, UpstreamProblem

STREAMS = [exchange for exchange in everything() if exchange.is_stream]
PLANS = (
    StreamPlan(),
    StreamPlan(include_usage=False),
    StreamPlan(stop=("the",)),
    StreamPlan(choices=2),
)
ENDINGS = (b"\n\n", b"\r\n\r\n")


def carefully(stream: bytes, plan: StreamPlan | None = None) -> list[Event]:
    return run([stream], plan, learning=False)


def one_by_one(stream: bytes, ending: bytes = b"\n\n") -> list[bytes]:
    """`stream` in pieces of one event each."""
    return [piece + ending for piece in stream.split(ending) if piece]


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange.name)
def test_every_recorded_stream_says_the_same_both_ways(exchange: Exchange) -> None:
    recorded = exchange.response.bytes
    chance = random.Random(exchange.id)
    for ending in ENDINGS:
        stream = recorded if ending == b"\n\n" else recorded.replace(b"\n", b"\r\n")
        for plan in PLANS:
            assert run([stream], plan) == carefully(stream, plan)
        whole = carefully(stream)
        assert run(one_by_one(stream, ending)) == whole
        assert run(cut(stream, chance.choices(range(len(stream)), k=20))) == whole


# What a provider may say, plain and hostile.

TEXTS = st.sampled_from(
    [
        *("a", " token", "", "\n", '"', "\\", "é😀", "\u2028", "\x7f", "\\u0041", "a" * 300),
        *(
            '"},"finish_reason":null}]}',
            '"}}]}\n\ndata: {"id":"chatcmpl-1"',
            '{"content":"x"}',
            "data: [DONE]",
        ),
        *('"content":"', "\\\\", "[DONE]", "\x00", ": ping", "p", '","p":"x'),
    ]
)
TEXT_NAMES = ("content", "reasoning_content", "refusal", "arguments")
LETTERS = st.text("abcXYZ09", max_size=5)


def plain(name: str, text: str, **fields: Any) -> dict[str, Any]:
    return chunk({name: text}, **fields)


def argument(text: str, index: int = 0) -> dict[str, Any]:
    return chunk({"tool_calls": [{"index": index, "function": {"arguments": text}}]})


ODD: list[Any] = [
    chunk({"role": "assistant", "content": "", "refusal": None}),
    chunk({"role": None, "content": "x"}),
    chunk({"content": "x", "refusal": "y"}),
    chunk({"reasoning": "x", "reasoning_content": "longer"}),
    chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]}),
    chunk({"tool_calls": [{"index": 0, "id": "b", "function": {"name": "g", "arguments": "{"}}]}),
    chunk({"tool_calls": [{"function": {"arguments": "}"}}]}),
    chunk({"tool_calls": None, "content": "x"}),
    chunk({"refusal": "no"}),
    chunk({"content": [{"type": "text", "text": "x"}]}),
    chunk({"content": "x"}, service_tier="flex"),
    chunk({"content": "x"}, content="y"),
    chunk({"content": "x"}, created=5),
    chunk({"content": "x"}, id="another", model="other"),
    chunk({"content": "x"}, usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}),
    chunk({"content": "x"}, usage={}),
    chunk({"content": "x"}, usage=None),
    chunk({"content": "x"}, p="ab"),
    chunk({"content": "x", "p": "y"}, p=""),
    chunk({"content": "x"}, obfuscation="Zz9"),
    chunk(choices=[{"index": 1, "delta": {"content": "x"}, "finish_reason": None}]),
    chunk(choices=[{"index": 1, "delta": {}, "finish_reason": "stop"}]),
    chunk(choices=[{"delta": {"content": "x"}}]),
    chunk({}, "stop"),
    chunk({"content": "x"}, "length"),
    chunk({}, "None"),
    chunk({}, "tool_calls"),
    chunk(choices=[]),
    {"type": "ping"},
]
ENDS: list[Any] = [
    "[DONE]",
    chunk(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}),
    chunk(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 4}, service_tier="default"),
    {"error": {"message": "m"}, "choices": []},
    '{"choices":[{"index":0,"delta":{"content":"\\ud83d"},"finish_reason":null}]}',
    '{"choices":[{"index":0,"delta":{"content":"a"}',
    "nonsense",
]


def spelled(value: Any, how: int) -> bytes:
    """An event's data as one of several writers of JSON would spell it."""
    if isinstance(value, str):
        return value.encode()
    if how == 0:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    if how == 1:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode()
    if how == 2:
        return json.dumps(value).encode()
    # A name twice, and another spelling of a name.
    text = json.dumps(value, separators=(",", ":")).encode()
    return text[:-1] + b',"id":"2"}' if how == 3 else text.replace(b'"content"', b'"c\\u006fntent"', 1)


def framed(data: bytes, how: int, ending: bytes) -> bytes:
    line = ending[: len(ending) // 2]
    before = (b"data: ", b"data:", b"data:  ", b": ping" + ending + b"data: ", b"event: x" + line + b"data: ")
    return before[how] + data + ending


SAID = st.one_of(
    st.builds(plain, st.sampled_from(["content", "reasoning_content", "refusal"]), TEXTS),
    st.builds(plain, st.just("content"), TEXTS),
    st.builds(plain, st.just("content"), TEXTS, p=LETTERS),
    st.builds(plain, st.just("content"), TEXTS, obfuscation=LETTERS | TEXTS),
    st.builds(argument, TEXTS, st.integers(0, 1)),
    st.sampled_from(ODD),
    st.sampled_from(ENDS),
)
RARELY = st.sampled_from([0] * 40 + [1, 2, 3, 4])


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A stream, and how its events end: runs of one kind of delta, with anything between them."""
    ending = draw(st.sampled_from(ENDINGS))
    spelling = draw(st.sampled_from([0, 0, 0, 1, 2]))
    events: list[bytes] = []
    for _ in range(draw(st.integers(1, 6))):
        said = draw(SAID)
        again: list[Any] = [said]
        if said not in ENDS:
            again += [_with_text(said, draw(TEXTS)) for _ in range(draw(st.integers(0, 5)))]
        for value in again:
            how = draw(RARELY) or spelling
            events.append(framed(spelled(value, how), draw(RARELY), ending))
    return b"".join(events), ending


def _with_text(value: dict[str, Any], text: str) -> dict[str, Any]:
    """The same chunk, with another text wherever it says one."""

    def replaced(name: str, inner: Any) -> Any:
        return text if name in TEXT_NAMES and isinstance(inner, str) else inner

    return json.loads(json.dumps(value), object_pairs_hook=lambda pairs: _object(pairs, replaced))


def _object(pairs: list[tuple[str, Any]], replaced: Callable[[str, Any], Any]) -> dict[str, Any]:
    return {name: replaced(name, inner) for name, inner in pairs}


@settings(max_examples=400, deadline=None)
@given(streams(), st.lists(st.integers(0, 3_000), max_size=8), st.sampled_from(PLANS))
@example((sse(*[plain("content", text) for text in ("a", "\\", '"')], "[DONE]"), b"\n\n"), [], PLANS[0])
def test_any_stream_says_the_same_both_ways_however_it_is_cut(
    drawn: tuple[bytes, bytes], cuts: list[int], plan: StreamPlan
) -> None:
    stream, ending = drawn
    whole = carefully(stream, plan)
    assert run([stream], plan) == whole
    assert run(one_by_one(stream, ending), plan)[: len(whole)] == whole
    assert run(cut(stream, cuts), plan) == whole


def text_event(text: bytes, rest: bytes = b"") -> bytes:
    """A plain delta whose text is spelled as given."""
    begins = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"'
    return begins + text + b'"},"finish_reason":null}]' + rest + b"}\n\n"


LEARNED = text_event(b"a") + text_event(b"b")


@pytest.mark.parametrize(
    "text",
    [
        *(rb"\n", rb"\"", rb"\\", rb"\/", rb"\u00e9", rb"\ud83d\ude00", "é😀".encode(), b" ", b"\x7f"),
        *(rb"\ud83d", rb"\x", b"\\", b"\x01", b"\t", b"\xff", b"\xc3", b"", b'a"', b'","content":"b'),
        *(
            b'"},"finish_reason":"stop","x":{"y":"',
            b'x"},"finish_reason":null}]}\n\ndata: [DONE]\n\ndata: {"',
        ),
    ],
)
@pytest.mark.parametrize("rest", [b"", b',"obfuscation":"Ab1"', b',"p":"abc"'])
def test_a_text_is_believed_where_it_is_the_inside_of_a_string(text: bytes, rest: bytes) -> None:
    learned = text_event(b"a", rest) + text_event(b"b", rest)
    for stream in (
        learned + text_event(text, rest),
        learned
        + text_event(text, rest)
        + text_event(b"c", rest)
        + text_event(text, rest)
        + b"data: [DONE]\n\n",
    ):
        assert run([stream]) == run(one_by_one(stream)) == carefully(stream)


@pytest.mark.parametrize(
    ("first", "second"), [(b"a\\", b'","b'), (b"\xc3", b"\xa9"), (rb"\ud83d", rb"\ude00")]
)
def test_two_broken_texts_do_not_make_a_sound_one(first: bytes, second: bytes) -> None:
    stream = LEARNED + text_event(first) + text_event(second)
    assert run([stream]) == carefully(stream)


@pytest.mark.parametrize("padding", [b"", b"a b", b'"', rb"\n", "é".encode(), b'x","choices":[]'])
def test_padding_is_letters_and_digits(padding: bytes) -> None:
    def padded(text: bytes) -> bytes:
        return text_event(text, b',"obfuscation":"' + padding + b'"')

    stream = text_event(b"a", b',"obfuscation":"x1"') * 2 + padded(b"b") + padded(b"c")
    assert run([stream]) == run(one_by_one(stream)) == carefully(stream)


def same_both_ways(*values: Any) -> None:
    """Compact events are read the same in one piece, one by one, and with care."""
    events = [framed(spelled(value, 0), 0, b"\n\n") for value in values]
    whole = carefully(b"".join(events))
    assert run(events) == whole
    assert run([b"".join(events)]) == whole
    # The first teach, the rest come in one piece.
    assert run([*events[:3], b"".join(events[3:])]) == whole


def test_a_choice_that_has_ended_says_nothing_empty() -> None:
    said = [plain("content", text) for text in ("a", "b", "", "c")]
    same_both_ways(*said, chunk({}, "stop"), *said, "[DONE]")
    same_both_ways(*said, chunk({"content": "x"}, "stop"), *said, "[DONE]")


OPENED = chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]})


def test_an_argument_is_not_taken_from_elsewhere() -> None:
    def misleading(text: str) -> dict[str, Any]:
        return chunk({"tool_calls": [{"index": 0, "function": {"name": "abc"}}]}, arguments=text)

    same_both_ways(OPENED, misleading("xyz"), misleading("much longer"), misleading("x"))


def test_a_name_beside_an_argument_counts() -> None:
    def named(text: str) -> dict[str, Any]:
        return chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": text}}]})

    same_both_ways(OPENED, named("x"), named("y"), named("much longer"))


def test_the_index_of_a_call_may_mean_another_one_later() -> None:
    other = chunk({"tool_calls": [{"index": 0, "id": "b", "function": {"name": "g", "arguments": ""}}]})
    same_both_ways(OPENED, argument("a"), argument("b"), other, argument("c"), argument("d"), argument("e"))


def test_reasoning_that_stands_twice_is_counted_by_its_longer_form() -> None:
    details = [{"type": "reasoning.text", "text": "four"}]
    texts = ("four", "six", "x", "much longer")
    same_both_ways(*(chunk({"reasoning": text, "reasoning_details": details}) for text in texts))


@pytest.mark.parametrize(
    "event",
    [
        b'{"content":"%b","choices":[{"index":0,"delta":{"content":"ab"}}]}',
        b'{"content":"%b","choices":[{"index":0,"delta":{"c\\u006fntent":"ab"}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"%b","content":"ab"}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"ab","x":{"content":"%b"}}}]}',
        b'{"id":"1","choices":[{"index":0,"delta":{"content":"%b"}}],"id":"2"}',
        b'{"id":"1","id":"1","choices":[{"index":0,"delta":{"content":"%b"}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"%b"}},{"index":1,"delta":{"content":"ab"}}]}',
    ],
)
def test_names_that_stand_twice_mislead_nobody(event: bytes) -> None:
    same_both_ways(*((event % text).decode() for text in (b"xy", b"xy", rb"\/", b"much longer", rb"\u0041b")))


def test_the_tier_of_the_last_chunk_stands() -> None:
    flex = plain("content", "a", service_tier="flex")
    default = chunk({"content": ""}, service_tier="default")
    usage = chunk(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7})
    same_both_ways(flex, flex, default, flex, usage, "[DONE]")


@pytest.mark.parametrize("line", [b"event: error\n", b"data: 1\n", b": x", b"data", b"\xef\xbb\xbf"])
def test_a_line_before_it_is_not_overlooked(line: bytes) -> None:
    pieces = [LEARNED, line, text_event(b"c"), text_event(b"d")]
    assert run(pieces) == carefully(b"".join(pieces))


def test_a_run_comes_as_one_event_and_is_counted_whole() -> None:
    decoder = StreamDecoder(NAMING, StreamPlan())
    assert len(decoder.feed(sse(plain("content", "a")))) == 1
    [event] = decoder.feed(sse(*[plain("content", text) for text in ("b", "é", "\n", '"')] * 25))
    assert isinstance(event, Chunk)
    assert (event.content_bytes, event.is_content, len(shown([event]))) == (125, True, 100)


@pytest.mark.parametrize("name", ["content", "reasoning_content", "refusal"])
def test_what_is_like_an_earlier_chunk_is_not_parsed(name: str) -> None:
    """Whatever is parsed teaches a shape of its own, so that one which stays was used."""
    for how in range(3):
        decoder = StreamDecoder(NAMING, StreamPlan())
        decoder.feed(framed(spelled(plain(name, "a"), how), 0, b"\n\n"))
        shape = decoder._shape  # pyright: ignore[reportPrivateUsage] - speed is all that shows it elsewhere
        assert shape is not None
        decoder.feed(framed(spelled(plain(name, "b"), how), 0, b"\n\n") * 3)
        assert decoder._shape is shape  # pyright: ignore[reportPrivateUsage] - as above


def _choice(index: int) -> dict[str, Any]:
    return chunk(choices=[{"index": index, "delta": {"content": "x"}, "finish_reason": None}])


def test_choices_and_tool_calls_without_number_are_a_problem() -> None:
    enough = [_choice(index) for index in range(MOST_CHOICES)]
    assert not isinstance(run([sse(*enough, "[DONE]")])[-1], UpstreamProblem)
    told = run([sse(*enough, _choice(MOST_CHOICES), "[DONE]")])[-1]
    assert isinstance(told, UpstreamProblem)
    assert f"more than {MOST_CHOICES} choices" in told.message
    calls = [
        chunk(
            {"tool_calls": [{"index": index, "id": str(index), "function": {"name": "f", "arguments": ""}}]}
        )
        for index in range(MOST_CALLS + 1)
    ]
    told = run([sse(*calls, "[DONE]")])[-1]
    assert isinstance(told, UpstreamProblem)
    assert f"more than {MOST_CALLS} tool calls" in told.message
