"""Finding the key that a path names, and what it is told with."""

from collections.abc import Mapping

from zai_gateway.accounts.authorization import Deed, allowed, forbidden
from zai_gateway.accounts.key_limits import KeySight
from zai_gateway.console.visit import Visit
from zai_gateway.errors import Code, Failure

NOBODYS = "workspace"
"""Stands for a key that is no member's own."""


def found_key(visit: Visit, deed: Deed = Deed.KEY_SHOW) -> KeySight:
    """The key of the path. Raises Failure: FORBIDDEN where the visitor may do the deed to no key at all.

    NOT_FOUND, in the same words, where there is none, or it is another workspace's or member's.
    """
    if not visit.may(deed):
        raise forbidden()
    id = visit.request.path_params["key"]
    try:
        sight = visit.services.accounts.api_keys.look(visit.actor, visit.workspace, id)
    except Failure as failure:
        if failure.code is not Code.NOT_FOUND:
            raise
        sight = None
    if sight is None or sight.key.id != id:
        raise Failure(Code.NOT_FOUND, "There is no such API key here, or it is not yours to see.")
    return sight


def path_of(visit: Visit, id: str, rest: str = "") -> str:
    """Where a key is, in the workspace."""
    return visit.path(f"/keys/{id}{rest}")


def owners(visit: Visit) -> Mapping[str, str]:
    """The names of the workspace's members, by id."""
    members = visit.services.accounts.members.list(visit.actor, visit.workspace)
    return {member.id: member.name for member in sorted(members, key=lambda member: member.name.lower())}


def sees_all(visit: Visit) -> bool:
    """Whether keys of others than the visitor are shown to it."""
    return allowed(visit.actor, Deed.KEY_LIST)
