"""Hosts with gateways on them, which a test kills and stops as it likes."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.e2e.gateway_process import ZAI, GatewayProcess, Operator
from tests.torture.books import Books
from tests.torture.orders import MODEL

_INHERITED = ("PYTHONPATH",)
"""What says where this run's own product is, if it is not the one that is installed."""


class Gateway(GatewayProcess):
    """A `zai serve`: one process, or several with `--workers`."""

    @property
    def pid(self) -> int:
        """Of the process that was started."""
        return self._process.pid

    @property
    def workers(self) -> list[int]:
        """The processes of its workers: its children, or itself alone."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(child) for child in children] or [self.pid]

    def tell(self, number: signal.Signals) -> None:
        """Sends a signal to all its processes, the parent first."""
        for process in (self.pid, *(each for each in self.workers if each != self.pid)):
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def kill(self) -> None:
        """Ends it and all its workers at once, with no chance to do anything (SIGKILL)."""
        if self.runs:
            self.tell(signal.SIGKILL)
        super().kill()


class Host:
    """A machine with a data directory, and the gateways on it."""

    def __init__(self, data: Path, address: str | None = None, **variables: str) -> None:
        """`address`: of the books for the test itself, where that is another one than the gateways'."""
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        self.operator = Operator(data, **inherited, ZAI_ASSUME_AFTER="never", **variables)
        self.data = data
        own = self.operator.environment
        self.books = Books(data, own if address is None else own | {"ZAI_DATABASE": address})
        self._gateways: list[Gateway] = []

    def set(self, **variables: str) -> None:
        """Variables of gateways and commands from now on."""
        self.operator.environment.update(variables)

    def has_bank(self, base_url: str) -> None:
        """The bank is the provider of MODEL, at its own price."""
        self.books.provide(MODEL, base_url)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table, as the store keeps it."""
        return self.books.rows(table)

    def start(self, *options: str) -> Gateway:
        """A gateway that answers: of one process, unless it is told otherwise."""
        made = self.begin(*(options or ("--workers", "1")))
        assert made.base_url
        return made

    def begin(self, *options: str) -> Gateway:
        """A gateway that is starting."""
        command = [str(ZAI), "serve", "--port", "0", "--json", "--data", str(self.data), *options]
        log = self.data.with_name(f"{self.data.name}-{len(self._gateways)}.log")
        self._gateways.append(Gateway(command, self.operator.environment, log))
        return self._gateways[-1]

    def end(self) -> None:
        """Kills what still runs, and clears up after what ended by itself."""
        for gateway in self._gateways:
            gateway.kill()
