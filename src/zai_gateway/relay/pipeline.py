"""The pipeline: the stations that a request walks through, in order."""

import logging
from collections.abc import Awaitable, Callable
from random import Random

from msgspec import Struct

from zai_gateway.accounts.caller import Caller
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.accounts.vault import Vault
from zai_gateway.catalogue.listings import NO_LISTINGS, Listings
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.clock import Clock
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.ids import new_id
from zai_gateway.relay.attempts import Attempts, Patience
from zai_gateway.relay.exchange import Exchange
from zai_gateway.relay.key_health import KeyHealth
from zai_gateway.relay.meter import Meter
from zai_gateway.relay.preparing import Order, budgets, errand, record, worst_case
from zai_gateway.relay.quoting import Quote, quoted, refused, rooms_of
from zai_gateway.relay.reply import Reply
from zai_gateway.relay.routing import Knowledge, Route, routes
from zai_gateway.relay.setbacks import Cause, Setback
from zai_gateway.relay.streaming import StreamWriter
from zai_gateway.relay.upstream import Upstream
from zai_gateway.spend.spending import Spending
from zai_gateway.wire.chat import ChatRequest, parse

_LOG = logging.getLogger(__name__)


class Books(Struct, frozen=True, kw_only=True):
    """What the relay looks things up in, and where it pays."""

    shelf: Shelf
    listings: Callable[[], Listings] = lambda: NO_LISTINGS
    """The providers' own lists, as they are known now."""
    vault: Vault
    provider_key_now: Callable[[ProviderKey], Awaitable[ProviderKey | None]]
    """The provider key as the store has it now; None where it is not in use any more."""
    spending: Spending


class Relay:
    """Answers chat requests, streamed or not, on one path."""

    def __init__(
        self, books: Books, upstream: Upstream, health: KeyHealth, clock: Clock, patience: Patience
    ) -> None:
        self._books = books
        self._upstream = upstream
        self._health = health
        self._clock = clock
        self._draw = Random().random  # noqa: S311 - it spreads load, and keeps no secret
        self._attempts = Attempts(health, patience, self._draw)

    async def answer(self, caller: Caller, body: bytes, reply: Reply) -> None:
        """Answers the request in `body` into `reply`.

        Raises Failure or StoreUnavailable while `reply.started` is False; afterwards it ends the stream with
        an error event itself. When it returns or raises, whatever was held is settled.
        """
        request = parse(body)
        answer_id = new_id("cmpl", self._clock.now_ms())
        writer = StreamWriter(reply, streamed=request.stream)
        found = self.routes(request, caller)
        only_model = len({route.model.name for route in found}) == 1

        async def attempt(route: Route, number: int) -> bool:
            order = Order(
                request=request,
                caller=caller,
                route=route,
                number=number,
                request_id=reply.request_id,
                answer_id=answer_id,
                now_ms=self._clock.now_ms(),
                only_model=only_model,
            )
            return await self._attempt(order, reply, writer)

        await self._attempts.walk(found, attempt, reply, writer)

    async def quote(self, caller: Caller, body: bytes) -> Quote:
        """What would become of the request in `body`: nothing is held, sent or written.

        Raises Failure for a body that is none of a chat request, and StoreUnavailable.
        """
        request = parse(body)
        rooms = await rooms_of(caller, self._books.spending)
        try:
            found = self.routes(request, caller)
        except Failure as failure:
            return refused(failure, rooms)
        return quoted(request, caller, found, rooms)

    def routes(self, request: ChatRequest, caller: Caller) -> tuple[Route, ...]:
        """Where the request may go, in the order in which it is tried. Raises Failure."""
        knowledge = Knowledge(
            catalogue=self._books.shelf.catalogue,
            listings=self._books.listings(),
            now=self._clock.now_ms() // 1_000,
            draw=self._draw,
            cooling=self._health.rests,
        )
        return routes(request, caller, knowledge)

    async def _attempt(self, order: Order, reply: Reply, writer: StreamWriter) -> bool:
        """Whether the answer came whole. Raises Setback, Failure or StoreUnavailable."""
        bound = worst_case(order.request, order.route, order.caller)
        secret = await self._secret(order.route)
        meter = Meter(order.route, bound, order.request, self._clock)
        async with self._books.spending.hold(record(order), budgets(order.caller), bound, meter) as hold:
            exchange = Exchange(self._upstream, meter, hold, reply, writer)
            await exchange.carry_out(errand(order, secret, hold.granted.output_limit))
        return meter.complete

    async def _secret(self, route: Route) -> str:
        try:
            return self._books.vault.open_secret(route.provider_key)
        except OperatorError:
            # Rotations may have gone by since this provider key was read.
            now = await self._books.provider_key_now(route.provider_key)
        try:
            return self._books.vault.open_secret(now or route.provider_key)
        except OperatorError as trouble:
            _LOG.error("provider key %s: %s", route.provider_key.id, trouble)
            failure = Failure(
                Code.UPSTREAM_FAILED,
                f"The {route.provider.title} provider key {route.provider_key.name!r} cannot be decrypted: "
                "the owner of this workspace has to remove it and add it again.",
            )
            raise Setback(failure, Cause.KEY, 0, definite=True, made=False) from None
