"""What later streams of a route are told by is what a careful reading says of them."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.corpus import Exchange, everything
from tests.dialects.streams import NAMING, cut, joined, run
from zai_gateway.dialects.openai_chat import Habits, StreamDecoder, StreamPlan
from zai_gateway.wire.events import Event
from zai_gateway.wire.sse import DONE
from zai_gateway.wire.usage import Counting

STREAMS = [exchange for exchange in everything() if exchange.is_stream]
PLANS = (
    StreamPlan(),
    StreamPlan(include_usage=False),
    StreamPlan(stop=("the",)),
    StreamPlan(choices=2),
    StreamPlan(counting=Counting(reasoning_apart=True)),
)


def told(pieces: list[bytes], habits: Habits, plan: StreamPlan | None = None) -> list[Event]:
    """The events of a stream on a route with these habits."""
    decoder = StreamDecoder(NAMING, plan or StreamPlan(), habits=habits)
    return joined([event for piece in pieces for event in decoder.feed(piece)] + decoder.end())


def carefully(stream: bytes, plan: StreamPlan | None = None) -> list[Event]:
    return run([stream], plan, learning=False)


def one_by_one(stream: bytes) -> list[bytes]:
    return [piece + b"\n\n" for piece in stream.split(b"\n\n") if piece]


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange.name)
def test_a_second_stream_says_the_same_as_one_that_is_read_with_care(exchange: Exchange) -> None:
    stream = exchange.response.bytes
    chance = random.Random(exchange.id)
    habits = Habits()
    for _ in range(2):
        assert told([stream], habits) == carefully(stream)
    for plan in PLANS:
        assert told([stream], habits, plan) == carefully(stream, plan)
    assert told(one_by_one(stream), habits) == carefully(stream)
    assert told(cut(stream, chance.choices(range(len(stream)), k=20)), habits) == carefully(stream)
    returns = stream.replace(b"\n", b"\r\n")
    assert told([returns], habits) == carefully(returns)


def test_every_recorded_stream_says_the_same_with_the_habits_of_all_others() -> None:
    habits = Habits()
    for _ in range(2):
        for exchange in STREAMS:
            assert told([exchange.response.bytes], habits) == carefully(exchange.response.bytes), (
                exchange.name
            )


def event(id: str, rest: str, created: object = 5) -> bytes:
    head = f'{{"id":"{id}","object":"chat.completion.chunk","created":{json.dumps(created)},"model":"m",'
    return f"data: {head}{rest}}}\n\n".encode()


def choice(delta: str, reason: str = "null", index: int = 0) -> str:
    return f'"choices":[{{"index":{index},"delta":{delta},"finish_reason":{reason}}}],"usage":null'


def usage(counts: str) -> str:
    return f'"choices":[],"usage":{counts}'


TAUGHT = b"".join(
    (
        event("a-1", choice('{"role":"assistant","content":""}')),
        event("a-1", choice('{"content":"Hi"}')),
        event("a-1", choice("{}", '"stop"')),
        event("a-1", usage('{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}')),
        DONE,
    )
)
PARTS = st.sampled_from(
    [
        choice('{"role":"assistant","content":""}'),
        choice('{"content":"Hi"}'),
        choice('{"content":"é\\u0041 \\n"}'),
        choice('{"content":"Hi","content":"Ho"}'),
        choice('{"content":"a\x01"}'),
        choice('{"content":"Hi"}', index=1),
        choice("{}"),
        choice("{}", '"stop"'),
        choice("{}", '"length"'),
        choice('{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}'),
        choice('{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}'),
        choice('{"images":[{"type":"image_url"}]}'),
        usage('{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}'),
        usage('{"prompt_tokens":7,"completion_tokens":2}'),
        usage('{"prompt_tokens":7,"completion_tokens":2,"total_tokens":99}'),
        usage('{"prompt_tokens":7,\n"completion_tokens":2,"total_tokens":9}'),
        usage('{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}},{"x":1'),
        '"choices":[],"error":{"message":"no"}',
        '"id":"again",' + choice('{"content":"Hi"}'),
    ]
)
IDS = st.sampled_from(["a-1", "b_2", 'q\\"', "é", "", "x" * 300])
TIMES = st.sampled_from([5, 17, 0, -1, 1.5, None, True, 10**20])


@given(st.lists(st.tuples(PARTS, IDS, TIMES), max_size=8), st.booleans(), st.booleans(), st.integers(0, 400))
@settings(max_examples=400)
def test_whatever_a_stream_says_it_is_told_as_with_care(
    parts: list[tuple[str, str, object]], steady: bool, done: bool, edge: int
) -> None:
    habits = Habits()
    told([TAUGHT], habits)
    names = parts[0][1:] if steady and parts else None
    stream = b"".join(event(*_arranged(part, names)) for part in parts) + (DONE if done else b"")
    for _ in range(2):
        assert told([stream], habits) == carefully(stream)
    assert told(cut(stream, [edge]), habits) == carefully(stream)


def _arranged(part: tuple[str, str, object], names: tuple[str, object] | None) -> tuple[str, str, object]:
    rest, id, created = part
    return (id, rest, created) if names is None else (names[0], rest, names[1])


def test_a_later_stream_of_a_usual_provider_is_not_parsed_at_all() -> None:
    habits = Habits()
    told([TAUGHT], habits)
    later = TAUGHT.replace(b"a-1", b"zz-9").replace(b'"created":5', b'"created":6')
    assert told([later], habits) == carefully(later)
    decoder = StreamDecoder(NAMING, StreamPlan(), habits=habits)
    decoder.feed(later)
    assert habits.wordings
    assert len(habits.asides) == 2
    assert len(habits.bills) == 1


def test_habits_stay_few() -> None:
    habits = Habits()
    for number in range(100):
        extra = f'"f{number}":1,'
        told([event("a", extra + choice(delta)) for delta in ("{}", '{"content":"Hi"}')], habits)
    assert len(habits.asides) <= 16
    assert len(habits.wordings) <= 16
