"""Processes under measurement: started on a core of their own, and read through /proc (Linux only)."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Self

from msgspec import Struct

_TICKS = os.sysconf("SC_CLK_TCK")
_END_SECONDS = 30.0


class Unusable(Exception):
    """A measurement that came to nothing, with the reason."""


class Cores(Struct, frozen=True):
    """Which core the gateway or its control runs on, and which all else."""

    gateway: int
    load: int

    @classmethod
    def found(cls) -> Self:
        """The first core that this process may use, and the last; the same one where there is only one."""
        usable = sorted(os.sched_getaffinity(0))
        return cls(usable[0], usable[-1])

    @property
    def shared(self) -> bool:
        """Whether all run on one core."""
        return self.gateway == self.load


@contextmanager
def pinned(core: int) -> Generator[None]:
    """What is started inside runs on this core, from its first instruction."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Launch(Struct, frozen=True, kw_only=True):
    """How a process is started that listens on a port of this machine."""

    command: tuple[str, ...]
    port: int
    folder: Path
    """Where it runs, and where its log goes."""
    environment: Mapping[str, str] = {}


class Server:
    """A process that was launched, with its children."""

    def __init__(self, launch: Launch, core: int) -> None:
        self.launch = launch
        self.log = launch.folder / f"{Path(launch.command[0]).name}-{launch.port}.log"
        with pinned(core), self.log.open("ab") as log:
            # A session of its own, so that it ends with all its children.
            self._process = subprocess.Popen(  # noqa: S603 -- commands are put together here
                launch.command,
                cwd=launch.folder,
                env=own_environment(launch.folder, launch.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def cpu(self) -> float:
        """Seconds of CPU that it has used, in all threads and children that live."""
        used = 0
        for pid in self._all():
            with suppress(OSError):
                used += sum(int(field) for field in _stat(pid)[11:13])
        return used / _TICKS

    def rss(self) -> float:
        """Resident memory in bytes, of it and its children."""
        kilobytes = 0
        for pid in self._all():
            with suppress(OSError):
                for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
                    if line.startswith("VmRSS:"):
                        kilobytes += int(line.split()[1])
        return kilobytes * 1024

    def check(self) -> None:
        """Raises Unusable where it has ended."""
        if self._process.poll() is not None:
            last = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
            name = Path(self.launch.command[0]).name
            raise Unusable(f"{name} ended with {self._process.returncode}: {' / '.join(last)}")

    def stop(self) -> None:
        """Ends it in order, and by force what does not end."""
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _all(self) -> list[int]:
        parents: dict[int, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    parents[int(entry.name)] = int(_stat(int(entry.name))[1])
        found = [self._process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found


def own_environment(home: Path, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a process sees: nothing of the user's own settings."""
    return {"HOME": str(home), "PATH": os.defpath, "LANG": "C.UTF-8", **(variables or {})}


def run(
    command: Sequence[str | Path],
    *,
    seconds: float,
    environment: Mapping[str, str] | None = None,
    stdin: str = "",
    core: int | None = None,
) -> str:
    """What a command prints, run to its end; its environment is ours without one. Raises Unusable."""
    name = Path(command[0]).name
    try:
        with nullcontext() if core is None else pinned(core):
            ran = subprocess.run(  # noqa: S603 -- commands are put together here
                command,
                env=environment,
                input=stdin,
                capture_output=True,
                encoding="utf-8",
                timeout=seconds,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise Unusable(f"{name} did not end within {seconds:g} s") from None
    except OSError as trouble:
        raise Unusable(f"{name} cannot be run ({trouble.strerror})") from None
    if ran.returncode:
        raise Unusable(f"{name} ended with {ran.returncode}: {(ran.stderr or ran.stdout).strip()[-400:]}")
    return ran.stdout


def end_in_order() -> None:
    """Makes SIGTERM end this process as Ctrl-C does, so that it leaves nothing running."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


def core_busy(core: int) -> float:
    """Seconds that a core has been at work for anybody, or was taken from this machine, since it started."""
    with Path("/proc/stat").open(encoding="ascii") as lines:
        for line in lines:
            name, *fields = line.split()
            if name == f"cpu{core}":
                user, nice, system, _idle, _wait, irq, soft, steal = map(int, fields[:8])
                return (user + nice + system + irq + soft + steal) / _TICKS
    raise Unusable(f"/proc/stat has no core {core}")


def free_port() -> int:
    """A port of this machine on which nobody listens now."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; the name before it may hold anything (proc(5))."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
