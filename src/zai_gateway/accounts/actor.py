"""Who acts: the operator on the host, a member of a workspace, a management key, or the gateway itself."""

from enum import StrEnum

from msgspec import Struct


class Role(StrEnum):
    """What a member is in a workspace, from the most to the least."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    """Acts on the API keys that are the member's own."""
    VIEWER = "viewer"
    """Reads, and changes nothing."""


class Scope(StrEnum):
    """What a management key may be made for."""

    WORKSPACES_READ = "workspaces:read"
    WORKSPACES_WRITE = "workspaces:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    BUDGETS_READ = "budgets:read"
    BUDGETS_WRITE = "budgets:write"
    MANAGEMENT_KEYS_READ = "management_keys:read"
    MANAGEMENT_KEYS_WRITE = "management_keys:write"
    PROVIDER_KEYS_READ = "provider_keys:read"
    PROVIDER_KEYS_WRITE = "provider_keys:write"
    MODELS_READ = "models:read"
    MODELS_WRITE = "models:write"
    PRICES_READ = "prices:read"
    PRICES_WRITE = "prices:write"
    USAGE_READ = "usage:read"
    AUDIT_READ = "audit:read"


class ActorKind(StrEnum):
    """What sort of actor it is."""

    OPERATOR = "operator"
    MEMBER = "member"
    MANAGEMENT_KEY = "management_key"
    GATEWAY = "gateway"
    """The gateway itself, by what it met while it served."""
    PERSON = "person"
    """Somebody who signs in and is a member of no workspace: only the audit has such an actor."""


class Actor(Struct, frozen=True, kw_only=True):
    """Whoever calls a service; made anew for each request, so that a role that changed holds at once."""

    kind: ActorKind
    id: str
    name: str
    workspace: str | None
    """The only workspace it may act in; None for the operator, who may in all."""
    role: Role | None = None
    """A member's."""
    scopes: frozenset[Scope] = frozenset()
    """A management key's."""
    made_by: str | None = None
    """The member who made the management key."""
    ends_ms: int | None = None
    """When a management key ends, in milliseconds since 1970."""
    address: str | None = None
    """Where the call came from: `cli`, or an IP address."""

    @property
    def member(self) -> str | None:
        """The member behind it, where there is one."""
        return self.id if self.kind is ActorKind.MEMBER else self.made_by

    @property
    def is_operator(self) -> bool:
        """Whether it has the host itself, and with it every right."""
        return self.kind is ActorKind.OPERATOR


def operator(address: str = "cli") -> Actor:
    """The operator, at the host's own command line."""
    return Actor(kind=ActorKind.OPERATOR, id="operator", name="operator", workspace=None, address=address)


def gateway(workspace: str) -> Actor:
    """The gateway itself, in the workspace whose requests showed it what is to be done."""
    return Actor(kind=ActorKind.GATEWAY, id="gateway", name="gateway", workspace=workspace)
