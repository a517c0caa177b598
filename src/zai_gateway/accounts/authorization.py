"""Authorization: one table that says who may call what."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from zai_gateway.accounts.actor import Actor, ActorKind, Role, Scope
from zai_gateway.errors import Code, Failure


class Deed(StrEnum):
    """Every call of the services."""

    WORKSPACE_CREATE = "workspace.create"
    WORKSPACE_LIST = "workspace.list"
    WORKSPACE_RENAME = "workspace.rename"
    WORKSPACE_UPDATE = "workspace.update"
    MEMBER_ADD = "member.add"
    MEMBER_LIST = "member.list"
    MEMBER_SHOW = "member.show"
    MEMBER_UPDATE = "member.update"
    MEMBER_REMOVE = "member.remove"
    MEMBER_INVITE = "member.invite"
    MEMBER_JOIN = "member.join"
    PERSON_SET_UP = "person.set_up"
    PERSON_SIGN_IN = "person.sign_in"
    PERSON_SIGN_OUT = "person.sign_out"
    """Everywhere at once."""
    PERSON_RENAME = "person.rename"
    PERSON_PASSWORD = "person.password"  # noqa: S105 -- a deed's name
    """Setting another one."""
    PERSON_RESET = "person.reset"
    """Letting somebody set another password, by a link."""
    OWNER_CHANGE = "owner.change"
    """Making somebody an owner, and changing or removing one: asked for beside the call's own deed."""
    ADMIN_CHANGE = "admin.change"
    """Making somebody an admin, and changing one who stays one: asked for likewise."""
    ALLOWANCE_CHANGE = "allowance.change"
    """Letting a key use what nothing bounds, which may cost more than any budget: asked for likewise."""
    KEY_CREATE = "key.create"
    KEY_LIST = "key.list"
    KEY_SHOW = "key.show"
    KEY_UPDATE = "key.update"
    KEY_ROTATE = "key.rotate"
    KEY_REVOKE = "key.revoke"
    KEY_RESTORE = "key.restore"
    BUDGET_LIST = "budget.list"
    BUDGET_SET = "budget.set"
    BUDGET_REMOVE = "budget.remove"
    MANAGEMENT_KEY_CREATE = "management_key.create"
    MANAGEMENT_KEY_LIST = "management_key.list"
    MANAGEMENT_KEY_REVOKE = "management_key.revoke"
    PROVIDER_KEY_ADD = "provider_key.add"
    PROVIDER_KEY_LIST = "provider_key.list"
    PROVIDER_KEY_UPDATE = "provider_key.update"
    PROVIDER_KEY_TEST = "provider_key.test"
    PROVIDER_KEY_REMOVE = "provider_key.remove"
    VAULT_ROTATE = "vault.rotate"
    VAULT_RESET = "vault.reset"
    PRICE_SET = "price.set"
    PRICE_LIST = "price.list"
    PRICE_REMOVE = "price.remove"
    CATALOGUE_SHOW = "catalogue.show"
    CATALOGUE_IMPORT = "catalogue.import"
    """Laying newer prices over those of the release, for every workspace; and taking them away again."""
    VIRTUAL_MODEL_LIST = "virtual_model.list"
    VIRTUAL_MODEL_SET = "virtual_model.set"
    VIRTUAL_MODEL_REMOVE = "virtual_model.remove"
    USAGE_READ = "usage.read"
    SPEND_READ = "spend.read"
    """What is unconfirmed, written off or overrun, request by request; and what was booked of a provider."""
    SPEND_RESOLVE = "spend.resolve"
    """Saying what an unconfirmed attempt cost, which moves what the caps count."""
    WORKER_LIST = "worker.list"
    WORKER_LOSE = "worker.lose"
    AUDIT_LIST = "audit.list"


OF_ONESELF = frozenset(
    {
        *(Deed.MEMBER_JOIN, Deed.PERSON_SET_UP, Deed.PERSON_SIGN_IN, Deed.PERSON_SIGN_OUT),
        *(Deed.PERSON_RENAME, Deed.PERSON_PASSWORD),
    }
)
"""What a person does with its own password, session or link, which are its right to; the table has no row."""


class Rule(Struct, frozen=True):
    """Who may do a deed, beside the operator, who may do all."""

    roles: frozenset[Role]
    scope: Scope | None = None
    """What a management key needs for it; None: no management key may."""
    own: frozenset[Role] = frozenset()
    """Roles that may do it to what is their own only."""
    itself: bool = False
    """Whether the gateway does it by itself, too."""


_OWNERS = frozenset({Role.OWNER})
_ADMINS = frozenset({Role.OWNER, Role.ADMIN})
_READERS = frozenset({Role.OWNER, Role.ADMIN, Role.VIEWER})
_ALL = frozenset(Role)
_MEMBERS = frozenset({Role.MEMBER})

ALLOWED: Mapping[Deed, Rule] = {
    Deed.WORKSPACE_CREATE: Rule(frozenset()),
    Deed.WORKSPACE_LIST: Rule(_ALL, Scope.WORKSPACES_READ),
    Deed.WORKSPACE_RENAME: Rule(_ADMINS, Scope.WORKSPACES_WRITE),
    Deed.WORKSPACE_UPDATE: Rule(_ADMINS, Scope.WORKSPACES_WRITE),
    Deed.MEMBER_ADD: Rule(_ADMINS, Scope.MEMBERS_WRITE),
    Deed.MEMBER_LIST: Rule(_ALL, Scope.MEMBERS_READ),
    Deed.MEMBER_SHOW: Rule(_ALL, Scope.MEMBERS_READ),
    Deed.MEMBER_UPDATE: Rule(_ADMINS, Scope.MEMBERS_WRITE),
    Deed.MEMBER_REMOVE: Rule(_ADMINS, Scope.MEMBERS_WRITE),
    Deed.MEMBER_INVITE: Rule(_ADMINS, Scope.MEMBERS_WRITE),
    Deed.PERSON_RESET: Rule(frozenset()),
    Deed.OWNER_CHANGE: Rule(_OWNERS),
    # No scope: whoever can make an admin, or give one another address, has all of an admin's rights.
    Deed.ADMIN_CHANGE: Rule(_ADMINS),
    # No scope, and not on a member's own keys: the budgets that bound both could be passed.
    Deed.ALLOWANCE_CHANGE: Rule(_ADMINS),
    Deed.KEY_CREATE: Rule(_ADMINS, Scope.KEYS_WRITE, own=_MEMBERS),
    Deed.KEY_LIST: Rule(_READERS, Scope.KEYS_READ, own=_MEMBERS),
    Deed.KEY_SHOW: Rule(_READERS, Scope.KEYS_READ, own=_MEMBERS),
    Deed.KEY_UPDATE: Rule(_ADMINS, Scope.KEYS_WRITE, own=_MEMBERS),
    Deed.KEY_ROTATE: Rule(_ADMINS, Scope.KEYS_WRITE, own=_MEMBERS),
    Deed.KEY_REVOKE: Rule(_ADMINS, Scope.KEYS_WRITE, own=_MEMBERS),
    Deed.KEY_RESTORE: Rule(_ADMINS, Scope.KEYS_WRITE, own=_MEMBERS),
    Deed.BUDGET_LIST: Rule(_READERS, Scope.BUDGETS_READ, own=_MEMBERS),
    Deed.BUDGET_SET: Rule(_ADMINS, Scope.BUDGETS_WRITE),
    Deed.BUDGET_REMOVE: Rule(_ADMINS, Scope.BUDGETS_WRITE),
    Deed.MANAGEMENT_KEY_CREATE: Rule(_ADMINS, Scope.MANAGEMENT_KEYS_WRITE),
    Deed.MANAGEMENT_KEY_LIST: Rule(_READERS, Scope.MANAGEMENT_KEYS_READ),
    Deed.MANAGEMENT_KEY_REVOKE: Rule(_ADMINS, Scope.MANAGEMENT_KEYS_WRITE),
    Deed.PROVIDER_KEY_ADD: Rule(_ADMINS, Scope.PROVIDER_KEYS_WRITE),
    Deed.PROVIDER_KEY_LIST: Rule(_READERS, Scope.PROVIDER_KEYS_READ),
    Deed.PROVIDER_KEY_UPDATE: Rule(_ADMINS, Scope.PROVIDER_KEYS_WRITE, itself=True),
    Deed.PROVIDER_KEY_TEST: Rule(_ADMINS, Scope.PROVIDER_KEYS_WRITE),
    Deed.PROVIDER_KEY_REMOVE: Rule(_ADMINS, Scope.PROVIDER_KEYS_WRITE),
    Deed.VAULT_ROTATE: Rule(frozenset()),
    Deed.VAULT_RESET: Rule(frozenset()),
    Deed.PRICE_SET: Rule(_ADMINS, Scope.PRICES_WRITE),
    Deed.PRICE_LIST: Rule(_ALL, Scope.PRICES_READ),
    Deed.PRICE_REMOVE: Rule(_ADMINS, Scope.PRICES_WRITE),
    Deed.CATALOGUE_SHOW: Rule(frozenset()),
    Deed.CATALOGUE_IMPORT: Rule(frozenset()),
    Deed.VIRTUAL_MODEL_LIST: Rule(_ALL, Scope.MODELS_READ),
    Deed.VIRTUAL_MODEL_SET: Rule(_ADMINS, Scope.MODELS_WRITE),
    Deed.VIRTUAL_MODEL_REMOVE: Rule(_ADMINS, Scope.MODELS_WRITE),
    Deed.USAGE_READ: Rule(_READERS, Scope.USAGE_READ, own=_MEMBERS),
    Deed.SPEND_READ: Rule(_READERS, Scope.USAGE_READ),
    # No scope: it is a person's word for what a bill says, and frees money.
    Deed.SPEND_RESOLVE: Rule(_ADMINS),
    # Workers hold money of all workspaces.
    Deed.WORKER_LIST: Rule(frozenset()),
    Deed.WORKER_LOSE: Rule(frozenset()),
    Deed.AUDIT_LIST: Rule(_READERS, Scope.AUDIT_READ),
}


def require(actor: Actor, deed: Deed, workspace: str | None, *, owner: str | None = None) -> None:
    """Lets `actor` do `deed` in `workspace` to what belongs to the member `owner`, or raises Failure.

    NOT_FOUND in another workspace, as if there were none of that id; FORBIDDEN, in the same words for all,
    where the role or the scopes do not allow it. `workspace` is None for what concerns none.
    """
    if actor.is_operator:
        return
    if workspace is not None and workspace != actor.workspace:
        raise no_workspace()
    if not (allowed(actor, deed) or (only_own(actor, deed) and owner == actor.id)):
        raise forbidden()


def allowed(actor: Actor, deed: Deed) -> bool:
    """Whether the actor may do the deed to whatever its workspace has."""
    rule = ALLOWED[deed]
    match actor.kind:
        case ActorKind.OPERATOR:
            return True
        case ActorKind.MEMBER:
            return actor.role in rule.roles
        case ActorKind.MANAGEMENT_KEY:
            return rule.scope is not None and rule.scope in actor.scopes
        case ActorKind.GATEWAY:
            return rule.itself
        case ActorKind.PERSON:
            return False


def only_own(actor: Actor, deed: Deed) -> bool:
    """Whether the actor may do the deed, but to what is its own only."""
    return actor.kind is ActorKind.MEMBER and actor.role in ALLOWED[deed].own


def may_grant(actor: Actor, scope: Scope) -> bool:
    """Whether the actor may do itself all that a management key of this scope could do."""
    return all(allowed(actor, deed) for deed, rule in ALLOWED.items() if rule.scope is scope)


def forbidden() -> Failure:
    """The refusal of what a role or scope does not allow."""
    return Failure(
        Code.FORBIDDEN,
        "This is not allowed to your role or key. An owner or admin of the workspace can do it, or change "
        "your role.",
    )


def no_workspace() -> Failure:
    """The refusal of a workspace that is not there, or not the actor's."""
    return Failure(Code.NOT_FOUND, "There is no such workspace, or it is not yours.")
