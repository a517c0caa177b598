"""What one file declares: workspaces, and all that is to stand in them."""

from msgspec import UNSET, Struct, UnsetType

from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod, NearCap, Strategy, Target
from zai_gateway.catalogue.model import Rates


class SecretReference(Struct, frozen=True):
    """Where a secret is: in an environment variable, or in a file."""

    env: str | None = None
    file: str | None = None


class DeclaredMember(Struct, frozen=True, kw_only=True):
    """A member, known by its address. UNSET, here and below: as it is, or the default of a new one."""

    email: str
    name: str | UnsetType = UNSET
    role: Role | UnsetType = UNSET


class DeclaredKey(Struct, frozen=True, kw_only=True):
    """An API key, known by its name among those that are not revoked. None takes away."""

    name: str
    spend_cap: int | UnsetType | None = UNSET
    """Nano-USD."""
    near_cap: NearCap | UnsetType = UNSET
    allow: tuple[str, ...] | UnsetType = UNSET
    fallback: str | UnsetType | None = UNSET
    expires_ms: int | UnsetType | None = UNSET
    member: str | UnsetType | None = UNSET
    """An address."""
    tags: tuple[str, ...] | UnsetType = UNSET
    unbounded_allowance: int | UnsetType | None = UNSET
    """Nano-USD for each request."""
    rpm: int | UnsetType | None = UNSET
    tpm: int | UnsetType | None = UNSET
    concurrency: int | UnsetType | None = UNSET
    secret_file: str | None = None
    """The file that the secret of a new key is written to."""


class DeclaredProvider(Struct, frozen=True, kw_only=True):
    """A key at a provider, known by its name."""

    provider: str
    name: str
    base_url: str | UnsetType = UNSET
    secret: SecretReference | None = None


class DeclaredBudget(Struct, frozen=True, kw_only=True):
    """A budget, known by whose it is and its period."""

    kind: BudgetOwner
    owner: str
    """A key's name or a member's address; empty for the workspace."""
    period: BudgetPeriod
    limit: int
    """Nano-USD."""

    @property
    def name(self) -> str:
        """As people know it."""
        return budget_name(self.kind, self.owner, self.period)


class DeclaredPrice(Struct, frozen=True, kw_only=True):
    """A workspace's own price of a model."""

    model: str
    rates: Rates


class DeclaredModel(Struct, frozen=True, kw_only=True):
    """A virtual model, known by its name."""

    name: str
    strategy: Strategy
    targets: tuple[Target, ...]


class DeclaredWorkspace(Struct, frozen=True, kw_only=True):
    """A workspace, known by its name. None: the file says nothing of things of that kind."""

    name: str
    rpm: int | UnsetType | None = UNSET
    """Of this and the other rate limits, None takes away."""
    tpm: int | UnsetType | None = UNSET
    concurrency: int | UnsetType | None = UNSET
    members: tuple[DeclaredMember, ...] | None = None
    keys: tuple[DeclaredKey, ...] | None = None
    providers: tuple[DeclaredProvider, ...] | None = None
    budgets: tuple[DeclaredBudget, ...] | None = None
    prices: tuple[DeclaredPrice, ...] | None = None
    models: tuple[DeclaredModel, ...] | None = None


class Declaration(Struct, frozen=True):
    """All that one file wants."""

    workspaces: tuple[DeclaredWorkspace, ...]


def budget_name(kind: BudgetOwner, owner: str, period: BudgetPeriod) -> str:
    """How a budget is told of: `monthly of key ci`."""
    return f"{period.value} of {kind.value} {owner}".rstrip()
