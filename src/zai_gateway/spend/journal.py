"""The journal: one worker's file of holds and settlements, from which another can finish what it began."""

import fcntl
import logging
import os
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.ledger import Attempt, Outcome
from zai_gateway.spend.records import Header, Held, Record, Released, Settled, framed

_LOG = logging.getLogger(__name__)

_SETTLEMENT_ROOM = 2_048
"""Bytes that each open hold keeps free for its end; a settlement has about 300."""
_STEP = 1 << 20
"""Bytes that are allocated at a time."""
_ROTATED_ABOVE = 8 << 20
"""Bytes at which a new file is begun, with what is still needed of the old one."""


class JournalFull(StoreUnavailable):
    """The journal has no room, on the disk or by its limit: nothing may be held."""


class Identity(Struct, frozen=True, kw_only=True):
    """Whose journal it is."""

    worker: str
    boot: str
    synced: bool = False
    """Whether `written` means on the disk: no power loss takes it, and each costs a flush."""


class Journal:
    """An append-only file, locked as long as its worker lives: the kernel unlocks a dead one's.

    A hold reserves the room of its settlement, so that no settlement is ever lost to a full disk. `limit` is
    in bytes. Not for network file systems.
    """

    def __init__(self, path: Path, identity: Identity, limit: int = 1 << 30) -> None:
        """Makes the file, locked before it has its name. Raises OSError."""
        self.path = path
        self.size = 0
        self._identity = identity
        self._limit = limit
        self._allocated = 0
        self._numbers = 0
        self._seq = 0
        self._open: dict[int, bytes] = {}
        """The frames of the open holds, by number."""
        self._unflushed: deque[tuple[bytes, bytes]] = deque()
        """The frames of holds and their settlements that the store may not have yet: the latest ones."""
        self._broken = False
        self._file = self._begin()

    @property
    def open_holds(self) -> int:
        """How many holds are neither settled nor released."""
        return len(self._open)

    def hold(self, attempt: Attempt, windows: tuple[str, ...], amount: int, estimate: int) -> int:
        """Writes a hold down and gives its number. Raises JournalFull: then nothing is held.

        `amount` and `estimate` (what it is taken to have cost if nobody ever says) are in nano-USD.
        """
        number = self._numbers + 1
        frame = framed(Held(number, attempt, windows, amount, estimate))
        self._reserve(len(frame))
        self._write(frame)
        self._numbers = number
        self._open[number] = frame
        return number

    def settle(self, hold: int, outcome: Outcome, at_ms: int) -> int:
        """Writes a settlement down and gives its sequence number, which counts settlements from 1."""
        self._seq += 1
        frame = framed(Settled(hold, self._seq, outcome, at_ms))
        self._end(frame)
        self._unflushed.append((self._open.pop(hold), frame))
        return self._seq

    def release(self, hold: int) -> None:
        """Writes down that a hold was given back."""
        self._end(framed(Released(hold)))
        del self._open[hold]

    def flushed(self, seq: int) -> None:
        """The store has the settlements up to this one; a file that grew large is begun anew."""
        for _ in range(len(self._unflushed) - max(0, self._seq - seq)):
            self._unflushed.popleft()
        if self.size > _ROTATED_ABOVE and self._needed() < self.size // 2:
            try:
                self._rotate()
            except OSError as trouble:
                _LOG.warning("the journal could not be begun anew: %s", os.strerror(trouble.errno or 0))

    def close(self, *, unlink: bool) -> None:
        """Lets go of the file, and removes it where everything in it is in the store."""
        if unlink:
            self.path.unlink(missing_ok=True)
        os.close(self._file)

    def _begin(self, carried: Iterable[bytes] = ()) -> int:
        unnamed = self.path.with_name(f".{self.path.name}")
        file = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            header = Header(
                self._identity.worker, self._identity.boot, os.fstat(file).st_ino, self._identity.synced
            )
            start = b"".join((framed(header), *carried))
            room = len(start) + _STEP
            os.posix_fallocate(file, 0, room)
            os.pwrite(file, start, 0)
            os.fsync(file)
            unnamed.rename(self.path)
        except OSError:
            os.close(file)
            with suppress(OSError):
                unnamed.unlink()
            raise
        self.size, self._allocated = len(start), room
        if self._identity.synced and (trouble := _names_not_on_disk(self.path.parent)) is not None:
            _LOG.error("%s cannot be put on the disk, so nothing is held: %s", self.path, trouble)
            self._broken = True
        return file

    def _rotate(self) -> None:
        kept = [frame for pair in self._unflushed for frame in pair]
        old = self._file
        self._file = self._begin((*kept, *self._open.values()))
        os.close(old)

    def _needed(self) -> int:
        return sum(map(len, self._open.values())) + sum(len(a) + len(b) for a, b in self._unflushed)

    def _reserve(self, size: int) -> None:
        needed = self.size + size + (len(self._open) + 1) * _SETTLEMENT_ROOM
        if self._broken or needed > self._limit:
            raise JournalFull("The journal has no room.")
        if needed <= self._allocated:
            return
        step = max(_STEP, needed - self._allocated)
        try:
            os.posix_fallocate(self._file, self._allocated, step)
        except OSError as trouble:
            raise JournalFull(f"The journal has no room: {os.strerror(trouble.errno or 0)}.") from None
        self._allocated += step

    def _end(self, frame: bytes) -> None:
        """Writes what ends a hold. A disk that breaks loses no settlement: the store gets it all the same."""
        try:
            self._write(frame)
        except JournalFull:
            _LOG.error("a settlement could not be written to the journal; nothing more is held")

    def _write(self, frame: bytes) -> None:
        try:
            written = os.pwrite(self._file, frame, self.size)
            if written == len(frame) and self._identity.synced:
                os.fdatasync(self._file)
        except OSError as trouble:
            self._broken = True
            raise JournalFull(f"The journal cannot be written: {os.strerror(trouble.errno or 0)}.") from None
        if written < len(frame):
            self._broken = True
            raise JournalFull("The journal cannot be written.")
        self.size += written


def _names_not_on_disk(folder: Path) -> str | None:
    """Puts them there, or says why it cannot: a loss of power might bring back the file before a new one."""
    try:
        names = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(names)
        finally:
            os.close(names)
    except OSError as trouble:
        return os.strerror(trouble.errno or 0)
    return None


class Recovered(Struct, frozen=True, kw_only=True):
    """What a journal says of its worker."""

    header: Header | None
    """None where not even the first record can be read."""
    settled: tuple[tuple[Held, Settled], ...]
    """In the order of their sequence numbers."""
    open: tuple[Held, ...]
    """Holds of which nobody knows the outcome."""


def recovered(written: Iterable[Record]) -> Recovered:
    """What the records of a journal come to."""
    header: Header | None = None
    held: dict[int, Held] = {}
    settled: list[tuple[Held, Settled]] = []
    for record in written:
        if isinstance(record, Header):
            header = record
        elif isinstance(record, Held):
            held[record.number] = record
        elif (hold := held.pop(record.number, None)) is not None and isinstance(record, Settled):
            settled.append((hold, record))
    return Recovered(header=header, settled=tuple(settled), open=tuple(held.values()))
