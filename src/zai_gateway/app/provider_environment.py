"""Provider keys from the environment: what `zai serve --provider-env` takes over at its start."""

import logging
from collections.abc import Callable

from zai_gateway.accounts.actor import operator
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.service import Accounts
from zai_gateway.providers.registry import PROVIDERS

NAME = "environment"
"""The name of such a provider key."""
_OPERATOR = operator("serve")
_LOG = logging.getLogger(__name__)


def take_from_environment(accounts: Accounts, variable: Callable[[str], str | None]) -> None:
    """Adds a provider key to the oldest workspace for each provider whose usual variable is set.

    One that is there gets the secret that the variable has now, and keeps its address; a variable that is not
    set changes nothing.
    Raises OperatorError, for a secret that cannot be one, and StoreUnavailable.
    """
    workspace = accounts.the_workspace().id
    for row in PROVIDERS:
        secret = variable(row.key_variable) if row.key_variable else None
        if secret is None:
            continue
        address = variable(row.address_variable) if row.address_variable else None
        if row.needs_address and address is None:
            _LOG.warning(
                "no provider key for %s: %s is set, and %s is not",
                row.title,
                row.key_variable,
                row.address_variable,
            )
            continue
        standing = accounts.provider_keys.list(_OPERATOR, workspace)
        known = next((key for key in standing if (key.provider, key.name) == (row.name, NAME)), None)
        if known is None:
            wanted = NewProviderKey(provider=row.name, secret=secret, name=NAME, base_url=address)
            accounts.provider_keys.add(_OPERATOR, workspace, wanted)
            _LOG.info("added a provider key for %s from %s", row.title, row.key_variable)
        elif accounts.provider_keys.renew(_OPERATOR, workspace, known.id, secret) != known:
            _LOG.info("the provider key for %s has a new secret from %s", row.title, row.key_variable)
