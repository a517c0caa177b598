"""The terms of a provider key: what is asked for of a new one, and where it may be."""

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.accounts.addresses import checked_base_url
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.errors import OperatorError
from zai_gateway.ids import is_id
from zai_gateway.providers.registry import Provider, Surface

PREFIX = "pkey"


class NewProviderKey(Struct, frozen=True, kw_only=True):
    """A provider key that is to be added."""

    provider: str
    """A vendor's name, `custom`, or the prefix of a custom provider that the workspace has."""
    secret: str
    """Empty where the provider needs none."""
    name: str | None = None
    """A label; None for the provider's name, numbered. At `custom`: the prefix of its models."""
    base_url: str | None = None
    """Where the provider is; None for its own address."""
    enabled: bool = True
    id: str | None = None
    """Its id, as a form brings it, so that one form adds one provider key; None: a new one is made."""

    def __repr__(self) -> str:
        return f"NewProviderKey(provider={self.provider!r}, name={self.name!r})"

    def __rich_repr__(self) -> list[tuple[str, str | None]]:
        return [("provider", self.provider), ("name", self.name)]


class Access(Struct, frozen=True, kw_only=True):
    """How a provider is reached with a provider key."""

    base_url: str
    """Empty for the provider's own address."""
    secret: str
    """Empty leaves the one that it has."""

    def __repr__(self) -> str:
        return f"Access(base_url={self.base_url!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("base_url", self.base_url)]


def checked_id(id: str) -> str:
    """The id that a form brought. Raises OperatorError for what was never minted for one."""
    if not is_id(id, PREFIX):
        raise OperatorError("This form is not one of this page's; load the page again.")
    return id


def address_of(row: Provider, given: str | None, *, private: bool) -> str:
    """The base URL of a key at `row`; `private`: whether it may be a private address.

    Raises OperatorError where one has to be given, or may not be this one.
    """
    if given is None and row.needs_address:
        raise OperatorError(
            f"base URL: {row.title} has no address of its own; give yours, such as {row.address_hint}."
        )
    if given is None and not row.local:
        return row.base_url
    return checked_base_url(
        row.base_url if given is None else given,
        "base URL",
        private=private,
        api_version=row.surface is Surface.AZURE,
    )


def terms_of(key: ProviderKey) -> ProviderKey:
    """What a person changes of it: neither its place nor its health."""
    return replace(key, position=0, health=None)
