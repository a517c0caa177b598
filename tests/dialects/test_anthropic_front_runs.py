"""Plain chunks of the hub that are written many at once are to the byte what they are one by one."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.anthropic_clients import message_of
from tests.dialects.corpus import Exchange
from tests.dialects.hub_answers import NAMING, events_of, frame
from tests.dialects.streams import cut
from tests.dialects.test_anthropic_front_streams import BY_ANTHROPIC_NAME, BY_NAME
from zai_gateway.dialects.anthropic_front import MessageStream
from zai_gateway.dialects.anthropic_front.plain_text import PlainText, learned
from zai_gateway.wire.events import Chunk

BLANK = b"\n\n"


def message(pieces: list[bytes]) -> bytes:
    stream = MessageStream(NAMING)
    return b"".join([*map(stream.feed, pieces), stream.end(None)])


def one_by_one(frames: bytes) -> list[bytes]:
    return [each + BLANK for each in frames.split(BLANK)[:-1]]


def same_in_any_pieces(frames: bytes) -> None:
    """What comes cut in its middle is not told by the bytes around its text: it is read, each chunk anew."""
    pieces = one_by_one(frames)
    middles = [sum(map(len, pieces[:at])) + len(piece) // 2 for at, piece in enumerate(pieces)]
    careful = message(cut(frames, middles))
    assert message([frames]) == careful
    assert message(pieces) == careful


@BY_NAME
def test_recorded_streams(exchange: Exchange) -> None:
    same_in_any_pieces(b"".join(event.frames for event in events_of(exchange) if isinstance(event, Chunk)))


@BY_ANTHROPIC_NAME
def test_recorded_streams_of_anthropic(exchange: Exchange) -> None:
    same_in_any_pieces(b"".join(event.frames for event in events_of(exchange) if isinstance(event, Chunk)))


def spelled(text: bytes, beside: bytes = b"") -> bytes:
    """A chunk whose text is spelled as given."""
    begins = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"'
    return begins + text + b'"%b},"finish_reason":null}]}\n\n' % beside


CALL: dict[str, Any] = {
    "index": 0,
    "id": "a",
    "type": "function",
    "function": {"name": "f", "arguments": "{"},
}
ODD = (
    frame({"role": "assistant", "content": "x"}),
    frame({"content": ""}),
    frame({"reasoning_content": "x"}),
    frame({"tool_calls": [CALL]}),
    frame({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]}),
    frame(
        {"content": "x", "annotations": [{"type": "url_citation", "url_citation": {"url": "https://x.y"}}]}
    ),
    frame({}, "stop"),
    spelled(b"x", b',"refusal":"y"'),
    b": a comment\n\n",
    b'not data"},"finish_reason":null}]}\n\n',
)
TEXTS = st.one_of(
    st.text(max_size=4).map(lambda text: json.dumps(text, ensure_ascii=False)[1:-1].encode()),
    st.text('ab"\\\nЖ😀', max_size=4).map(lambda text: json.dumps(text)[1:-1].encode()),
    st.sampled_from([b" token", b"a", b"", rb"\/", rb"\ud83d\ude00", b"\x7f"]),
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Runs of chunks that are alike, with others between them."""
    pieces: list[bytes] = []
    for _ in range(draw(st.integers(1, 4))):
        pieces += [spelled(draw(TEXTS)) for _ in range(draw(st.integers(0, 6)))]
        if draw(st.booleans()):
            pieces.append(draw(st.sampled_from(ODD)))
    return b"".join(pieces)


@settings(max_examples=500, deadline=None)
@given(streams(), st.lists(st.integers(0, 3_000), max_size=6))
def test_made_streams(frames: bytes, edges: list[int]) -> None:
    same_in_any_pieces(frames)
    assert message(cut(frames, edges)) == message([frames])


def test_a_text_behind_a_call_that_is_not_whole_waits_for_its_turn() -> None:
    first, second = ODD[3], ODD[4]
    texts = b"".join(map(spelled, (b"a", b"b", b"c")))
    frames = texts + first + texts + second + texts
    same_in_any_pieces(frames)
    blocks = message_of(message([frames, frame({}, "stop")]))["content"]
    assert [block.get("text") for block in blocks] == ["abc", None, "abcabc"]


FIRST = spelled(b"a")


def shape_of(chunk: bytes) -> PlainText:
    plain = learned(chunk.removeprefix(b"data: ").removesuffix(BLANK), {"content": "a"})
    assert plain is not None
    return plain


@pytest.mark.parametrize("odd", [b"\\", rb"\ud83d", b'a"', b"\x01", b"\xff", rb"\u0041", rb"\/"])
def test_a_run_holds_texts_that_are_written_as_they_are(odd: bytes) -> None:
    first, plain = FIRST, shape_of(FIRST)
    run = first + spelled(rb"\n\"") + spelled("é😀".encode()) + spelled(b"")
    assert plain.run(run, 0) == ([b"a", rb"\n\"", "é😀".encode(), b""], len(run))
    assert plain.run(run, len(first)) == ([rb"\n\"", "é😀".encode(), b""], len(run))
    assert plain.run(spelled(odd) + run, 0) is None
    assert plain.run(spelled(b"").replace(b'""', b'"'), 0) is None
    # Where not all of them can be taken, the first is.
    assert plain.run(run + spelled(odd) + run, 0) == ([b"a"], len(first))
    for between in (*ODD[:2], *ODD[-2:]):
        assert plain.run(run + between + run, 0) == ([b"a"], len(first))


@pytest.mark.parametrize(("one", "two"), [(b"\\", b"n"), (b"\xc3", b"\xa9"), (rb"\ud83d", rb"\ude00")])
def test_two_broken_texts_do_not_make_a_sound_one(one: bytes, two: bytes) -> None:
    first, plain = FIRST, shape_of(FIRST)
    assert plain.run(first + spelled(one) + spelled(two), 0) == ([b"a"], len(first))
    assert plain.run(spelled(one) + spelled(two), 0) is None
