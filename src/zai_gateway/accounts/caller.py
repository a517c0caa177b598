"""Who calls: an immutable snapshot of an API key and its workspace, as the hot path knows it."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from msgspec import Struct

from zai_gateway.accounts.records import (
    ApiKey,
    BudgetOwner,
    BudgetPeriod,
    PriceOverride,
    ProviderKey,
    SpendBudget,
    VirtualModel,
    Workspace,
)


class WorkspaceView(Struct, frozen=True, kw_only=True):
    """A workspace with what routing, pricing and spending need of it."""

    workspace: Workspace
    provider_keys: tuple[ProviderKey, ...]
    """Enabled ones, in the order in which they are tried."""
    prices: Mapping[str, PriceOverride]
    """The workspace's own prices, by canonical model name."""
    virtual_models: Mapping[str, VirtualModel] = {}
    """By name."""
    budgets: Mapping[str, tuple[SpendBudget, ...]] = {}
    """By the id of the key, member or workspace; without the keys' own total caps."""


class Caller(Struct, frozen=True, kw_only=True):
    """An API key that was found valid, and its workspace."""

    key: ApiKey
    view: WorkspaceView

    @property
    def budgets(self) -> tuple[SpendBudget, ...]:
        """Every budget that a request of this key counts in: the key's, its member's and the workspace's."""
        key, shared = self.key, self.view.budgets
        own = SpendBudget(
            id=key.budget,
            workspace=key.workspace,
            owner_kind=BudgetOwner.KEY,
            owner=key.id,
            period=BudgetPeriod.TOTAL,
            limit=key.cap,
        )
        if not shared:
            return (own,)
        owners = (key.id, key.member or "", key.workspace)
        return (own, *(budget for owner in owners for budget in shared.get(owner, ())))

    @property
    def capped(self) -> bool:
        """Whether any of its budgets has a limit, so that every request needs a worst case."""
        if self.key.cap is not None:
            return True
        return bool(self.view.budgets) and any(budget.limit is not None for budget in self.budgets)

    def may_call(self, model: str) -> bool:
        """Whether the key's allowlist has a pattern for the canonical name `model`; none allows all."""
        allow = self.key.allow
        return not allow or any(fnmatchcase(model, pattern) for pattern in allow)
