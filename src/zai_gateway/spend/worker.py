"""A worker's life: a locked file says that it lives, and who starts adopts the holds of those that died."""

import fcntl
import os
from pathlib import Path

from zai_gateway.spend.store import WorkerRegister


class Worker:
    """One process that holds money. Its locked file proves that it lives: the kernel unlocks a dead one's."""

    def __init__(self, id: str, folder: Path) -> None:
        self.id = id
        self._folder = folder
        self._lock: int | None = None

    def open(self, register: WorkerRegister, now_ms: int) -> int:
        """Begins to live, then adopts the dead; says how many holds they left. Raises StoreUnavailable.

        The file is locked before it has its name, so that nobody finds it unlocked.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        unnamed = self._folder / f".{self.id}"
        self._lock = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unnamed.rename(self._path(self.id))
        register.open_worker(self.id, os.uname().nodename, _boot_id(), now_ms)
        others = (other for other in register.live_workers() if other != self.id)
        return sum(self._adopt(other, register, now_ms) for other in others)

    def close(self, register: WorkerRegister) -> None:
        """Ends in order: every hold was settled. Raises StoreUnavailable; the next start then adopts it."""
        register.close_worker(self.id)
        self._path(self.id).unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)

    def _adopt(self, other: str, register: WorkerRegister, now_ms: int) -> int:
        lock = os.open(self._path(other), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        else:
            left = register.adopt(other, now_ms)
            self._path(other).unlink(missing_ok=True)
            return left
        finally:
            os.close(lock)

    def _path(self, id: str) -> Path:
        return self._folder / f"{id}.lock"


def _boot_id() -> str:
    """What the kernel calls this start of the machine; empty where it has no name for it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
