"""The routes of people who sign in: their session, their password, and the links that let them in."""

from typing import Annotated

from fastapi import Depends, Path
from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from zai_gateway.accounts.identity import LinkKind, OpenLink, Session, SignedIn
from zai_gateway.documents.people import (
    LinkDocument,
    PersonDocument,
    SessionDocument,
    SignedInDocument,
    link_document,
    membership_document,
    person_document,
    session_document,
)
from zai_gateway.edge.control.acting import FromOwnSite, Here, MaybeSignedIn, SignedInPerson
from zai_gateway.edge.control.forms import Text
from zai_gateway.edge.control.routing import Form, Routes
from zai_gateway.edge.control.telling import page
from zai_gateway.edge.services import Services
from zai_gateway.edge.visiting import csrf_token, forget_session, keep_session
from zai_gateway.errors import Code, Failure

SESSIONS = Routes("Sign-in")

Token = Annotated[str, Path(description="What the link ends in.", max_length=200)]


class Credentials(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """E-mail and password."""

    email: Text
    password: Text


class NewOwner(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first owner, by the link that the gateway printed at its start."""

    token: Text
    email: Text
    name: Text
    password: Text
    workspace_name: Text | None = None
    """Another name for the workspace."""


class Acceptance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who accepts: a new person with both, or nothing of whoever is signed in."""

    name: Text | UnsetType = UNSET
    password: Text | UnsetType = UNSET


class NewPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password."""

    password: Text


class PasswordChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password in the place of another."""

    old_password: Text
    password: Text


class NewName(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name."""

    name: Text


class SessionsDocument(Struct, frozen=True, kw_only=True):
    """A person's sessions, the last used one first."""

    sessions: tuple[SessionDocument, ...]


class EndedDocument(Struct, frozen=True, kw_only=True):
    """What was ended."""

    ended: int
    """How many sessions."""


@SESSIONS.post("/session", tells=SignedInDocument, is_open=True)
def sign_in(
    request: Request,
    form: Annotated[Credentials, Depends(Form(Credentials))],
    origin: FromOwnSite,
    here: Here,
) -> Response:
    """Sign in. The session comes as a cookie, and the answer says what its requests have to carry."""
    return _begun(request, here, here.accounts.people.sign_in(form.email, form.password, origin), 201)


@SESSIONS.get("/session")
def show_session(who: SignedInPerson, here: Here) -> SignedInDocument:
    """Who is signed in, and in which workspaces."""
    return _signed_in(here, who.session, who.token)


@SESSIONS.delete("/session", status=204)
def sign_out(request: Request, who: SignedInPerson, here: Here) -> Response:
    """Sign out: the session ends."""
    here.accounts.people.sign_out(who.token)
    return _left(request, Response(status_code=204))


@SESSIONS.get("/sessions")
def list_sessions(who: SignedInPerson, here: Here) -> SessionsDocument:
    """Your sessions, the last used one first."""
    every = here.accounts.people.sessions(who.session.person.id)
    return SessionsDocument(
        sessions=tuple(session_document(each, is_this=each.id == who.session.id) for each in every)
    )


@SESSIONS.delete("/sessions", tells=EndedDocument)
def sign_out_everywhere(request: Request, who: SignedInPerson, here: Here) -> Response:
    """Sign out everywhere: every session of yours ends, this one too."""
    ended = here.accounts.people.sign_out_everywhere(who.session.person.id, address=who.origin.address)
    return _left(request, page(EndedDocument(ended=ended)))


@SESSIONS.put("/password", status=204)
def change_password(
    who: SignedInPerson, form: Annotated[PasswordChange, Depends(Form(PasswordChange))], here: Here
) -> None:
    """Change your password. Every other session of yours ends."""
    here.accounts.people.change_password(
        who.session, form.old_password, form.password, address=who.origin.address
    )


@SESSIONS.patch("/person")
def rename_person(
    who: SignedInPerson, form: Annotated[NewName, Depends(Form(NewName))], here: Here
) -> PersonDocument:
    """Give yourself another name."""
    person = here.accounts.people.rename(who.session.person.id, form.name, address=who.origin.address)
    return person_document(person)


@SESSIONS.post("/setup", tells=SignedInDocument, is_open=True)
def set_up(
    request: Request, form: Annotated[NewOwner, Depends(Form(NewOwner))], origin: FromOwnSite, here: Here
) -> Response:
    """Sign up as the first owner, by the link that the gateway printed at its start; once."""
    signed_in = here.accounts.people.set_up(
        form.token,
        email=form.email,
        name=form.name,
        password=form.password,
        workspace_name=form.workspace_name,
        origin=origin,
    )
    return _begun(request, here, signed_in, 201)


@SESSIONS.open_get("/setup/{token}")
def look_at_setup(token: Token, here: Here) -> LinkDocument:
    """Whether a set-up link still holds, and until when, without using it."""
    return link_document(_looked(here, token, LinkKind.SETUP))


@SESSIONS.open_get("/invitations/{token}")
def look_at_invitation(token: Token, here: Here) -> LinkDocument:
    """What an invitation leads to, without accepting it."""
    return link_document(_looked(here, token, LinkKind.INVITATION))


@SESSIONS.post("/invitations/{token}", tells=SignedInDocument, status=200, is_open=True)
def accept_invitation(
    request: Request,
    token: Token,
    who: MaybeSignedIn,
    form: Annotated[Acceptance, Depends(Form(Acceptance))],
    origin: FromOwnSite,
    here: Here,
) -> Response:
    """Accept an invitation: with a name and a password as a new person, with neither as who is signed in."""
    people = here.accounts.people
    _looked(here, token, LinkKind.INVITATION)
    if form.password is UNSET and form.name is UNSET:
        if who is None:
            raise Failure(
                Code.SIGN_IN_REQUIRED,
                "Nobody is signed in here. Sign in first, or send a name and a password to make an account.",
            )
        people.accept(token, who.session.person.id, address=origin.address)
        return page(_signed_in(here, who.session, who.token))
    if form.password is UNSET or form.name is UNSET:
        missing = "password" if form.password is UNSET else "name"
        raise Failure(
            Code.INVALID_REQUEST, f"{missing}: a new account needs a name and a password.", param=missing
        )
    signed_in = people.accept_new(token, name=form.name, password=form.password, origin=origin)
    return _begun(request, here, signed_in, 200)


@SESSIONS.open_get("/resets/{token}")
def look_at_reset(token: Token, here: Here) -> LinkDocument:
    """Whose password a link from the operator sets, without using it."""
    return link_document(_looked(here, token, LinkKind.RESET))


@SESSIONS.post("/resets/{token}", tells=SignedInDocument, status=200, is_open=True)
def reset_password(
    request: Request,
    token: Token,
    form: Annotated[NewPassword, Depends(Form(NewPassword))],
    origin: FromOwnSite,
    here: Here,
) -> Response:
    """Set another password by a link from the operator. Every session of that person ends, and one begins."""
    return _begun(request, here, here.accounts.people.reset(token, form.password, origin), 200)


def _looked(here: Services, token: str, kind: LinkKind) -> OpenLink:
    link = here.accounts.people.look(token)
    # In the words for one that is not there: of another kind nothing is told here.
    return link if link.kind is kind else here.accounts.people.look("")


def _begun(request: Request, here: Services, signed_in: SignedIn, status: int) -> Response:
    answer = page(_signed_in(here, signed_in.session, signed_in.token), status)
    keep_session(request, answer, signed_in.token)
    return answer


def _left(request: Request, answer: Response) -> Response:
    forget_session(request, answer)
    return answer


def _signed_in(here: Services, session: Session, token: str) -> SignedInDocument:
    memberships = here.accounts.people.memberships(session.person.id)
    return SignedInDocument(
        person=person_document(session.person),
        session=session_document(session, is_this=True),
        csrf_token=csrf_token(token),
        memberships=tuple(map(membership_document, memberships)),
    )
