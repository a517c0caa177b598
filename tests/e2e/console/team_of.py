"""The team of a site: members, budgets and management keys in its books, put there and looked up."""

import re
from collections.abc import Mapping
from itertools import count

from msgspec import Struct

from tests.e2e.console.site import Answer, Site
from zai_gateway.accounts.actor import Role, Scope, operator
from zai_gateway.accounts.budgets import Holder
from zai_gateway.accounts.identity import Invitation
from zai_gateway.accounts.management_keys import new_management_key_id
from zai_gateway.accounts.records import (
    BudgetOwner,
    BudgetPeriod,
    ManagementKey,
    Member,
    SpendBudget,
    Workspace,
)
from zai_gateway.accounts.sights import sight
from zai_gateway.accounts.terms import LAST_MS
from zai_gateway.clock import SystemClock

OPERATOR = operator()
ADMIN_SECRET = re.compile(r"zk_admin_[0-9A-Za-z]{38}")
LINK = re.compile(r"/invitation/[0-9A-Za-z_-]{43}")
_NUMBERS = count(1)


class Team(Struct, frozen=True):
    """All that these pages can change, as the books have it."""

    workspace: Workspace
    members: tuple[Member, ...]
    invitations: Mapping[str, Invitation]
    budgets: tuple[SpendBudget, ...]
    keys: tuple[ManagementKey, ...]


def team(site: Site, workspace: str | None = None) -> Team:
    """The team as it is now."""
    at = workspace or site.workspace.id
    with site.accounts() as accounts:
        return Team(
            workspace=next(each for each in accounts.workspaces.list(OPERATOR) if each.id == at),
            members=accounts.members.list(OPERATOR, at),
            invitations=accounts.people.invitations(OPERATOR, at),
            budgets=accounts.budgets.list(OPERATOR, at),
            keys=accounts.management_keys.list(OPERATOR, at),
        )


def elsewhere(site: Site) -> Workspace:
    """A workspace in which none of the site's people is."""
    return site.another_workspace(f"Elsewhere {next(_NUMBERS)}")


def added(site: Site, role: Role = Role.MEMBER, workspace: str | None = None) -> Member:
    """A new member who has not signed up."""
    name = f"Somebody {next(_NUMBERS)}"
    with site.accounts() as accounts:
        email = f"{name.replace(' ', '.').lower()}@example.com"
        return accounts.members.add(OPERATOR, workspace or site.workspace.id, name, email, role)


def member(site: Site, id: str) -> Member:
    """The member as it is in the books."""
    return next(each for each in team(site).members if each.id == id)


def budget(site: Site, of: Member, period: BudgetPeriod = BudgetPeriod.MONTHLY) -> SpendBudget:
    """A budget of ten USD."""
    with site.accounts() as accounts:
        holder = Holder(BudgetOwner.MEMBER, of.id)
        return accounts.budgets.set(OPERATOR, of.workspace, holder, period, 10_000_000_000)


def management_key(site: Site, workspace: str | None = None) -> ManagementKey:
    """A management key that the operator made."""
    with site.accounts() as accounts:
        return accounts.management_keys.create(
            OPERATOR,
            workspace or site.workspace.id,
            f"program {next(_NUMBERS)}",
            [Scope.KEYS_READ],
            LAST_MS,
        ).key


def key_id() -> str:
    """An id for a management key, as the page's form has it."""
    return new_management_key_id(SystemClock().now_ms())


def forms(of: Member, limit: SpendBudget, key: ManagementKey, at: Workspace) -> dict[str, dict[str, str]]:
    """Each path that changes something, with a form that would: as pages of these things send it."""
    number = next(_NUMBERS)
    chosen = {"of": of.id, "period": limit.period.value, "seen": sight(limit)}
    return {
        "/members/new": {
            "name": "New",
            "email": f"new{number}@example.com",
            "role": "viewer",
            "invite": "yes",
        },
        "/members/budgets/set": {**chosen, "limit": "11"},
        "/members/budgets/remove": {**chosen},
        f"/members/{of.id}/edit": {"name": "Else", "email": of.email, "role": "viewer", "seen": sight(of)},
        f"/members/{of.id}/link": {"seen": ""},
        f"/members/{of.id}/remove": {"seen": sight(of)},
        "/settings/name": {"name": f"Engines {number}", "seen": sight(at)},
        "/settings/rates": {"rpm": str(1_000 + number), "seen": sight(at)},
        "/settings/management-keys/new": {
            "id": key_id(),
            "name": "n",
            "scope": "keys:read",
            "expires": "7d",
        },
        f"/settings/management-keys/{key.id}/revoke": {},
    }


def plain(answer: Answer) -> str:
    """What a page says, without what is of the request alone."""
    return re.sub(r"req_\w+|[0-9a-f]{64}", "", answer.text)
