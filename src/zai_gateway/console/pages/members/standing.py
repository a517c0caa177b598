"""How members stand: whether they sign in, what they have, and which of them the visitor may change."""

from msgspec import Struct

from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.authorization import Deed, allowed
from zai_gateway.accounts.identity import Invitation
from zai_gateway.accounts.records import ApiKey, BudgetOwner, Member
from zai_gateway.accounts.sights import NOTHING, sight
from zai_gateway.accounts.usage_books import Standing, Standings
from zai_gateway.console.visit import Visit
from zai_gateway.errors import Code, Failure

ROLES = (
    (Role.OWNER, "Owner", "Everything, owners among it."),
    (Role.ADMIN, "Admin", "Everything but making, changing and removing owners."),
    (Role.MEMBER, "Member", "Issues and manages API keys of its own, and sees what those spend."),
    (Role.VIEWER, "Viewer", "Sees everything, secrets excepted, and changes nothing."),
)
"""What a role is called, and what it is for."""


class ShownMember(Struct, frozen=True, kw_only=True):
    """A member as pages show it."""

    member: Member
    state: str
    """`joined`, `invited`, `expired` where the invitation is, or `none` where there is none."""
    invitation: Invitation | None
    keys: int | None
    """How many API keys of its own work; None where the visitor may not know."""
    spent: int
    """What those and its revoked ones spent in all, in nano-USD."""
    risk: int
    """Unconfirmed, beside that."""
    budgets: tuple[Standing, ...]
    sight: str
    itself: bool
    """Whether it is who looks at it."""
    last_owner: bool
    """Whether nobody else is an owner: then it stays one."""

    @property
    def seen_invitation(self) -> str:
        """The sight of the invitation that holds."""
        return NOTHING if self.invitation is None else self.invitation.sight


class Roll:
    """All members of a workspace with what is known of each; asks the store once for each kind of thing."""

    def __init__(self, visit: Visit) -> None:
        accounts, actor, workspace = visit.services.accounts, visit.actor, visit.workspace
        self._now_ms = visit.services.clock.now_ms()
        self._actor = actor
        self._all_keys = allowed(actor, Deed.KEY_LIST)
        self._members = accounts.members.list(actor, workspace)
        self._invitations = accounts.people.invitations(actor, workspace)
        self._keys = accounts.api_keys.list(actor, workspace)
        self._standings: Standings = accounts.usage.standings(actor, workspace)
        self._owners = [each.id for each in self._members if each.role is Role.OWNER]
        self._budgets: dict[str, list[Standing]] = {}
        for each in self._standings.values():
            if each.owner_kind is BudgetOwner.MEMBER and each.limit is not None:
                self._budgets.setdefault(each.owner, []).append(each)
        self._own_keys: dict[str, list[ApiKey]] = {}
        for key in self._keys:
            self._own_keys.setdefault(key.member or "", []).append(key)

    def everybody(self) -> list[ShownMember]:
        """By name."""
        by_name = sorted(self._members, key=lambda each: (each.name.lower(), each.id))
        return [self._shown(each) for each in by_name]

    def one(self, id: str) -> ShownMember | None:
        """The member with this id."""
        found = next((each for each in self._members if each.id == id), None)
        return None if found is None else self._shown(found)

    def budget_count(self) -> int:
        """How many budgets members and the workspace have, as far as the visitor sees them; for the tabs."""
        return sum(
            each.owner_kind is not BudgetOwner.KEY and each.limit is not None
            for each in self._standings.values()
        )

    def _shown(self, member: Member) -> ShownMember:
        invitation = self._invitations.get(member.id)
        own = self._own_keys.get(member.id, ())
        spent = [self._standings[key.budget] for key in own if key.budget in self._standings]
        itself = member.id == self._actor.member
        return ShownMember(
            member=member,
            state=self._state(member, invitation),
            invitation=None if member.person else invitation,
            keys=sum(key.revoked_ms is None for key in own) if self._all_keys or itself else None,
            spent=sum(each.spent for each in spent),
            risk=sum(each.risk for each in spent),
            budgets=tuple(self._budgets.get(member.id, ())),
            sight=sight(member),
            itself=itself,
            last_owner=self._owners == [member.id],
        )

    def _state(self, member: Member, invitation: Invitation | None) -> str:
        if member.person is not None:
            return "joined"
        if invitation is None:
            return "none"
        return "invited" if invitation.expires_ms > self._now_ms else "expired"


def member_of_path(visit: Visit) -> ShownMember:
    """The member whose id stands in the path. Raises Failure (NOT_FOUND, FORBIDDEN)."""
    found = Roll(visit).one(visit.request.path_params["id"])
    if found is None:
        raise Failure(Code.NOT_FOUND, "There is no such member in this workspace, or it was removed.")
    return found


def ranks(visit: Visit) -> list[tuple[str, str]]:
    """The roles that the visitor may give, for a choice among them."""
    needed = {Role.OWNER: Deed.OWNER_CHANGE, Role.ADMIN: Deed.ADMIN_CHANGE}
    return [
        (role.value, f"{title}: {what[:1].lower()}{what[1:].rstrip('.')}")
        for role, title, what in ROLES
        if role not in needed or allowed(visit.actor, needed[role])
    ]


def may_change(visit: Visit, member: Member) -> bool:
    """Whether the visitor may change or remove this member, as far as ranks go."""
    if not allowed(visit.actor, Deed.MEMBER_UPDATE):
        return False
    return member.role is not Role.OWNER or allowed(visit.actor, Deed.OWNER_CHANGE)
