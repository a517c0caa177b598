"""The JSON documents of people, their sessions and the links that let them in."""

from msgspec import Struct

from zai_gateway.accounts.identity import Invitation, IssuedLink, Membership, OpenLink, Person, Session
from zai_gateway.accounts.records import Member
from zai_gateway.documents.moments import iso
from zai_gateway.documents.workspaces import WorkspaceDocument, workspace_document


class PersonDocument(Struct, frozen=True, kw_only=True):
    """Somebody who signs in."""

    id: str
    email: str
    name: str
    created_at: str


class MembershipDocument(Struct, frozen=True, kw_only=True):
    """A workspace, and what the person is there."""

    workspace: WorkspaceDocument
    member_id: str
    role: str


class SessionDocument(Struct, frozen=True, kw_only=True):
    """A person's stay in one browser."""

    id: str
    """It opens nothing, and is safe to show."""
    is_this: bool
    """Whether it is the session that asks."""
    created_at: str
    seen_at: str
    ends_at: str
    """At the latest; sooner when nobody uses it."""
    address: str | None
    """Where it began, as is what follows."""
    agent: str


class SignedInDocument(Struct, frozen=True, kw_only=True):
    """Who is signed in, and where that person may be."""

    person: PersonDocument
    session: SessionDocument
    csrf_token: str
    """What every request of the session that changes something carries as `x-csrf-token`."""
    memberships: tuple[MembershipDocument, ...]


class InvitationDocument(Struct, frozen=True, kw_only=True):
    """How far the invitation of a member has come."""

    status: str
    """`joined`, `invited`, `expired`, or `none` where there was none."""
    expires_at: str | None
    """Of one that nobody has accepted."""


class LinkDocument(Struct, frozen=True, kw_only=True):
    """What a link that still holds is for."""

    kind: str
    """`setup`, `invitation` or `reset`."""
    email: str | None
    name: str | None
    workspace_id: str | None
    workspace_name: str | None
    role: str | None
    known: bool
    """Whether a person with that e-mail has an account already."""
    expires_at: str


class IssuedLinkDocument(Struct, frozen=True, kw_only=True):
    """A new link, which nobody can be told again."""

    kind: str
    url: str
    expires_at: str


def person_document(person: Person) -> PersonDocument:
    return PersonDocument(
        id=person.id, email=person.email, name=person.name, created_at=iso(person.created_ms)
    )


def membership_document(membership: Membership) -> MembershipDocument:
    return MembershipDocument(
        workspace=workspace_document(membership.workspace),
        member_id=membership.member.id,
        role=membership.member.role.value,
    )


def session_document(session: Session, *, is_this: bool) -> SessionDocument:
    return SessionDocument(
        id=session.id,
        is_this=is_this,
        created_at=iso(session.created_ms),
        seen_at=iso(session.seen_ms),
        ends_at=iso(session.ends_ms),
        address=session.address,
        agent=session.agent,
    )


def invitation_document(member: Member, invitation: Invitation | None, now_ms: int) -> InvitationDocument:
    """`invitation` is the member's that nobody accepted, if there is one."""
    if member.person is not None:
        return InvitationDocument(status="joined", expires_at=None)
    if invitation is None:
        return InvitationDocument(status="none", expires_at=None)
    status = "invited" if invitation.expires_ms > now_ms else "expired"
    return InvitationDocument(status=status, expires_at=iso(invitation.expires_ms))


def link_document(link: OpenLink) -> LinkDocument:
    place = link.workspace
    return LinkDocument(
        kind=link.kind.value,
        email=link.email,
        name=link.name,
        workspace_id=None if place is None else place.id,
        workspace_name=None if place is None else place.name,
        role=None if link.role is None else link.role.value,
        known=link.known,
        expires_at=iso(link.expires_ms),
    )


def issued_link_document(link: IssuedLink, base: str) -> IssuedLinkDocument:
    """`base` is where the console is, without a slash at its end."""
    return IssuedLinkDocument(kind=link.kind.value, url=f"{base}{link.path}", expires_at=iso(link.expires_ms))
