"""A terminal for tests: runs commands on real books in a real directory, and keeps what they wrote."""

import io
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tests.clocks import HeldClock
from tests.made import make
from zai_gateway.accounts.keyfile import KeyFile
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.vault import Vault
from zai_gateway.app.caretaker import Caretaker
from zai_gateway.app.probing import probe
from zai_gateway.cli.doors import Books, Care, Composition, ServeOptions
from zai_gateway.cli.entry import build
from zai_gateway.cli.screen import Screen
from zai_gateway.settings import Environment
from zai_gateway.storage.store import Store

NOTHING: Mapping[str, str] = {}


class Outcome(Struct, frozen=True):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return msgspec.json.decode(self.out)


class Terminal:
    """A person, or a script, at a terminal with these environment variables."""

    def __init__(self, data: Path, variables: Mapping[str, str] = NOTHING) -> None:
        self.data = data
        self.clock = HeldClock()
        self.served: list[ServeOptions] = []
        self._variables = variables

    def run(self, *arguments: str, stdin: str = "") -> Outcome:
        """Runs `zai` with these arguments."""
        out, err = io.StringIO(), io.StringIO()
        # Things that are made one after the other are listed in that order.
        self.clock.move(0.001)
        run = build(self.composition(), Screen(io.StringIO(stdin), out, err))
        code = run(arguments)
        return Outcome(code, out.getvalue(), err.getvalue())

    def ok(self, *arguments: str, stdin: str = "") -> Any:
        """Runs a command with --json that has to succeed, and gives its document."""
        outcome = self.run(*arguments, "--json", stdin=stdin)
        assert (outcome.code, outcome.err) == (0, "")
        return outcome.json

    @contextmanager
    def books(self, data: Path | None = None, database: str | None = None) -> Generator[Books]:
        """The real books of a data directory, made ready where it is empty."""
        place = self.data if data is None else data
        if not (database or place.exists()):
            make(place)
        store = Store.open(place, address=database)
        try:
            file = KeyFile(place / "vault.key")
            vault = Vault(file.material(), "vault.key", file.read)
            accounts = Accounts(store.accounts, store.reports, vault, self.clock, key_file=file)
            if accounts.first_start() is not None:
                self.clock.move(0.001)
            yield Books(accounts=accounts, spend=store.spend)
        finally:
            store.close()

    def composition(self) -> Composition:
        """The parts behind the commands."""
        return Composition(
            default_data=self.data,
            base_url=self._variables.get("ZAI_BASE_URL", "http://127.0.0.1:9/v1"),
            public_url=self._variables.get("ZAI_PUBLIC_URL", ""),
            api_key=self._variables.get("ZAI_KEY"),
            secret=self._variables.get,
            open_books=self.books,
            open_books_without_key=self.books,
            serve=self._serve,
            probe=lambda private: partial(probe, private_for_all=bool(private)),
            care=self._care,
            clock=self.clock,
        )

    def _care(self, data: Path, database: str | None) -> Care:
        environment = Environment(self._variables).overruled_by({"ZAI_DATABASE": database})
        return Caretaker(data, environment, self.clock)

    def _serve(self, options: ServeOptions) -> int:
        self.served.append(options)
        return 0
