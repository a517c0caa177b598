"""Routing: which provider, which of its models, at which price; pure."""

from difflib import get_close_matches

from msgspec import Struct

from zai_gateway.accounts.caller import Caller
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.cost import own_price
from zai_gateway.catalogue.model import Model, Price
from zai_gateway.errors import Code, Failure
from zai_gateway.providers.registry import Provider, provider
from zai_gateway.relay.models import callable_models
from zai_gateway.wire.chat import ChatRequest

_HARMLESS = (b"null", b'["text"]', b"[]", b"{}", b"false")
"""Values with which a parameter of `Provider.unbounded` asks for nothing that costs."""


class Route(Struct, frozen=True, kw_only=True):
    """Where a request goes."""

    provider: Provider
    provider_key: ProviderKey
    model: Model
    price: Price | None
    """In force for this workspace; None where nobody set one."""


def route(request: ChatRequest, caller: Caller, catalogue: Catalogue) -> Route:
    """Where the request goes.

    Raises Failure, in this order: 400 for parameters that this provider's requests may not have, 403 for a
    model outside the allowlist, 404 for one that no provider of the workspace serves, 402 for a model
    without a price on a key with a cap.
    """
    row, model = _named(request.model, caller, catalogue)
    if row is not None:
        _refuse_parameters(request, row, caller)
    if model is None:
        raise _not_served(request.model, row, caller, catalogue)
    if not caller.may_call(model.name):
        raise Failure(
            Code.MODEL_NOT_ALLOWED,
            f"This API key may not call {model.name}. It may call: {', '.join(caller.key.allow)}.",
            param="model",
        )
    provider_key = next((key for key in caller.view.provider_keys if row and key.provider == row.name), None)
    if row is None or provider_key is None:
        raise _not_served(request.model, row, caller, catalogue)
    own = caller.view.prices.get(model.name)
    price = own_price(own.rates, own.version) if own else model.price
    if price is None and caller.capped:
        raise Failure(
            Code.MODEL_UNPRICED,
            f"No price is known for {model.name}, so this key's spend cap could not hold. Set one with: "
            f"zai admin price set {model.name} --input USD --output USD (per million tokens).",
            param="model",
        )
    return Route(provider=row, provider_key=provider_key, model=model, price=price)


def _named(name: str, caller: Caller, catalogue: Catalogue) -> tuple[Provider | None, Model | None]:
    """The vendor and model that a name means: a known prefix wins, else the one provider that has it.

    An unknown prefix still names a model, for the allowlist to judge; a bare id that nobody has does not.
    """
    prefix, slash, id = name.partition("/")
    if slash and (row := provider(prefix)):
        return row, catalogue.model(prefix, id)
    configured = sorted({key.provider for key in caller.view.provider_keys})
    having = [candidate for candidate in configured if catalogue.knows(candidate, name)]
    if len(having) > 1:
        names = ", ".join(f"{candidate}/{name}" for candidate in having)
        raise Failure(
            Code.INVALID_REQUEST, f"model {name!r} is ambiguous: say one of {names}.", param="model"
        )
    if having:
        return provider(having[0]), catalogue.model(having[0], name)
    return None, Model(provider=prefix, id=id) if slash else None


def _refuse_parameters(request: ChatRequest, row: Provider, caller: Caller) -> None:
    # Some upstreams match names without regard to case: `Plugins` would be `plugins` to them.
    for name in request.members:
        if name.casefold() in row.never_sent:
            raise Failure(
                Code.UNSUPPORTED_PARAMETER,
                f"{name}: this parameter would change the model, the route or the price behind the gateway's "
                "back, and is not supported. Take it out of the request.",
                param=name,
            )
    if not caller.capped:
        return
    asked = [name for name in request.members if name.casefold() in row.unbounded and _asks(request, name)]
    for name in (*asked, *request.unbounded):
        raise Failure(
            Code.UNBOUNDED_FEATURE,
            f"{name}: nothing bounds what this feature can cost, so a key with a spend cap may not use it. "
            "Take it out of the request, or use a key without a cap.",
            param=name,
        )


def _asks(request: ChatRequest, name: str) -> bool:
    member = request.members[name]
    value = request.body[member.value_start : member.value_end]
    return b"".join(value.split()) not in _HARMLESS


def _not_served(name: str, row: Provider | None, caller: Caller, catalogue: Catalogue) -> Failure:
    if row is not None:
        why = f"This workspace has no provider key for {row.title}."
        why += f" Add one with: zai admin provider add {row.name}"
    else:
        why = f"No provider serves {name!r}"
        names = [model.name for model in callable_models(caller, catalogue)]
        close = get_close_matches(name, names, n=3)
        hint = f"Did you mean {' or '.join(close)}?" if close else "GET /v1/models lists what there is."
        why += f". {hint}"
    return Failure(Code.MODEL_NOT_FOUND, why, param="model")
