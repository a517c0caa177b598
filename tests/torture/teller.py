"""The teller: starts a bank, and asks it in a test's name what came, what was billed, and in which order."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import asdict

from tests.torture.orders import Account, Event, Kind, Order

_ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
_LOOK_SECONDS = 0.02


class Teller:
    """One bank, as the test sees it. Its calls are answered at once."""

    def __init__(self, url: str) -> None:
        self.base_url = f"{url}/v1"
        """For a provider key."""
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)

    def open(self, gate: str) -> None:
        """Lets everything through a gate, now and later."""
        self._ask("/_open", {"gate": gate})

    def rule(self, order: Order) -> None:
        """What is done from now on with a message that is a mere tag; no account: the model's name."""
        self._ask("/_rule", {**asdict(order)})

    def account(self, name: str) -> Account:
        """What it has of an account; nothing of one that it never heard of."""
        accounts = msgspec.json.decode(self._ask("/_accounts", None), type=dict[str, Account])
        return accounts.get(name, Account())

    def events(self, account: str | None = None, kind: Kind | None = None) -> list[Event]:
        """What happened, in order."""
        events = msgspec.json.decode(self._ask("/_events", {"since": 0}), type=list[Event])
        return [
            each
            for each in events
            if (account is None or each.account == account) and (kind is None or each.kind is kind)
        ]

    async def until(self, name: str, holds: Callable[[Account], bool]) -> Account:
        """Waits until something is so of an account."""
        give_up = time.monotonic() + PATIENCE
        while not holds(account := self.account(name)):
            assert time.monotonic() < give_up, f"it did not happen: {name} {account}"
            await asyncio.sleep(_LOOK_SECONDS)
        return account

    async def until_arrived(self, name: str, count: int) -> None:
        """Waits until so many requests of an account have come in, since the bank began."""
        await self.until(name, lambda account: account.arrived >= count)

    async def until_all_billed(self, name: str) -> Account:
        """Waits until nothing of an account is under way."""
        return await self.until(name, lambda account: account.held == 0)

    def close(self) -> None:
        """Hangs up."""
        self._connection.close()

    def _ask(self, path: str, body: object) -> bytes:
        try:
            self._connection.request("POST", path, json.dumps(body))
            return self._connection.getresponse().read()
        except BaseException:
            self._connection.close()
            raise


@contextmanager
def bank() -> Generator[Teller]:
    """A bank of this test's own."""
    command = [sys.executable, "-m", "tests.torture.bank"]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        teller = Teller(process.stdout.readline().strip())
        try:
            yield teller
        finally:
            teller.close()
            process.terminate()
