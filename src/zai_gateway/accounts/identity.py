"""Who signs in: people, their sessions, what they are members of, and the links that let them in once."""

from enum import StrEnum

from msgspec import Struct

from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.records import Member, Workspace


class Person(Struct, frozen=True, kw_only=True):
    """Somebody with an account of this gateway, whatever workspaces it is a member of."""

    id: str
    email: str
    """In lower case; no two people have the same."""
    name: str
    """What the person calls itself; a workspace may know its member by another name."""
    created_ms: int
    password_ms: int
    """When the password was set, in milliseconds since 1970."""


class Origin(Struct, frozen=True, kw_only=True):
    """Where a call comes from."""

    address: str | None
    """An IP address; None where it is not known."""
    agent: str = ""
    """What the browser says of itself; kept shortened, to tell sessions apart by."""


class Session(Struct, frozen=True, kw_only=True):
    """A person's stay in one browser."""

    id: str
    """The token's SHA-256 in hexadecimal digits: it opens nothing, and is safe to show."""
    person: Person
    created_ms: int
    seen_ms: int
    """When it was last used, to five minutes."""
    ends_ms: int
    """When it ends at the latest; it ends sooner when nobody uses it."""
    address: str | None
    """Where it began, as is what follows."""
    agent: str


class SignedIn(Struct, frozen=True, kw_only=True):
    """A session that begins, with its token, which nobody can be told again."""

    token: str
    session: Session

    def __repr__(self) -> str:
        return f"SignedIn(session={self.session.id!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        # msgspec's own, which rich asks for, shows every field.
        return [("session", self.session.id)]


class Membership(Struct, frozen=True, kw_only=True):
    """A workspace that a person is in, and what it is there."""

    workspace: Workspace
    member: Member


class LinkKind(StrEnum):
    """What a link lets its holder do, once."""

    SETUP = "setup"
    """Become the first owner, of a gateway where nobody has signed up."""
    INVITATION = "invitation"
    """Become a member of a workspace, as the one whom it invites."""
    RESET = "reset"
    """Set another password."""


class IssuedLink(Struct, frozen=True, kw_only=True):
    """A new link's token, which nobody can be told again; its path is `/{kind}/{token}`."""

    kind: LinkKind
    token: str
    expires_ms: int
    """Milliseconds since 1970."""

    @property
    def path(self) -> str:
        """Where the console takes it."""
        return f"/{self.kind.value}/{self.token}"

    def __repr__(self) -> str:
        return f"IssuedLink(kind={self.kind!r}, expires_ms={self.expires_ms!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("kind", self.kind), ("expires_ms", self.expires_ms)]


class Invitation(Struct, frozen=True, kw_only=True):
    """An invitation that nobody has accepted, without what opens it."""

    created_ms: int
    expires_ms: int
    sight: str
    """Of the link while it holds; `sights.NOTHING` once it has expired."""


class OpenLink(Struct, frozen=True, kw_only=True):
    """What a link that still holds is for."""

    kind: LinkKind
    expires_ms: int
    email: str | None
    """Of the invited member, or of the person whose password is reset; None for a set-up link."""
    name: str | None
    """Likewise."""
    workspace: Workspace | None
    """The one that it leads to: the member's, or the oldest for a set-up link; None for a reset."""
    role: Role | None
    """What its holder will be there."""
    known: bool
    """Whether a person with that e-mail has an account already."""
