"""Stand-ins for the rooms behind the door: each does what a test tells it to."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from zai_gateway.accounts.caller import Caller, WorkspaceView
from zai_gateway.accounts.records import ApiKey, ProviderKey, Workspace
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.listings import Listings
from zai_gateway.catalogue.model import Model
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.edge.rooms import Rooms
from zai_gateway.errors import Code, Failure
from zai_gateway.relay.quoting import Quote
from zai_gateway.relay.reply import Reply
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.store import Standing
from zai_gateway.wire.fronts import Front

TOKEN = "zk_live_0PkUtestkey"  # a stand-in, no real key

MODELS = (
    Model(
        provider="anthropic", id="claude-sonnet-4-5", aliases=("claude-4.5-sonnet",), released=1_759_104_000
    ),
    Model(provider="openai", id="gpt-5.4", released=1_772_668_800),
    Model(provider="openai", id="gpt-5.4-mini", released=1_772_668_801),
    Model(provider="openai", id="o9/deep research"),
)


def caller(
    *,
    allow: tuple[str, ...] = (),
    cap: int | None = 5_000_000_000,
    fallback: str | None = "openai/gpt-5.4-mini",
    providers: tuple[str, ...] = ("openai", "anthropic"),
) -> Caller:
    key = ApiKey(
        id="key_1",
        workspace="ws_1",
        name="production-key",
        prefix="zk_live_0PkU",
        digest=b"",
        allow=allow,
        fallback=fallback,
        cap=cap,
        budget="bud_1",
        created_ms=1,
    )
    provider_keys = tuple(
        ProviderKey(
            id=f"pk_{name}",
            workspace="ws_1",
            provider=name,
            name=name,
            base_url="https://example.com/v1",
            sealed=b"",
            created_ms=1,
        )
        for name in providers
    )
    workspace = Workspace(id="ws_1", name="My Workspace", slug="my-ws", created_ms=1)
    return Caller(key=key, view=WorkspaceView(workspace=workspace, provider_keys=provider_keys, prices={}))


def standing(spent: int, *, budget: str = "bud_1", risk: int = 0, held: int = 0) -> Standing:
    return Standing(Budget(id=budget, owner="key_1"), window_start_ms=0, spent=spent, risk=risk, held=held)


class Callers:
    """Knows one key."""

    def __init__(self, known: Caller) -> None:
        self.one = known
        self.ready = True
        self.trouble: BaseException | None = None
        self.first: Callable[[], Awaitable[object]] | None = None

    def known(self, token: str | None) -> Caller | None:
        return None if self.first is not None else self._found(token)

    async def caller(self, token: str | None) -> Caller:
        if self.first is not None:
            await self.first()
        return self._found(token)

    def _found(self, token: str | None) -> Caller:
        if self.trouble is not None:
            raise self.trouble
        if token != TOKEN:
            raise Failure(
                Code.INVALID_API_KEY, "Invalid API key. Send a valid one.", detail="Invalid API key"
            )
        return self.one


Answer = Callable[[Caller, bytes, Reply], Awaitable[None]]


async def hello(_caller: Caller, _body: bytes, reply: Reply) -> None:
    await reply.start(200, [("content-type", "application/json")])
    await reply.write(b'{"hello":"world"}')
    await reply.finish()


class Asked(Struct, frozen=True):
    """What was asked for, beside its body."""

    method: str
    front: Front = Front.OPENAI
    beta: tuple[str, ...] = ()


class Answerer:
    """Answers as it is told to, and keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.does = answer
        self.bodies: list[bytes] = []
        self.asked: list[Asked] = []

    async def answer(
        self,
        caller: Caller,
        body: bytes,
        reply: Reply,
        front: Front = Front.OPENAI,
        beta: tuple[str, ...] = (),
    ) -> None:
        await self._does(Asked("answer", front, beta), caller, body, reply)

    async def count_tokens(self, caller: Caller, body: bytes, reply: Reply) -> None:
        await self._does(Asked("count_tokens"), caller, body, reply)

    async def embed(self, caller: Caller, body: bytes, reply: Reply) -> None:
        await self._does(Asked("embed"), caller, body, reply)

    async def _does(self, asked: "Asked", caller: Caller, body: bytes, reply: Reply) -> None:
        self.asked.append(asked)
        self.bodies.append(body)
        await self.does(caller, body, reply)

    async def quote(self, caller: Caller, body: bytes) -> Quote:
        self.bodies.append(body)
        return Quote()


class Standings:
    """Tells what it was given."""

    def __init__(self, *rows: Standing) -> None:
        self.rows = rows
        self.trouble: BaseException | None = None

    async def standings(self, owner: str) -> tuple[Standing, ...]:
        if self.trouble is not None:
            raise self.trouble
        assert owner == "key_1"
        return self.rows


class Behind:
    """All rooms at once."""

    def __init__(self, answer: Answer = hello, known: Caller | None = None) -> None:
        self.callers = Callers(known or caller())
        self.answerer = Answerer(answer)
        self.standings = Standings(standing(18_233_001))
        self.shelf = Shelf(Catalogue(MODELS, "test"))
        self.listings: Listings = {}
        self.rooms = Rooms(self.callers, self.answerer, self.standings, self.shelf, lambda: self.listings)
