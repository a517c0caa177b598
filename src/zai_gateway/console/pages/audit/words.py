"""What each deed is called, as the rest of a sentence that begins with who did it."""

from collections.abc import Mapping

from zai_gateway.accounts.actor import ActorKind
from zai_gateway.accounts.authorization import OF_ONESELF, Deed

WORDS: Mapping[Deed, str] = {
    Deed.WORKSPACE_CREATE: "made the workspace {}",
    Deed.WORKSPACE_LIST: "listed the workspaces",
    Deed.WORKSPACE_RENAME: "renamed the workspace to {}",
    Deed.WORKSPACE_UPDATE: "changed the rate limits of the workspace {}",
    Deed.MEMBER_ADD: "added the member {}",
    Deed.MEMBER_LIST: "listed the members",
    Deed.MEMBER_SHOW: "looked at the member {}",
    Deed.MEMBER_UPDATE: "changed the member {}",
    Deed.MEMBER_REMOVE: "removed the member {}",
    Deed.MEMBER_INVITE: "made an invitation link for {}",
    Deed.MEMBER_JOIN: "accepted the invitation, and joined",
    Deed.PERSON_SET_UP: "signed up as the first person of this gateway",
    Deed.PERSON_SIGN_IN: "signed in",
    Deed.PERSON_SIGN_OUT: "signed out everywhere",
    Deed.PERSON_RENAME: "changed the name of the own account",
    Deed.PERSON_PASSWORD: "set another password",
    Deed.PERSON_RESET: "made a link that resets the password of {}",
    Deed.OWNER_CHANGE: "changed an owner",
    Deed.ADMIN_CHANGE: "changed an admin",
    Deed.ALLOWANCE_CHANGE: "changed what a key may use without a bound",
    Deed.KEY_CREATE: "issued the API key {}",
    Deed.KEY_LIST: "listed the API keys",
    Deed.KEY_SHOW: "looked at the API key {}",
    Deed.KEY_UPDATE: "changed the API key {}",
    Deed.KEY_ROTATE: "gave the API key {} another secret",
    Deed.KEY_REVOKE: "revoked the API key {}",
    Deed.KEY_RESTORE: "took back that the API key {} was revoked",
    Deed.BUDGET_LIST: "listed the budgets",
    Deed.BUDGET_SET: "set a budget of {}",
    Deed.BUDGET_REMOVE: "removed a budget of {}",
    Deed.MANAGEMENT_KEY_CREATE: "made the management key {}",
    Deed.MANAGEMENT_KEY_LIST: "listed the management keys",
    Deed.MANAGEMENT_KEY_REVOKE: "revoked the management key {}",
    Deed.PROVIDER_KEY_ADD: "added the provider key {}",
    Deed.PROVIDER_KEY_LIST: "listed the provider keys",
    Deed.PROVIDER_KEY_UPDATE: "changed the provider key {}",
    Deed.PROVIDER_KEY_TEST: "tested the provider key {}",
    Deed.PROVIDER_KEY_REMOVE: "removed the provider key {}",
    Deed.VAULT_ROTATE: "encrypted {} with another encryption key",
    Deed.VAULT_RESET: "gave up the secret of {}, which no encryption key opens",
    Deed.PRICE_SET: "set the price of {}",
    Deed.PRICE_LIST: "listed the prices",
    Deed.PRICE_REMOVE: "removed the own price of {}",
    Deed.CATALOGUE_SHOW: "looked at the catalogue",
    Deed.CATALOGUE_IMPORT: "changed which prices are imported over those of the release",
    Deed.VIRTUAL_MODEL_LIST: "listed the models' own names",
    Deed.VIRTUAL_MODEL_SET: "said what the model {} stands for",
    Deed.VIRTUAL_MODEL_REMOVE: "removed the model name {}",
    Deed.USAGE_READ: "read the usage",
    Deed.SPEND_READ: "read the books of spend",
    Deed.SPEND_RESOLVE: "said what the unconfirmed request {} cost",
    Deed.WORKER_LIST: "listed the workers",
    Deed.WORKER_LOSE: "gave up the worker on {}",
    Deed.AUDIT_LIST: "read the audit log",
}
"""`{}` stands for the name of what it was done to."""

_ASKED_BESIDE = frozenset({Deed.OWNER_CHANGE, Deed.ADMIN_CHANGE, Deed.ALLOWANCE_CHANGE})
_READS = ("list", "show", "read")
_WITHOUT_WORKSPACE = frozenset({Deed.CATALOGUE_IMPORT, Deed.WORKER_LOSE})

FILTERED: tuple[Deed, ...] = tuple(
    deed
    for deed in Deed
    if deed not in _ASKED_BESIDE | _WITHOUT_WORKSPACE and deed.value.partition(".")[2] not in _READS
)
"""Those of which a workspace's audit can have a record."""

_KINDS: Mapping[ActorKind, str] = {
    ActorKind.OPERATOR: "on the host",
    ActorKind.MEMBER: "",
    ActorKind.MANAGEMENT_KEY: "management key",
    ActorKind.GATEWAY: "by itself",
    ActorKind.PERSON: "in no workspace",
}


def around(deed: Deed) -> tuple[str, str]:
    """What stands before the object's name, and behind it; both where it names none: the second is empty."""
    before, _, after = WORDS[deed].partition("{}")
    return before, after


def names_object(deed: Deed) -> bool:
    """Whether the sentence says what it was done to: of what people do to themselves, it need not."""
    return "{}" in WORDS[deed] and deed not in OF_ONESELF


def kind_of(kind: ActorKind) -> str:
    """What is to be said of an actor beside its name."""
    return _KINDS[kind]


def title_of(deed: Deed) -> str:
    """The deed in a list to choose from."""
    words = " ".join(WORDS[deed].replace("{}", "…").split())
    return words[:1].upper() + words[1:]
