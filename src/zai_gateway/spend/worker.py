"""A worker's life: a locked file says that it lives, and who starts adopts the holds of those that died."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from zai_gateway.spend.store import WorkerLife, WorkerRegister


class Worker:
    """One process that holds money. Its locked file proves that it lives: the kernel unlocks a dead one's.

    The files are in `folder`, which must be on a disk of this machine's own. Where `shared`, the register has
    workers of other folders too, on this host and on others, of whom nothing can be known here: then only a
    worker that left its file in this very folder is ever adopted. Else every worker in the register was one
    of this folder, and one without a file is dead.
    """

    def __init__(self, id: str, folder: Path, *, shared: bool = False) -> None:
        self.id = id
        self._folder = folder
        self._shared = shared
        self._lock: int | None = None

    def open(self, register: WorkerRegister, now_ms: int) -> int:
        """Begins to live, then adopts the dead; says how many holds they left. Raises StoreUnavailable.

        The file is locked before it has its name, so that nobody finds it unlocked.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        unnamed = self._folder / f".{self.id}"
        self._lock = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(self._lock, _itself(self._lock))
        unnamed.rename(self._path(self.id))
        register.open_worker(
            WorkerLife(
                id=self.id,
                host=os.uname().nodename,
                boot=_boot_id(),
                journal=str(self._path(self.id).absolute()),
                seen=now_ms,
            )
        )
        others = (other for other in register.live_workers() if other != self.id)
        return sum(self._adopt(other, register, now_ms) for other in others)

    def close(self, register: WorkerRegister) -> None:
        """Ends in order: every hold was settled. Raises StoreUnavailable; the next start then adopts it."""
        register.close_worker(self.id)
        self._path(self.id).unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)

    def _adopt(self, other: str, register: WorkerRegister, now_ms: int) -> int:
        made = 0 if self._shared else os.O_CREAT
        try:
            lock = os.open(self._path(other), os.O_RDWR | made | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            return 0
        try:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # In the copy of a data directory lie the files of workers that live where it was copied from.
                if not self._shared or os.pread(lock, 64, 0) == _itself(lock):
                    left = register.adopt(other, now_ms)
                    self._path(other).unlink(missing_ok=True)
                    return left
            return 0
        finally:
            os.close(lock)

    def _path(self, id: str) -> Path:
        return self._folder / f"{id}.lock"


def _itself(lock: int) -> bytes:
    """What a lock file says of itself, and no copy of it can."""
    return b"inode %d\n" % os.fstat(lock).st_ino


def _boot_id() -> str:
    """What the kernel calls this start of the machine; empty where it has no name for it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
