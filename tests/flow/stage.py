"""The stage of every playbook: a whole gateway on a real socket and database, before a scripted upstream."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from msgspec import Struct

from tests.made import make
from tests.postgresql.books import books_for, rows_of
from tests.upstreams.openai_stub import OpenAIStub
from zai_gateway.accounts.actor import operator
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.terms import IssuedKey, KeyChanges
from zai_gateway.app.exposure import Exposure
from zai_gateway.app.gateway import Gateway
from zai_gateway.app.house import House
from zai_gateway.clock import SystemClock
from zai_gateway.edge.listening import address_of, listen
from zai_gateway.edge.server import Server, Serving
from zai_gateway.money import NANO_PER_USD
from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.settings import Environment, Limits
from zai_gateway.spend.spending import Spending

UPSTREAM_SECRET = "sk-upstream-secret-8d1f2c"
MODEL = "openai/gpt-5.4-mini"
OPERATOR = operator()


class Got(Struct, frozen=True):
    """What the client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def code(self) -> str:
        """`error.code`."""
        return self.json()["error"]["code"]

    def events(self) -> list[bytes]:
        """The data of each event of a stream."""
        frames = self.body.split(b"\n\n")
        return [frame.removeprefix(b"data: ") for frame in frames if frame.startswith(b"data: ")]


class Stage:
    """One gateway, its upstream, and clients for it."""

    def __init__(
        self,
        house: House,
        stub: OpenAIStub,
        session: aiohttp.ClientSession,
        base_url: str,
        spending: Spending,
        *,
        database: str | None = None,
    ) -> None:
        self.house = house
        self.spending = spending
        self._database = database or books_for(house.data).get("ZAI_DATABASE")
        self.stub = stub
        self.session = session
        self.base_url = base_url
        self.workspace = house.accounts.the_workspace().id

    def key(self, *, usd: float | None = None, nano: int | None = None, **terms: Any) -> IssuedKey:
        """A new API key with a cap in USD or in nano-USD, or without one."""
        cap = nano if usd is None else round(usd * NANO_PER_USD)
        wanted = KeyChanges(name=f"key-{id(object())}", cap=cap, **terms)
        return self.house.accounts.api_keys.create(OPERATOR, self.workspace, wanted)

    def recap(self, key: IssuedKey, nano: int) -> None:
        """Sets another cap."""
        self.house.accounts.api_keys.update(OPERATOR, self.workspace, key.key.id, KeyChanges(cap=nano))

    def opened(
        self, key: IssuedKey, body: object, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """A chat request whose answer the caller reads."""
        return self.session.post(
            f"{self.base_url}/chat/completions",
            data=body if isinstance(body, bytes) else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {key.secret}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
        )

    async def chat(self, key: IssuedKey, body: object, headers: Mapping[str, str] | None = None) -> Got:
        """A chat request and its whole answer; of a stream that breaks, what came of it."""
        async with self.opened(key, body, headers) as response:
            try:
                whole = await response.read()
            except aiohttp.ClientPayloadError:
                whole = b""
            return Got(response.status, {n.lower(): v for n, v in response.headers.items()}, whole)

    async def quote(self, key: IssuedKey, body: object) -> Got:
        """What would become of a chat request."""
        async with self.session.post(
            f"{self.base_url}/quote",
            data=body if isinstance(body, bytes) else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key.secret}", "Content-Type": "application/json"},
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Got(response.status, headers, await response.read())

    async def get(self, key: IssuedKey, path: str) -> Got:
        async with self.session.get(
            f"{self.base_url}{path}", headers={"Authorization": f"Bearer {key.secret}"}
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Got(response.status, headers, await response.read())

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table, as the store keeps it."""
        return rows_of(table, self.house.data, self._database)

    async def ledger(self) -> list[dict[str, Any]]:
        """Every entry of what was settled before now, the oldest first."""
        await self.spending.flushed()
        # PostgreSQL gives rows in no order.
        return sorted(self.rows("ledger"), key=lambda row: (row["at_ms"], row["request"], row["attempt"]))

    def holds(self) -> int:
        """How many requests hold money."""
        return self.spending.numbers().open_holds

    async def held(self, key: IssuedKey) -> int:
        """Nano-USD that the requests of a key hold."""
        return sum(each.held for each in await self.spending.standings(key.key.id))

    async def settled(self, entries: int) -> list[dict[str, Any]]:
        """The ledger, once it has so many entries and no hold is open."""
        while self.holds() or len(rows := await self.ledger()) < entries:
            await asyncio.sleep(0.01)
        return rows


@asynccontextmanager
async def staged(
    data: Path,
    limits: Limits | None = None,
    network: NetworkUpstream | None = None,
    variables: Mapping[str, str] | None = None,
) -> AsyncGenerator[Stage]:
    """A gateway with one OpenAI provider key, whose upstream is the stub; `variables` is its environment."""
    quiet, books = {"ZAI_PROVIDER_LISTS": "no"}, books_for(data)
    if not (books or data.exists()):
        make(data)
    clock, environment = SystemClock(), Environment(books | quiet | dict(variables or {}))
    limits = limits or Limits(retries=0)
    house = House(data, environment, clock, limits.store_seconds)
    gateway = Gateway(house, clock, limits, Exposure.of(environment), network)
    listener = listen("127.0.0.1", 0)
    host, port = address_of(listener)
    async with OpenAIStub() as stub, aiohttp.ClientSession(auto_decompress=False) as session:
        house.accounts.provider_keys.add(
            OPERATOR,
            house.accounts.the_workspace().id,
            NewProviderKey(provider="openai", secret=UPSTREAM_SECRET, base_url=stub.base_url),
        )
        await gateway.start()
        server = Server(gateway.door, clock, Serving(drain_seconds=0.2))
        listening = asyncio.Event()
        running = asyncio.create_task(server.run(listener, listening.set))
        await listening.wait()
        try:
            base_url = f"http://{host}:{port}/v1"
            yield Stage(house, stub, session, base_url, gateway.spending, database=environment.database)
        finally:
            server.stop()
            await running
            await gateway.stop()
            house.store.close()
