"""Every call of the services, as an actor makes it on one workspace's things."""

from collections.abc import Callable, Mapping
from contextlib import suppress

from msgspec import Struct

from tests.bookings import Booker, outcome
from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts.actor import Actor, Role, Scope
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.budgets import Holder
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod, Health, Target
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.terms import LAST_MS, KeyChanges, WorkspaceChanges
from zai_gateway.catalogue.model import Rates
from zai_gateway.errors import Code, Failure, OperatorError

RATES = Rates(input=1, cache_read=1, cache_write=1, cache_write_long=1, output=1)
MODEL = "openai/m"
PRICES = b'{"format": 1, "date": "2099-01-01", "models": [{"provider": "openai", "id": "newest"}]}'
TARGETS = (Target(model=MODEL),)


class Things(Struct, frozen=True, kw_only=True):
    """The ids of what stands in a workspace before a call."""

    workspace: str
    member: str
    owner: str
    key: str
    """An API key of nobody's own."""
    revoked_key: str
    """Another one, which was revoked a moment ago."""
    management_key: str
    provider_key: str
    request: str
    """One of which something is unconfirmed."""
    worker: str


def furnished(team: People, name: str) -> Things:
    """A new workspace with one of each thing, and two owners."""
    accounts = team.accounts
    workspace = accounts.workspaces.create(OPERATOR, name).id
    owner = team.person("first-owner", Role.OWNER, workspace)
    team.person("second-owner", Role.OWNER, workspace)
    accounts.prices.set(OPERATOR, workspace, MODEL, RATES)
    accounts.virtual_models.set(OPERATOR, workspace, "fast", TARGETS)
    accounts.budgets.set(OPERATOR, workspace, Holder(BudgetOwner.WORKSPACE), BudgetPeriod.MONTHLY, 1)
    key = accounts.api_keys.create(OPERATOR, workspace, KeyChanges(name="key")).key
    revoked = accounts.api_keys.create(OPERATOR, workspace, KeyChanges(name="revoked")).key.id
    accounts.api_keys.revoke(OPERATOR, workspace, revoked)
    booker = Booker(team.spend, key, f"worker of {name}")
    booker.open(0)
    request = booker.book(f"req of {name}", outcome(1, 2), 0).attempt.request
    return Things(
        workspace=workspace,
        member=team.person("somebody", Role.MEMBER, workspace).id,
        owner=owner.id,
        key=key.id,
        revoked_key=revoked,
        management_key=accounts.management_keys.create(
            OPERATOR, workspace, "made", [Scope.KEYS_READ], LAST_MS
        ).key.id,
        provider_key=accounts.provider_keys.add(
            OPERATOR, workspace, NewProviderKey(provider="demo", secret="")
        ).id,
        request=request,
        worker=booker.worker,
    )


Call = Callable[[Accounts, Actor, Things], object]


def _reset(on: Accounts, who: Actor, _: Things) -> None:
    # Whoever may do it is told that nothing is lost.
    with suppress(OperatorError):
        on.vault_reset.reset(who)


def _asked_to_reset(on: Accounts, who: Actor) -> None:
    # Whoever may do it is told that nobody has that e-mail.
    try:
        on.people.reset_link(who, "nobody@example.com")
    except Failure as failure:
        if failure.code is not Code.NOT_FOUND:
            raise


_ALL = Holder(BudgetOwner.WORKSPACE)
_NEW_PERSON = ("newcomer", "newcomer@example.com")

CALLS: Mapping[Deed, Call] = {
    Deed.WORKSPACE_CREATE: lambda on, who, of: on.workspaces.create(who, "Newest"),
    Deed.WORKSPACE_LIST: lambda on, who, of: on.workspaces.list(who),
    Deed.WORKSPACE_RENAME: lambda on, who, of: on.workspaces.rename(who, of.workspace, "Renamed"),
    Deed.WORKSPACE_UPDATE: lambda on, who, of: on.workspaces.update(
        who, of.workspace, WorkspaceChanges(rpm=1)
    ),
    Deed.MEMBER_ADD: lambda on, who, of: on.members.add(who, of.workspace, *_NEW_PERSON, Role.MEMBER),
    Deed.MEMBER_LIST: lambda on, who, of: on.members.list(who, of.workspace),
    Deed.MEMBER_SHOW: lambda on, who, of: on.members.show(who, of.workspace, of.member),
    Deed.MEMBER_UPDATE: lambda on, who, of: on.members.update(
        who, of.workspace, of.member, MemberChanges(role=Role.VIEWER)
    ),
    Deed.MEMBER_REMOVE: lambda on, who, of: on.members.remove(who, of.workspace, of.member),
    Deed.MEMBER_INVITE: lambda on, who, of: on.people.invite(who, of.workspace, of.member),
    Deed.PERSON_RESET: lambda on, who, _: _asked_to_reset(on, who),
    Deed.OWNER_CHANGE: lambda on, who, of: on.members.remove(who, of.workspace, of.owner),
    Deed.ADMIN_CHANGE: lambda on, who, of: on.members.add(who, of.workspace, *_NEW_PERSON, Role.ADMIN),
    Deed.ALLOWANCE_CHANGE: lambda on, who, of: on.api_keys.create(
        who, of.workspace, KeyChanges(name="new", unbounded_allowance=1)
    ),
    Deed.KEY_CREATE: lambda on, who, of: on.api_keys.create(
        who, of.workspace, KeyChanges(name="new", member=of.member)
    ),
    Deed.KEY_LIST: lambda on, who, of: on.api_keys.list(who, of.workspace),
    Deed.KEY_SHOW: lambda on, who, of: on.api_keys.show(who, of.workspace, of.key),
    Deed.KEY_UPDATE: lambda on, who, of: on.api_keys.update(who, of.workspace, of.key, KeyChanges(cap=1)),
    Deed.KEY_ROTATE: lambda on, who, of: on.api_keys.rotate(who, of.workspace, of.key, 0),
    Deed.KEY_REVOKE: lambda on, who, of: on.api_keys.revoke(who, of.workspace, of.key),
    Deed.KEY_RESTORE: lambda on, who, of: on.api_keys.restore(who, of.workspace, of.revoked_key),
    Deed.BUDGET_LIST: lambda on, who, of: on.budgets.list(who, of.workspace),
    Deed.BUDGET_SET: lambda on, who, of: on.budgets.set(who, of.workspace, _ALL, BudgetPeriod.DAILY, 2),
    Deed.BUDGET_REMOVE: lambda on, who, of: on.budgets.remove(who, of.workspace, _ALL, BudgetPeriod.MONTHLY),
    Deed.MANAGEMENT_KEY_CREATE: lambda on, who, of: on.management_keys.create(
        who, of.workspace, "new", [Scope.MANAGEMENT_KEYS_WRITE], LAST_MS
    ),
    Deed.MANAGEMENT_KEY_LIST: lambda on, who, of: on.management_keys.list(who, of.workspace),
    Deed.MANAGEMENT_KEY_REVOKE: lambda on, who, of: on.management_keys.revoke(
        who, of.workspace, of.management_key
    ),
    Deed.PROVIDER_KEY_ADD: lambda on, who, of: on.provider_keys.add(
        who, of.workspace, NewProviderKey(provider="openai", secret="sk-1")
    ),
    Deed.PROVIDER_KEY_LIST: lambda on, who, of: on.provider_keys.list(who, of.workspace),
    Deed.PROVIDER_KEY_UPDATE: lambda on, who, of: on.provider_keys.switch(
        who, of.workspace, of.provider_key, enabled=False
    ),
    Deed.PROVIDER_KEY_TEST: lambda on, who, of: on.provider_keys.test(
        who, of.workspace, of.provider_key, lambda key, secret: Health(at_ms=1, ok=True, said="fine")
    ),
    Deed.VAULT_ROTATE: lambda on, who, of: on.vault.rotate(who),
    Deed.VAULT_RESET: _reset,
    Deed.PROVIDER_KEY_REMOVE: lambda on, who, of: on.provider_keys.remove(who, of.workspace, of.provider_key),
    Deed.PRICE_SET: lambda on, who, of: on.prices.set(who, of.workspace, "openai/n", RATES),
    Deed.PRICE_LIST: lambda on, who, of: on.prices.list(who, of.workspace),
    Deed.PRICE_REMOVE: lambda on, who, of: on.prices.remove(who, of.workspace, MODEL),
    Deed.VIRTUAL_MODEL_LIST: lambda on, who, of: on.virtual_models.list(who, of.workspace),
    Deed.VIRTUAL_MODEL_SET: lambda on, who, of: on.virtual_models.set(who, of.workspace, "new", TARGETS),
    Deed.VIRTUAL_MODEL_REMOVE: lambda on, who, of: on.virtual_models.remove(who, of.workspace, "fast"),
    Deed.CATALOGUE_SHOW: lambda on, who, of: on.catalogue_import.standing(who),
    Deed.CATALOGUE_IMPORT: lambda on, who, of: on.catalogue_import.bring(who, PRICES),
    Deed.USAGE_READ: lambda on, who, of: on.usage.read(who, of.workspace, 0, 1),
    Deed.SPEND_READ: lambda on, who, of: on.spend.unconfirmed(who, of.workspace),
    Deed.SPEND_RESOLVE: lambda on, who, of: on.spend.resolve(who, of.workspace, of.request, None, 2),
    Deed.WORKER_LIST: lambda on, who, of: on.spend.workers(who),
    Deed.WORKER_LOSE: lambda on, who, of: on.spend.lose(who, of.worker, lives_here=False, force=False),
    Deed.AUDIT_LIST: lambda on, who, of: on.audit.list(who, of.workspace, AuditSearch()),
}

READS = {deed for deed in Deed if deed.value.endswith((".list", ".show", ".read"))}
