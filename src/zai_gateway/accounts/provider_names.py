"""Which provider a name means in a workspace, and what a new key at it is called."""

import re
from collections.abc import Collection, Sequence

from zai_gateway.accounts import terms
from zai_gateway.accounts.choosing import suggestion
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.errors import OperatorError
from zai_gateway.providers import registry
from zai_gateway.providers.own_machines import CUSTOM
from zai_gateway.providers.registry import Provider

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def known_provider(name: str, prefixes: Collection[str] = ()) -> Provider:
    """The vendor of that name, or the custom provider where `prefixes` are those of the workspace's keys.

    Raises OperatorError, with names that are close.
    """
    row = registry.provider(name)
    if row is not None:
        return row
    if name in prefixes:
        return registry.provider_of(name)
    names = [row.name for row in registry.PROVIDERS]
    every = sorted({*names, *prefixes})
    raise OperatorError(
        f"provider: {name[:100]!r} is not a provider that Z-AI knows ({', '.join(names)})."
        f"{suggestion(name, every)} Any other one that speaks OpenAI's API is 'custom', with a name and an "
        "address of your own."
    )


def named(provider: str, name: str | None, standing: Sequence[ProviderKey]) -> tuple[Provider, str]:
    """The provider of a new key and the key's label, beside the workspace's keys that are `standing`.

    The name of a key at `custom` is the prefix of its models; its label is that, numbered. Raises
    OperatorError.
    """
    if provider == CUSTOM.name:
        row, name = registry.provider_of(checked_prefix(name)), None
    else:
        row = known_provider(provider, {key.provider for key in standing})
    if name is not None:
        return row, terms.checked_name(name)
    return row, _free_name(row.name, {key.name for key in standing})


def prefix_of(provider: str, name: str) -> str:
    """The prefix of the models behind a key at `provider` that was given this name."""
    return name if provider == CUSTOM.name else provider


def checked_prefix(name: str | None, field: str = "name") -> str:
    """The prefix of a custom provider. Raises OperatorError for what cannot be one, or is a vendor's."""
    if name is None:
        raise OperatorError(
            f"{field}: a custom provider needs one, such as mybox: then its models are mybox/..."
        )
    if not _SLUG.fullmatch(name):
        raise OperatorError(
            f"{field}: {name[:100]!r} cannot be the prefix of models: write up to 32 small letters, digits "
            "and hyphens, such as mybox."
        )
    if (row := registry.provider(name)) is not None:
        raise OperatorError(f"{field}: {name!r} is {row.title}; choose another name for your own provider.")
    return name


def _free_name(name: str, taken: set[str]) -> str:
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
