"""What the store keeps of accounts: workspaces, API keys, provider keys and a workspace's own prices."""

from msgspec import Struct

from zai_gateway.catalogue.model import Rates


class Workspace(Struct, frozen=True, kw_only=True):
    """A team's own space: its keys, its providers, its money."""

    id: str
    name: str
    slug: str
    created_ms: int


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
    tags: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    """Glob patterns of canonical model names; none allows every model."""
    fallback: str | None = None
    cap: int | None = None
    """The key's total spend cap in nano-USD; None for none."""
    budget: str
    """The id of the budget that counts its spend."""
    expires_ms: int | None = None
    revoked_ms: int | None = None
    created_ms: int


class ProviderKey(Struct, frozen=True, kw_only=True):
    """A team's own key at a provider, its secret encrypted."""

    id: str
    workspace: str
    provider: str
    name: str
    base_url: str
    sealed: bytes
    """The secret under the vault's key; empty where the provider needs none."""
    created_ms: int


class PriceOverride(Struct, frozen=True, kw_only=True):
    """A price that a workspace set for itself."""

    model: str
    """The canonical name, `provider/model id`."""
    rates: Rates
    version: str
    created_ms: int
