"""What the store in memory keeps, and what goes wrong in it."""

from typing import Protocol

from msgspec import Struct

from zai_gateway.spend.store import WorkerLife


class Trouble(Protocol):
    """What goes wrong, and how long things take. Called from the threads of the calls."""

    def before(self, call: str) -> None:
        """Before anything has happened: may wait, or raise StoreUnavailable."""
        ...

    def after(self, call: str) -> None:
        """After it has happened: may wait, or raise StoreInDoubt."""
        ...


class NoTrouble:
    """Nothing goes wrong."""

    def before(self, call: str) -> None:
        pass

    def after(self, call: str) -> None:
        pass


class WindowRow(Struct):
    """A window."""

    budget: str
    start_ms: int
    committed: int = 0
    recall: int = 0
    recalled_until_ms: int = 0


class LeaseRow(Struct):
    """A worker's lease on a window."""

    granted: int = 0
    spent: int = 0
    risk: int = 0
    answered: int = 0

    @property
    def left(self) -> int:
        return self.granted - self.spent - self.risk


class WorkerRow(Struct):
    """A worker."""

    life: WorkerLife
    state: str = "live"
    applied: int = 0
