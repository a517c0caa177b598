"""What the store keeps of accounts: workspaces, members, keys of every kind, budgets and own prices."""

from enum import StrEnum

from msgspec import Struct

from zai_gateway.accounts.actor import Role, Scope
from zai_gateway.catalogue.model import Rates


class Workspace(Struct, frozen=True, kw_only=True):
    """A team's own space: its keys, its providers, its money."""

    id: str
    name: str
    slug: str
    rpm: int | None = None
    """Requests a minute that all its keys may make together; None: as many as come."""
    tpm: int | None = None
    """Tokens a minute, likewise."""
    concurrency: int | None = None
    """Requests at once, likewise."""
    created_ms: int


class Member(Struct, frozen=True, kw_only=True):
    """A person in a workspace. Whoever is in two of them is a member twice."""

    id: str
    workspace: str
    name: str
    email: str
    """In lower case; no two members of a workspace have the same."""
    role: Role
    person: str | None = None
    """The id of the person who signs in as this member; None until somebody accepts an invitation."""
    created_ms: int
    removed_ms: int | None = None


class NearCap(StrEnum):
    """What becomes of a request whose worst case does not fit what is left of a budget."""

    CLAMP = "clamp"
    """Its output limit is lowered to what fits."""
    REFUSE = "refuse"
    """It is refused."""


class Predecessor(Struct, frozen=True, kw_only=True):
    """A secret that was rotated out, and is valid until it retires."""

    digest: bytes
    prefix: str
    retires_ms: int


class ApiKey(Struct, frozen=True, kw_only=True):
    """An API key as it is kept: never the key itself, only what it hashes to."""

    id: str
    workspace: str
    name: str
    prefix: str
    """The first 12 characters, to tell keys apart by."""
    digest: bytes
    """SHA-256 of the whole key."""
    member: str | None = None
    """The id of the member whose own it is; None for one of the workspace as such."""
    tags: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    """Glob patterns of canonical model names; none allows every model."""
    fallback: str | None = None
    near_cap: NearCap = NearCap.CLAMP
    cap: int | None = None
    """The key's total spend cap in nano-USD; None for none."""
    budget: str
    """The id of the budget that counts its spend."""
    predecessors: tuple[Predecessor, ...] = ()
    """Secrets of this key from before it was rotated, the newest last."""
    unbounded_allowance: int | None = None
    """Nano-USD that one request may cost by features whose cost nothing bounds; None: it may use none."""
    rpm: int | None = None
    """Requests a minute; None: as many as come."""
    tpm: int | None = None
    """Tokens a minute, likewise."""
    concurrency: int | None = None
    """Requests at once, likewise."""
    expires_ms: int | None = None
    revoked_ms: int | None = None
    last_used_ms: int | None = None
    """To the minute, and lost in a crash; where nothing was written yet, None."""
    created_ms: int

    def opens(self, digest: bytes, now_ms: int) -> bool:
        """Whether the secret that hashes to `digest` is one of this key's, and the key is valid now."""
        if self.revoked_ms is not None or (self.expires_ms is not None and self.expires_ms <= now_ms):
            return False
        return digest == self.digest or any(
            digest == old.digest and now_ms < old.retires_ms for old in self.predecessors
        )


class ManagementKey(Struct, frozen=True, kw_only=True):
    """A key (`zk_admin_...`) that administers one workspace, as far as its scopes go."""

    id: str
    workspace: str
    name: str
    prefix: str
    digest: bytes
    """SHA-256 of the whole key."""
    scopes: tuple[Scope, ...]
    made_by: str | None
    """The id of the member who made it, with whose removal it ends; None where the operator did."""
    expires_ms: int
    revoked_ms: int | None = None
    created_ms: int


class BudgetOwner(StrEnum):
    """Whose spend a budget limits."""

    KEY = "key"
    MEMBER = "member"
    WORKSPACE = "workspace"


class BudgetPeriod(StrEnum):
    """How long a budget's window lasts, in UTC; the same words as `spend.budgets.Period`."""

    TOTAL = "total"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class SpendBudget(Struct, frozen=True, kw_only=True):
    """A limit on what one key, member or workspace may spend in one period."""

    id: str
    workspace: str
    owner_kind: BudgetOwner
    owner: str
    """The id of the key, member or workspace."""
    period: BudgetPeriod
    limit: int | None
    """Nano-USD; None counts without limiting."""


class Health(Struct, frozen=True, kw_only=True):
    """What came of the last test of a provider key."""

    at_ms: int
    ok: bool
    said: str
    """In a few words: the provider's own message where it refused, with the secret struck out."""
    status: int | None = None
    """The HTTP status of its answer; None where none came."""
    latency_ms: int | None = None
    """Until the head of its answer."""


class ProviderKey(Struct, frozen=True, kw_only=True):
    """A team's own key at a provider, its secret encrypted."""

    id: str
    workspace: str
    provider: str
    name: str
    base_url: str
    sealed: bytes
    """The secret under the vault's key; empty where the provider needs none."""
    position: int = 0
    """Its place in the order in which keys are tried, the lowest first."""
    private: bool = False
    """Whether its address may be a private one, as one that the operator chose may."""
    disabled_ms: int | None = None
    disabled_why: str | None = None
    """In the gateway's words, where it was the gateway that disabled the key."""
    health: Health | None = None
    created_ms: int


class Strategy(StrEnum):
    """In which order the targets of a virtual model are tried."""

    ORDERED = "ordered"
    """As they are listed."""
    WEIGHTED = "weighted"
    """Drawn anew for each request, each target as often as its weight says."""


class Target(Struct, frozen=True, kw_only=True):
    """One model that a virtual model stands for."""

    model: str
    """The canonical name, `provider/model id`."""
    weight: int = 1
    timeout_ms: int | None = None
    """How long it may take to its first content before the next target is tried; None: as long as any."""


class VirtualModel(Struct, frozen=True, kw_only=True):
    """A model's name that a workspace defined for itself, such as `fast`."""

    workspace: str
    name: str
    """Without a slash."""
    strategy: Strategy = Strategy.ORDERED
    targets: tuple[Target, ...]
    created_ms: int


class PriceOverride(Struct, frozen=True, kw_only=True):
    """A price that a workspace set for itself."""

    model: str
    """The canonical name, `provider/model id`."""
    rates: Rates
    version: str
    created_ms: int


class ImportedPrices(Struct, frozen=True, kw_only=True):
    """A data file that was imported over the catalogue's."""

    version: str
    """Its date and a digest, as `catalogue.data_file.Table` has it."""
    imported_ms: int
    data: bytes
    """Packed."""
