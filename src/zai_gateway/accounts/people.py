"""The people who sign in: set up, invited, signed in and out, with passwords of their own."""

from collections.abc import Mapping

from msgspec.structs import replace

from zai_gateway.accounts.actor import Actor, Role
from zai_gateway.accounts.audit_record import differences
from zai_gateway.accounts.authorization import Deed, no_workspace
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.identity import (
    Invitation,
    IssuedLink,
    LinkKind,
    Membership,
    OpenLink,
    Origin,
    Person,
    Session,
    SignedIn,
)
from zai_gateway.accounts.joining import Joining
from zai_gateway.accounts.members import acting
from zai_gateway.accounts.password_change import PasswordChange
from zai_gateway.accounts.passwords import Passwords
from zai_gateway.accounts.reception import Reception
from zai_gateway.accounts.records import Workspace
from zai_gateway.accounts.sign_in import SignIn
from zai_gateway.accounts.sign_in_store import OneTimeLink
from zai_gateway.accounts.terms import checked_name
from zai_gateway.errors import Code, Failure
from zai_gateway.ids import new_id


class People:
    """Blocking calls. What a person gave wrongly raises OperatorError, which begins with the field:
    `email`, `name`, `password`, `old password` or `workspace name`. Failures beside NOT_FOUND, FORBIDDEN:

    - INVALID_CREDENTIALS: e-mail and password do not belong together, in the same words whatever is wrong;
    - RATE_LIMITED with `retry_after`: too many tries at a password lately, from this address or with this
      e-mail, or too many at this moment.

    A link that is unknown, used, expired or ended is NOT_FOUND, in the same words.
    """

    def __init__(self, desk: Desk, passwords: Passwords) -> None:
        self._reception = Reception(desk, passwords)
        self._store = desk.store
        self._joining = Joining(self._reception)
        self._sign_in = SignIn(self._reception)
        self._change = PasswordChange(self._reception, self._sign_in)

    def nobody_yet(self) -> bool:
        """Whether nobody has an account of this gateway."""
        return not self._store.anybody()

    def setup_link(self) -> IssuedLink | None:
        """A link by which the first owner signs up; None where somebody has. For the host itself."""
        return self._joining.setup_link()

    def look(self, token: str) -> OpenLink:
        """What a link is for, without using it up. Failure NOT_FOUND where it does not hold."""
        link = self._reception.held(token, *LinkKind)
        match link.kind:
            case LinkKind.SETUP:
                return _opened(link, workspace=self._store.workspaces()[0], role=Role.OWNER)
            case LinkKind.INVITATION:
                member, _ = self._joining.invited(link)
                place = next(each for each in self._store.workspaces() if each.id == member.workspace)
                known = self._store.credentials(member.email) is not None
                whom = (member.email, member.name)
                return _opened(link, whom, workspace=place, role=member.role, known=known)
            case LinkKind.RESET:
                person = self._change.whose(link).person
                return _opened(link, (person.email, person.name), known=True)

    def set_up(
        self,
        token: str,
        *,
        email: str,
        name: str,
        password: str,
        workspace_name: str | None,
        origin: Origin,
    ) -> SignedIn:
        """Makes the first person, as an owner of the oldest workspace.

        `workspace_name` gives that one another name; None leaves it. A member of it with that e-mail becomes
        the owner, and else a new one is added.
        """
        now = self._reception.now_ms()
        newcomer = Person(id=new_id("per", now), email=email, name=name, created_ms=now, password_ms=now)
        return self._joining.set_up(token, newcomer, password, workspace_name, origin)

    def sign_in(self, email: str, password: str, origin: Origin) -> SignedIn:
        """Begins a session. Failure INVALID_CREDENTIALS or RATE_LIMITED."""
        return self._sign_in.sign_in(email, password, origin)

    def session(self, token: str) -> Session | None:
        """The session with this token; None where it is unknown, ended, or was idle too long."""
        return self._sign_in.session(token)

    def memberships(self, person: str) -> tuple[Membership, ...]:
        """What the person is a member of now, by the workspaces' names."""
        return self._store.memberships(person)

    def actor(self, person: str, workspace: str, address: str | None) -> Actor:
        """The person as the member that it is of the workspace now, calling from `address`.

        Failure NOT_FOUND where it is none.
        """
        its = (each.member for each in self._store.memberships(person) if each.workspace.id == workspace)
        member = next(its, None)
        if member is None:
            raise no_workspace()
        return acting(member, address)

    def sessions(self, person: str) -> tuple[Session, ...]:
        """Those that go on, the last used one first."""
        return self._sign_in.sessions(person)

    def sign_out(self, token: str) -> None:
        """Ends the session, where there is one."""
        self._sign_in.sign_out(token)

    def sign_out_everywhere(self, person: str, *, address: str | None = None) -> int:
        """Ends every session of the person, and says how many there were."""
        return self._sign_in.sign_out_everywhere(person, address)

    def rename(self, person: str, name: str, *, address: str | None = None) -> Person:
        """Gives the person another name; workspaces go on calling their member as they do."""
        name = checked_name(name)

        def attempt() -> Person | None:
            seen = self._store.person(person)
            if seen is None:
                raise Failure(Code.NOT_FOUND, "There is no such person.")
            after = replace(seen, name=name)
            if after == seen:
                return seen
            changes = differences(seen, after)
            records = self._reception.records(after, Deed.PERSON_RENAME, changes, address)
            return after if self._store.rename_person(seen, after, records) else None

        return until_written(attempt)

    def change_password(self, session: Session, old: str, new: str, *, address: str | None = None) -> None:
        """Sets another password, and ends every other session and open reset link of the person."""
        self._change.change(session, old, new, address)

    def invite(self, actor: Actor, workspace: str, member: str, *, seen: str | None = None) -> IssuedLink:
        """A link by which the member with the id `member` signs up or in; earlier ones of it end.

        Whoever opens it has the member's role, so it takes the right to give that one. A member who has
        signed up already is refused. `seen` is the sight of the invitation that ends, as the caller saw it.
        """
        return self._joining.invite(actor, workspace, member, seen)

    def invitations(self, actor: Actor, workspace: str) -> Mapping[str, Invitation]:
        """Those that nobody accepted, by the member's id; ones that expired may be forgotten."""
        return self._joining.invitations(actor, workspace)

    def accept_new(self, token: str, *, name: str, password: str, origin: Origin) -> SignedIn:
        """Makes the invited person, with the e-mail of the invitation, and lets it into the workspace.

        Refused where that e-mail has an account: sign in and accept instead.
        """
        return self._joining.accept_new(token, name, password, origin)

    def accept(self, token: str, person: str, *, address: str | None = None) -> Membership:
        """Lets a person who is signed in into the workspace; FORBIDDEN unless invited by that very e-mail."""
        return self._joining.accept(token, person, address)

    def reset_link(self, actor: Actor, email: str) -> IssuedLink:
        """A link by which the person sets another password; earlier ones end. For the operator only."""
        return self._change.reset_link(actor, email)

    def reset(self, token: str, password: str, origin: Origin) -> SignedIn:
        """Sets another password by a link, and begins a session; every other one ends."""
        return self._change.reset(token, password, origin)


def _opened(
    link: OneTimeLink,
    whom: tuple[str | None, str | None] = (None, None),
    *,
    workspace: Workspace | None = None,
    role: Role | None = None,
    known: bool = False,
) -> OpenLink:
    email, name = whom
    return OpenLink(
        kind=link.kind,
        expires_ms=link.expires_ms,
        email=email,
        name=name,
        workspace=workspace,
        role=role,
        known=known,
    )
