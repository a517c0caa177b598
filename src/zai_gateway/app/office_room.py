"""The office's own process: makes pages until its gateway lets go of the line, behind whatever serves."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import msgspec
from anyio import to_thread

from zai_gateway.app.office_line import LENGTH_BYTES, RELEASE, Asked, Plan, Refusal, Told, framed
from zai_gateway.edge.bridge import Application, answered
from zai_gateway.edge.door import told
from zai_gateway.errors import Code, Failure, OperatorError, StoreUnavailable

THREADS = 4
"""On which pages are made."""
_NICE = 10
"""How far it stands behind what serves, where there are several cores."""
_NOT_FOR_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOG = logging.getLogger(__name__)
_ASKED = msgspec.msgpack.Decoder(Asked)


def work(opening: Callable[[Plan], AbstractContextManager[Application]]) -> None:
    """Answers on the line that is the standard input, and ends the process with it.

    Signals are for the gateway: a terminal's Ctrl-C reaches both, and pages are made until the last client
    has its own. What `opening` gives makes them; it may raise OperatorError and StoreUnavailable.
    """
    for number in _NOT_FOR_US:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _NOT_FOR_US)
    _stand_behind()
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        asyncio.run(_work(opening))
    # What is still being made has nobody to go to.
    os._exit(0)


async def _work(opening: Callable[[Plan], AbstractContextManager[Application]]) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=0))
    plan = msgspec.msgpack.decode(await _frame(reader), type=Plan)
    form = "%(asctime)s %(levelname)s office %(name)s: %(message)s"
    logging.basicConfig(level=plan.log_level, format=form)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    try:
        with opening(plan) as application:
            await _attend(application, reader, writer)
    except (OperatorError, StoreUnavailable) as trouble:
        _LOG.error("the office cannot open: %s", str(trouble) or type(trouble).__name__)
        writer.write(framed(Told(None, refusal=Refusal.of(_why(trouble)))))
        await writer.drain()


async def _attend(
    application: Application, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answers what is asked, each in its own time. Raises IncompleteReadError where the line ends."""

    async def answer(asked: Asked) -> None:
        inquiry = asked.inquiry
        try:
            frame = framed(Told(asked.id, await answered(application, inquiry)))
        except Exception as trouble:
            frame = framed(Told(asked.id, refusal=Refusal.of(told(trouble, inquiry.request_id))))
        writer.write(frame)

    under_way: set[asyncio.Task[None]] = set()
    while True:
        task = asyncio.create_task(answer(_ASKED.decode(await _frame(reader))))
        under_way.add(task)
        task.add_done_callback(under_way.discard)


async def _frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(LENGTH_BYTES)))


def _stand_behind() -> None:
    """Gives way to what serves requests; on the only core, whenever that has anything to do.

    See sched(7), "SCHED_IDLE", and docs/adr/0016-pages-beside-streams.md.
    """
    if sys.platform == "linux" and len(os.sched_getaffinity(0)) == 1:
        with suppress(OSError):  # a sandbox may forbid it
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            return
    with suppress(OSError):
        os.nice(_NICE)


def _why(trouble: OperatorError | StoreUnavailable) -> Failure:
    """What visitors are told of an office that cannot open; the operator has read more in the log."""
    if isinstance(trouble.__cause__ or trouble, StoreUnavailable):
        return StoreUnavailable().failure()
    return Failure(
        Code.INTERNAL_ERROR,
        "The console and /api cannot be opened. The gateway's log says why.",
        retry_after=5.0,
    )


@contextmanager
def _administration(plan: Plan) -> Generator[Application]:
    if plan.release != RELEASE:
        # It would migrate the books under a gateway that knows nothing of it.
        raise OperatorError(
            f"The gateway's files are those of another release ({RELEASE}) than it started with "
            f"({plan.release}): restart it."
        )
    # Loaded here: by now this process stands behind others.
    from zai_gateway.app.administering import administration  # noqa: PLC0415
    from zai_gateway.app.exposure import Exposure  # noqa: PLC0415
    from zai_gateway.app.house import opened  # noqa: PLC0415
    from zai_gateway.clock import SystemClock  # noqa: PLC0415
    from zai_gateway.settings import Environment  # noqa: PLC0415

    environment = Environment({os.fsdecode(name): os.fsdecode(it) for name, it in plan.variables.items()})
    with opened(Path(os.fsdecode(plan.data)), environment, SystemClock(), plan.store_seconds) as house:
        yield administration(house, Exposure.of(environment))


if __name__ == "__main__":
    work(_administration)
