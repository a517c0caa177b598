"""The pipeline: the stations that a request walks through, in order."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from random import Random

from msgspec import Struct

from zai_gateway.accounts.caller import Caller
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.accounts.vault import Vault
from zai_gateway.catalogue.listings import NO_LISTINGS, Listings
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.clock import Clock
from zai_gateway.dialects import anthropic_front
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.ids import Ids
from zai_gateway.providers.provider import Auth
from zai_gateway.providers.service_account import Credentials
from zai_gateway.relay.attempts import Attempts, Patience, held
from zai_gateway.relay.counting import counted, read_count_request
from zai_gateway.relay.embedding import Embedding
from zai_gateway.relay.exchange import Exchange
from zai_gateway.relay.key_health import KeyHealth
from zai_gateway.relay.memory import Memory
from zai_gateway.relay.meter import Meter
from zai_gateway.relay.overruns import Overruns
from zai_gateway.relay.preparing import Order, Try, errand, input_tokens, record, worst_case
from zai_gateway.relay.quoting import Quote, quoted, refused, rooms_of
from zai_gateway.relay.reply import Reply
from zai_gateway.relay.routing import Knowledge, Route, routes
from zai_gateway.relay.setbacks import Cause, Setback
from zai_gateway.relay.streaming import StreamWriter
from zai_gateway.relay.upstream import Upstream
from zai_gateway.relay.voices import read
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.limiting import Admission, Limits
from zai_gateway.spend.spending import Spending
from zai_gateway.wire.chat import ChatRequest, parse
from zai_gateway.wire.fronts import Front

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
    limits: Limits
    """On rates."""


class Relay:
    """Answers chat requests, streamed or not, on one path."""

    def __init__(
        self, books: Books, upstream: Upstream, health: KeyHealth, clock: Clock, patience: Patience
    ) -> None:
        self.books = books
        self.upstream = upstream
        self.clock = clock
        self.credentials = Credentials()
        self.overruns = Overruns()
        self._health = health
        self._draw = Random().random  # noqa: S311 - it spreads load, and keeps no secret
        self._attempts = Attempts(health, patience, self._draw)
        self._memory = Memory()
        self._answer_ids = Ids("cmpl")
        self._embedding = Embedding(self, self._attempts, self._memory)

    async def answer(
        self,
        caller: Caller,
        body: bytes,
        reply: Reply,
        front: Front = Front.OPENAI,
        beta: tuple[str, ...] = (),
    ) -> None:
        """Answers the request in `body`, which came in the protocol of `front`, into `reply`.

        `beta` names what the client wants of Anthropic that is not for everybody yet (`anthropic-beta`).
        Raises Failure or StoreUnavailable while `reply.started` is False; afterwards it ends the stream with
        an error event itself. When it returns or raises, whatever was held is settled.
        """
        request = read(front, body)
        now_ms = self.clock.now_ms()
        found = self.routes(request, caller, now_ms)
        only_model = len(found) == 1 or len({route.name for route in found}) == 1
        order = Order(
            request, caller, reply.request_id, self._answer_ids.new(now_ms), only_model, front, beta
        )
        counts = self._memory.counts(caller)
        work = _Work(self, order, counts.budgets, reply, now_ms)
        if not counts.rate_limits:
            return await self._attempts.walk(found, work.attempt, reply, work.writer)
        admission = self.books.limits.admission(counts.rate_limits, input_tokens(request))
        work.admission = admission
        try:
            await self._attempts.walk(found, work.attempt, reply, work.writer)
        except Failure as failure:
            failure.notices = admission.headers()
            raise
        finally:
            admission.end()

    async def embed(self, caller: Caller, body: bytes, reply: Reply) -> None:
        """Answers the request for embeddings in `body` (OpenAI's) into `reply`; raises as `answer` does."""
        await self._embedding.answer(caller, body, reply)

    async def count_tokens(self, caller: Caller, body: bytes, reply: Reply) -> None:
        """Answers Anthropic's question for how many tokens go into the request in `body`, for nothing.

        What its provider does not count is guessed. Raises Failure.
        """
        request = read_count_request(body)
        route = self.routes(request, caller, self.clock.now_ms())[0]
        try:
            secret = await self.secret(route)
        except Setback as setback:
            raise setback.failure from None
        count = await counted(self.upstream, route, request, secret)
        headers = [("content-type", "application/json")]
        if count is None:
            count = anthropic_front.estimate(body)
            headers.append(("x-zai-estimated", "true"))
        await reply.start(200, headers)
        await reply.write(b'{"input_tokens":%d}' % count)
        await reply.finish()

    async def quote(self, caller: Caller, body: bytes) -> Quote:
        """What would become of the request in `body`: nothing is held, sent or written.

        Raises Failure for a body that is none of a chat request, and StoreUnavailable.
        """
        request = parse(body)
        rooms = await rooms_of(caller, self.books.spending)
        try:
            found = self.routes(request, caller, self.clock.now_ms())
        except Failure as failure:
            return refused(failure, rooms)
        return quoted(request, caller, found, rooms, self.overruns)

    async def secret(self, route: Route) -> str:
        """What signs for requests on `route`. Raises Setback where its provider key cannot be opened."""
        try:
            secret = self.books.vault.open_secret(route.provider_key)
        except OperatorError:
            secret = await _secret_now(self.books, route)
        return self.credentials.of(route.provider, secret, self.clock.now_ms() // 1_000)

    def routes(self, request: ChatRequest, caller: Caller, now_ms: int) -> Sequence[Route]:
        """Where the request may go, in the order in which it is tried. Raises Failure."""
        catalogue, now = self.books.shelf.catalogue, now_ms // 1_000
        if request.plain:
            found = self._memory.straight(caller, catalogue, request.model, now)
            if found is not None:
                return found
        knowledge = Knowledge(
            catalogue=catalogue,
            listings=self.books.listings(),
            now=now,
            draw=self._draw,
            cooling=self._health.rests,
            memory=self._memory,
        )
        return routes(request, caller, knowledge)


class _Work:
    """One request under way: what its attempts share."""

    admission: Admission | None = None
    """Where there are limits on rates."""

    def __init__(
        self, relay: Relay, order: Order, budgets: tuple[Budget, ...], reply: Reply, now_ms: int
    ) -> None:
        self._relay = relay
        self._order = order
        self._budgets = budgets
        self._reply = reply
        self._now_ms = now_ms
        self.writer = StreamWriter(reply, front=order.front, streamed=order.request.stream)

    async def attempt(self, route: Route, number: int) -> bool:
        """Whether the answer came whole. Raises Setback, Failure or StoreUnavailable."""
        relay, order, admission = self._relay, self._order, self.admission
        books = relay.books
        this = Try(route, number, self._now_ms if number == 1 else relay.clock.now_ms())
        bound = worst_case(order.request, route, order.caller, relay.overruns.known(route.model))
        try:
            secret = books.vault.open_secret(route.provider_key)
        except OperatorError:
            secret = await _secret_now(books, route)
        if route.provider.auth is Auth.SERVICE_ACCOUNT:
            secret = relay.credentials.of(route.provider, secret, this.now_ms // 1_000)
        meter = Meter(route, bound, order.request, relay.clock)
        hold = books.spending.hold(record(order, this), self._budgets, bound, meter)
        if not hold.take():
            await held(hold, self._reply)
        rates: tuple[tuple[str, str], ...] = ()
        try:
            if admission is not None:
                # After the money: whoever is refused for that is not counted.
                await admission.enter()
                rates = admission.headers()
            exchange = Exchange(relay.upstream, meter, hold, self._reply, self.writer)
            await exchange.carry_out(errand(order, this, secret, hold.granted.output_limit, rates))
        finally:
            if admission is not None:
                admission.spent(meter.tokens())
            hold.settle()
            if meter.overrun:
                usage = None if meter.reported is None else meter.reported.usage
                relay.overruns.note(route.model, order.request, usage, meter.overrun)
        return meter.complete


async def _secret_now(books: Books, route: Route) -> str:
    # Rotations may have gone by since this provider key was read.
    now = await books.provider_key_now(route.provider_key)
    try:
        return books.vault.open_secret(now or route.provider_key)
    except OperatorError as trouble:
        _LOG.error("provider key %s: %s", route.provider_key.id, trouble)
        failure = Failure(
            Code.UPSTREAM_FAILED,
            f"The {route.provider.title} provider key {route.provider_key.name!r} cannot be decrypted: "
            "the owner of this workspace has to remove it and add it again.",
        )
        raise Setback(failure, Cause.KEY, 0, definite=True, made=False) from None
