"""What all parts of signing in share: links held open, sessions begun, and the record of who did what."""

import secrets
from hashlib import sha256

from zai_gateway.accounts.actor import Actor, ActorKind
from zai_gateway.accounts.audit_record import AuditRecord, Change, Subject, audit_record
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.desk import Desk
from zai_gateway.accounts.identity import IssuedLink, LinkKind, Origin, Person, Session, SignedIn
from zai_gateway.accounts.members import acting
from zai_gateway.accounts.passwords import Passwords
from zai_gateway.accounts.records import Member
from zai_gateway.accounts.sign_in_store import NewSession, OneTimeLink
from zai_gateway.errors import Code, Failure

_BYTES = 32
"""Of chance in a token: 256 bits."""
_MOST_TOKEN = 100
_DAY_MS = 86_400_000
_LONGEST_MS = 30 * _DAY_MS
_MOST_ADDRESS = 100
_MOST_AGENT = 200
_VALID_MS = {
    LinkKind.SETUP: _DAY_MS,
    LinkKind.INVITATION: 7 * _DAY_MS,
    LinkKind.RESET: 3_600_000,
}


class Reception:
    """Blocking calls on one desk. Raises as `People` says."""

    def __init__(self, desk: Desk, passwords: Passwords) -> None:
        self.desk = desk
        self.store = desk.store
        self.passwords = passwords

    def now_ms(self) -> int:
        """The wall time, in milliseconds since 1970."""
        return self.desk.clock.now_ms()

    def held(self, token: str, *kinds: LinkKind) -> OneTimeLink:
        """The open link of one of these kinds. Failure NOT_FOUND, in the same words for all others."""
        digest = digest_of(token)
        link = None if digest is None else self.store.link(digest)
        if link is None or link.kind not in kinds or link.used_ms is not None:
            raise no_link()
        if link.expires_ms <= self.now_ms() or (link.kind is LinkKind.SETUP and self.store.anybody()):
            raise no_link()
        return link

    def new_link(
        self,
        kind: LinkKind,
        made_by: Actor,
        *,
        member: Member | None = None,
        person: str | None = None,
    ) -> tuple[IssuedLink, OneTimeLink]:
        """A link that is written nowhere yet; it leads to the member, or to the person with that id."""
        now, token = self.now_ms(), secrets.token_urlsafe(_BYTES)
        link = OneTimeLink(
            digest=_digest(token),
            kind=kind,
            made_by=made_by.member or made_by.id,
            created_ms=now,
            expires_ms=now + _VALID_MS[kind],
            workspace=None if member is None else member.workspace,
            member=None if member is None else member.id,
            person=person,
        )
        return IssuedLink(kind=kind, token=token, expires_ms=link.expires_ms), link

    def new_session(self, person: Person, origin: Origin) -> tuple[SignedIn, NewSession]:
        """A session that is written nowhere yet."""
        now, token = self.now_ms(), secrets.token_urlsafe(_BYTES)
        kept = NewSession(
            digest=_digest(token),
            person=person.id,
            created_ms=now,
            seen_ms=now,
            ends_ms=now + _LONGEST_MS,
            address=None if origin.address is None else _shortened(origin.address, _MOST_ADDRESS),
            agent=_shortened(origin.agent, _MOST_AGENT),
        )
        shown = Session(
            id=kept.digest.hex(),
            person=person,
            created_ms=kept.created_ms,
            seen_ms=kept.seen_ms,
            ends_ms=kept.ends_ms,
            address=kept.address,
            agent=kept.agent,
        )
        return SignedIn(token=token, session=shown), kept

    def records(
        self, person: Person, deed: Deed, changes: dict[str, Change], address: str | None
    ) -> tuple[AuditRecord, ...]:
        """What the person does now to itself: a record for each workspace of it, which its owners can read.

        One of no workspace where it is in none, which only the operator can read.
        """
        now, itself = self.now_ms(), subject(person)
        records = tuple(
            audit_record(acting(each.member, address), deed, each.workspace.id, itself, changes, now)
            for each in self.store.memberships(person.id)
        )
        alone = acting_alone(person, address)
        return records or (audit_record(alone, deed, None, itself, changes, now),)


def digest_of(token: str) -> bytes | None:
    """What is kept of a token; None where it cannot be one."""
    return _digest(token) if len(token) <= _MOST_TOKEN and token.isascii() else None


def subject(person: Person) -> Subject:
    """The person as the audit names it."""
    return Subject("person", person.id, person.name)


def acting_alone(person: Person, address: str | None) -> Actor:
    """The person as an actor that is in no workspace, and may do nothing in any."""
    return Actor(kind=ActorKind.PERSON, id=person.id, name=person.name, workspace=None, address=address)


def no_link() -> Failure:
    """The refusal of a link, in the same words whatever is wrong with it."""
    return Failure(
        Code.NOT_FOUND,
        "This link does not hold: it was used, has expired, or a newer one took its place. Ask for another.",
    )


def invalid_credentials() -> Failure:
    """The refusal to sign somebody in, in the same words whatever is wrong."""
    return Failure(
        Code.INVALID_CREDENTIALS,
        "This e-mail and this password do not belong together. The operator of this gateway can reset a "
        "password.",
        detail="Invalid e-mail or password",
    )


def _digest(token: str) -> bytes:
    return sha256(token.encode("ascii")).digest()


def _shortened(text: str, most: int) -> str:
    return "".join(character for character in text[:most] if character.isprintable())
