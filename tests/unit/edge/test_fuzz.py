"""Anything at all on a connection, whole and cut: the same answers, nothing but refusals, and no defect."""

import logging
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.edge.behind import Behind
from tests.unit.edge.hostility import GET, POST
from tests.unit.edge.in_memory import Answer, InMemory, door_to
from tests.unit.edge.served import AUTHORIZATION, posting

HEAD = f"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}"
CHUNKED = f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode()


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One that is right."""
    body = draw(st.binary(max_size=40))
    kind = draw(st.sampled_from(["get", "length", "chunks", "offer", "unknown"]))
    if kind == "get":
        return draw(st.sampled_from([GET, GET.replace(b"GET", b"HEAD"), b"\r\n" + GET]))
    if kind == "unknown":
        return GET.replace(b"/v1/me", draw(st.sampled_from([b"/", b"*", b"/v1/m%65", b"/v1/models/x"])))
    if kind == "length":
        return posting(body)
    if kind == "offer":
        return posting(body, headers=f"{AUTHORIZATION}Connection: Upgrade\r\nUpgrade: h2c\r\n")
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=3)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    extension = draw(st.sampled_from([b"", b";x", b";x=y", b';x="y"']))
    chunks = b"".join(b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces if piece)
    return CHUNKED + chunks + b"0\r\n" + draw(st.sampled_from([b"", b"x: y\r\n"])) + b"\r\n"


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Some that are right, or known to be wrong, with some bytes changed."""
    parts = draw(st.lists(requests(), min_size=1, max_size=4))
    sent = bytearray(b"".join(parts))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(sent)))
        few = draw(
            st.sampled_from([b"", b"\r", b"\n", b"\r\n", b"\x00", b" ", b"\t", b":", b"0", b"\xff", b"GET /"])
        )
        sent[at : at + draw(st.integers(0, 4))] = few
    return bytes(sent)


def cut(data: bytes, at: Sequence[int]) -> list[bytes]:
    places = sorted({place % (len(data) + 1) for place in at})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


Outcome = tuple[list[Answer], bool, list[bytes]]
"""The answers, whether the connection was ended, and what reached the relay."""


class House:
    """A door, which takes a while to make, and what is behind it."""

    def __init__(self) -> None:
        self._behind = Behind()
        self._door = door_to(self._behind)

    async def outcome(self, pieces: Sequence[bytes], *, patiently: bool = False) -> Outcome:
        """What becomes of these bytes on a connection of their own."""
        self._behind.answerer.bodies = []
        connection = InMemory(self._door)
        await connection.take(pieces, patiently=patiently)
        found = connection.answers, connection.transport.ended, self._behind.answerer.bodies
        await connection.leave()
        return found


@pytest.fixture(scope="module")
def house() -> House:
    return House()


fuzzed = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CUTS = st.lists(st.integers(0, 10_000), max_size=6)


@fuzzed
@given(sent=st.lists(requests(), max_size=5), at=CUTS, patiently=st.booleans())
async def test_requests_that_are_right_are_answered_the_same_wherever_they_are_cut(
    house: House, sent: list[bytes], at: list[int], patiently: bool
) -> None:
    data = b"".join(sent)
    whole = await house.outcome([data])
    assert [answer.status for answer in whole[0]] == [404 if _unknown(each) else 200 for each in sent]
    assert not whole[1]
    assert await house.outcome(cut(data, at), patiently=patiently) == whole


def _unknown(sent: bytes) -> bool:
    return sent.startswith(b"GET") and b" /v1/me " not in sent


@fuzzed
@given(sent=mutated(), at=CUTS, patiently=st.booleans())
async def test_what_is_wrong_is_refused_the_same_wherever_it_is_cut(
    house: House, sent: bytes, at: list[int], patiently: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        whole, pieces = await house.outcome([sent]), await house.outcome(cut(sent, at), patiently=patiently)
    assert caplog.text == ""
    for answers, ended, _ in (whole, pieces):
        assert all(answer.status == 200 or 400 <= answer.status < 500 for answer in answers)
        assert not any(answer.last for answer in answers[:-1])
        if answers and answers[-1].last:
            assert ended
    if whole == pieces:
        return
    # What is wrong in two ways may be refused for the first before the second has come; before the end
    # of its body it may end the connection, where all of it at once would not.
    same = len(pieces[0]) - 1
    assert pieces[0][:same] == whole[0][:same]
    assert pieces[0][same].last
    assert pieces[0][same].status >= 400
    assert whole[0][same].status >= 400
    assert pieces[2] == whole[2][: len(pieces[2])]


@fuzzed
@given(sent=st.binary(max_size=300), at=CUTS)
async def test_bytes_by_chance_are_refused_or_waited_for(
    house: House, sent: bytes, at: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    answers, ended, bodies = await house.outcome(cut(sent, at))
    assert [answer.status for answer in answers] in ([], [400])
    assert ended == bool(answers)
    assert bodies == []
    assert caplog.text == ""


@pytest.mark.parametrize("sent", [GET + POST, POST + POST[:-1], POST + b"junk"])
async def test_every_cut_in_two_gives_the_same(house: House, sent: bytes) -> None:
    whole = await house.outcome([sent])
    for at in range(len(sent)):
        for patiently in (True, False):
            assert await house.outcome([sent[:at], sent[at:]], patiently=patiently) == whole, at
