"""Spending: hold, settle and release, the only way to spend money."""

from zai_gateway.catalogue.bound import Bound
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.ledger import Attempt, Outcome
from zai_gateway.spend.store import Granted, Standing


class Hold:
    """Money set aside for one attempt, until it is settled or released, exactly once."""

    granted: Granted

    async def settle(self, outcome: Outcome) -> None:
        """Books what the attempt cost and frees the rest of the hold."""
        raise NotImplementedError

    async def release(self) -> None:
        """Frees the whole hold of an attempt that was never sent; no entry is written."""
        raise NotImplementedError


class Spending:
    """The door to the budgets, for one worker."""

    async def hold(self, attempt: Attempt, budgets: tuple[Budget, ...], bound: Bound | None) -> Hold:
        """Holds the attempt's worst case in all budgets at once. Raises Failure or StoreUnavailable."""
        raise NotImplementedError

    async def standings(self, owner: str) -> tuple[Standing, ...]:
        """Where each budget of `owner` stands."""
        raise NotImplementedError
