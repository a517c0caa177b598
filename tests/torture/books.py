"""The books of gateways under torture, opened beside them: keys are made there, and the sums are checked."""

import asyncio
import json
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.postgresql.books import rows_of
from tests.torture.customers import Seen
from tests.torture.orders import NANO_PER_TOKEN, PICO_PER_TOKEN
from zai_gateway.accounts.actor import operator
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.spend_books import UnconfirmedAttempt
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.app.house import opened
from zai_gateway.care import Grade
from zai_gateway.catalogue.model import Rates
from zai_gateway.clock import SystemClock
from zai_gateway.settings import Environment
from zai_gateway.spend.ledger import Flag
from zai_gateway.storage.reconciliation import reconcile

PATIENCE = 60.0
_LOOK_SECONDS = 0.05
_OPERATOR = operator()
_MOST = 1_000


class Key(Struct, frozen=True):
    """An API key with a spend cap, in nano-USD."""

    id: str
    secret: str
    cap: int | None


class Books:
    """One store, as an operator beside the gateways sees it."""

    def __init__(self, data: Path, variables: dict[str, str]) -> None:
        self._data = data
        self._environment = Environment(variables)

    @property
    def address(self) -> str | None:
        """Of the PostgreSQL database; None where the books are a file."""
        return self._environment.database

    @contextmanager
    def opened(self) -> Generator[tuple[Accounts, str]]:
        """The services on them, and the id of the workspace."""
        with opened(self._data, self._environment, SystemClock()) as house:
            yield house.accounts, house.accounts.the_workspace().id

    def provide(self, model: str, base_url: str) -> None:
        """The server at this address is the provider of a model, which costs what the bank bills."""
        provider, _, _ = model.partition("/")
        rates = Rates(input=0, cache_read=0, cache_write=0, cache_write_long=0, output=PICO_PER_TOKEN)
        with self.opened() as (accounts, place):
            wanted = NewProviderKey(provider=provider, secret="sk-upstream-4b1d", base_url=base_url)
            accounts.provider_keys.add(_OPERATOR, place, wanted)
            accounts.prices.set(_OPERATOR, place, model, rates)

    def new_keys(self, count: int, tokens: int | None) -> list[Key]:
        """Keys with a cap of what so many tokens cost; None: without one."""
        cap = None if tokens is None else tokens * NANO_PER_TOKEN
        with self.opened() as (accounts, place):
            made = [
                accounts.api_keys.create(
                    _OPERATOR, place, KeyChanges(name=f"key-{time.monotonic_ns()}-{n}", cap=cap)
                )
                for n in range(count)
            ]
        return [Key(each.key.id, each.secret, cap) for each in made]

    def set_cap(self, key: Key, tokens: int) -> None:
        """The cap is another one from now on."""
        with self.opened() as (accounts, place):
            changes = KeyChanges(cap=tokens * NANO_PER_TOKEN)
            accounts.api_keys.update(_OPERATOR, place, key.id, changes)

    def unconfirmed(self, key: Key) -> list[UnconfirmedAttempt]:
        """What nobody knows the cost of."""
        with self.opened() as (accounts, _):
            return [each for each in accounts.spend.unconfirmed(_OPERATOR, None, _MOST) if each.key == key.id]

    def resolve(self, key: Key, cost: int) -> None:
        """Everything that is unconfirmed of the key cost so much in all, each."""
        with self.opened() as (accounts, _):
            for each in accounts.spend.unconfirmed(_OPERATOR, None, _MOST):
                if each.key == key.id:
                    accounts.spend.resolve(_OPERATOR, None, each.request, each.attempt, cost)

    def lose(self, worker: str) -> None:
        """Gives up a worker that will not come back."""
        with self.opened() as (accounts, _):
            accounts.spend.lose(_OPERATOR, worker, lives_here=False, force=True)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table, as the store keeps it."""
        return rows_of(table, self._data, self.address)

    def unleased(self, key: Key) -> int:
        """What of its cap no gateway has leased or spent, in nano-USD."""
        assert key.cap is not None
        budgets = {row["id"] for row in self.rows("budget") if row["owner"] == key.id}
        return key.cap - sum(row["committed"] for row in self.rows("window") if row["budget"] in budgets)

    def entries(self, key: Key) -> list[dict[str, Any]]:
        """Of the ledger."""
        return [each for each in self.rows("ledger") if each["key"] == key.id]

    def written_off(self, key: Key) -> int:
        """By how much the cap may be passed, in nano-USD: what was at risk and was written off."""
        rows = [each for each in self.entries(key) if Flag.WRITTEN_OFF in json.loads(each["flags"])]
        return sum(-each["risk"] - each["cost"] for each in rows)

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Waits until something is so."""
        give_up = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < give_up, f"it did not happen: {what}"
            await asyncio.sleep(_LOOK_SECONDS)

    async def until_booked(self, key: Key, entries: int) -> None:
        """Waits until the ledger has so many entries of a key."""
        await self.until(lambda: len(self.entries(key)) >= entries, f"{entries} entries of {key.id}")

    def check(self, seen: Iterable[Seen] = ()) -> None:
        """The invariants hold, and whatever a client saw to its end is in the ledger, once."""
        found = reconcile(self._data, self.address)
        assert [each for each in found.findings if each.grade is Grade.FAIL] == []
        assert [each for each in found.sums if not each.agree] == []
        booked: dict[str, list[dict[str, Any]]] = {}
        for entry in self.rows("ledger"):
            booked.setdefault(entry["request"], []).append(entry)
        for each in seen:
            if each.whole:
                costs = [(entry["cost"], entry["risk"]) for entry in booked.get(each.request or "", [])]
                assert costs == [(each.tokens * NANO_PER_TOKEN, 0)], each
