"""The JSON documents of provider keys, without their secrets."""

from msgspec import Struct

from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.documents.moments import iso, iso_or_none


class HealthDocument(Struct, frozen=True, kw_only=True):
    """What came of the last test of a provider key."""

    tested_at: str
    ok: bool
    message: str
    status: int | None
    """The HTTP status of the provider's answer; null where none came."""
    latency_ms: int | None


class ProviderKeyDocument(Struct, frozen=True, kw_only=True):
    """A provider key, without its secret."""

    id: str
    provider: str
    name: str
    base_url: str
    status: str
    """`active`, `disabled`, or `unreadable` where the vault does not open its secret."""
    health: HealthDocument | None
    disabled_at: str | None
    disabled_why: str | None
    """Why the gateway disabled it by itself; null where a person did."""
    created_at: str


class ProviderListDocument(Struct, frozen=True, kw_only=True):
    """What came of asking the provider which models it has for a key."""

    asked_at: str | None
    """When it was last asked; null before the first time, and where nobody asks."""
    trouble: str | None
    """Why the last time gave no list; `models` are then those of the time before."""
    models: tuple[str, ...]
    """The provider's own ids."""


class ProviderKeysDocument(Struct, frozen=True, kw_only=True):
    """Provider keys, in the order in which they are tried."""

    provider_keys: tuple[ProviderKeyDocument, ...]


def provider_key_document(key: ProviderKey, *, readable: bool) -> ProviderKeyDocument:
    used = "active" if key.disabled_ms is None else "disabled"
    return ProviderKeyDocument(
        id=key.id,
        provider=key.provider,
        name=key.name,
        base_url=key.base_url,
        status=used if readable else "unreadable",
        health=None if key.health is None else _health(key.health),
        disabled_at=iso_or_none(key.disabled_ms),
        disabled_why=key.disabled_why,
        created_at=iso(key.created_ms),
    )


def _health(health: Health) -> HealthDocument:
    return HealthDocument(
        tested_at=iso(health.at_ms),
        ok=health.ok,
        message=health.said,
        status=health.status,
        latency_ms=health.latency_ms,
    )
