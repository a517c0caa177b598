"""Which workers of a data directory live: those whose journals are locked."""

import fcntl
import os
from pathlib import Path


def living_workers(folder: Path) -> frozenset[str]:
    """The ids of the workers with a file in `folder` that live at this moment.

    A file is locked before it has its name, and the kernel unlocks a dead one's. Raises OSError.
    """
    return frozenset(file.stem for file in folder.glob("*.journal") if _is_locked(file))


def _is_locked(file: Path) -> bool:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # it ended in order meanwhile
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
