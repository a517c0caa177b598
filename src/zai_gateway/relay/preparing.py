"""Preparing an attempt: its worst case, its budgets, its record in the books, and what is sent."""

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.accounts.caller import Caller
from zai_gateway.accounts.records import NearCap
from zai_gateway.catalogue.bound import Bound
from zai_gateway.catalogue.cost import OWN_PRICE
from zai_gateway.catalogue.quote import quote
from zai_gateway.catalogue.tiers import STANDARD
from zai_gateway.dialects import openai_chat
from zai_gateway.errors import Failure
from zai_gateway.money import PICO_PER_TOKEN_OF_USD_PER_MILLION
from zai_gateway.providers.signing import chat_url, signature
from zai_gateway.relay.exchange import Errand
from zai_gateway.relay.routing import Origin, Route
from zai_gateway.relay.upstream import Outbound
from zai_gateway.spend.budgets import Budget, Period
from zai_gateway.spend.ledger import Attempt
from zai_gateway.wire.chat import ChatRequest


class Order(Struct, frozen=True, kw_only=True):
    """One attempt at a request, before it is carried out."""

    request: ChatRequest
    caller: Caller
    route: Route
    number: int
    """1 for the first attempt of the request."""
    request_id: str
    answer_id: str
    """What the answer is called; starts with `cmpl_`."""
    now_ms: int
    only_model: bool = False
    """Whether this is the only model that may answer the request, over whichever provider key."""


def budgets(caller: Caller) -> tuple[Budget, ...]:
    """All that a request counts in: they are held at once or not at all."""
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


def worst_case(request: ChatRequest, route: Route, caller: Caller) -> Bound | None:
    """None where there is no price, or no worst case and no cap that would need one. Raises Failure."""
    if route.price is None:
        return None
    try:
        bound = quote(
            route.model,
            route.price,
            request,
            route.provider.honours_limit(route.model.id),
            least_output=route.provider.least_output,
            allowance=route.allowance,
        )
    except Failure:
        if not caller.capped:
            return None
        raise
    return replace(bound, rigid=caller.key.near_cap is NearCap.REFUSE)


def record(order: Order) -> Attempt:
    """The attempt as the books know it."""
    caller, route = order.caller, order.route
    return Attempt(
        request=order.request_id,
        number=order.number,
        workspace=caller.view.workspace.id,
        key=caller.key.id,
        member=caller.key.member,
        tags=caller.key.tags,
        provider=route.provider.name,
        provider_key=route.provider_key.id,
        requested_model=order.request.model,
        answering_model=route.model.name,
        price_version=route.price.version if route.price else None,
        streamed=order.request.stream,
        started_ms=order.now_ms,
    )


def errand(order: Order, secret: str, output_limit: int | None) -> Errand:
    """What is sent, and how its answer reaches the client; `output_limit` is what the hold allows."""
    request, route = order.request, order.route
    encoded = openai_chat.encode(request, _plan(order, output_limit))
    notices = _notices(order, encoded.dropped, output_limit)
    return Errand(
        streamed=request.stream,
        outbound=Outbound(
            method="POST",
            url=chat_url(route.provider, route.provider_key.base_url, route.model.id),
            headers=(("content-type", "application/json"), *signature(route.provider, secret)),
            body=encoded.body,
            private=route.provider_key.private,
        ),
        provider=route.provider.title,
        secret=secret,
        naming=openai_chat.Naming(id=order.answer_id, model=route.model.name, created=order.now_ms // 1_000),
        plan=openai_chat.StreamPlan(
            include_usage=request.include_usage,
            choices=request.choices,
            stop=encoded.stop,
            counting=route.provider.counting,
        ),
        notices=notices,
        early=_early(notices) if order.only_model else (),
        timeout=route.timeout,
    )


def _plan(order: Order, output_limit: int | None) -> openai_chat.EncodePlan:
    request, route = order.request, order.route
    refused = route.model.refused(request.reasoning_effort)
    return openai_chat.EncodePlan(
        model=route.model.id,
        output_limit=output_limit,
        limit_name=_limit_name(request, route),
        drop=tuple(sorted(refused.difference(openai_chat.LIMIT_NAMES))),
        service_tier=_pinned_tier(order),
        ask_usage=route.provider.asks_stream_usage,
        extra=_price_cap(order),
    )


def _limit_name(request: ChatRequest, route: Route) -> str:
    """What the model calls the limit on output tokens; of a model that nobody knows, what the client does."""
    known = route.model.limit_name
    if known is not None:
        return known
    names = route.provider.limit_names
    return next((name for name in names if name in request.members), names[0])


def _pinned_tier(order: Order) -> str | None:
    """Where the client leaves the tier open, the provider's account decides it, and with it the price.

    On a capped key that is no choice to leave open: the worst case was quoted at the standard tier.
    """
    route = order.route
    is_open = order.request.service_tier in (None, "auto")
    prices_differ = route.price is not None and len(set(route.price.tiers.values())) > 1
    return route.provider.standard_tier if is_open and prices_differ and order.caller.capped else None


def _price_cap(order: Order) -> tuple[tuple[str, bytes], ...]:
    """A router may choose a host above the price that the worst case was quoted at, unless it is told not to.

    The base rates are the tightest: hosts are compared by them, whatever a longer prompt costs there. A
    price of the workspace's own is what is booked, whatever the host bills; at zero there is none to compare.
    """
    price = order.route.price
    if not (order.route.provider.caps_price and order.caller.capped) or price is None:
        return ()
    rates = price.tiers[STANDARD].base
    if price.source == OWN_PRICE or not (rates.input or rates.output):
        return ()
    most = f'{{"prompt":{_usd_per_million(rates.input)},"completion":{_usd_per_million(rates.output)}}}'
    return ((openai_chat.PREFERENCES, f'{{"max_price":{most}}}'.encode()),)


def _usd_per_million(pico_per_token: int) -> str:
    """As a number in JSON, exactly."""
    whole, rest = divmod(pico_per_token, PICO_PER_TOKEN_OF_USD_PER_MILLION)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def _notices(order: Order, dropped: tuple[str, ...], output_limit: int | None) -> tuple[tuple[str, str], ...]:
    notices: list[tuple[str, str]] = []
    if order.route.origin is not Origin.NAMED:
        notices.append(("x-zai-model", order.route.model.name))
    if order.number > 1:
        notices.append(("x-zai-attempts", str(order.number)))
    if dropped:
        notices.append(("x-zai-dropped", ", ".join(dropped)))
    if output_limit is not None:
        notices.append(("x-zai-max-tokens", str(output_limit)))
    return tuple(notices)


def _early(notices: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Those that any attempt with this model would give; how many it took only the last one knows."""
    return tuple(notice for notice in notices if notice[0] != "x-zai-attempts")
