"""Attempts: one route after another, until one answers or none is left."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

from zai_gateway.errors import Failure, StoreUnavailable
from zai_gateway.relay.key_health import KeyHealth
from zai_gateway.relay.reply import Reply
from zai_gateway.relay.routing import Origin, Route
from zai_gateway.relay.setbacks import Cause, Setback
from zai_gateway.relay.streaming import StreamWriter
from zai_gateway.spend.holding import Hold

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
        walk = _Walk(self._health)
        tries = 0
        try:
            while routes:
                for route in routes:
                    if reply.gone:
                        return
                    if not walk.may_try(route):
                        continue
                    began = self._health.now()
                    try:
                        whole = await attempt(route, walk.made + 1)
                    except (Setback, Failure, StoreUnavailable) as trouble:
                        walk.note(route, trouble)
                    else:
                        if whole:
                            self._health.well(route, began)
                        return
                wait, routes = self._next_round(walk, tries)
                tries += 1
                if routes:
                    await _pause(wait, reply)
            await self._tell(walk, reply, writer)
        finally:
            writer.stop()

    async def _tell(self, walk: "_Walk", reply: Reply, writer: StreamWriter) -> None:
        await writer.hush()
        failure = walk.told()
        if not reply.started:
            raise failure
        # Who waits long, for money too, hears the head of a stream meanwhile.
        await writer.fail(failure.failure() if isinstance(failure, StoreUnavailable) else failure)

    def _next_round(self, walk: "_Walk", tries: int) -> tuple[float, Sequence[Route]]:
        """What is tried again, and after how many seconds; nothing where that would not help."""
        if tries >= self._patience.retries:
            return 0.0, ()
        longest = self._patience.longest_wait
        asked = [(each.setback.failure.retry_after or 0.0, each.route) for each in walk.repeatable()]
        soonest = min((least for least, _ in asked), default=0.0)
        if soonest > longest:
            return 0.0, ()
        backoff = self._patience.first_wait * 2**tries * (0.5 + self._draw() / 2)
        wait = max(soonest, min(backoff, longest))
        return wait, [route for least, route in asked if least <= wait]


async def held(hold: Hold, reply: Reply) -> None:
    """Waits for money that the leases did not suffice for, for no longer than the client does.

    Raises Failure or StoreUnavailable, and then nothing stays held.
    """
    waiting = hold.wait()
    reply.when_gone(hold.leave)
    try:
        await waiting
    finally:
        reply.when_gone(None)


async def _pause(seconds: float, reply: Reply) -> None:
    """Waits, for no longer than the client does."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not over.done():
            over.set_result(None)

    timer = loop.call_later(seconds, end)
    reply.when_gone(end)
    try:
        await over
    finally:
        reply.when_gone(None)
        timer.cancel()


class _Tried(Struct, frozen=True):
    route: Route
    setback: Setback


class _Walk:
    """What came of the attempts of one request so far."""

    # What most walks never change stands on the class: it costs nothing to make.
    made = 0
    """Attempts that have a row in the ledger."""
    _store_trouble: StoreUnavailable | None = None
    _refusal: Failure | None = None
    """Of what was asked for, by the money."""
    _left_out: Failure | None = None
    """Of what stands in for it, which says nothing of what was asked for."""
    _hopeless = False
    """Whether the request itself is at fault, so that no other attempt can do better."""
    _latest: Mapping[tuple[str, str], _Tried] = MappingProxyType({})
    """By provider key and model, in the order of the first attempts."""

    def __init__(self, health: KeyHealth) -> None:
        self._health = health

    def may_try(self, route: Route) -> bool:
        """Whether an attempt may be made now."""
        if self._hopeless or self._store_trouble is not None:
            return False
        # Nothing stands in for what there is no money for.
        return route.origin is not Origin.BACKUP or self._refusal is None or bool(self._latest)

    def note(self, route: Route, trouble: Setback | Failure | StoreUnavailable) -> None:
        """An attempt failed, or was not made for want of money, or of the store."""
        if isinstance(trouble, Setback):
            self._set_back(route, trouble)
        elif isinstance(trouble, StoreUnavailable):
            self._store_trouble = trouble
        elif route.origin is Origin.BACKUP:
            self._left_out = self._left_out or trouble
        else:
            self._refusal = self._refusal or trouble

    def repeatable(self) -> Iterator[_Tried]:
        """The latest failure of each route that may be sent the same request again."""
        if self._hopeless or self._store_trouble is not None:
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

    def _set_back(self, route: Route, setback: Setback) -> None:
        self.made += setback.made
        self._latest = {**self._latest, (route.provider_key.id, route.name): _Tried(route, setback)}
        if setback.cause is not Cause.REQUEST:
            self._health.failed(route, setback)
        elif route.origin is not Origin.BACKUP:
            self._hopeless = True


def _rank(tried: _Tried) -> tuple[bool, bool, bool]:
    """The less, the more it tells: of what was asked for, what the client can mend, what passes by itself."""
    cause = tried.setback.cause
    return tried.route.origin is Origin.BACKUP, cause is not Cause.REQUEST, cause is Cause.KEY


def _with_others(message: str, others: Sequence[_Tried]) -> str:
    said = "; ".join(f"{each.route.name}: {each.setback.failure.message[:_LONGEST_TOLD]}" for each in others)
    return f"{message} (further attempts failed too: {said})"
