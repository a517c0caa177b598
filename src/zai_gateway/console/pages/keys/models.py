"""The models to choose from for a key: what the workspace can really call, by provider."""

from collections.abc import Sequence
from itertools import groupby

from zai_gateway.console.visit import Visit
from zai_gateway.relay.models import offers_of

_MOST = 3_000
Models = Sequence[str]
"""Canonical names, by provider."""


def callable_models(visit: Visit) -> Models:
    """All that a key without an allowlist may call now, without the workspace's own names."""
    services = visit.services
    view = services.accounts.models.view(visit.actor, visit.workspace)
    offers = offers_of(view, services.shelf.catalogue, services.listings())
    return [offer.model.name for offer, _ in zip(offers, range(_MOST), strict=False)]


def by_provider(models: Models) -> list[tuple[str, list[str]]]:
    """The same in groups."""
    groups = groupby(models, key=lambda name: name.partition("/")[0])
    return [(provider, list(names)) for provider, names in groups]
