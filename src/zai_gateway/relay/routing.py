"""Routing: which models a request may be answered by, over which provider keys, in which order; pure."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from msgspec import Struct, field
from msgspec.structs import replace

from zai_gateway.accounts.caller import Caller
from zai_gateway.accounts.records import Strategy, Target
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.listings import NO_LISTINGS, Listings
from zai_gateway.catalogue.model import Kind, Model
from zai_gateway.catalogue.quote import unpriced_media
from zai_gateway.errors import Code, Failure
from zai_gateway.providers.addressing import embeddings_url
from zai_gateway.providers.registry import Provider
from zai_gateway.relay.memory import Ground, Memory
from zai_gateway.relay.route import Origin, Route
from zai_gateway.relay.ways import Way, named, routes_over_keys
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.embeddings import EmbeddingRequest
from zai_gateway.wire.fields import Fields

__all__ = ["Knowledge", "Origin", "Route", "routes"]

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
    memory: Memory = field(default_factory=Memory)
    """The routes that were found for earlier requests."""


def routes(request: ChatRequest, caller: Caller, knowledge: Knowledge) -> list[Route]:
    """Where the request may go, in the order in which it is tried: at least one.

    First the model that was asked for, or the targets of a virtual one, then the request's `models`, then the
    key's fallback model, each over every provider key that serves it. What rests is tried last of all. Every
    one of them passes the same checks; of those after the first, what does not pass is left out.

    Raises Failure for the model that was asked for, in this order: 400 for parameters that this provider's
    requests may not have, 403 for a model outside the allowlist, 404 for one that no provider of the
    workspace serves, 402 for a model without a price on a key with a cap.
    """
    found = _asked_for(request, caller, knowledge, request.model, Origin.NAMED)
    for name in _backups(request, caller):
        with suppress(Failure):
            found += _asked_for(request, caller, knowledge, name, Origin.BACKUP)
    if len(found) > 1:
        once = {(route.provider_key.id, route.name): route for route in reversed(found)}
        found = [route for route in found if once[route.provider_key.id, route.name] is route]
        found.sort(key=lambda route: knowledge.cooling(route.provider_key.id, route.name))
    return found


def _backups(request: ChatRequest, caller: Caller) -> tuple[str, ...]:
    if isinstance(request, EmbeddingRequest):
        # Vectors of different models cannot be compared: only a virtual model says that some can.
        return ()
    return (*request.models, caller.key.fallback) if caller.key.fallback else request.models


def _asked_for(
    request: ChatRequest, caller: Caller, knowledge: Knowledge, name: str, origin: Origin
) -> list[Route]:
    """The routes to the model `name`, or to the targets of the virtual model of that name."""
    virtual = caller.view.virtual_models.get(name)
    if virtual is None:
        return _routes(request, caller, knowledge, Way(name, origin))
    origin = Origin.VIRTUAL if origin is Origin.NAMED else origin
    targets = virtual.targets
    if virtual.strategy is Strategy.WEIGHTED:
        targets = _drawn(targets, knowledge.draw)
    found: list[Route] = []
    refusal: Failure | None = None
    for target in targets:
        try:
            found += _routes(request, caller, knowledge, Way(target.model, origin, target.timeout_ms))
        except Failure as failure:
            refusal = refusal or failure
    if not found and refusal is not None:
        raise refusal
    return found


def _drawn(targets: tuple[Target, ...], draw: Callable[[], float]) -> tuple[Target, ...]:
    """The targets in an order in which each is first as often as its weight says.

    Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006): by u ** (1 / weight).
    """
    drawn = [(draw() ** (1 / target.weight), target) for target in targets if target.weight]
    return tuple(target for _, target in sorted(drawn, key=lambda pair: pair[0], reverse=True))


def _routes(request: ChatRequest, caller: Caller, knowledge: Knowledge, way: Way) -> list[Route]:
    """A route over each provider key that serves the model of `way`."""
    ground = Ground(caller, knowledge.catalogue, knowledge.listings)
    found = knowledge.memory.routes(way, ground, knowledge.now)
    if found is not None:
        _refuse_purpose(request, found[0].provider, found[0].model, knowledge)
        features = _refuse(request, caller, found[0].provider, found[0].model)
    else:
        row, model = named(way.model, caller, knowledge.catalogue, knowledge.listings)
        _refuse_purpose(request, row, model, knowledge)
        features = _refuse(request, caller, row, model)
        if model is not None:
            found = routes_over_keys(way, row, model, caller, knowledge.now)
        if not found:
            # Nobody is told of what only stands in for it, and looking for names takes time.
            looks_for = way.model == request.model
            close = knowledge.memory.close_names(way.model, ground) if looks_for and row is None else None
            raise _not_served(way.model, row, close)
        knowledge.memory.keep(way, ground, knowledge.now, found)
    if not features:
        return list(found)
    return [replace(route, allowance=caller.key.unbounded_allowance or 0) for route in found]


def _refuse_purpose(
    request: ChatRequest, row: Provider | None, model: Model | None, knowledge: Knowledge
) -> None:
    """Refuses a model that is made for something else; what nobody knows may be made for anything."""
    if row is None or model is None:
        return
    if not isinstance(request, EmbeddingRequest):
        if model.kind is not Kind.CHAT:
            raise _no_chat(model)
        return
    if model.kind is not Kind.EMBEDDING and knowledge.catalogue.knows(row.name, model.id):
        raise _no_embeddings(model)
    if embeddings_url(row, "", model.id) is None:
        raise Failure(Code.INVALID_REQUEST, f"model: {row.title} makes no embeddings.", param="model")
    if embeddings_url(row, "", model.id, texts=request.texts) is None:
        raise Failure(
            Code.INVALID_REQUEST,
            f"input: {row.title} takes one text at a time, and this request has {request.texts}. "
            "Send each in a request of its own.",
            param="input",
        )


def _refuse(request: ChatRequest, caller: Caller, row: Provider | None, model: Model | None) -> list[str]:
    """What of the request has a cost that nothing bounds, where the key may have it. Raises Failure."""
    if row is None:
        return []
    if request.unread:
        _refuse_parameters(request, row)
    features = _unbounded(request, row, model) if caller.capped else []
    if features and model is not None and caller.key.unbounded_allowance is None:
        raise _without_bound(features[0], model)
    return features


def _refuse_parameters(request: ChatRequest, row: Provider) -> None:
    # Some upstreams match names without regard to case: `Plugins` would be `plugins` to them.
    for name in request.unread:
        if name.casefold() in row.never_sent:
            raise Failure(
                Code.UNSUPPORTED_PARAMETER,
                f"{name}: this parameter would change the model, the route or the price behind the gateway's "
                "back, and is not supported. Take it out of the request.",
                param=name,
            )


def _unbounded(request: ChatRequest, row: Provider, model: Model | None) -> list[str]:
    """What of the request has a cost that nothing bounds: fields by their path, or `model`."""
    found = [
        name for name in request.unread if name.casefold() in row.unbounded and _asks(request, row, name)
    ]
    found += request.unbounded
    if model is not None:
        if request.sounds or request.files:
            found += unpriced_media(model, request, files_have_fees=row.files_have_fees)
        if model.unbounded:
            found.append("model")
    return found


def _no_chat(model: Model) -> Failure:
    return Failure(
        Code.INVALID_REQUEST,
        f"model: {model.name} makes embeddings, and answers no conversation. Use a chat model.",
        param="model",
    )


def _no_embeddings(model: Model) -> Failure:
    return Failure(
        Code.INVALID_REQUEST,
        f"model: {model.name} answers conversations, and makes no embeddings. Use an embedding model.",
        param="model",
    )


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
    value = bytes(request.values[name])
    if name in row.covered and value.startswith(b"{"):
        return not set(row.covered[name]).issuperset(Fields.of(value, name).values)
    return b"".join(value.split()) not in _HARMLESS


def _not_served(name: str, row: Provider | None, close: Sequence[str] | None) -> Failure:
    if row is not None:
        why = f"This workspace has no provider key for {row.title} that is in use."
        why += f" Add one with: zai admin provider add {row.name}"
    else:
        why = f"No provider serves {name!r}."
        if close:
            why += f" Did you mean {' or '.join(close)}?"
        elif close is not None:
            why += " GET /v1/models lists what there is."
    return Failure(Code.MODEL_NOT_FOUND, why, param="model")
