"""Revoking an API key, and taking that back for a minute."""

from starlette.responses import Response

from zai_gateway.accounts.authorization import Deed
from zai_gateway.console.notices import Notice
from zai_gateway.console.pages.keys.finding import found_key, path_of
from zai_gateway.console.visit import Visit
from zai_gateway.errors import OperatorError


def revoke(visit: Visit) -> Response:
    """Ends the key at once."""
    key = found_key(visit, Deed.KEY_REVOKE).key
    visit.services.accounts.api_keys.revoke(visit.actor, visit.workspace, key.id)
    told = Notice(
        text=f"{key.name} is revoked.",
        undo=path_of(visit, key.id, "/restore"),
    )
    return visit.go(path_of(visit, key.id), told)


def restore(visit: Visit) -> Response:
    """Takes the revocation back."""
    key = found_key(visit, Deed.KEY_RESTORE).key
    try:
        visit.services.accounts.api_keys.restore(visit.actor, visit.workspace, key.id)
    except OperatorError as trouble:
        return visit.go(path_of(visit, key.id), str(trouble))
    return visit.go(path_of(visit, key.id), f"{key.name} works again.")
