"""Server-sent events: the same events however the bytes are cut, and a bound on what is kept."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zai_gateway.wire.sse import DONE, KEEP_ALIVE, EventTooLarge, ServerEvent, ServerEventDecoder, frame

TEXTS = st.lists(
    st.sampled_from(
        [
            *(
                b"data: ",
                b"data:",
                b"data",
                b"event: error",
                b"event",
                b":",
                b": comment",
                b"id: 7",
                b"retry: 1",
            ),
            *(
                b"\n",
                b"\r",
                b"\r\n",
                b"\n\n",
                b"\r\n\r\n",
                b"\r\r",
                b" ",
                b"x",
                "é😀".encode(),
                b"\xef\xbb\xbf",
            ),
            b'data: {"a":1}\n\n',
        ]
    ),
    max_size=20,
).map(b"".join)


def _reference(text: bytes) -> list[ServerEvent]:
    """The HTML standard's algorithm (9.2.6), line by line over the whole stream."""
    text = text.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events: list[ServerEvent] = []
    data: list[bytes] = []
    name = ""
    for line in text.split(b"\n")[:-1]:
        if not line:
            if data:
                events.append(ServerEvent(b"\n".join(data), name))
            data, name = [], ""
        elif not line.startswith(b":"):
            field, _, value = line.partition(b":")
            value = value[1:] if value.startswith(b" ") else value
            if field == b"data":
                data.append(value)
            elif field == b"event":
                name = value.decode(errors="replace")
    return events


@given(TEXTS, st.lists(st.integers(0, 200), max_size=8))
@example(b"data: a\r\ndata: b\r\n\r\n", [8])
@example("data: é\r\n\r\ndata: b\r\n\r\n".encode(), [7, 8, 9, 10, 11, 12])
@example(b"data: a\n\nevent: x\ndata: b\n\n", [9, 18])
@example(b"data: a\n\ndata: b\rdata: c\n\n", [9])
@example(b"data: a\rdata: b\n\n", [])
@example(b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [9])
@example(b"data: a\r\ndata: b\n\n", [8])
@example(b"data: a\n\ndata: b\ndata: c\n\n", [9])
def test_events_do_not_depend_on_the_cuts(text: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    cut = ServerEventDecoder()
    events = [event for start, end in pairwise(edges) for event in cut.feed(text[start:end])]
    single = ServerEventDecoder()
    bytewise = [event for at in range(len(text)) for event in single.feed(text[at : at + 1])]
    assert events == bytewise == _reference(text)


def test_an_event_comes_with_its_blank_line_and_not_later() -> None:
    for ending in (b"\n\n", b"\r\r", b"\r\n\r"):
        decoder = ServerEventDecoder()
        assert decoder.feed(b"data: a" + ending[:-1]) == []
        assert decoder.feed(ending[-1:]) == [ServerEvent(b"a", "")]


def test_lines_are_joined_and_one_space_goes() -> None:
    decoder = ServerEventDecoder()
    stream = b"\xef\xbb\xbfevent: error\ndata:  a\ndata\ndata:b\nid: 3\n\n: ping\n\ndata: c\n\nevent: x\n\n"
    assert decoder.feed(stream) == [ServerEvent(b" a\n\nb", "error"), ServerEvent(b"c", "")]


def test_what_no_blank_line_completes_is_no_event() -> None:
    assert ServerEventDecoder().feed(b"data: a\n") == []


@pytest.mark.parametrize("line", [b"data: ", b": ", b"event: ", b""])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_line_that_never_ends_is_given_up(line: bytes, size: int) -> None:
    decoder = ServerEventDecoder(limit=1000)
    stream = b"data: first\n\n" + line + b"x" * 2000 + b"\n\n"
    events: list[ServerEvent] = []
    pieces = (stream[at : at + size] for at in range(0, len(stream), size))
    with pytest.raises(EventTooLarge) as refused:
        events.extend(event for piece in pieces for event in decoder.feed(piece))
    assert events + refused.value.before == [ServerEvent(b"first", "")]
    assert refused.value.limit == 1000


def test_many_short_lines_of_one_event_are_bounded_too() -> None:
    decoder = ServerEventDecoder(limit=1000)
    with pytest.raises(EventTooLarge):
        decoder.feed(b"data:\n" * 2000)
    kept = ServerEventDecoder(limit=1000)
    assert len(kept.feed(b"data: 0123456789\n\n" * 1000)) == 1000


@given(st.text(" \n\r\tab{}😀", max_size=20).map(str.encode))
def test_a_frame_is_read_back_as_one_event(data: bytes) -> None:
    (event,) = ServerEventDecoder().feed(frame(data))
    assert event.data.split() == data.split()
    if b"\r" not in data and b"\n" not in data:
        assert event.data == data
        assert frame(data) == b"data: " + data + b"\n\n"


def test_the_fixed_frames() -> None:
    assert frame(b"[DONE]") == DONE
    assert ServerEventDecoder().feed(KEEP_ALIVE) == []
