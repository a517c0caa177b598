"""Ways: which model a name means to a caller, over which of its provider keys, and at which price; pure."""

from collections.abc import Iterator

from msgspec import Struct

from zai_gateway.accounts.caller import Caller
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.cost import own_price
from zai_gateway.catalogue.listings import Listings
from zai_gateway.catalogue.model import Model, Price
from zai_gateway.errors import Code, Failure
from zai_gateway.providers.addressing import serves
from zai_gateway.providers.registry import Provider, provider, provider_of
from zai_gateway.relay.route import Origin, Route


class Way(Struct, frozen=True):
    """How a request comes to a model."""

    model: str
    """Its name, with or without the provider's prefix."""
    origin: Origin
    timeout_ms: int | None = None


def named(
    name: str, caller: Caller, catalogue: Catalogue, listings: Listings
) -> tuple[Provider | None, Model | None]:
    """The vendor and model that a name means: a known prefix wins, else the one provider that has it.

    An unknown prefix still names a model, for the allowlist to judge; a bare id that nobody has does not.
    Raises Failure where several providers have it.
    """
    prefix, slash, id = name.partition("/")
    configured = {key.provider for key in caller.view.provider_keys}
    if slash and (provider(prefix) or prefix in configured):
        return provider_of(prefix), catalogue.model(prefix, id)
    having = sorted(set(_having(name, caller, catalogue, listings)))
    if len(having) > 1:
        names = ", ".join(f"{candidate}/{name}" for candidate in having)
        raise Failure(
            Code.INVALID_REQUEST, f"model {name!r} is ambiguous: say one of {names}.", param="model"
        )
    if having:
        return provider_of(having[0]), catalogue.model(having[0], name)
    return None, Model(provider=prefix, id=id) if slash else None


def routes_over_keys(
    way: Way, row: Provider | None, model: Model, caller: Caller, now: int
) -> tuple[Route, ...]:
    """A route over each provider key that serves the model; none where no key does.

    The one place that allows a model. Raises Failure for one outside the allowlist, and for one without a
    price on a key with a cap.
    """
    if not caller.may_call(model.name):
        raise Failure(
            Code.MODEL_NOT_ALLOWED,
            f"This API key may not call {model.name}. It may call: {', '.join(caller.key.allow)}.",
            param="model",
        )
    if row is None:
        return ()
    keys = [
        key
        for key in caller.view.provider_keys
        if key.provider == row.name and serves(row, key.base_url, model.id)
    ]
    if not keys:
        return ()
    price = _price(model, caller, now)
    timeout = way.timeout_ms / 1_000 if way.timeout_ms else None
    return tuple(
        Route(provider=row, provider_key=key, model=model, origin=way.origin, price=price, timeout=timeout)
        for key in keys
    )


def _price(model: Model, caller: Caller, now: int) -> Price | None:
    own = caller.view.prices.get(model.name)
    price = own_price(own.rates, own.version) if own else model.price_at(now)
    if price is None and caller.capped:
        raise Failure(
            Code.MODEL_UNPRICED,
            f"No price is known for {model.name}, so this key's spend cap could not hold. Set one with: "
            f"zai admin price set {model.name} --input USD --output USD (per million tokens).",
            param="model",
        )
    return price


def _having(id: str, caller: Caller, catalogue: Catalogue, listings: Listings) -> Iterator[str]:
    """The providers of the workspace that have a model of this id, by the catalogue or by their own word."""
    for key in caller.view.provider_keys:
        if catalogue.knows(key.provider, id) or id in listings.get(key.id, {}):
            yield key.provider
