"""Lists of models that were made already: to make one takes milliseconds, in which nobody else is served."""

from collections.abc import Mapping
from math import inf

from zai_gateway.accounts.caller import Caller
from zai_gateway.catalogue.listings import ListedModel
from zai_gateway.edge.models import ModelRow, Shown, callable_rows, model_list_json

_MOST_KEPT = 16
"""Lists; one with every model there is has about half a megabyte."""


class MadeList:
    """The models that callers with the same terms may call, and what they were made from."""

    def __init__(self, caller: Caller, shown: Shown) -> None:
        self.rows: list[ModelRow] = callable_rows(caller, shown)
        self._view = caller.view
        self._catalogue = shown.catalogue
        self._listed = _listed(caller, shown)
        self._since = shown.now
        self._until = _next_change(caller, shown)
        self._json: bytes | None = None

    @property
    def json(self) -> bytes:
        """All of them, as they are answered."""
        if self._json is None:
            self._json = model_list_json(self.rows)
        return self._json

    def holds(self, caller: Caller, shown: Shown) -> bool:
        """Whether the same would be made now. What may change is replaced when it does, never written to."""
        return (
            self._view is caller.view
            and self._catalogue is shown.catalogue
            and self._since <= shown.now < self._until
            and all(map(_is, self._listed, _listed(caller, shown)))
        )


class ModelLists:
    """Keeps the lists that were made last."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, tuple[str, ...]], MadeList] = {}

    def of(self, caller: Caller, shown: Shown) -> MadeList:
        """The list for this caller, as it is now."""
        terms = (caller.key.workspace, caller.key.allow)
        made = self._made.pop(terms, None)
        if made is None or not made.holds(caller, shown):
            made = MadeList(caller, shown)
        self._made[terms] = made
        if len(self._made) > _MOST_KEPT:
            del self._made[next(iter(self._made))]
        return made


def _listed(caller: Caller, shown: Shown) -> list[Mapping[str, ListedModel] | None]:
    return [shown.listings.get(key.id) for key in caller.view.provider_keys]


def _next_change(caller: Caller, shown: Shown) -> float:
    """When the next of the prices comes into force that are known already, in seconds since 1970."""
    providers = {key.provider for key in caller.view.provider_keys}
    models = (model for provider in providers for model in shown.catalogue.models(provider))
    changes = (
        price.since
        for model in models
        for price in (*model.later_prices, *((model.price,) if model.price else ()))
        if price.since > shown.now
    )
    return min(changes, default=inf)


def _is(one: object, other: object) -> bool:
    return one is other
