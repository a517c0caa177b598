"""Who calls: an immutable snapshot of an API key and its workspace, as the hot path knows it."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from msgspec import Struct

from zai_gateway.accounts.records import ApiKey, PriceOverride, ProviderKey, Workspace


class WorkspaceView(Struct, frozen=True, kw_only=True):
    """A workspace with what routing and pricing need of it."""

    workspace: Workspace
    provider_keys: tuple[ProviderKey, ...]
    """Enabled ones, in the order in which they are tried."""
    prices: Mapping[str, PriceOverride]
    """The workspace's own prices, by canonical model name."""


class Caller(Struct, frozen=True, kw_only=True):
    """An API key that was found valid, and its workspace."""

    key: ApiKey
    view: WorkspaceView

    def may_call(self, model: str) -> bool:
        """Whether the key's allowlist has a pattern for the canonical name `model`; none allows all."""
        allow = self.key.allow
        return not allow or any(fnmatchcase(model, pattern) for pattern in allow)
