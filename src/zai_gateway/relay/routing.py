"""Routing: which models a request may be answered by, over which provider keys, in which order; pure."""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.accounts.caller import Caller
from zai_gateway.accounts.records import ProviderKey, Strategy, Target
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.cost import own_price
from zai_gateway.catalogue.listings import NO_LISTINGS, Listings
from zai_gateway.catalogue.model import Model, Price
from zai_gateway.catalogue.quote import unpriced_media
from zai_gateway.errors import Code, Failure
from zai_gateway.providers.registry import Provider, provider, provider_of
from zai_gateway.providers.signing import serves
from zai_gateway.relay.models import callable_models
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.fields import Fields

_HARMLESS = (b"null", b'["text"]', b"[]", b"{}", b"false")
"""Values with which a parameter of `Provider.unbounded` asks for nothing that costs."""


class Knowledge(Struct, frozen=True, kw_only=True):
    """What routing looks at beside a request and its caller."""

    catalogue: Catalogue
    listings: Listings = NO_LISTINGS
    now: int
    """Seconds since 1970: which prices are in force."""
    draw: Callable[[], float]
    """A number from 0 up to 1, another one each time: what weighted targets are drawn by."""
    cooling: Callable[[str, str], bool]
    """Whether a provider key (by id) should rest now, for a model (by canonical name)."""


class Origin(StrEnum):
    """How a request comes by a model."""

    NAMED = "named"
    """It is the one that was asked for."""
    VIRTUAL = "virtual"
    """It is a target of the virtual model that was asked for."""
    BACKUP = "backup"
    """It stands in where what was asked for fails."""


class Route(Struct, frozen=True, kw_only=True):
    """Where one attempt goes."""

    provider: Provider
    provider_key: ProviderKey
    model: Model
    origin: Origin
    price: Price | None
    """In force for this workspace; None where nobody set one."""
    allowance: int = 0
    """Nano-USD that features without a bound may cost in this attempt."""
    timeout: float | None = None
    """Seconds to the first content, after which the next route is tried; None: as long as any."""


def routes(request: ChatRequest, caller: Caller, knowledge: Knowledge) -> tuple[Route, ...]:
    """Where the request may go, in the order in which it is tried: at least one.

    First the model that was asked for, or the targets of a virtual one, then the request's `models`, then the
    key's fallback model, each over every provider key that serves it. What rests is tried last of all. Every
    one of them passes the same checks; of those after the first, what does not pass is left out.

    Raises Failure for the model that was asked for, in this order: 400 for parameters that this provider's
    requests may not have, 403 for a model outside the allowlist, 404 for one that no provider of the
    workspace serves, 402 for a model without a price on a key with a cap.
    """
    found = list(_asked_for(request, caller, knowledge))
    backups = (*request.models, *((caller.key.fallback,) if caller.key.fallback else ()))
    for name in backups:
        try:
            more = _asked_for(request, caller, knowledge, name)
        except Failure:
            continue
        found += [replace(route, origin=Origin.BACKUP) for route in more]
    once = {(route.provider_key.id, route.model.name): route for route in reversed(found)}
    kept = [route for route in found if once[route.provider_key.id, route.model.name] is route]
    return tuple(sorted(kept, key=lambda route: knowledge.cooling(route.provider_key.id, route.model.name)))


def _asked_for(
    request: ChatRequest, caller: Caller, knowledge: Knowledge, name: str | None = None
) -> list[Route]:
    """The routes to the model `name`, or to the one that was asked for."""
    name = name or request.model
    virtual = caller.view.virtual_models.get(name)
    if virtual is None:
        return _over_keys(request, caller, knowledge, Target(model=name))
    targets = virtual.targets
    if virtual.strategy is Strategy.WEIGHTED:
        targets = _drawn(targets, knowledge.draw)
    found: list[Route] = []
    refusal: Failure | None = None
    for target in targets:
        try:
            more = _over_keys(request, caller, knowledge, target)
        except Failure as failure:
            refusal = refusal or failure
        else:
            found += [replace(route, origin=Origin.VIRTUAL) for route in more]
    if not found and refusal is not None:
        raise refusal
    return found


def _drawn(targets: tuple[Target, ...], draw: Callable[[], float]) -> tuple[Target, ...]:
    """The targets in an order in which each is first as often as its weight says.

    Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006): by u ** (1 / weight).
    """
    drawn = [(draw() ** (1 / target.weight), target) for target in targets if target.weight]
    return tuple(target for _, target in sorted(drawn, key=lambda pair: pair[0], reverse=True))


def _over_keys(request: ChatRequest, caller: Caller, knowledge: Knowledge, target: Target) -> list[Route]:
    """A route over each provider key that serves the target's model: the one place that allows a model."""
    row, model = _named(target.model, caller, knowledge)
    features: list[str] = []
    if row is not None:
        _refuse_parameters(request, row)
        features = _unbounded(request, row, model) if caller.capped else []
    if model is None:
        raise _not_served(target.model, row, caller, knowledge, request.model)
    if features and caller.key.unbounded_allowance is None:
        raise _without_bound(features[0], model)
    if not caller.may_call(model.name):
        raise Failure(
            Code.MODEL_NOT_ALLOWED,
            f"This API key may not call {model.name}. It may call: {', '.join(caller.key.allow)}.",
            param="model",
        )
    keys = [
        key
        for key in caller.view.provider_keys
        if row is not None and key.provider == row.name and serves(row, key.base_url, model.id)
    ]
    if row is None or not keys:
        raise _not_served(target.model, row, caller, knowledge, request.model)
    price = _price(model, caller, knowledge.now)
    return [
        Route(
            provider=row,
            provider_key=key,
            model=model,
            origin=Origin.NAMED,
            price=price,
            allowance=(caller.key.unbounded_allowance or 0) if features else 0,
            timeout=target.timeout_ms / 1_000 if target.timeout_ms else None,
        )
        for key in keys
    ]


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


def _named(name: str, caller: Caller, knowledge: Knowledge) -> tuple[Provider | None, Model | None]:
    """The vendor and model that a name means: a known prefix wins, else the one provider that has it.

    An unknown prefix still names a model, for the allowlist to judge; a bare id that nobody has does not.
    """
    prefix, slash, id = name.partition("/")
    configured = {key.provider for key in caller.view.provider_keys}
    if slash and (provider(prefix) or prefix in configured):
        return provider_of(prefix), knowledge.catalogue.model(prefix, id)
    having = sorted(set(_having(name, caller, knowledge)))
    if len(having) > 1:
        names = ", ".join(f"{candidate}/{name}" for candidate in having)
        raise Failure(
            Code.INVALID_REQUEST, f"model {name!r} is ambiguous: say one of {names}.", param="model"
        )
    if having:
        return provider_of(having[0]), knowledge.catalogue.model(having[0], name)
    return None, Model(provider=prefix, id=id) if slash else None


def _having(id: str, caller: Caller, knowledge: Knowledge) -> Iterator[str]:
    """The providers of the workspace that have a model of this id, by the catalogue or by their own word."""
    for key in caller.view.provider_keys:
        if knowledge.catalogue.knows(key.provider, id) or id in knowledge.listings.get(key.id, {}):
            yield key.provider


def _refuse_parameters(request: ChatRequest, row: Provider) -> None:
    # Some upstreams match names without regard to case: `Plugins` would be `plugins` to them.
    for name in request.members:
        if name.casefold() in row.never_sent:
            raise Failure(
                Code.UNSUPPORTED_PARAMETER,
                f"{name}: this parameter would change the model, the route or the price behind the gateway's "
                "back, and is not supported. Take it out of the request.",
                param=name,
            )


def _unbounded(request: ChatRequest, row: Provider, model: Model | None) -> list[str]:
    """What of the request has a cost that nothing bounds: fields by their path, or `model`."""
    asked = [
        name for name in request.members if name.casefold() in row.unbounded and _asks(request, row, name)
    ]
    if model is None:
        return [*asked, *request.unbounded]
    media = unpriced_media(model, request, files_have_fees=row.files_have_fees)
    return [*asked, *request.unbounded, *media, *(["model"] if model.unbounded else [])]


def _without_bound(feature: str, model: Model) -> Failure:
    mend = "Take it out of the request"
    what = f"{feature}: nothing bounds what this feature can cost"
    if feature == "model":
        mend = "Use another model"
        what = f"model: nothing bounds what a request to {model.name} can cost ({model.unbounded})"
    return Failure(
        Code.UNBOUNDED_FEATURE,
        f"{what}, so a key with a spend cap may not use it. {mend}, use a key without a cap, or let the "
        "owner of this workspace give this key an allowance for such requests.",
        param=feature,
    )


def _asks(request: ChatRequest, row: Provider, name: str) -> bool:
    member = request.members[name]
    value = request.body[member.value_start : member.value_end]
    if name in row.covered and value.startswith(b"{"):
        return not set(row.covered[name]).issuperset(Fields(value, name).members)
    return b"".join(value.split()) not in _HARMLESS


def _not_served(
    name: str, row: Provider | None, caller: Caller, knowledge: Knowledge, asked_for: str
) -> Failure:
    if row is not None:
        why = f"This workspace has no provider key for {row.title} that is in use."
        why += f" Add one with: zai admin provider add {row.name}"
    else:
        why = f"No provider serves {name!r}"
        if name != asked_for:
            # Nobody is told of what only stands in for it, and looking for names takes time.
            return Failure(Code.MODEL_NOT_FOUND, f"{why}.", param="model")
        names = [model.name for model in callable_models(caller, knowledge.catalogue, knowledge.listings)]
        close = get_close_matches(name, names, n=3)
        hint = f"Did you mean {' or '.join(close)}?" if close else "GET /v1/models lists what there is."
        why += f". {hint}"
    return Failure(Code.MODEL_NOT_FOUND, why, param="model")
