"""Memory: what was worked out for callers, each for as long as nothing changed that it rests on."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from zai_gateway.accounts.caller import Caller, WorkspaceView
from zai_gateway.accounts.records import ApiKey, SpendBudget
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.listings import ListedModel, Listings
from zai_gateway.catalogue.model import Kind, Model
from zai_gateway.relay.hints import close_names
from zai_gateway.relay.models import callable_models
from zai_gateway.relay.route import Origin, Route
from zai_gateway.relay.ways import Way
from zai_gateway.spend.budgets import Budget, Period
from zai_gateway.spend.rates import RateLimit, Resource

_MOST_ROUTES = 20_000
_MOST_NAMES = 16
"""Callers whose models' names are kept: each may have thousands."""
_FOR_EVER = 2**63
_Lists = tuple[Mapping[str, ListedModel] | None, ...]


class Ground(Struct, frozen=True):
    """All but the time that a caller's routes rest on, each part replaced where it changes."""

    caller: Caller
    catalogue: Catalogue
    listings: Listings

    @property
    def lists(self) -> _Lists:
        """The lists by which a name without a prefix may mean a provider's model."""
        return tuple([self.listings.get(key.id) for key in self.caller.view.provider_keys])

    def is_that_of(self, kept: "_Kept") -> bool:
        """Whether what was kept rests on the same."""
        return (
            kept.key is self.caller.key
            and kept.view is self.caller.view
            and kept.catalogue is self.catalogue
            and (kept.lists is None or kept.lists == self.lists)
        )


class _Kept(Struct, frozen=True):
    key: ApiKey
    view: WorkspaceView
    catalogue: Catalogue
    lists: _Lists | None
    """None where they make no difference."""


class _Routes(_Kept, frozen=True):
    routes: tuple[Route, ...]
    until: int
    """Seconds since 1970: when another price comes into force."""


class _Names(_Kept, frozen=True):
    names: tuple[str, ...]


class Counts(Struct, frozen=True):
    """What a request of a caller counts in."""

    key: ApiKey
    view: WorkspaceView
    budgets: tuple[Budget, ...]
    """They are held at once or not at all."""
    rate_limits: tuple[RateLimit, ...]
    """Those of its key and of its workspace."""


class Memory:
    """Belongs to one event loop. Forgets everything where it would hold too much."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, Way], _Routes] = {}
        """By the id of the caller's key, here and below."""
        self._names: dict[str, _Names] = {}
        self._counts: dict[str, Counts] = {}
        self._straight: dict[tuple[str, str], _Routes] = {}
        """Where a name leads whatever else a request says, as long as that is plain; by the name, too."""

    def counts(self, caller: Caller) -> Counts:
        """What a request of the caller counts in."""
        kept = self._counts.get(caller.key.id)
        if kept is None or kept.key is not caller.key or kept.view is not caller.view:
            if len(self._counts) >= _MOST_ROUTES:
                self._counts.clear()
            budgets = tuple(map(_counted, caller.budgets))
            kept = Counts(caller.key, caller.view, budgets, tuple(_rate_limits(caller)))
            self._counts[caller.key.id] = kept
        return kept

    def routes(self, way: Way, ground: Ground, now: int) -> tuple[Route, ...] | None:
        """The routes that `way` leads to at `now` (seconds since 1970); None where they have to be found."""
        kept = self._routes.get((ground.caller.key.id, way))
        if kept is None or kept.until <= now or not ground.is_that_of(kept):
            return None
        return kept.routes

    def keep(self, way: Way, ground: Ground, now: int, routes: tuple[Route, ...]) -> None:
        """Remembers the routes that were found, of which there is at least one."""
        if len(self._routes) >= _MOST_ROUTES:
            self._routes.clear()
            self._straight.clear()
        caller, model = ground.caller, routes[0].model
        lists = None if way.model.startswith(f"{model.provider}/") else ground.lists
        kept = _Routes(caller.key, caller.view, ground.catalogue, lists, routes, _next_price(model, now))
        self._routes[caller.key.id, way] = kept
        if way == Way(way.model, Origin.NAMED) and _is_straight(kept):
            self._straight[caller.key.id, way.model] = kept

    def straight(self, caller: Caller, catalogue: Catalogue, name: str, now: int) -> Sequence[Route] | None:
        """The only route of a plain request for this model at `now`; None where there may be a choice."""
        kept = self._straight.get((caller.key.id, name))
        if (
            kept is None
            or kept.key is not caller.key
            or kept.view is not caller.view
            or kept.catalogue is not catalogue
            or kept.until <= now
        ):
            return None
        return kept.routes

    def close_names(self, name: str, ground: Ground) -> Sequence[str]:
        """Names of models that look like `name`, and that the caller may call."""
        caller = ground.caller
        kept = self._names.get(caller.key.id)
        if kept is None or not ground.is_that_of(kept):
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            may_call = callable_models(caller, ground.catalogue, ground.listings)
            names = tuple([model.name for model in may_call])
            kept = _Names(caller.key, caller.view, ground.catalogue, ground.lists, names)
            self._names[caller.key.id] = kept
        return close_names(name, kept.names)


def _is_straight(kept: _Routes) -> bool:
    """Whether nothing but what was kept decides the route, and no second one stands behind it."""
    return (
        len(kept.routes) == 1
        and kept.lists is None
        and not kept.key.fallback
        and kept.routes[0].model.unbounded is None
        and kept.routes[0].model.kind is Kind.CHAT
    )


def _counted(budget: SpendBudget) -> Budget:
    """The budget as spending knows it."""
    return Budget(
        id=budget.id,
        owner=budget.owner,
        owner_kind=budget.owner_kind.value,
        period=Period(budget.period.value),
        limit=budget.limit,
    )


def _rate_limits(caller: Caller) -> Iterator[RateLimit]:
    for kind, owner in (("key", caller.key), ("workspace", caller.view.workspace)):
        for resource, limit in (
            (Resource.REQUESTS, owner.rpm),
            (Resource.TOKENS, owner.tpm),
            (Resource.CONCURRENCY, owner.concurrency),
        ):
            if limit is not None:
                yield RateLimit(owner=owner.id, owner_kind=kind, resource=resource, limit=limit)


def _next_price(model: Model, now: int) -> int:
    """When another price comes into force, in seconds since 1970."""
    known = (*model.earlier_prices, model.price, *model.later_prices)
    return min((price.since for price in known if price is not None and price.since > now), default=_FOR_EVER)
