"""Preparing an attempt: its worst case, its budgets, its record in the books, and what is sent."""

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.accounts.caller import Caller
from zai_gateway.accounts.records import NearCap
from zai_gateway.catalogue.bound import Bound
from zai_gateway.catalogue.cost import OWN_PRICE
from zai_gateway.catalogue.model import Model
from zai_gateway.catalogue.quote import quote
from zai_gateway.catalogue.tiers import STANDARD
from zai_gateway.dialects.dialect import Encoded, EncodePlan, StreamPlan
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.openai_chat import PREFERENCES
from zai_gateway.errors import Failure
from zai_gateway.money import PICO_PER_TOKEN_OF_USD_PER_MILLION
from zai_gateway.providers.provider import Dialect
from zai_gateway.providers.signing import signature
from zai_gateway.relay.betas import betas
from zai_gateway.relay.exchange import Errand
from zai_gateway.relay.routing import Origin, Route
from zai_gateway.relay.upstream import Outbound
from zai_gateway.relay.voices import plain, voice_of
from zai_gateway.spend.ledger import Attempt
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.fronts import Front
from zai_gateway.wire.usage import estimated_tokens

_CONTENT_TYPE = ("content-type", "application/json")


class Order(Struct, frozen=True):
    """A request, as all attempts at it know it."""

    request: ChatRequest
    caller: Caller
    request_id: str
    answer_id: str
    """What the answer is called; starts with `cmpl_`."""
    only_model: bool = False
    """Whether this is the only model that may answer the request, over whichever provider key."""
    front: Front = Front.OPENAI
    """The protocol that it came in."""
    beta: tuple[str, ...] = ()
    """What it wants of Anthropic that is not for everybody yet."""


class Try(Struct, frozen=True):
    """One attempt at an order."""

    route: Route
    number: int
    """1 for the first attempt at the order."""
    now_ms: int


def input_tokens(request: ChatRequest) -> int:
    """A guess at the tokens of its text; its images count once their provider has counted them."""
    return estimated_tokens(len(request.body) - request.inline_image_bytes)


def worst_case(request: ChatRequest, route: Route, caller: Caller, model: Model) -> Bound | None:
    """Of the route's `model`, as it is known by now. Raises Failure.

    None where there is no price, or no worst case and no cap that would need one.
    """
    if route.price is None:
        return None
    try:
        bound = quote(
            model,
            route.price,
            request,
            route.honours_limit,
            least_output=route.provider.least_output,
            allowance=route.allowance,
        )
    except Failure:
        if not caller.capped:
            return None
        raise
    return replace(bound, rigid=True) if caller.key.near_cap is NearCap.REFUSE else bound


def record(order: Order, this: Try) -> Attempt:
    """The attempt as the books know it."""
    caller, request, route = order.caller, order.request, this.route
    key, provider_key, price = caller.key, route.provider_key, route.price
    return Attempt(
        request=order.request_id,
        number=this.number,
        workspace=caller.view.workspace.id,
        key=key.id,
        member=key.member,
        tags=key.tags,
        provider=route.provider.name,
        provider_key=provider_key.id,
        requested_model=request.model,
        answering_model=route.name,
        price_version=None if price is None else price.version,
        streamed=request.stream,
        started_ms=this.now_ms,
    )


def errand(
    order: Order,
    this: Try,
    secret: str,
    output_limit: int | None,
    rates: tuple[tuple[str, str], ...] = (),
) -> Errand:
    """What is sent, and how its answer reaches the client; `output_limit` is what the hold allows.

    `rates` are the headers that tell of its rate limits.
    """
    request, route = order.request, this.route
    voice = voice_of(order.front, route.dialect)
    left_out: tuple[str, ...] = ()
    if order.front is not Front.OPENAI and route.dialect is Dialect.OPENAI_CHAT:
        request, left_out = plain(request, route.provider.understands, reasons=route.model.reasoning)
    encoded = voice.encode(request, _plan(order, request, route, output_limit))
    headers, dropped = (_CONTENT_TYPE, *signature(route.provider, secret)), encoded.dropped + left_out
    if order.beta:
        wanted, kept_back = betas(order.beta, route.dialect, capped=order.caller.capped)
        headers, dropped = headers + wanted, dropped + kept_back
    notices = _notices(this, dropped, output_limit)
    return Errand(
        streamed=request.stream,
        outbound=Outbound(
            method="POST",
            url=route.stream_url if request.stream else route.url,
            headers=headers,
            body=encoded.body,
            private=route.provider_key.private,
        ),
        provider=route.provider.title,
        secret=secret,
        voice=voice,
        naming=Naming(id=order.answer_id, model=route.name, created=this.now_ms // 1_000),
        plan=_stream_plan(request, route, encoded),
        habits=route.habits,
        notices=notices + rates,
        early=_early(notices) + rates if order.only_model else rates,
        timeout=route.timeout,
    )


def _plan(order: Order, request: ChatRequest, route: Route, output_limit: int | None) -> EncodePlan:
    plan = route.plan(request.reasoning_effort)
    if route.model.limit_name is None:
        plan = replace(plan, limit_name=_limit_name(request, route))
    if output_limit is not None:
        plan = replace(plan, output_limit=output_limit)
    if route.tiers_differ and (pinned := _pinned_tier(order, route)) is not None:
        plan = replace(plan, service_tier=pinned)
    if route.provider.caps_price:
        plan = replace(plan, extra=_price_cap(order, route))
    return plan


def _stream_plan(request: ChatRequest, route: Route, encoded: Encoded) -> StreamPlan:
    plan = route.stream_plan
    if request.include_usage and request.choices == 1 and not (encoded.stop or encoded.answer_tool):
        return plan
    return replace(
        plan,
        include_usage=request.include_usage,
        choices=request.choices,
        stop=encoded.stop,
        answer_tool=encoded.answer_tool,
    )


def _limit_name(request: ChatRequest, route: Route) -> str:
    """What the client calls the limit on output tokens, of a model of which nobody knows what it does."""
    names = route.provider.limit_names
    return next((name for name in names if name in request.values), names[0])


def _pinned_tier(order: Order, route: Route) -> str | None:
    """Where the client leaves the tier open, the provider's account decides it, and with it the price.

    On a capped key that is no choice to leave open: the worst case was quoted at the standard tier.
    """
    is_open = order.request.service_tier in (None, "auto")
    return route.provider.standard_tier if is_open and order.caller.capped else None


def _price_cap(order: Order, route: Route) -> tuple[tuple[str, bytes], ...]:
    """A router may choose a host above the price that the worst case was quoted at, unless it is told not to.

    The base rates are the tightest: hosts are compared by them, whatever a longer prompt costs there. A
    price of the workspace's own is what is booked, whatever the host bills; at zero there is none to compare.
    """
    price = route.price
    if price is None or not order.caller.capped:
        return ()
    rates = price.tiers[STANDARD].base
    if price.source == OWN_PRICE or not (rates.input or rates.output):
        return ()
    most = f'{{"prompt":{_usd_per_million(rates.input)},"completion":{_usd_per_million(rates.output)}}}'
    return ((PREFERENCES, f'{{"max_price":{most}}}'.encode()),)


def _usd_per_million(pico_per_token: int) -> str:
    """As a number in JSON, exactly."""
    whole, rest = divmod(pico_per_token, PICO_PER_TOKEN_OF_USD_PER_MILLION)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def _notices(this: Try, dropped: tuple[str, ...], output_limit: int | None) -> tuple[tuple[str, str], ...]:
    notices: tuple[tuple[str, str], ...] = ()
    if this.route.origin is not Origin.NAMED:
        notices += (("x-zai-model", this.route.name),)
    if this.number > 1:
        notices += (("x-zai-attempts", str(this.number)),)
    if dropped:
        notices += (("x-zai-dropped", ", ".join(dropped)),)
    if output_limit is not None:
        notices += (("x-zai-max-tokens", str(output_limit)),)
    return notices


def _early(notices: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Those that any attempt with this model would give; how many it took only the last one knows."""
    return notices and tuple(notice for notice in notices if notice[0] != "x-zai-attempts")
