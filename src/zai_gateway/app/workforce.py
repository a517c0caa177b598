"""The workforce: several worker processes that serve one socket, and the parent that keeps them at work."""

import asyncio
import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from msgspec import Struct

from zai_gateway.errors import OperatorError, StoreUnavailable

_LOG = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_END, _HURRY = signal.SIGTERM, signal.SIGINT
"""What the parent tells its workers. A supervisor that tells every process SIGTERM, and the parent that does
so too, mean one thing."""
_LONGEST_TROUBLE = 1_000
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 10.0
"""Seconds before a worker that died is replaced: the first time, and at most."""
_HEALTHY = 10.0
"""Seconds after which a death is no longer taken for a trouble of the start."""


class Post(Struct, frozen=True):
    """What a worker process is given by its parent."""

    index: int
    """0 for the first worker, which does what one of them has to do."""
    ready: Callable[[], None]
    """To be called when requests are answered."""
    lifeline: int
    """A descriptor that reads as ended when the parent is gone: then nobody would end the worker."""


def obey(post: Post, end: Callable[[], None], hurry: Callable[[], None]) -> None:
    """Has the running loop call `end` once, when the parent says so or is gone, and `hurry` when it says so.

    Must be called in the main thread, on which signals arrive.
    """
    loop = asyncio.get_running_loop()
    ending: list[bool] = []

    def end_once() -> None:
        loop.remove_reader(post.lifeline)
        if not ending:
            ending.append(True)
            end()

    def hurry_up() -> None:
        end_once()
        hurry()

    loop.add_reader(post.lifeline, end_once)
    loop.add_signal_handler(_END, end_once)
    loop.add_signal_handler(_HURRY, hurry_up)


class Workforce:
    """Keeps `number` workers at `work`, each in a process of its own; `work` gives an exit code.

    Workers are forks of this process, which must have no threads, no connections and no event loop. A worker
    that raises OperatorError or StoreUnavailable ends with code 1. `on_stopping` is called when the workers
    were told to end.
    """

    def __init__(
        self, number: int, work: Callable[[Post], int], on_stopping: Callable[[], None] = lambda: None
    ) -> None:
        self._number = number
        self._work = work
        self._on_stopping = on_stopping
        self._workers: dict[int, tuple[int, float]] = {}
        """Index and start (seconds, monotonic) by process id."""
        self._waits: dict[int, float] = {}
        self._due: dict[int, float] = {}
        """When each worker that is missing is to be started."""
        self._stopping = False
        self._lifeline, self._held = os.pipe()
        self._ready, self._tell = os.pipe()
        os.set_blocking(self._ready, False)
        self._answering = 0
        self._failed = 0
        self._trouble = ""

    def run(self, on_ready: Callable[[], None]) -> int:
        """Works until SIGTERM or SIGINT, which every worker is told; gives the exit code.

        `on_ready` is called once, when the first workers all answer requests. A worker that fails before that
        ends them all; raises OperatorError, with the first one's words, where it knew why.
        """
        if threading.active_count() > 1:
            raise RuntimeError("workers are to be forked before any thread is started")
        waker, told = os.pipe()
        os.set_blocking(told, False)
        before = {number: signal.signal(number, self._stop) for number in (*_SIGNALS, signal.SIGCHLD)}
        signal.set_wakeup_fd(told)
        told_all = False
        try:
            self._due = dict.fromkeys(range(self._number), 0.0)
            while self._workers or (self._due and not self._stopping):
                self._start_due()
                if waker in select.select([waker, self._ready], [], [], self._patience())[0]:
                    os.read(waker, 1_024)
                ended = self._reaped()
                self._hear(on_ready)  # after that: what one said comes before its end
                for index, code, lived in ended:
                    self._bury(index, code, lived)
                if self._stopping and not told_all:
                    told_all = True
                    self._on_stopping()
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            for descriptor in (waker, told, self._lifeline, self._held, self._ready, self._tell):
                os.close(descriptor)
        if self._trouble:
            raise OperatorError(self._trouble)
        return self._failed

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self._tell_all(_HURRY if self._stopping else _END)
            self._stopping = True

    def _hear(self, on_ready: Callable[[], None]) -> None:
        """What workers say is a line each: an empty one when they answer, or else why they end."""
        said = b""
        with suppress(BlockingIOError):
            said = os.read(self._ready, 1 << 16)
        for line in said.decode(errors="replace").splitlines():
            if not line:
                self._answering += 1
                if self._answering == self._number:
                    on_ready()
            elif self._answering < self._number:
                self._trouble = self._trouble or line
            else:
                _LOG.error("a worker ends: %s", line)

    def _tell_all(self, number: signal.Signals) -> None:
        for process in tuple(self._workers):
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def _patience(self) -> float | None:
        if not self._due or self._stopping:
            return None
        return max(0.0, min(self._due.values()) - time.monotonic())

    def _start_due(self) -> None:
        for index, due in tuple(self._due.items()):
            if not self._stopping and due <= time.monotonic():
                del self._due[index]
                self._start(index)

    def _start(self, index: int) -> None:
        # A signal between the fork and the entry in the list would miss the worker.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            sys.stdout.flush()
            sys.stderr.flush()
            process = os.fork()
            if process == 0:
                self._be(index)
            self._workers[process] = index, time.monotonic()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _be(self, index: int) -> None:
        """The life of a worker: a fork must never come back into its parent's code."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            # A terminal's Ctrl-C is for the parent, who passes it on: twice would mean to hurry.
            os.setpgid(0, 0)
            os.close(self._held)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            code = self._work(Post(index, lambda: self._say(""), self._lifeline))
        except KeyboardInterrupt:
            code = 130
        except (OperatorError, StoreUnavailable) as trouble:
            self._say(str(trouble) or type(trouble).__name__)
        except BaseException as trouble:
            # Only its kind: nobody knows what stands in its text.
            _LOG.critical("worker %d: unexpected %s", index + 1, type(trouble).__qualname__)
        finally:
            with suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _say(self, said: str) -> None:
        # So short a line comes whole, whoever else writes.
        os.write(self._tell, " ".join(said.split())[:_LONGEST_TROUBLE].encode() + b"\n")

    def _reaped(self) -> list[tuple[int, int, float]]:
        """The workers that ended: index, exit code and seconds that each lived."""
        ended: list[tuple[int, int, float]] = []
        while self._workers:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                break
            if (known := self._workers.pop(process, None)) is not None:
                index, began = known
                ended.append((index, os.waitstatus_to_exitcode(status), time.monotonic() - began))
        return ended

    def _bury(self, index: int, code: int, lived: float) -> None:
        """Takes note of a worker's end, and has it replaced unless all are to end."""
        if self._stopping:
            # One that was told to end before it could listen to that ends by the signal itself.
            self._failed = self._failed or (0 if -code in _SIGNALS else abs(code))
        elif self._answering < self._number:
            self._failed, self._stopping = abs(code) or 1, True
            self._tell_all(_END)
        else:
            self._replace(index, code, lived)

    def _replace(self, index: int, code: int, lived: float) -> None:
        wait = _FIRST_WAIT if lived > _HEALTHY else min(self._waits.get(index, 0.0) * 2, _LONGEST_WAIT)
        wait = max(wait, _FIRST_WAIT)
        self._waits[index] = wait
        self._due[index] = time.monotonic() + wait
        ended = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        _LOG.error("worker %d %s: another one starts in %.1f s", index + 1, ended, wait)
