"""The caretaker: backup, restore and examination of the books that a place and the environment name."""

from collections.abc import Collection
from pathlib import Path

from zai_gateway.app.doctor import Doctor
from zai_gateway.care import CopiedBooks, Finding, Reconciliation, RestoredBooks
from zai_gateway.clock import Clock
from zai_gateway.errors import OperatorError
from zai_gateway.settings import Environment
from zai_gateway.spend.living import living_workers
from zai_gateway.storage.backup import Copies
from zai_gateway.storage.reconciliation import reconcile


class Caretaker:
    """Implements `cli.doors.Care`, which says what the calls do."""

    def __init__(self, data: Path, environment: Environment, clock: Clock) -> None:
        self._data = data
        self._address = environment.database
        self._shared = environment.database is not None
        self._copies = Copies(data)
        self._doctor = Doctor(data, environment, clock)

    def back_up(self, file: Path, *, force: bool) -> CopiedBooks:
        if self._shared:
            raise OperatorError(
                "The books are in PostgreSQL: copy them with its own pg_dump, as docs/operations.md shows."
            )
        return self._copies.back_up(file, force=force)

    def restore(self, file: Path, *, force: bool) -> RestoredBooks:
        if self._shared:
            raise OperatorError(
                "The books are in PostgreSQL: put them back with its pg_restore, as docs/operations.md shows."
            )
        books = self._copies.restore(file, force=force)
        return RestoredBooks(books=books, key=self._doctor.key_fit())

    def findings(self) -> tuple[Finding, ...]:
        return self._doctor.findings()

    def reconciliation(self) -> Reconciliation:
        return reconcile(self._data, self._address)

    def living_workers(self) -> Collection[str]:
        return living_workers(self._data / "workers")
