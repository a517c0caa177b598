"""The registry: which row a prefix means."""

from msgspec.structs import replace

from zai_gateway.providers.own_machines import CUSTOM
from zai_gateway.providers.provider import Auth, Dialect, Provider, Surface
from zai_gateway.providers.rows import PROVIDERS

__all__ = ["PROVIDERS", "Auth", "Dialect", "Provider", "Surface", "provider", "provider_of"]


def provider(name: str) -> Provider | None:
    """The row of the vendor whose prefix is `name`."""
    return _BY_NAME.get(name)


def provider_of(prefix: str) -> Provider:
    """The row for a prefix: the vendor's, or for any other that of `custom` under this name.

    Whether a workspace has such a custom provider is decided by its provider keys.
    """
    return _BY_NAME.get(prefix) or replace(CUSTOM, name=prefix, title=prefix)


_BY_NAME = {row.name: row for row in PROVIDERS}
