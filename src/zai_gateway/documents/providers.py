"""The JSON documents of the providers that Z-AI knows."""

from msgspec import Struct

from zai_gateway.providers.registry import Provider


class ProviderDocument(Struct, frozen=True, kw_only=True):
    """A provider, and what a key at it needs."""

    name: str
    """The prefix of its models."""
    title: str
    base_url: str | None
    """Its own address; null where each key must name one."""
    keys_url: str | None
    """Where a person gets a key, or reads how to run it."""
    takes_key: bool
    needs_key: bool
    needs_address: bool
    address_hint: str | None
    local: bool
    """Whether it runs on one's own machine."""
    dialect: str
    """The protocol of its conversations."""


def provider_document(row: Provider) -> ProviderDocument:
    return ProviderDocument(
        name=row.name,
        title=row.title,
        base_url=row.base_url or None,
        keys_url=row.keys_url,
        takes_key=row.takes_key,
        needs_key=row.needs_key,
        needs_address=row.needs_address,
        address_hint=row.address_hint,
        local=row.local,
        dialect=row.dialect.value,
    )
