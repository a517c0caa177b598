"""A worker's life: its locked journal says that it lives, and the living finish what the dead began."""

import logging
import os
from contextlib import suppress
from pathlib import Path

from zai_gateway.errors import OperatorError, StoreInDoubt, StoreUnavailable
from zai_gateway.spend.adoption import adopt
from zai_gateway.spend.journal import Identity, Journal
from zai_gateway.spend.store import WorkerLife, WorkerRegister

_LOG = logging.getLogger(__name__)
_SILENT_MS = 24 * 3_600 * 1_000
"""A worker of another host that nobody heard of for so long is lost (spend.md, LOST)."""
_FAR = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "ceph", "fuse.glusterfs"})
"""File systems on which a lock or a write may be another host's business."""


class Worker:
    """One process that holds money. Its locked journal proves that it lives: the kernel unlocks a dead one's.

    Journals are in `folder`, which must be on a disk of this machine's own. Where `shared`, the register has
    workers of other folders too, on this host and on others, of whom nothing can be known here: then one
    without a journal in this very folder is left alone until it was silent for a day. Else every worker in
    the register was one of this folder, and one without a journal is lost. `synced` journals flush the disk
    with each record.
    """

    def __init__(self, id: str, folder: Path, *, shared: bool = False, synced: bool = False) -> None:
        self.id = id
        self._folder = folder
        self._shared = shared
        self._boot = _boot_id()
        self._synced = synced
        self._journal: Journal | None = None
        self._closed: set[str] = set()
        """Those of whose journals here the store knows nothing more."""

    @property
    def journal(self) -> Journal:
        """The journal of a worker that was opened."""
        assert self._journal is not None, "the worker was not opened"
        return self._journal

    def open(self, register: WorkerRegister, now_ms: int) -> int:
        """Begins to live, then finishes what the dead began; says how many requests are unconfirmed by it.

        Raises StoreUnavailable, and OperatorError where the journal cannot be.
        """
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            _refuse_far(self._folder)
            identity = Identity(worker=self.id, boot=self._boot, synced=self._synced)
            self._journal = Journal(self._path(self.id), identity)
        except OSError as trouble:
            why = os.strerror(trouble.errno or 0).lower()
            raise OperatorError(f"The journal cannot be made in {self._folder}: {why}.") from None
        try:
            self._register(register, now_ms)
        except BaseException as trouble:
            self._withdraw(register, self._journal, trouble)
            raise
        try:
            return self.look_for_dead(register, now_ms)
        except BaseException:
            self.abandon()
            raise

    def look_for_dead(self, register: WorkerRegister, now_ms: int) -> int:
        """Finishes what the dead began; says how many requests are unconfirmed. Raises StoreUnavailable."""
        live = register.live_workers()
        others = (each for each in live if each.id != self.id)
        unconfirmed = sum(self._finish(other, register, now_ms) for other in others)
        left = self._journals() - {each.id for each in live} - {self.id}
        self._closed &= left
        return unconfirmed + sum(self._finish_lost(each, register, now_ms) for each in left - self._closed)

    def close(self, register: WorkerRegister) -> None:
        """Ends in order: everything was flushed. Raises StoreUnavailable; the next start then adopts it."""
        register.close_worker(self.id)
        self.journal.close(unlink=True)

    def abandon(self) -> None:
        """Lets go of a journal that still has something to say, for the next start to adopt."""
        self.journal.close(unlink=False)

    def _register(self, register: WorkerRegister, now_ms: int) -> None:
        register.open_worker(
            WorkerLife(
                id=self.id,
                host=os.uname().nodename,
                boot=self._boot,
                journal=str(self.journal.path.absolute()),
                seen=now_ms,
            )
        )

    def _withdraw(self, register: WorkerRegister, journal: Journal, trouble: BaseException) -> None:
        """Leaves nothing behind where it could not be registered, or nobody said that it was."""
        self._journal = None
        try:
            if isinstance(trouble, StoreInDoubt):
                # Where that fails too, it is lost some day: without loss, for it has leased nothing.
                with suppress(StoreUnavailable):
                    register.close_worker(self.id)
        finally:
            journal.close(unlink=True)

    def _finish(self, other: WorkerLife, register: WorkerRegister, now_ms: int) -> int:
        try:
            return adopt(other.id, self._path(other.id), register, self._boot, now_ms) or 0
        except FileNotFoundError:
            if not self._shared or now_ms - other.seen > _SILENT_MS:
                register.lose(other.id, now_ms)
            return 0
        except OSError as trouble:
            raise OperatorError(_unreadable(self._path(other.id), trouble)) from None

    def _finish_lost(self, other: str, register: WorkerRegister, now_ms: int) -> int:
        """A worker that was given up may have left a journal all the same: what is readable applies."""
        if register.worker(other).state == "closed":
            # Of another store, or closed a moment ago. Nobody reopens an id.
            self._closed.add(other)
            return 0
        try:
            found = adopt(other, self._path(other), register, self._boot, now_ms)
        except FileNotFoundError:
            return 0
        except OSError as trouble:
            # The others are finished all the same, and this one with the next start.
            _LOG.error("%s", _unreadable(self._path(other), trouble))
            self._closed.add(other)
            return 0
        if found is not None:
            _LOG.warning(
                "%s was given up, and its journal is here all the same: what it says is booked, beside what "
                "somebody has resolved of it",
                other,
            )
        return found or 0

    def _journals(self) -> set[str]:
        """The workers that have a journal here."""
        return {each.stem for each in self._folder.glob("*.journal") if not each.name.startswith(".")}

    def _path(self, id: str) -> Path:
        return self._folder / f"{id}.journal"


def _unreadable(journal: Path, trouble: OSError) -> str:
    return (
        f"The journal {journal} of a worker that died cannot be read: "
        f"{os.strerror(trouble.errno or 0).lower()}. Let the user that runs the gateway read and write it."
    )


def _refuse_far(folder: Path) -> None:
    kind = _file_system(folder.absolute())
    if kind in _FAR:
        raise OperatorError(
            f"{folder} is on a network file system ({kind}), where a journal is not safe: put the data "
            "directory on a disk of this machine."
        )


def _file_system(folder: Path) -> str:
    """What the kernel calls the kind of file system that `folder` is on; empty where it does not say."""
    found = ("", "")
    with suppress(OSError, UnicodeDecodeError):
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
            before, _, after = line.partition(" - ")
            mounted = before.split(" ")[4].replace("\\040", " ")
            inside = folder.is_relative_to(mounted)
            if inside and len(mounted) >= len(found[0]):
                found = mounted, after.split(" ")[0]
    return found[1]


def _boot_id() -> str:
    """What the kernel calls this start of the machine; empty where it has no name for it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
