"""What accounts ask of a store: blocking calls, each one transaction that happened whole or not at all."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from zai_gateway.accounts.audit_record import AuditRecord, AuditSearch
from zai_gateway.accounts.caller import WorkspaceView
from zai_gateway.accounts.records import (
    ApiKey,
    ImportedPrices,
    ManagementKey,
    Member,
    PriceOverride,
    ProviderKey,
    SpendBudget,
    VirtualModel,
    Workspace,
)
from zai_gateway.accounts.sign_in_store import SignInStore
from zai_gateway.accounts.spend_books import SpendAdministration


class Changes(Struct, frozen=True):
    """What changed since a generation: enough to bring a directory up to date."""

    generation: int
    keys: tuple[ApiKey, ...]
    """Keys made or changed since, revoked ones among them."""
    workspaces: tuple[WorkspaceView, ...]
    """Every workspace, as it is now; empty where nothing changed."""


class BudgetChange(Struct, frozen=True, kw_only=True):
    """What becomes of one budget, with the audit's record of it."""

    seen: SpendBudget | None
    """None: there was none."""
    wanted: SpendBudget | None
    """None: it ends."""
    audit: AuditRecord


class DirectoryStore(Protocol):
    """What the hot path's directory of callers asks. All calls raise StoreUnavailable."""

    def changes(self, since: int) -> Changes:
        """What changed after generation `since`; 0 gives everything."""
        ...

    def generation(self) -> int:
        """The number that every write raises."""
        ...

    def key_by_digest(self, digest: bytes) -> ApiKey | None:
        """The key of which this is the secret, or a predecessor that was not forgotten yet."""
        ...

    def note_use(self, last_used_ms: Mapping[str, int]) -> None:
        """Writes when keys, by id, were last used; never back to an earlier time, and no new generation."""
        ...


class Administration(Protocol):
    """Writes of administration, each with its audit record in the same transaction.

    All raise StoreUnavailable where the store does not answer, and raise the generation. Whoever changes a
    thing hands in what it saw: where that is no longer so, nothing is written and the answer is False, so
    that no change is lost to one that came from an older state.
    """

    def workspaces(self) -> tuple[Workspace, ...]:
        """All of them, oldest first."""
        ...

    def put_workspace(self, seen: Sequence[Workspace], workspace: Workspace, audit: AuditRecord) -> bool:
        """Adds or changes one while `seen` is all there are."""
        ...

    def members(self, workspace: str) -> tuple[Member, ...]:
        """Oldest first, removed ones among them."""
        ...

    def put_member(
        self, seen: Sequence[Member], member: Member, audit: AuditRecord, *, ends_keys_ms: int | None = None
    ) -> bool:
        """Adds or changes one while `seen` is all that its workspace has.

        `ends_keys_ms` revokes at that moment the management keys that the member made, and, of a member who
        is removed, the member's own API keys; each gets a record of its own. The invitations that the member
        made end then, and those of the member itself when its e-mail, role or person is another, or it goes.
        """
        ...

    def keys(self, workspace: str) -> tuple[ApiKey, ...]:
        """Oldest first, revoked ones among them."""
        ...

    def key_names(self, workspace: str, member: str | None) -> Mapping[str, str]:
        """The names of keys by id, revoked ones among them: of one member's own, or of all."""
        ...

    def add_key(self, key: ApiKey, audit: AuditRecord, budgets: Sequence[BudgetChange] = ()) -> bool:
        """Writes it with budgets of its own beside its cap.

        False where the member whose own it is to be is no longer there, or a key of that id is there already.
        """
        ...

    def replace_key(
        self,
        seen: ApiKey,
        key: ApiKey,
        audit: AuditRecord | None,
        budgets: Sequence[BudgetChange] = (),
    ) -> bool:
        """Writes every field but `last_used_ms`, its cap's limit included, and its other budgets.

        `audit` is None where nothing of the key itself changes. False where its new member is not there, too.
        """
        ...

    def management_keys(self, workspace: str) -> tuple[ManagementKey, ...]:
        """Oldest first, revoked ones among them."""
        ...

    def management_key_by_digest(self, digest: bytes) -> ManagementKey | None: ...

    def add_management_key(self, key: ManagementKey, audit: AuditRecord) -> bool:
        """False where the member who makes it is no longer there, or there is one of that id already."""
        ...

    def replace_management_key(self, seen: ManagementKey, key: ManagementKey, audit: AuditRecord) -> bool: ...

    def budgets(self, workspace: str) -> tuple[SpendBudget, ...]:
        """Those that stand, by owner and period; the keys' own total caps only where there is one."""
        ...

    def put_budget(self, seen: SpendBudget | None, budget: SpendBudget | None, audit: AuditRecord) -> bool:
        """Sets one (`seen` None: there was none of that owner and period), or ends it (`budget` None)."""
        ...

    def provider_keys(self, workspace: str) -> tuple[ProviderKey, ...]:
        """In the order in which they are tried, disabled ones among them."""
        ...

    def add_provider_key(self, key: ProviderKey, audit: AuditRecord) -> ProviderKey | None:
        """Puts it behind all others, and gives it with its position; None where there is one of its id."""
        ...

    def replace_provider_key(self, seen: ProviderKey, key: ProviderKey, audit: AuditRecord) -> bool: ...

    def order_provider_keys(
        self, seen: Sequence[ProviderKey], ordered: Sequence[ProviderKey], audit: AuditRecord
    ) -> bool:
        """Tries them in another order while `seen` is all that their workspace has."""
        ...

    def remove_provider_key(self, seen: ProviderKey, audit: AuditRecord) -> bool: ...

    def replace_canary(self, seen: bytes, sealed: bytes, audit: AuditRecord) -> bool:
        """Writes another canary for the vault in the place of `seen`."""
        ...

    def prices(self, workspace: str) -> tuple[PriceOverride, ...]: ...

    def put_price(
        self,
        workspace: str,
        seen: PriceOverride | None,
        wanted: PriceOverride | None,
        audit: AuditRecord,
    ) -> bool:
        """Sets a price (`seen` None: the model had none), or takes it away (`wanted` None)."""
        ...

    def virtual_models(self, workspace: str) -> tuple[VirtualModel, ...]:
        """By name."""
        ...

    def put_virtual_model(
        self, seen: VirtualModel | None, wanted: VirtualModel | None, audit: AuditRecord
    ) -> bool:
        """Sets one (`seen` None: there was none of that name), or takes it away (`wanted` None)."""
        ...

    def imported_prices(self) -> ImportedPrices | None:
        """The data file that was imported for the catalogue."""
        ...

    def imported_version(self) -> str | None:
        """Its version alone, which is quick to ask."""
        ...

    def put_imported_prices(
        self, seen: ImportedPrices | None, wanted: ImportedPrices | None, audit: AuditRecord
    ) -> bool:
        """Keeps one (`seen` None: there was none), or takes it away (`wanted` None)."""
        ...

    def audit(self, search: AuditSearch) -> tuple[AuditRecord, ...]:
        """The records that match, newest first, at most `search.most`."""
        ...


class CanaryStore(Protocol):
    """What the vault asks. All calls raise StoreUnavailable."""

    def canary(self) -> bytes | None:
        """A known text under the vault's key: tells a wrong key from a bad row."""
        ...

    def set_canary(self, sealed: bytes) -> bytes:
        """Writes the canary unless there is one; gives the one that stands."""
        ...


class AccountStore(DirectoryStore, Administration, SpendAdministration, CanaryStore, SignInStore, Protocol):
    """All that accounts ask."""

    def first_start(
        self,
        workspace: Workspace,
        provider_keys: Sequence[ProviderKey],
        key: ApiKey,
        audit: Sequence[AuditRecord],
    ) -> bool:
        """Writes all of it unless there is a workspace already; True where it wrote."""
        ...
