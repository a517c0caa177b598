"""The pipeline: the stations that a request walks through, in order."""

import logging
from collections.abc import Awaitable, Callable

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.accounts.caller import Caller
from zai_gateway.accounts.records import NearCap, ProviderKey
from zai_gateway.accounts.vault import Vault
from zai_gateway.catalogue.bound import Bound
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.quote import quote
from zai_gateway.clock import Clock
from zai_gateway.dialects import openai_chat
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.ids import new_id
from zai_gateway.providers.signing import signature
from zai_gateway.relay.exchange import Errand, Exchange
from zai_gateway.relay.meter import Meter
from zai_gateway.relay.reply import Reply
from zai_gateway.relay.routing import Route, route
from zai_gateway.relay.upstream import Outbound, Upstream
from zai_gateway.spend.budgets import Budget, Period
from zai_gateway.spend.ledger import Attempt
from zai_gateway.spend.spending import Spending
from zai_gateway.wire.chat import ChatRequest, parse

_LOG = logging.getLogger(__name__)


class Books(Struct, frozen=True, kw_only=True):
    """What the relay looks things up in, and where it pays."""

    catalogue: Catalogue
    vault: Vault
    provider_key_now: Callable[[ProviderKey], Awaitable[ProviderKey | None]]
    """The provider key as the store has it now; None where it is not in use any more."""
    spending: Spending


class Relay:
    """Answers chat requests, streamed or not, on one path."""

    def __init__(self, books: Books, upstream: Upstream, clock: Clock) -> None:
        self._books = books
        self._upstream = upstream
        self._clock = clock

    async def answer(self, caller: Caller, body: bytes, reply: Reply) -> None:
        """Answers the request in `body` into `reply`.

        Raises Failure or StoreUnavailable while `reply.started` is False; afterwards it ends the stream with
        an error event itself. When it returns or raises, whatever was held is settled.
        """
        request = parse(body)
        chosen = route(request, caller, self._books.catalogue)
        bound = _bound(request, chosen, caller)
        meter = Meter(chosen, bound, request, self._clock)
        attempt = self._attempt(request, caller, chosen, reply.request_id)
        secret = await self._secret(chosen)
        async with self._books.spending.hold(attempt, _budgets(caller), bound, meter) as hold:
            errand = self._errand(request, caller, chosen, secret, hold.granted.output_limit)
            await Exchange(self._upstream, meter, hold, reply).carry_out(errand)

    def _attempt(self, request: ChatRequest, caller: Caller, chosen: Route, request_id: str) -> Attempt:
        return Attempt(
            request=request_id,
            number=1,
            workspace=caller.view.workspace.id,
            key=caller.key.id,
            member=caller.key.member,
            tags=caller.key.tags,
            provider=chosen.provider.name,
            provider_key=chosen.provider_key.id,
            requested_model=request.model,
            answering_model=chosen.model.name,
            price_version=chosen.price.version if chosen.price else None,
            streamed=request.stream,
            started_ms=self._clock.now_ms(),
        )

    def _errand(
        self, request: ChatRequest, caller: Caller, chosen: Route, secret: str, output_limit: int | None
    ) -> Errand:
        encoded = openai_chat.encode(request, _plan(request, caller, chosen, output_limit))
        now_ms = self._clock.now_ms()
        return Errand(
            streamed=request.stream,
            outbound=Outbound(
                method="POST",
                url=chosen.provider_key.base_url + openai_chat.PATH,
                headers=(("content-type", "application/json"), *signature(chosen.provider, secret)),
                body=encoded.body,
                private=chosen.provider_key.private,
            ),
            provider=chosen.provider.title,
            secret=secret,
            naming=openai_chat.Naming(
                id=new_id("cmpl", now_ms), model=chosen.model.name, created=now_ms // 1_000
            ),
            plan=openai_chat.StreamPlan(
                include_usage=request.include_usage, choices=request.choices, stop=encoded.stop
            ),
            notices=_notices(encoded.dropped, output_limit),
        )

    async def _secret(self, chosen: Route) -> str:
        try:
            return self._books.vault.open_secret(chosen.provider_key)
        except OperatorError:
            # Rotations may have gone by since this provider key was read.
            now = await self._books.provider_key_now(chosen.provider_key)
        try:
            return self._books.vault.open_secret(now or chosen.provider_key)
        except OperatorError as trouble:
            _LOG.error("provider key %s: %s", chosen.provider_key.id, trouble)
            raise Failure(
                Code.UPSTREAM_FAILED,
                f"The {chosen.provider.title} provider key {chosen.provider_key.name!r} cannot be decrypted: "
                "the owner of this workspace has to remove it and add it again.",
            ) from None


def _budgets(caller: Caller) -> tuple[Budget, ...]:
    """All that the request counts in: they are held at once or not at all."""
    return tuple(
        Budget(
            id=each.id,
            owner=each.owner,
            owner_kind=each.owner_kind.value,
            period=Period(each.period.value),
            limit=each.limit,
        )
        for each in caller.budgets
    )


def _bound(request: ChatRequest, chosen: Route, caller: Caller) -> Bound | None:
    """The worst case; None where there is no price, or no worst case and no cap that would need one."""
    if chosen.price is None:
        return None
    try:
        bound = quote(chosen.model, chosen.price, request, chosen.provider.limit_honoured)
    except Failure:
        if not caller.capped:
            return None
        raise
    return replace(bound, rigid=caller.key.near_cap is NearCap.REFUSE)


def _plan(
    request: ChatRequest, caller: Caller, chosen: Route, output_limit: int | None
) -> openai_chat.EncodePlan:
    refused = chosen.model.refused(request.reasoning_effort)
    return openai_chat.EncodePlan(
        model=chosen.model.id,
        output_limit=output_limit,
        limit_name=_limit_name(request, chosen),
        drop=tuple(sorted(refused.difference(openai_chat.LIMIT_NAMES))),
        service_tier=_pinned_tier(request, caller, chosen),
        ask_usage=chosen.provider.asks_stream_usage,
    )


def _limit_name(request: ChatRequest, chosen: Route) -> str:
    """What the model calls the limit on output tokens; of a model that nobody knows, what the client does."""
    given = [name for name in openai_chat.LIMIT_NAMES if name in request.members]
    return chosen.model.limit_name or next(iter(given), openai_chat.LIMIT_NAMES[0])


def _pinned_tier(request: ChatRequest, caller: Caller, chosen: Route) -> str | None:
    """Where the client leaves the tier open, the provider's account decides it, and with it the price.

    On a capped key that is no choice to leave open: the worst case was quoted at the standard tier.
    """
    is_open = request.service_tier in (None, "auto")
    prices_differ = chosen.price is not None and len(set(chosen.price.tiers.values())) > 1
    return chosen.provider.standard_tier if is_open and prices_differ and caller.capped else None


def _notices(dropped: tuple[str, ...], output_limit: int | None) -> tuple[tuple[str, str], ...]:
    notices: list[tuple[str, str]] = []
    if dropped:
        notices.append(("x-zai-dropped", ", ".join(dropped)))
    if output_limit is not None:
        notices.append(("x-zai-max-tokens", str(output_limit)))
    return tuple(notices)
