"""The members of a workspace: added, changed and removed, with always an owner left."""

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from zai_gateway.accounts import terms
from zai_gateway.accounts.actor import Actor, ActorKind, Role
from zai_gateway.accounts.audit_record import Subject
from zai_gateway.accounts.authorization import ALLOWED, Deed
from zai_gateway.accounts.choosing import chosen
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.records import Member
from zai_gateway.accounts.sights import refuse_unseen
from zai_gateway.errors import OperatorError
from zai_gateway.ids import new_id

_MAKES_MANAGEMENT_KEYS = ALLOWED[Deed.MANAGEMENT_KEY_CREATE].roles


class MemberChanges(Struct, frozen=True, kw_only=True):
    """What to set of a member: UNSET leaves as it is."""

    name: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    role: Role | UnsetType = UNSET


def acting(member: Member, address: str | None) -> Actor:
    """The member as an actor, calling from `address`."""
    return Actor(
        kind=ActorKind.MEMBER,
        id=member.id,
        name=member.name,
        workspace=member.workspace,
        role=member.role,
        address=address,
    )


class Members:
    """Blocking calls. Raises as `Accounts` says."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add(self, actor: Actor, workspace: str, name: str, email: str, role: Role) -> Member:
        """Adds a member. Only an owner or the operator adds an owner, and no management key an admin."""
        self._desk.admit(actor, Deed.MEMBER_ADD, workspace)
        admit_rank(self._desk, actor, workspace, role)
        now = self._desk.clock.now_ms()
        member = Member(
            id=new_id("mem", now),
            workspace=workspace,
            name=terms.checked_name(name),
            email=terms.checked_email(email),
            role=role,
            created_ms=now,
        )
        record = self._desk.record(actor, Deed.MEMBER_ADD, workspace, subject(member), None, member)

        def attempt() -> Member | None:
            seen = self._desk.store.members(workspace)
            _refuse_namesake(member, seen)
            return member if self._desk.store.put_member(seen, member, record) else None

        return until_written(attempt)

    def list(self, actor: Actor, workspace: str) -> tuple[Member, ...]:
        """Oldest first, without those that were removed."""
        self._desk.admit(actor, Deed.MEMBER_LIST, workspace)
        return present(self._desk.store.members(workspace))

    def show(self, actor: Actor, workspace: str, ref: str) -> Member:
        """The member with the id or address `ref`, or the only one of that name."""
        self._desk.admit(actor, Deed.MEMBER_SHOW, workspace)
        return found(ref, self._desk.store.members(workspace))

    def update(
        self, actor: Actor, workspace: str, ref: str, changes: MemberChanges, *, seen: str | None = None
    ) -> Member:
        """Changes a member. Who no longer may make management keys loses those made before.

        Another e-mail, role or removal ends the member's open invitations. With another e-mail, nobody signs
        in as the member until somebody is invited by it; so nobody changes its own.

        Only an owner or the operator changes an owner, or makes one; the last owner stays one. No management
        key makes an admin, or changes one who stays one.

        `seen` is the sight of the member as the caller saw it.
        """
        self._desk.admit(actor, Deed.MEMBER_UPDATE, workspace)

        def attempt() -> Member | None:
            everybody = self._desk.store.members(workspace)
            before = found(ref, everybody)
            after = _changed(before, changes)
            if after == before:
                return before
            refuse_unseen(seen, before, before.name)
            if after.email != before.email and before.person is not None:
                _refuse_own_email(actor, before)
                # Whoever has the new address has yet to be invited: it may be somebody else.
                after = replace(after, person=None)
            admit_rank(self._desk, actor, workspace, after.role)
            if before.role is Role.OWNER:
                self._desk.admit(actor, Deed.OWNER_CHANGE, workspace)
            if after.role is not Role.OWNER:
                _refuse_last_owner(before, everybody)
            _refuse_namesake(after, everybody)
            loses = before.role in _MAKES_MANAGEMENT_KEYS and after.role not in _MAKES_MANAGEMENT_KEYS
            ends_keys_ms = self._desk.clock.now_ms() if loses else None
            record = self._desk.record(actor, Deed.MEMBER_UPDATE, workspace, subject(after), before, after)
            done = self._desk.store.put_member(everybody, after, record, ends_keys_ms=ends_keys_ms)
            return after if done else None

        return until_written(attempt)

    def remove(self, actor: Actor, workspace: str, ref: str, *, seen: str | None = None) -> Member:
        """Removes a member, and revokes the member's own API keys and the management keys made by it.

        Only an owner or the operator removes an owner, and nobody the last one. `seen` as for a change.
        """
        self._desk.admit(actor, Deed.MEMBER_REMOVE, workspace)

        def attempt() -> Member | None:
            everybody = self._desk.store.members(workspace)
            before = found(ref, everybody)
            refuse_unseen(seen, before, before.name)
            if before.role is Role.OWNER:
                self._desk.admit(actor, Deed.OWNER_CHANGE, workspace)
            _refuse_last_owner(before, everybody)
            now = self._desk.clock.now_ms()
            after = replace(before, removed_ms=now)
            record = self._desk.record(actor, Deed.MEMBER_REMOVE, workspace, subject(after), before, after)
            done = self._desk.store.put_member(everybody, after, record, ends_keys_ms=now)
            return after if done else None

        return until_written(attempt)


def admit_rank(desk: Desk, actor: Actor, workspace: str, role: Role) -> None:
    """Admits that somebody is given this role, or another name or address in it, or a way in with it."""
    if role is Role.OWNER:
        desk.admit(actor, Deed.OWNER_CHANGE, workspace)
    elif role is Role.ADMIN:
        desk.admit(actor, Deed.ADMIN_CHANGE, workspace)


def _changed(member: Member, changes: MemberChanges) -> Member:
    if changes.name is not UNSET:
        member = replace(member, name=terms.checked_name(changes.name))
    if changes.email is not UNSET:
        member = replace(member, email=terms.checked_email(changes.email))
    return member if changes.role is UNSET else replace(member, role=changes.role)


def subject(member: Member) -> Subject:
    """The member as the audit names it."""
    return Subject("member", member.id, member.name)


def present(members: tuple[Member, ...]) -> tuple[Member, ...]:
    """Those who were not removed."""
    return tuple(member for member in members if member.removed_ms is None)


def found(ref: str, members: tuple[Member, ...]) -> Member:
    """Who is there with the id or address `ref`, or as the only one of that name. Raises as `chosen`."""
    there = present(members)
    by_email = next((member for member in there if member.email == ref.strip().lower()), None)
    return by_email or chosen(ref, there, "member")


def _refuse_namesake(member: Member, seen: tuple[Member, ...]) -> None:
    if any(other.email == member.email and other.id != member.id for other in present(seen)):
        raise OperatorError(f"email: {member.email} is a member already.")


def _refuse_own_email(actor: Actor, member: Member) -> None:
    if actor.member == member.id:
        raise OperatorError(
            "email: with another e-mail you could not sign in here any more. Have another owner or admin, or "
            "the operator, change it and invite you anew."
        )


def _refuse_last_owner(member: Member, seen: tuple[Member, ...]) -> None:
    owners = [other for other in present(seen) if other.role is Role.OWNER]
    if owners == [member]:
        raise OperatorError(
            f"{member.name} is the last owner of this workspace: make somebody else an owner first."
        )
