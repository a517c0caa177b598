"""What accounts ask of a store: blocking calls, each one transaction that happened whole or not at all."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from zai_gateway.accounts.caller import WorkspaceView
from zai_gateway.accounts.records import ApiKey, PriceOverride, ProviderKey, Workspace


class Changes(Struct, frozen=True):
    """What changed since a generation: enough to bring a directory up to date."""

    generation: int
    keys: tuple[ApiKey, ...]
    """Keys made or changed since, revoked ones among them."""
    workspaces: tuple[WorkspaceView, ...]
    """Every workspace, as it is now; empty where nothing changed."""


class AccountStore(Protocol):
    """All calls raise StoreUnavailable where the store does not answer. Every write raises the generation."""

    def first_start(self, workspace: Workspace, provider_keys: Sequence[ProviderKey], key: ApiKey) -> bool:
        """Writes all three unless there is a workspace already; True where it wrote."""
        ...

    def changes(self, since: int) -> Changes:
        """What changed after generation `since`; 0 gives everything."""
        ...

    def generation(self) -> int:
        """The number that every write raises."""
        ...

    def key_by_digest(self, digest: bytes) -> ApiKey | None: ...

    def workspaces(self) -> tuple[Workspace, ...]:
        """All of them, oldest first."""
        ...

    def keys(self, workspace: str) -> tuple[ApiKey, ...]:
        """Oldest first, revoked ones among them."""
        ...

    def add_key(self, key: ApiKey) -> None: ...

    def replace_key(self, key: ApiKey) -> None:
        """Writes every field of the key, its budget's limit included.

        A revocation stands: `revoked_ms`, once written, is never overwritten, so that an edit that was read
        before it cannot undo it.
        """
        ...

    def provider_keys(self, workspace: str) -> tuple[ProviderKey, ...]:
        """In the order in which they are tried."""
        ...

    def add_provider_key(self, key: ProviderKey) -> None: ...

    def remove_provider_key(self, id: str) -> None: ...

    def prices(self, workspace: str) -> tuple[PriceOverride, ...]: ...

    def set_price(self, workspace: str, price: PriceOverride) -> None: ...

    def remove_price(self, workspace: str, model: str) -> bool: ...

    def canary(self) -> bytes | None:
        """A known text under the vault's key: tells a wrong key from a bad row."""
        ...

    def set_canary(self, sealed: bytes) -> bytes:
        """Writes the canary unless there is one; gives the one that stands."""
        ...
