"""Attempts: one route after another, until one answers or none is left."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

from msgspec import Struct

from zai_gateway.errors import Failure, StoreUnavailable
from zai_gateway.relay.key_health import KeyHealth
from zai_gateway.relay.reply import Reply
from zai_gateway.relay.routing import Origin, Route
from zai_gateway.relay.setbacks import Cause, Setback
from zai_gateway.relay.streaming import StreamWriter

_MOST_TOLD = 3
_LONGEST_TOLD = 200
"""Characters of what came of a further attempt, in the error that the client gets."""

Attempt = Callable[[Route, int], Awaitable[bool]]
"""Makes the attempt of this number; says whether its answer came whole. Raises Setback while the client has
no content, Failure where its money does not suffice, and StoreUnavailable."""


class Patience(Struct, frozen=True, kw_only=True):
    """How long the same is tried again where no other route is left."""

    retries: int = 1
    """How many more times."""
    first_wait: float = 0.25
    """Seconds; twice as long each time, of which a random part is left out."""
    longest_wait: float = 5.0
    """Seconds: who is told to wait for longer tells the client so."""


class Attempts:
    """Walks routes. Each attempt has its own hold and its own row in the ledger."""

    def __init__(self, health: KeyHealth, patience: Patience, draw: Callable[[], float]) -> None:
        self._health = health
        self._patience = patience
        self._draw = draw

    async def walk(
        self, routes: Sequence[Route], attempt: Attempt, reply: Reply, writer: StreamWriter
    ) -> None:
        """Calls `attempt` with one route after another and its number, until one answers.

        What does not fit the money of its key is left out; where nothing that was asked for does, the first
        refusal stands, and nothing stands in for it. Raises Failure or StoreUnavailable while nothing was
        sent to the client; afterwards it ends the stream with an error event itself.
        """
        walk = _Walk(self._health, attempt, reply)
        await walk.round(routes)
        for again in range(self._patience.retries):
            wait, repeated = self._next_round(walk, again)
            if not repeated:
                break
            await _pause(wait, reply, writer)
            await walk.round(repeated)
        if walk.over:
            return
        failure = walk.told()
        if not reply.started:
            raise failure
        assert isinstance(failure, Failure)  # a stream has begun only where an attempt was made
        await writer.fail(failure)

    def _next_round(self, walk: "_Walk", again: int) -> tuple[float, list[Route]]:
        """What is tried again, and after how many seconds; nothing where that would not help."""
        longest = self._patience.longest_wait
        asked = [(each.setback.failure.retry_after or 0.0, each.route) for each in walk.repeatable()]
        soonest = min((least for least, _ in asked), default=0.0)
        if soonest > longest:
            return 0.0, []
        backoff = self._patience.first_wait * 2**again * (0.5 + self._draw() / 2)
        wait = max(soonest, min(backoff, longest))
        return wait, [route for least, route in asked if least <= wait]


async def _pause(seconds: float, reply: Reply, writer: StreamWriter) -> None:
    """Waits, for no longer than the client does, who is kept from taking the connection for a dead one."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not over.done():
            over.set_result(None)

    timer = loop.call_later(seconds, end)
    reply.when_gone(end)
    try:
        await writer.until_done(over)
    finally:
        reply.when_gone(None)
        timer.cancel()


class _Tried(Struct, frozen=True):
    route: Route
    setback: Setback


class _Walk:
    """What came of the attempts of one request so far."""

    def __init__(self, health: KeyHealth, attempt: Attempt, reply: Reply) -> None:
        self._health = health
        self._attempt = attempt
        self._reply = reply
        self._made = 0
        self._latest: dict[tuple[str, str], _Tried] = {}
        """By provider key and model, in the order of the first attempts."""
        self._refusal: Failure | None = None
        """Of what was asked for, by the money."""
        self._left_out: Failure | None = None
        """Of what stands in for it, which says nothing of what was asked for."""
        self._store_trouble: StoreUnavailable | None = None
        self.over = False
        """Whether the client was answered, or has left."""
        self._hopeless = False
        """Whether no other attempt can do better."""

    async def round(self, routes: Sequence[Route]) -> None:
        """Tries each route once."""
        for route in routes:
            self.over = self.over or self._reply.gone
            if self.over or self._hopeless:
                return
            if route.origin is Origin.BACKUP and self._refusal is not None and not self._latest:
                continue  # nothing stands in for what there is no money for
            await self._try(route)

    def repeatable(self) -> Iterator[_Tried]:
        """The latest failure of each route that may be sent the same request again."""
        if self.over or self._hopeless:
            return
        for each in self._latest.values():
            if each.setback.repeatable:
                yield each

    def told(self) -> Failure | StoreUnavailable:
        """What the client is told: the most telling failure, and in a few words the others."""
        if not self._latest:
            trouble = self._store_trouble or self._refusal or self._left_out
            assert trouble is not None
            return trouble
        # The sort is stable: of failures that tell as much, the first.
        first, *others = sorted(self._latest.values(), key=_rank)
        failure = first.setback.failure
        if others:
            brief = failure.detail == failure.message
            failure.message = _with_others(failure.message, others[:_MOST_TOLD])
            failure.detail = failure.message if brief else failure.detail
        return failure

    async def _try(self, route: Route) -> None:
        began = self._health.now()
        try:
            whole = await self._attempt(route, self._made + 1)
        except Setback as setback:
            self._made += setback.made
            self._latest[route.provider_key.id, route.model.name] = _Tried(route, setback)
            if setback.cause is not Cause.REQUEST:
                self._health.failed(route, setback)
            elif route.origin is not Origin.BACKUP:
                self._hopeless = True
        except Failure as refusal:
            if route.origin is Origin.BACKUP:
                self._left_out = self._left_out or refusal
            else:
                self._refusal = self._refusal or refusal
        except StoreUnavailable as trouble:
            self._store_trouble, self._hopeless = trouble, True
        else:
            self.over = True
            if whole:
                self._health.well(route, began)


def _rank(tried: _Tried) -> tuple[bool, bool, bool]:
    """The less, the more it tells: of what was asked for, what the client can mend, what passes by itself."""
    cause = tried.setback.cause
    return tried.route.origin is Origin.BACKUP, cause is not Cause.REQUEST, cause is Cause.KEY


def _with_others(message: str, others: Sequence[_Tried]) -> str:
    said = "; ".join(
        f"{each.route.model.name}: {each.setback.failure.message[:_LONGEST_TOLD]}" for each in others
    )
    return f"{message} (further attempts failed too: {said})"
