"""What the terminal door needs of the rest of Z-AI: `app` joins the concrete parts and hands them in."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from msgspec import Struct

from zai_gateway.accounts.service import Accounts
from zai_gateway.clock import Clock
from zai_gateway.spend.reports import Reports
from zai_gateway.spend.store import SpendStore


class Books(Struct, frozen=True, kw_only=True):
    """A data directory that is open: who may spend, what was spent, and what it went on."""

    accounts: Accounts
    spend: SpendStore
    reports: Reports


class ServeOptions(Struct, frozen=True, kw_only=True):
    """How `zai serve` was asked to run."""

    host: str
    port: int
    """0 lets the system choose one."""
    data: Path
    log_level: str
    """`critical`, `error`, `warning`, `info` or `debug`."""
    json: bool
    """Whether what a start tells is one JSON document on stdout."""


class Composition(Struct, frozen=True, kw_only=True):
    """The parts behind the commands."""

    default_data: Path
    """The data directory where no --data is given."""
    base_url: str
    """Where the gateway is for a key's holder; ends in `/v1`."""
    api_key: str | None
    """The holder's own key."""
    secret: Callable[[str], str | None]
    """The environment variable of that name; None where it is unset or empty."""
    open_books: Callable[[Path], AbstractContextManager[Books]]
    """Opens a data directory, and initialises an empty one. Raises OperatorError or StoreUnavailable."""
    serve: Callable[[ServeOptions], int]
    """Runs the gateway until it is told to stop; gives the exit code. Raises OperatorError."""
    clock: Clock

    def directory(self, chosen: Path | None) -> Path:
        """The data directory that --data chose, or the one for all commands."""
        return self.default_data if chosen is None else chosen

    def books(self, chosen: Path | None) -> AbstractContextManager[Books]:
        """The open books of that directory. Raises OperatorError or StoreUnavailable."""
        return self.open_books(self.directory(chosen))
