"""The steps of a plan: what is to be done to one thing, and what it is compared with."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from zai_gateway.accounts.audit_record import Change
from zai_gateway.accounts.declared import (
    DeclaredBudget,
    DeclaredKey,
    DeclaredMember,
    DeclaredModel,
    DeclaredPrice,
    DeclaredProvider,
    DeclaredWorkspace,
)
from zai_gateway.accounts.records import (
    ApiKey,
    Member,
    PriceOverride,
    ProviderKey,
    SpendBudget,
    VirtualModel,
    Workspace,
)

Wanted = (
    DeclaredWorkspace
    | DeclaredMember
    | DeclaredKey
    | DeclaredProvider
    | DeclaredModel
    | DeclaredBudget
    | DeclaredPrice
)
Standing = Workspace | Member | ApiKey | ProviderKey | VirtualModel | SpendBudget | PriceOverride


class Verb(StrEnum):
    """What is to be done to a thing."""

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"


class Action(Struct, frozen=True, kw_only=True):
    """One call of a service."""

    verb: Verb
    table: str
    """The table of the declaration that it is about: `key`."""
    workspace: str
    """By name."""
    name: str
    changes: Mapping[str, Change]
    """In the words of the declaration, without a secret."""
    wanted: Wanted | None = None
    standing: Standing | None = None


class Present(Struct, frozen=True, kw_only=True):
    """What stands in a workspace: no removed members, no revoked keys."""

    workspace: Workspace | None = None
    """None for one that is to be made."""
    members: tuple[Member, ...] = ()
    keys: tuple[ApiKey, ...] = ()
    provider_keys: tuple[ProviderKey, ...] = ()
    budgets: tuple[SpendBudget, ...] = ()
    prices: tuple[PriceOverride, ...] = ()
    models: tuple[VirtualModel, ...] = ()
    other_secrets: frozenset[str] = frozenset()
    """Ids of the provider keys whose secret is not the one that the declaration refers to."""
