"""A stand: gateways of a test's own patience before one bank, with a crowd of clients, and their books."""

import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.torture.books import Books, Key
from tests.torture.crowd import Crowd, crowd
from tests.torture.fleet import Gateway
from tests.torture.orders import MODEL
from tests.torture.places import Place
from tests.torture.teller import Teller

_CALM = ("--store-seconds", "60", "--recall-seconds", "60")
"""Nobody is taken for dead because the machine is busy with other things."""
PATIENT = ("--line-seconds", "120", *_CALM)
FOR_A_MINUTE = ("--line-seconds", "60", *_CALM)
IMPATIENT = ("--line-seconds", "0.5", *_CALM)
"""What has money soon gets it; who waits for holds of others is told so soon."""


class Transaction(Struct, frozen=True, kw_only=True):
    """One transaction of a worker."""

    at: float
    """When it ended, in seconds of the machine's monotonic clock."""
    process: int
    move: str
    """The call of the store."""
    statements: int


class Booked(Struct, frozen=True, kw_only=True):
    """What the ledger has of one key, in nano-USD."""

    rows: int
    cost: int
    risk: int


class Stand:
    """Gateways that answer."""

    def __init__(self, books: Books, gateways: list[Gateway], transactions: Path) -> None:
        self.books = books
        self.gateways = gateways
        self._log = transactions

    @property
    def doors(self) -> list[str]:
        """Where they answer."""
        return [each.base_url for each in self.gateways]

    def booked(self, key: Key) -> Booked:
        """What the ledger has of a key, as the store has it now."""
        rows = self.books.entries(key)
        return Booked(
            rows=len(rows), cost=sum(row["cost"] for row in rows), risk=sum(row["risk"] for row in rows)
        )

    def free_leases(self, key: Key) -> list[int]:
        """What each worker has leased of a key and not spent, in nano-USD, as the store has it now."""
        budgets = {row["id"] for row in self.books.rows("budget") if row["owner"] == key.id}
        windows = {row["id"] for row in self.books.rows("window") if row["budget"] in budgets}
        leases = [row for row in self.books.rows("lease") if row["window"] in windows]
        return [row["granted"] - row["spent"] - row["risk"] for row in leases]

    def transactions(self) -> list[Transaction]:
        """Every one so far, in the order in which they ended."""
        lines = self._log.read_bytes().splitlines() if self._log.exists() else []
        return [msgspec.json.decode(line, type=Transaction) for line in lines]

    def stop(self) -> None:
        """Ends the gateways in order: then all is in the books, and these agree with one another."""
        for each in self.gateways:
            each.terminate()
        for each in self.gateways:
            each.ended()
        self.books.check()
        assert {row["id"] for row in self.books.rows("worker")} <= {"closed"}
        assert {row["worker"] for row in self.books.rows("lease")} <= {"closed"}

    @asynccontextmanager
    async def crowd(self) -> AsyncGenerator[Crowd]:
        """Clients of these gateways."""
        async with crowd(self.doors) as clients:
            yield clients


@contextmanager
def standing(
    place: Place, teller: Teller, *options: str, gateways: int, workers: int = 1, model: str = MODEL
) -> Generator[Stand]:
    """So many gateways of so many workers, each on a host of its own where the books can be shared."""
    place.host.books.provide(model, teller.base_url)
    hosts = [place.host, *(place.another(f"there-{number}") for number in range(1, gateways))]
    folder = place.host.data.parent
    transactions = folder / "transactions"
    started: list[Gateway] = []
    try:
        for number, host in enumerate(hosts):
            given = ("--workers", str(workers), "--transactions", str(transactions), *options)
            command = [sys.executable, "-m", "tests.torture.tuned", "--data", str(host.data), *given]
            started.append(Gateway(command, host.operator.environment, folder / f"tuned-{number}.log"))
        stand = Stand(place.host.books, started, transactions)
        assert all(stand.doors)
        yield stand
    finally:
        for each in started:
            if each.runs:
                each.kill()
