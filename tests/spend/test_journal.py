"""The journal: what was written is read back, whole or torn at any byte, and its room is never short."""

import fcntl
import os
import resource
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.spend.samples import attempt, outcome
from zai_gateway.spend.journal import Identity, Journal, JournalFull, Recovered, recovered
from zai_gateway.spend.records import Header, Held, Record, Released, Settled, framed, records

IDENTITY = Identity(worker="wrk_1", boot="this boot")
WINDOWS = ("key:0", "workspace:0")


@pytest.fixture
def journal(tmp_path: Path) -> Generator[Journal]:
    opened = Journal(tmp_path / "wrk_1.journal", IDENTITY)
    yield opened
    opened.close(unlink=False)


def read(journal: Journal) -> Recovered:
    return recovered(records(journal.path.read_bytes()))


def test_what_was_written_is_read_back(journal: Journal) -> None:
    settled = journal.hold(attempt("req_1"), WINDOWS, 100, 7)
    left_open = journal.hold(attempt("req_2"), WINDOWS, 200, 8)
    given_back = journal.hold(attempt("req_3"), WINDOWS, 300, 9)
    assert journal.settle(settled, outcome(60), 5) == 1
    journal.release(given_back)

    found = read(journal)
    assert found.header == Header("wrk_1", "this boot", journal.path.stat().st_ino, False)
    assert found.settled == (
        (Held(settled, attempt("req_1"), WINDOWS, 100, 7), Settled(settled, 1, outcome(60), 5)),
    )
    assert found.open == (Held(left_open, attempt("req_2"), WINDOWS, 200, 8),)
    assert journal.open_holds == 1


def test_it_is_locked_before_it_has_its_name_and_closed_to_others(journal: Journal) -> None:
    with journal.path.open("rb") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in journal.path.parent.iterdir()] == ["wrk_1.journal"]


def test_a_file_that_grew_large_is_begun_anew_with_what_is_still_needed(journal: Journal) -> None:
    kept = journal.hold(attempt("req_kept"), WINDOWS, 1, 0)
    before, seq = journal.path.stat().st_ino, 0
    while journal.path.stat().st_ino == before:
        for _ in range(200):
            seq = journal.settle(journal.hold(attempt("req_many"), WINDOWS, 1, 0), outcome(1), 0)
        journal.flushed(seq - 1)

    found = read(journal)
    assert [each.number for each in found.open] == [kept]
    assert [each.seq for _, each in found.settled] == [seq]
    assert found.header is not None
    assert found.header.inode == journal.path.stat().st_ino != before
    assert journal.settle(kept, outcome(1), 0) == seq + 1
    with journal.path.open("rb") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_hold_keeps_the_room_of_its_settlement(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "small", IDENTITY, limit=20_000)
    holds = as_many_as_fit(journal)
    assert holds
    for hold in holds:
        journal.settle(hold, outcome(1, provider_request_id="x" * 200, failure="upstream_failed"), 0)
    assert len(read(journal).settled) == len(holds)
    assert journal.size <= 20_000
    journal.close(unlink=True)


def test_a_full_disk_refuses_holds_and_loses_no_settlement(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "full", IDENTITY)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size, before[1]))  # as if it were full
    try:
        holds = as_many_as_fit(journal)
        for hold in holds:
            journal.settle(hold, outcome(1), 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(read(journal).settled) == len(holds) > 10
    journal.close(unlink=True)


def test_a_disk_that_breaks_is_not_written_on(journal: Journal) -> None:
    hold = journal.hold(attempt("req"), WINDOWS, 1, 0)
    broken = os.open("/dev/full", os.O_WRONLY)
    os.dup2(broken, journal._file)  # pyright: ignore[reportPrivateUsage] -- no disk breaks on demand
    os.close(broken)
    assert journal.settle(hold, outcome(1), 0) == 1
    with pytest.raises(JournalFull):
        journal.hold(attempt("req"), WINDOWS, 1, 0)


def as_many_as_fit(journal: Journal) -> list[int]:
    holds: list[int] = []
    with suppress(JournalFull):
        while len(holds) < 100_000:
            holds.append(journal.hold(attempt("req"), WINDOWS, 1, 0))
    assert len(holds) < 100_000
    return holds


WRITTEN: tuple[Record, ...] = (
    Header("wrk_1", "this boot", 4, False),
    Held(1, attempt("req_1"), WINDOWS, 100, 7),
    Held(2, attempt("req_2"), WINDOWS, 100, 7),
    Settled(1, 1, outcome(60), 5),
    Released(2),
)
FRAMES = tuple(map(framed, WRITTEN))


@given(st.integers(0, sum(map(len, FRAMES))), st.binary(max_size=64))
def test_a_torn_tail_is_no_record(cut: int, junk: bytes) -> None:
    whole, length = 0, 0
    while whole < len(FRAMES) and length + len(FRAMES[whole]) <= cut:
        length += len(FRAMES[whole])
        whole += 1
    torn = b"".join(FRAMES)[:cut] + bytes(64)
    assert tuple(records(torn)) == WRITTEN[:whole]
    if cut > length:  # what overwrites a torn record is not taken for its rest
        assert tuple(records(b"".join(FRAMES)[:cut] + b"\0" + junk))[:whole] == WRITTEN[:whole]


@given(st.binary(max_size=200))
def test_what_is_no_journal_has_no_records(data: bytes) -> None:
    assert tuple(records(data)) == ()
