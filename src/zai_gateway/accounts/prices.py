"""The prices that a workspace sets for itself, in the place of the catalogue's."""

from zai_gateway.accounts import terms
from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.audit_record import Subject
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.choosing import suggestion
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.provider_names import known_provider
from zai_gateway.accounts.records import PriceOverride
from zai_gateway.accounts.sights import refuse_unseen, sight
from zai_gateway.catalogue.model import Rates
from zai_gateway.errors import Code, Failure
from zai_gateway.ids import new_id


class Prices:
    """Blocking calls. Raises as `Accounts` says."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def list(self, actor: Actor, workspace: str) -> tuple[PriceOverride, ...]:
        """By model."""
        self._desk.admit(actor, Deed.PRICE_LIST, workspace)
        return self._desk.store.prices(workspace)

    def set(
        self, actor: Actor, workspace: str, model: str, rates: Rates, *, seen: str | None = None
    ) -> PriceOverride:
        """Sets the workspace's own price of a model, in the place of any other.

        `model` is the canonical name, `rates` are in pico-USD per token. `seen`, here and below: what the
        actor saw of the price before (`sights.sight`); where it is another by now, it is refused, unless it
        is as wanted already.
        """
        self._desk.admit(actor, Deed.PRICE_SET, workspace)
        prefix = terms.checked_model(model, "model").partition("/")[0]
        known_provider(prefix, {key.provider for key in self._desk.store.provider_keys(workspace)})
        now = self._desk.clock.now_ms()
        price = PriceOverride(
            model=model, rates=terms.checked_rates(rates), version=new_id("price", now), created_ms=now
        )

        def attempt() -> PriceOverride | None:
            before = self._standing(workspace, model)
            if seen not in (None, sight(before)) and before is not None and before.rates == price.rates:
                return before
            refuse_unseen(seen, before, f"The price of {model}")
            record = self._desk.record(actor, Deed.PRICE_SET, workspace, _subject(model), before, price)
            return price if self._desk.store.put_price(workspace, before, price, record) else None

        return until_written(attempt)

    def remove(self, actor: Actor, workspace: str, model: str, *, seen: str | None = None) -> PriceOverride:
        """Takes the workspace's own price of a model away, and gives it: the catalogue's holds again."""
        self._desk.admit(actor, Deed.PRICE_REMOVE, workspace)

        def attempt() -> PriceOverride | None:
            before = self._standing(workspace, model)
            if before is None:
                priced = (price.model for price in self._desk.store.prices(workspace))
                raise Failure(
                    Code.NOT_FOUND,
                    f"model: {model[:200]!r} has no price of its own.{suggestion(model, priced)}",
                )
            refuse_unseen(seen, before, f"The price of {model}")
            record = self._desk.record(actor, Deed.PRICE_REMOVE, workspace, _subject(model), before, None)
            return before if self._desk.store.put_price(workspace, before, None, record) else None

        return until_written(attempt)

    def _standing(self, workspace: str, model: str) -> PriceOverride | None:
        return next((price for price in self._desk.store.prices(workspace) if price.model == model), None)


def _subject(model: str) -> Subject:
    return Subject("price", model, model)
