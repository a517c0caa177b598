"""Embedding: a request for embeddings on its way through the same stations as a conversation."""

from typing import TYPE_CHECKING, Protocol

from zai_gateway.accounts.caller import Caller
from zai_gateway.errors import Failure
from zai_gateway.ids import Ids
from zai_gateway.relay.attempts import Attempts, held
from zai_gateway.relay.embedding_errand import EmbeddingMeter, embedding_bound, embedding_errand, with_rates
from zai_gateway.relay.exchange import Exchange
from zai_gateway.relay.memory import Memory
from zai_gateway.relay.preparing import Order, Try, record
from zai_gateway.relay.reply import Reply
from zai_gateway.relay.routing import Route
from zai_gateway.relay.streaming import StreamWriter
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.limiting import Admission
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.embeddings import EmbeddingRequest, parse_embeddings

if TYPE_CHECKING:  # the pipeline itself imports this module
    from collections.abc import Sequence

    from zai_gateway.clock import Clock
    from zai_gateway.relay.pipeline import Books
    from zai_gateway.relay.upstream import Upstream


class Stations(Protocol):
    """What embeddings share with conversations: implemented by the pipeline."""

    @property
    def books(self) -> "Books": ...

    @property
    def upstream(self) -> "Upstream": ...

    @property
    def clock(self) -> "Clock": ...

    async def secret(self, route: Route) -> str:
        """What signs for requests on `route`. Raises Setback where its provider key cannot be opened."""
        ...

    def routes(self, request: ChatRequest, caller: Caller, now_ms: int) -> "Sequence[Route]":
        """Where the request may go, in the order in which it is tried. Raises Failure."""
        ...


class Embedding:
    """Answers requests for embeddings."""

    def __init__(self, stations: Stations, attempts: Attempts, memory: Memory) -> None:
        self._stations = stations
        self._attempts = attempts
        self._memory = memory
        self._answer_ids = Ids("embd")

    async def answer(self, caller: Caller, body: bytes, reply: Reply) -> None:
        """Answers the request in `body` (OpenAI's `POST /v1/embeddings`) into `reply`.

        Raises Failure or StoreUnavailable while `reply.started` is False. When it returns or raises, whatever
        was held is settled.
        """
        request = parse_embeddings(body)
        stations = self._stations
        now_ms = stations.clock.now_ms()
        found = stations.routes(request, caller, now_ms)
        order = Order(request, caller, reply.request_id, self._answer_ids.new(now_ms))
        counts = self._memory.counts(caller)
        admission = stations.books.limits.admission(counts.rate_limits, request.estimated_tokens)
        work = _Work(stations, order, request, counts.budgets, admission, reply)
        try:
            await self._attempts.walk(found, work.attempt, reply, work.writer)
        except Failure as failure:
            failure.notices = admission.headers()
            raise
        finally:
            admission.end()


class _Work:
    """One request under way: what its attempts share."""

    def __init__(
        self,
        stations: Stations,
        order: Order,
        request: EmbeddingRequest,
        budgets: tuple[Budget, ...],
        admission: Admission,
        reply: Reply,
    ) -> None:
        self._stations = stations
        self._order = order
        self._request = request
        self._budgets = budgets
        self._admission = admission
        self._reply = reply
        self.writer = StreamWriter(reply, streamed=False)

    async def attempt(self, route: Route, number: int) -> bool:
        """Whether the answer came whole. Raises Setback, Failure or StoreUnavailable."""
        stations, order, admission = self._stations, self._order, self._admission
        this = Try(route, number, stations.clock.now_ms())
        bound = embedding_bound(self._request, route, order.caller)
        secret = await stations.secret(route)
        errand = embedding_errand(order, self._request, this, secret, self.writer)
        meter = EmbeddingMeter(route, bound, self._request, stations.clock)
        hold = stations.books.spending.hold(record(order, this), self._budgets, bound, meter)
        if not hold.take():
            await held(hold, self._reply)
        try:
            # After the money: whoever is refused for that is not counted.
            await admission.enter()
            exchange = Exchange(stations.upstream, meter, hold, self._reply, self.writer)
            await exchange.carry_out(with_rates(errand, admission.headers()))
        finally:
            admission.spent(meter.tokens())
            hold.settle()
        return meter.complete
