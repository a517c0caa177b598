"""What the terminal door needs of the rest of Z-AI: `app` joins the concrete parts and hands them in."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from zai_gateway.accounts.provider_keys import Probe
from zai_gateway.accounts.service import Accounts
from zai_gateway.care import CopiedBooks, Finding, Reconciliation, RestoredBooks
from zai_gateway.clock import Clock
from zai_gateway.spend.store import SpendStore


class Place(Struct, frozen=True, kw_only=True):
    """Where the books are, as far as the command line says so."""

    data: Path | None = None
    """The data directory."""
    database: str | None = None
    """The address of a PostgreSQL database. It may hold a password."""


class Books(Struct, frozen=True, kw_only=True):
    """A place that is open: who may spend, and where the budgets stand."""

    accounts: Accounts
    spend: SpendStore


class Care(Protocol):
    """What keeps a place from loss. All raise OperatorError, which says what to do."""

    def back_up(self, file: Path, *, force: bool) -> CopiedBooks:
        """Copies the books to `file`; `force` replaces an earlier copy there."""
        ...

    def restore(self, file: Path, *, force: bool) -> RestoredBooks:
        """Puts the books in `file` back; `force` in the place of those that are there."""
        ...

    def findings(self) -> tuple[Finding, ...]:
        """What an examination finds. Changes nothing."""
        ...

    def reconciliation(self) -> Reconciliation:
        """Whether the books of spend agree with one another. Changes nothing; raises StoreUnavailable too."""
        ...

    def living_workers(self) -> Collection[str]:
        """The ids of the workers of the directory that live: their journals are locked."""
        ...


class ServeOptions(Struct, frozen=True, kw_only=True):
    """How `zai serve` was asked to run."""

    host: str
    port: int
    """0 lets the system choose one."""
    data: Path
    database: str | None = None
    """The address of a PostgreSQL database; None where the environment says whether there is one."""
    log_level: str
    """`critical`, `error`, `warning`, `info` or `debug`."""
    json: bool
    """Whether what a start tells is one JSON document on stdout."""
    public_url: str | None = None
    """One URL or several, with commas between; None, here and below, where the environment says it."""
    trusted_proxies: str | None = None
    """Addresses or networks, with commas between."""
    allow_private_addresses: bool | None = None
    provider_env: bool = False
    """Whether keys at providers are taken from the variables in which their users keep them."""
    workers: int | None = 1
    """How many processes serve; None: one for each processor."""


class Composition(Struct, frozen=True, kw_only=True):
    """The parts behind the commands."""

    default_data: Path
    """The data directory where no --data is given."""
    base_url: str
    """Where the gateway is for a key's holder; ends in `/v1`."""
    public_url: str
    """Where people find it, one URL or several with commas between; empty where nobody said."""
    api_key: str | None
    """The holder's own key."""
    secret: Callable[[str], str | None]
    """The environment variable of that name; None where it is unset or empty."""
    open_books: Callable[[Path, str | None], AbstractContextManager[Books]]
    """Opens a data directory, and the database of that address or else the directory's own.

    Initialises what is empty. Raises OperatorError or StoreUnavailable.
    """
    open_books_without_key: Callable[[Path, str | None], AbstractContextManager[Books]]
    """The same where the encryption key was lost: nothing that is sealed opens, and all else does."""
    serve: Callable[[ServeOptions], int]
    """Runs the gateway until it is told to stop; gives the exit code. Raises OperatorError."""
    probe: Callable[[bool | None], Probe]
    """What asks a provider whether it takes a key; given whether an address that a user set may be private.

    None is as the environment says. Raises OperatorError.
    """
    care: Callable[[Path, str | None], Care]
    """Of a data directory, and the database of that address or else the directory's own."""
    clock: Clock

    def directory(self, chosen: Place | None) -> Path:
        """The data directory that --data chose, or the one for all commands."""
        return self.default_data if chosen is None or chosen.data is None else chosen.data

    def books(self, chosen: Place | None) -> AbstractContextManager[Books]:
        """The open books of that place. Raises OperatorError or StoreUnavailable."""
        return self.open_books(self.directory(chosen), chosen.database if chosen else None)

    def books_without_key(self, chosen: Place | None) -> AbstractContextManager[Books]:
        """The same for whoever lost its encryption key."""
        return self.open_books_without_key(self.directory(chosen), chosen.database if chosen else None)

    def caretaker(self, chosen: Place | None) -> Care:
        """The care of that place."""
        return self.care(self.directory(chosen), chosen.database if chosen else None)
