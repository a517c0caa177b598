"""What an attempt at embeddings costs at most, what is sent for it, and what came of it."""

from msgspec.structs import replace

from zai_gateway.accounts.caller import Caller
from zai_gateway.catalogue.bound import Bound
from zai_gateway.catalogue.cost import OWN_PRICE
from zai_gateway.catalogue.tiers import STANDARD
from zai_gateway.clock import Clock
from zai_gateway.dialects.naming import Naming
from zai_gateway.errors import Code, Failure
from zai_gateway.providers.addressing import embeddings_url
from zai_gateway.providers.signing import signature
from zai_gateway.relay.embedding_voice import embedding_voice
from zai_gateway.relay.exchange import Errand
from zai_gateway.relay.meter import Meter
from zai_gateway.relay.preparing import Order, Try
from zai_gateway.relay.routing import Origin, Route
from zai_gateway.relay.streaming import StreamWriter
from zai_gateway.relay.upstream import Outbound
from zai_gateway.wire.embeddings import EmbeddingRequest
from zai_gateway.wire.usage import Usage

_CONTENT_TYPE = ("content-type", "application/json")
_ESTIMATED = ("x-zai-estimated", "true")


class EmbeddingMeter(Meter):
    """Watches an attempt at embeddings, which have no output: what nobody reports is guessed of the input."""

    def __init__(self, chosen: Route, bound: Bound | None, request: EmbeddingRequest, clock: Clock) -> None:
        super().__init__(chosen, bound, request, clock)
        self._guessed = Usage(input=request.estimated_tokens, output=0)

    def _guess(self) -> Usage:
        return self._guessed


def embedding_bound(request: EmbeddingRequest, route: Route, caller: Caller) -> Bound | None:
    """The worst case; None where there is no price. Raises Failure where a cap needs one and there is none.

    No tokenizer makes more tokens of a text than it has bytes, and lists of tokens are counted. Whether a
    text above the context window is cut, refused or billed in pieces is each provider's own, so that the
    window bounds nothing here. It is rigid, since there is no answer to shorten.
    """
    price = route.price
    if price is None:
        return None
    if caller.capped and route.provider.caps_price and price.source != OWN_PRICE:
        raise _without_price_cap(route)
    overhead = route.model.overhead
    tokens = request.tokens + request.text_bytes + overhead.message * request.texts + overhead.prompt
    dearest, _ = price.tiers[STANDARD].dearest(tokens)
    fees = max(price.fees.request, price.fees.request_most)
    return Bound(
        input_pico=tokens * dearest + fees, output_pico=0, asked=0, most=0, room=None, floor=0, rigid=True
    )


def embedding_errand(
    order: Order, request: EmbeddingRequest, this: Try, secret: str, writer: StreamWriter
) -> Errand:
    """What is sent, and how its answer reaches the client. Raises Failure for what cannot be expressed."""
    route = this.route
    url = embeddings_url(route.provider, route.provider_key.base_url, route.model.id, texts=request.texts)
    assert url is not None, "the route was found for these texts"
    voice = embedding_voice(request, route, url, lambda: writer.headers.append(_ESTIMATED))
    encoded = voice.encode(request, route.plan(None))
    return Errand(
        streamed=False,
        outbound=Outbound(
            method="POST",
            url=url,
            headers=(_CONTENT_TYPE, *signature(route.provider, secret)),
            body=encoded.body,
            private=route.provider_key.private,
        ),
        provider=route.provider.title,
        secret=secret,
        voice=voice,
        naming=Naming(id=order.answer_id, model=route.name, created=this.now_ms // 1_000),
        plan=route.stream_plan,
        habits=route.habits,
        notices=_notices(this, encoded.dropped),
        timeout=route.timeout,
    )


def with_rates(errand: Errand, rates: tuple[tuple[str, str], ...]) -> Errand:
    """The errand, whose answer tells of its rate limits too."""
    return replace(errand, notices=errand.notices + rates)


def _notices(this: Try, dropped: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    notices: tuple[tuple[str, str], ...] = ()
    if this.route.origin is not Origin.NAMED:
        notices += (("x-zai-model", this.route.name),)
    if this.number > 1:
        notices += (("x-zai-attempts", str(this.number)),)
    if dropped:
        notices += (("x-zai-dropped", ", ".join(dropped)),)
    return notices


def _without_price_cap(route: Route) -> Failure:
    return Failure(
        Code.UNBOUNDED_FEATURE,
        f"model: {route.provider.title} chooses who makes these embeddings and at which price, so a key with "
        "a spend cap may not use it. Set a price of your own with: "
        f"zai admin price set {route.name} --input USD --output 0",
        param="model",
    )
