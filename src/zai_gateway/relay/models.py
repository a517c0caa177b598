"""Which models a key may call: what its providers offer, cut by its allowlist; pure."""

from zai_gateway.accounts.caller import Caller
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.model import Model


def callable_models(caller: Caller, catalogue: Catalogue) -> tuple[Model, ...]:
    """Every model of the workspace's providers that the key's allowlist allows, sorted by name."""
    providers = sorted({key.provider for key in caller.view.provider_keys})
    offered = (model for name in providers for model in catalogue.models(name))
    return tuple(model for model in offered if caller.may_call(model.name))
