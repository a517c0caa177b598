"""How people come in: the first owner by a set-up link, and everybody else by an invitation."""

from collections.abc import Mapping

from msgspec.structs import replace

from zai_gateway.accounts import members, terms, workspaces
from zai_gateway.accounts.actor import Actor, ActorKind, Role, operator
from zai_gateway.accounts.audit_record import AuditRecord
from zai_gateway.accounts.authorization import ALLOWED, Deed, forbidden
from zai_gateway.accounts.desk import until_written
from zai_gateway.accounts.identity import (
    Invitation,
    IssuedLink,
    LinkKind,
    Membership,
    Origin,
    Person,
    SignedIn,
)
from zai_gateway.accounts.passwords import checked_password
from zai_gateway.accounts.reception import Reception, no_link, subject
from zai_gateway.accounts.records import Member, Workspace
from zai_gateway.accounts.sights import NOTHING, refuse_unseen, sight
from zai_gateway.accounts.sign_in_store import Arrival, Credentials, OneTimeLink
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.ids import new_id


class Joining:
    """Blocking calls. They do, and raise, as those of `People` say."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._store = reception.store
        self._desk = reception.desk

    def setup_link(self) -> IssuedLink | None:
        """A link beside those that other hosts may have given out; the first to be used ends all."""
        issued, link = self._reception.new_link(LinkKind.SETUP, operator())
        return issued if self._store.add_link(link, (), ()) else None

    def set_up(
        self, token: str, newcomer: Person, password: str, named: str | None, origin: Origin
    ) -> SignedIn:
        """Makes `newcomer` the first owner; its fields are checked, and the workspace's name, here."""
        self._reception.held(token, LinkKind.SETUP)
        newcomer = replace(
            newcomer, email=terms.checked_email(newcomer.email), name=terms.checked_name(newcomer.name)
        )
        name = None if named is None else terms.checked_name(named, "workspace name")
        kept = self._hashed(newcomer, password)

        def attempt() -> SignedIn | None:
            link = self._reception.held(token, LinkKind.SETUP)
            places = self._store.workspaces()
            place = places[0]
            seen = self._store.members(place.id)
            before = next((each for each in members.present(seen) if each.email == newcomer.email), None)
            after = replace(before or _blank(newcomer, place), role=Role.OWNER, person=newcomer.id)
            renamed = None
            if name is not None and name != place.name:
                workspaces.refuse_namesake(name, places, "workspace name")
                renamed = replace(place, name=name)
            signed_in, session = self._reception.new_session(newcomer, origin)
            arrival = Arrival(
                seen=seen,
                member=after,
                newcomer=kept,
                workspaces=places,
                renamed=renamed,
                session=session,
                at_ms=self._reception.now_ms(),
            )
            records = self._records_of_set_up(arrival, before, place, origin.address)
            return signed_in if self._store.arrive(link, arrival, records) else None

        return until_written(attempt)

    def invitations(self, actor: Actor, workspace: str) -> Mapping[str, Invitation]:
        """Those that nobody accepted, by the member's id."""
        self._desk.admit(actor, Deed.MEMBER_LIST, workspace)
        return {
            each.member or "": Invitation(
                created_ms=each.created_ms,
                expires_ms=each.expires_ms,
                sight=sight(each) if self._holds(each) else NOTHING,
            )
            for each in self._store.invitations(workspace)
        }

    def invite(self, actor: Actor, workspace: str, ref: str, seen: str | None = None) -> IssuedLink:
        """A link for the member, whose role the actor has to have the right to give."""
        self._desk.admit(actor, Deed.MEMBER_INVITE, workspace)

        def attempt() -> IssuedLink | None:
            everybody = self._store.members(workspace)
            member = members.found(ref, everybody)
            members.admit_rank(self._desk, actor, workspace, member.role)
            _refuse_overtaken(actor, everybody)
            if member.person is not None:
                raise OperatorError(
                    f"member: {member.name} signs in already; the operator of this gateway can reset a "
                    "password."
                )
            open_ones = (each for each in self._store.invitations(workspace) if each.member == member.id)
            ends = next(open_ones, None)
            holds = None if ends is None or not self._holds(ends) else ends
            refuse_unseen(seen, holds, f"The invitation of {member.name}")
            issued, link = self._reception.new_link(LinkKind.INVITATION, actor, member=member)
            record = self._desk.record(
                actor, Deed.MEMBER_INVITE, workspace, members.subject(member), None, link
            )
            return issued if self._store.add_link(link, everybody, (record,), ends=ends) else None

        return until_written(attempt)

    def accept_new(self, token: str, name: str, password: str, origin: Origin) -> SignedIn:
        """Makes the invited person; the e-mail is the invitation's."""
        invited, _ = self.invited(self._reception.held(token, LinkKind.INVITATION))
        now = self._reception.now_ms()
        newcomer = Person(
            id=new_id("per", now),
            email=invited.email,
            name=terms.checked_name(name),
            created_ms=now,
            password_ms=now,
        )
        self._refuse_known(token, invited.email)
        kept = self._hashed(newcomer, password)

        def attempt() -> SignedIn | None:
            self._refuse_known(token, invited.email)
            signed_in, session = self._reception.new_session(newcomer, origin)
            link, arrival, record = self._arrival(token, newcomer, origin.address)
            arrival = replace(arrival, newcomer=kept, session=session)
            return signed_in if self._store.arrive(link, arrival, (record,)) else None

        return until_written(attempt)

    def accept(self, token: str, person: str, address: str | None) -> Membership:
        """Lets a person who is signed in into the workspace."""

        def attempt() -> Membership | None:
            found = self._store.person(person)
            if found is None:
                raise no_link()
            link, arrival, record = self._arrival(token, found, address)
            if not self._store.arrive(link, arrival, (record,)):
                return None
            place = next(each for each in self._store.workspaces() if each.id == link.workspace)
            return Membership(workspace=place, member=arrival.member)

        return until_written(attempt)

    def invited(self, link: OneTimeLink) -> tuple[Member, tuple[Member, ...]]:
        """Whom the invitation is for, and all members. Failure NOT_FOUND where it leads nowhere any more."""
        every = self._store.members(link.workspace or "")
        found = next((each for each in members.present(every) if each.id == link.member), None)
        if found is None or found.person is not None:
            raise no_link()
        return found, every

    def _holds(self, link: OneTimeLink) -> bool:
        return link.expires_ms > self._reception.now_ms()

    def _arrival(
        self, token: str, person: Person, address: str | None
    ) -> tuple[OneTimeLink, Arrival, AuditRecord]:
        """What the use of the invitation by this person writes, as things stand now."""
        link = self._reception.held(token, LinkKind.INVITATION)
        before, seen = self.invited(link)
        if person.email != before.email:
            raise Failure(
                Code.FORBIDDEN,
                f"This invitation is for {before.email}, and you are signed in as {person.email}. Sign out, "
                "and open it again.",
            )
        after = replace(before, person=person.id)
        actor = members.acting(after, address)
        record = self._desk.record(
            actor, Deed.MEMBER_JOIN, before.workspace, members.subject(after), before, after
        )
        return link, Arrival(seen=seen, member=after, at_ms=self._reception.now_ms()), record

    def _hashed(self, newcomer: Person, password: str) -> Credentials:
        checked = checked_password(password, newcomer.email, newcomer.name)
        return Credentials(person=newcomer, password=self._reception.passwords.hashed(checked))

    def _refuse_known(self, token: str, email: str) -> None:
        if self._store.credentials(email) is None:
            return
        # Where it was this very link that made the account, that is what is to be said.
        self.invited(self._reception.held(token, LinkKind.INVITATION))
        raise OperatorError(
            f"email: {email} has an account here already. Sign in with it, and open the invitation again."
        )

    def _records_of_set_up(
        self, arrival: Arrival, before: Member | None, place: Workspace, address: str | None
    ) -> tuple[AuditRecord, ...]:
        after, newcomer = arrival.member, arrival.newcomer
        actor, write = members.acting(after, address), self._desk.record
        person = None if newcomer is None else newcomer.person
        its = members.subject(after)
        records = [
            write(
                actor, Deed.MEMBER_ADD if before is None else Deed.MEMBER_UPDATE, place.id, its, before, after
            )
        ]
        if person is not None:
            records.append(write(actor, Deed.PERSON_SET_UP, place.id, subject(person), None, person))
        if arrival.renamed is not None:
            renamed = workspaces.subject(arrival.renamed)
            records.append(write(actor, Deed.WORKSPACE_RENAME, place.id, renamed, place, arrival.renamed))
        return tuple(records)


def _blank(newcomer: Person, place: Workspace) -> Member:
    return Member(
        id=new_id("mem", newcomer.created_ms),
        workspace=place.id,
        name=newcomer.name,
        email=newcomer.email,
        role=Role.OWNER,
        created_ms=newcomer.created_ms,
    )


def _refuse_overtaken(actor: Actor, seen: tuple[Member, ...]) -> None:
    """Refuses whoever lost the right since it came in: nobody would know of this link to end it."""
    if actor.member is None:
        return
    itself = next((each for each in members.present(seen) if each.id == actor.member), None)
    if itself is None or itself.role not in ALLOWED[Deed.MEMBER_INVITE].roles:
        raise forbidden()
    if actor.kind is ActorKind.MEMBER and itself.role is not actor.role:
        raise forbidden()
