"""Plain events of Gemini's that are taken many at once say what they say one by one, and read with care."""

import json
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.dialects.corpus import Exchange
from tests.dialects.gemini_streams import NAMING, run
from tests.dialects.streams import chunks, cut, reports, shown
from tests.dialects.test_gemini_streams import BY_NAME, NEVER
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.gemini.framing import Framing
from zai_gateway.dialects.gemini.plain import PlainShape, learned
from zai_gateway.dialects.gemini.shape import Event
from zai_gateway.dialects.openai_chat import Habits
from zai_gateway.providers.provider import Dialect
from zai_gateway.relay.voices import voice_of
from zai_gateway.wire.events import Chunk, Reported, UpstreamProblem
from zai_gateway.wire.fronts import Front
from zai_gateway.wire.sse import ServerEventDecoder

BLANK = b"\r\n\r\n"
VOICE = voice_of(Front.ANTHROPIC, Dialect.GEMINI)


def one_by_one(stream: bytes) -> list[bytes]:
    """`stream` in pieces of one event each."""
    *whole, rest = stream.split(BLANK)
    return [*(each + BLANK for each in whole), rest]


def halves(stream: bytes) -> list[bytes]:
    """`stream` in pieces that end amid its events, so that none is whole."""
    pieces = one_by_one(stream)
    middles = [sum(map(len, pieces[:at])) + len(piece) // 2 for at, piece in enumerate(pieces)]
    return cut(stream, middles)


def for_anthropic(pieces: list[bytes], plan: StreamPlan | None = None) -> bytes:
    """All that an Anthropic client gets of a stream, its end included."""
    decoder = VOICE.decoder(NAMING, plan or StreamPlan(), Habits())
    events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.end()
    last = next((event for event in reversed(events) if isinstance(event, Reported)), None)
    told = b"".join(event.frames for event in events if isinstance(event, Chunk))
    problems = [repr(event).encode() for event in events if isinstance(event, UpstreamProblem)]
    return told + b"".join(problems) + VOICE.ending(decoder, StreamPlan(), last)


def same_in_any_pieces(stream: bytes) -> None:
    whole, message = run([stream]), for_anthropic([stream])
    for pieces in (one_by_one(stream), halves(stream)):
        assert run(pieces) == whole
        assert for_anthropic(pieces) == message
    careful = run([stream], NEVER)
    assert chunks(careful) == chunks(whole)
    if not isinstance(whole[-1], UpstreamProblem):
        assert reports(careful)[-1:] == reports(whole)[-1:]
        # Texts are spelled anew for this client, so that not even escapes tell the two apart.
        assert for_anthropic([stream], NEVER) == message


@BY_NAME
def test_recorded_streams(exchange: Exchange) -> None:
    recorded = exchange.response.bytes
    same_in_any_pieces(recorded)
    other = recorded.replace(b"\r\n", b"\n") if b"\r\n" in recorded else recorded.replace(b"\n", b"\r\n")
    if not recorded.startswith(b"["):
        same_in_any_pieces(other)


def said(
    spelled: bytes, count: int, rest: bytes = b"", counted: bool = True, before: bytes = b'"index": 0'
) -> bytes:
    """A plain event as Google writes it, but for a member in front; its text is spelled as given."""
    usage = (
        b'"usageMetadata": {"promptTokenCount": 7,"candidatesTokenCount": %d},' % count if counted else b""
    )
    parts = b'{"candidates": [{%b,"content": {"parts": [{"text": "%b"}]}%b}],' % (before, spelled, rest)
    return b"data: %b%b" % (parts, usage) + b'"modelVersion": "gemini-2.5-flash"}' + BLANK


END = said(b"", 99, b',"finishReason": "STOP"')
SPELLED = (
    *(rb"\n", rb"\"", rb"\\", rb"\/", rb"\u00e9", rb"\ud83d\ude00", "é😀".encode(), b" ", b"\x7f", b"1"),
    *(rb"\ud83d", rb"\ude00", rb"\x", b"\\", b"\x01", b"\t", b"\n", b"\xff", b"\xc3", b"\xa9", b"", b'a"'),
    *(b'","text": "b', b'"}]}}],"usageMetadata": {},"x": ["', b'"text"', b"data: x"),
    *(b'"}]}}],', b'"usageMetadata": {"promptTokenCount": 7', b'x","thought": true,"y": "'),
)
TEXTS = st.one_of(
    st.text(max_size=4).map(lambda text: json.dumps(text, ensure_ascii=False)[1:-1].encode()),
    st.text('ab"\\\nЖ😀', max_size=4).map(lambda text: json.dumps(text)[1:-1].encode()),
    st.sampled_from([b" token", b"a"]),
)
RESTS = st.sampled_from([b"", b"", b',"x": 0', b',"safetyRatings": []'])
BEFORE = st.sampled_from([b'"index": 0', b'"index": 0', b'"index": 1'])


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Runs of events that are alike, and here and there one that is not, or cannot be read."""
    events: list[bytes] = []
    for _ in range(draw(st.integers(1, 3))):
        how = draw(RESTS), draw(st.booleans()), draw(BEFORE)
        for count in range(draw(st.integers(1, 5))):
            events.append(said(draw(TEXTS), count * 7, *how))
        if draw(st.integers(0, 3)) == 0:
            events.append(said(draw(st.sampled_from(SPELLED)), 3, *how))
    return b"".join([*events, *([END] if draw(st.booleans()) else [])])


@settings(max_examples=400, deadline=None)
@given(streams(), st.lists(st.integers(0, 3_000), max_size=6))
@example(said(b"a", 1) * 200 + END, [40_000])
def test_made_streams(stream: bytes, edges: list[int]) -> None:
    same_in_any_pieces(stream)
    assert run(cut(stream, edges)) == run([stream])


@pytest.mark.parametrize("odd", SPELLED)
def test_a_text_is_believed_where_it_is_the_inside_of_a_string(odd: bytes) -> None:
    chance = random.Random(odd)
    for place in (1, 2, 63, 64, 65):
        events = [said(b"a", at) for at in range(70)]
        events[place] = said(odd, place)
        events[place + 1] = said(chance.choice(SPELLED), place)
        same_in_any_pieces(b"".join(events) + END)


def test_what_google_spells_like_us_is_the_same_to_the_byte() -> None:
    texts = ("a", '"', "\\", "\n", "é😀", "\x01", " token")
    stream = b"".join(said(json.dumps(text, ensure_ascii=False)[1:-1].encode(), 1) for text in texts) + END
    assert shown(run([stream])) == shown(run([stream], NEVER))


def shape_of(event: bytes) -> PlainShape:
    shape = learned(event, Event(event))
    assert shape is not None
    return shape


def data(*events: bytes) -> list[bytes]:
    return [event.removeprefix(b"data: ").removesuffix(BLANK) for event in events]


def test_a_run_ends_before_what_is_different() -> None:
    events = data(said(b"a", 1), said(rb"\u00e9", 22), said("é".encode(), 333))
    shape = shape_of(events[0])
    assert shape.run(events, 0) == ([b"a", rb"\u00e9", "é".encode()], "aéé")
    assert shape.run(events, 1) == ([rb"\u00e9", "é".encode()], "éé")
    others = (said(b"b", 1, b',"x": 0'), said(b"b", 1, counted=False), said(b"b", 1, before=b'"index": 1'))
    for other in (*others, said(b"", 1), END):
        assert shape.run([*events, *data(other), *events], 0) == shape.run(events, 0)
        assert shape.run(data(other), 0) is None
    for broken in (b"\\", rb"\ud83d", b'"', b"\xc3", b"\n"):
        assert shape.run([*events, *data(said(broken, 1)), *events], 0) == shape.run(events, 0)
        assert shape.run(data(said(broken, 1)), 0) is None


@pytest.mark.parametrize(("first", "second"), [(b"\xc3", b"\xa9"), (rb"\ud83d", rb"\ude00"), (b"\\", b"n")])
def test_two_broken_texts_do_not_make_a_sound_one(first: bytes, second: bytes) -> None:
    events = data(said(b"a", 1), said(first, 1), said(second, 1))
    assert shape_of(events[0]).run(events, 0) == ([b"a"], "a")
    assert shape_of(events[0]).run(events, 1) is None


PIECES = (*(b"data: ", b"data:", b"x", b": c", b"event: y", b"\xef\xbb\xbf"), *(b"\r\n", b"\n", b"\r", BLANK))


@settings(max_examples=600, deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join), max_size=5))
@example([b"data: x" + BLANK, b"\xef\xbb\xbfdata: x" + BLANK])
@example([b"data: x" + BLANK + b"data: x\r\n", b"\r\n"])
@example([b"data: x\rx" + BLANK, b"data: x\nx" + BLANK, b"data: x\r\nx" + BLANK])
@example([b"data: x" + BLANK + b"x" + BLANK + b"data: x" + BLANK])
def test_events_in_their_usual_form_are_those_of_the_standard(pieces: list[bytes]) -> None:
    pieces = [b"data: x" + BLANK, *pieces]
    framing, standard = Framing(), ServerEventDecoder()
    quick = [event for piece in pieces for event in framing.feed(piece)]
    bytewise = [bytes([byte]) for byte in b"".join(pieces)]
    assert quick == [event.data for byte in bytewise for event in standard.feed(byte)]
    assert framing.feed(b"data: y" + BLANK * 2) == [e.data for e in standard.feed(b"data: y" + BLANK * 2)]


def test_the_last_report_is_that_of_the_last_event() -> None:
    first, last = reports(run([b"".join(said(b"a", count) for count in range(1, 130))]))
    assert (first.usage.output, last.usage.output, last.final) == (1, 129, False)
