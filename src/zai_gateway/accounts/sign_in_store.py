"""What signing in asks of a store, and what the store keeps for it: never a password or a token itself."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from msgspec import UNSET, Struct, UnsetType

from zai_gateway.accounts.audit_record import AuditRecord
from zai_gateway.accounts.identity import LinkKind, Membership, Person, Session
from zai_gateway.accounts.records import Member, Workspace


class Credentials(Struct, frozen=True, kw_only=True):
    """A person and what its password hashes to."""

    person: Person
    password: str
    """As argon2id spells a hash, its salt and parameters among it."""

    def __repr__(self) -> str:
        return f"Credentials(person={self.person.id!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        # msgspec's own, which rich asks for, shows every field.
        return [("person", self.person.id)]


class NewSession(Struct, frozen=True, kw_only=True):
    """A session as it is kept."""

    digest: bytes
    """SHA-256 of its token."""
    person: str
    created_ms: int
    seen_ms: int
    ends_ms: int
    address: str | None
    agent: str


class OneTimeLink(Struct, frozen=True, kw_only=True):
    """A link as it is kept; of the ids it has those that its kind needs."""

    digest: bytes
    """SHA-256 of its token."""
    kind: LinkKind
    workspace: str | None = None
    member: str | None = None
    person: str | None = None
    made_by: str
    """The id of the member or management key that made it, or `operator`."""
    created_ms: int
    expires_ms: int
    used_ms: int | None = None


class Arrival(Struct, frozen=True, kw_only=True):
    """What the use of a set-up link or an invitation writes, all at once."""

    seen: Sequence[Member]
    """All members of the workspace, from which `member` came."""
    member: Member
    """The member that the person is from now on."""
    newcomer: Credentials | None = None
    """The person, where it is a new one."""
    workspaces: Sequence[Workspace] = ()
    """All there were when the new name was chosen."""
    renamed: Workspace | None = None
    """The workspace under a new name; None leaves it."""
    session: NewSession | None = None
    at_ms: int


class NewPassword(Struct, frozen=True, kw_only=True):
    """What a change of a password writes, all at once; every session but one ends, and every reset link."""

    seen: Credentials
    after: Credentials
    keeps: bytes | None = None
    """The digest of the session that stays, which has to be there still."""
    begins: NewSession | None = None
    """The one that begins."""
    link: OneTimeLink | None = None
    """The link that is used up."""
    forgives: str | None = None
    """The id of the tries that are forgotten."""
    at_ms: int


class Allowance(Struct, frozen=True):
    """How many tries may come to nothing before the next one has to wait, and for how long they count."""

    failures: int
    forgotten_after_ms: int


class SignInStore(Protocol):
    """Each call is one transaction and raises StoreUnavailable; whatever is as of a moment is handed in.

    A write from an older state is not done, and the answer is False, as `accounts.store.Administration` says.
    """

    def anybody(self) -> bool:
        """Whether there is any person."""
        ...

    def person(self, id: str) -> Person | None: ...

    def credentials(self, email: str) -> Credentials | None: ...

    def credentials_of(self, person: str) -> Credentials | None: ...

    def session(self, digest: bytes) -> Session | None:
        """Whatever its times say."""
        ...

    def sessions(self, person: str) -> tuple[Session, ...]:
        """The last used one first, whatever their times say."""
        ...

    def note_seen(self, digest: bytes, seen_ms: int) -> None:
        """Writes when a session was last used; never back to an earlier time."""
        ...

    def memberships(self, person: str) -> tuple[Membership, ...]:
        """Without those that ended, by the workspaces' names."""
        ...

    def link(self, digest: bytes) -> OneTimeLink | None:
        """Whatever its times say."""
        ...

    def invitations(self, workspace: str) -> tuple[OneTimeLink, ...]:
        """Those to this workspace that nobody used, whatever their times say."""
        ...

    def add_link(
        self,
        link: OneTimeLink,
        seen: Sequence[Member],
        audit: Sequence[AuditRecord],
        *,
        ends: OneTimeLink | UnsetType | None = UNSET,
    ) -> bool:
        """Ends the links before it of the same member or person, and forgets those that are long over.

        Done for an invitation while `seen` are all members of its workspace, for a set-up link while there is
        nobody. `ends`: the only open invitation of the member; None while it has none, UNSET whatever it has.
        """
        ...

    def arrive(self, link: OneTimeLink, arrival: Arrival, audit: Sequence[AuditRecord]) -> bool:
        """Uses up a link that is as it was seen, for a set-up while there is nobody; and ends the member's
        other ones. False also where the newcomer's e-mail has an account."""
        ...

    def set_password(self, password: NewPassword, audit: Sequence[AuditRecord]) -> bool: ...

    def rename_person(self, seen: Person, person: Person, audit: Sequence[AuditRecord]) -> bool: ...

    def begin_session(
        self,
        seen: Credentials,
        password: str,
        session: NewSession,
        forgiven: Collection[str],
        audit: Sequence[AuditRecord],
    ) -> bool:
        """Keeps `password` as the hash, and gives back one try of each of `forgiven`, of an e-mail all.

        Forgets what is over of the person's sessions, and those that are too many, the longest unused first.
        """
        ...

    def end_session(self, digest: bytes) -> None: ...

    def end_sessions(self, person: str, audit: Sequence[AuditRecord]) -> int:
        """Ends all of them, and says how many."""
        ...

    def charge_tries(self, allowances: Mapping[str, Allowance], now_ms: int) -> int:
        """Counts a try before it is made, of several at once each in turn.

        Gives the milliseconds to wait where one of them has to, and then counts nothing; else 0.
        """
        ...
