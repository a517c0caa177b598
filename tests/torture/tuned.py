"""`zai serve` with a test's own patience, and a log of its transactions: `python -m tests.torture.tuned`."""

import argparse
import inspect
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, Engine, event

from zai_gateway.app.running import run
from zai_gateway.cli.doors import ServeOptions
from zai_gateway.clock import SystemClock
from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.relay.upstream import Inbound, Outbound, Timeouts, unnoticed
from zai_gateway.settings import Environment, Limits

_STORAGE = f"{os.sep}zai_gateway{os.sep}storage{os.sep}"

_IMPATIENT_SECONDS = 3.0
"""All that are asked at once have come by then: after some failures others would be asked first."""


class Impatient(NetworkUpstream):
    """The network, that has no patience for one address."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    async def send(
        self, request: Outbound, timeouts: Timeouts, sending: Callable[[], None] = unnoticed
    ) -> Inbound:
        if request.url.startswith(self._address):
            timeouts = replace(timeouts, first_byte=_IMPATIENT_SECONDS)
        return await super().send(request, timeouts, sending)


class TransactionLog:
    """Writes down each transaction of these processes once it has ended: its move, and its statements."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)

    def listen(self) -> None:
        """Begins, for this process and those that it forks."""
        event.listen(Engine, "begin", self._began)
        event.listen(Engine, "before_cursor_execute", self._executed)
        event.listen(Engine, "commit", self._ended)
        event.listen(Engine, "rollback", self._ended)

    def _began(self, connection: Connection) -> None:
        connection.info["move"], connection.info["statements"] = _move(inspect.currentframe()), 0

    def _executed(self, connection: Connection, *_of_it: Any) -> None:
        connection.info["statements"] = connection.info.get("statements", 0) + 1

    def _ended(self, connection: Connection) -> None:
        line = {
            "at": time.monotonic(),
            "process": os.getpid(),
            "move": connection.info.pop("move", "?"),
            "statements": connection.info.pop("statements", 0),
        }
        # In one write, so that several processes can share the file.
        os.write(self._file, json.dumps(line).encode() + b"\n")


def _move(frame: FrameType | None) -> str:
    """The name of the store's call that is being carried out."""
    found = "?"
    while frame is not None:
        if _STORAGE in frame.f_code.co_filename:
            found = frame.f_code.co_name
        frame = frame.f_back
    return found


def main() -> int:
    """Serves until it is told to stop. Its first line on stdout is that of `zai serve --json`."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--line-seconds", type=float, default=Limits().line_seconds)
    options.add_argument("--store-seconds", type=float, default=Limits().store_seconds)
    options.add_argument("--recall-seconds", type=float, default=Limits().recall_seconds)
    options.add_argument("--impatient-with", metavar="URL")
    options.add_argument("--transactions", type=Path)
    given = options.parse_args()
    if given.transactions is not None:
        TransactionLog(given.transactions).listen()
    serving = ServeOptions(
        host="127.0.0.1", port=0, data=given.data, workers=given.workers, log_level="info", json=True
    )
    limits = Limits(
        line_seconds=given.line_seconds,
        store_seconds=given.store_seconds,
        recall_seconds=given.recall_seconds,
    )
    slow: str | None = given.impatient_with
    network = None if slow is None else lambda: Impatient(slow)
    return run(serving, Environment(), SystemClock(), limits, network)


if __name__ == "__main__":
    sys.exit(main())
