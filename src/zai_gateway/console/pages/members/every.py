"""The list of members, and what each role may do."""

from collections.abc import Sequence

from msgspec import Struct
from starlette.responses import Response

from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.authorization import ALLOWED, Deed
from zai_gateway.accounts.records import Member
from zai_gateway.console.pages.keys.standing import EACH, filled
from zai_gateway.console.pages.members.standing import ROLES, Roll, ShownMember
from zai_gateway.console.visit import Visit

_ON_A_PAGE = 50
_SEEN_AT_ONCE = 12
"""So many are found without a search."""
_MOST_TEXT = 200
_OWN = "own"
_RIGHTS: Sequence[tuple[str, Sequence[Deed], str]] = (
    ("See members, models and prices", (Deed.MEMBER_LIST, Deed.PRICE_LIST, Deed.VIRTUAL_MODEL_LIST), ""),
    ("Issue and manage API keys of their own", (Deed.KEY_CREATE, Deed.KEY_ROTATE), _OWN),
    ("See everybody's keys and spend", (Deed.KEY_LIST, Deed.USAGE_READ, Deed.BUDGET_LIST), ""),
    ("See providers and the audit log", (Deed.PROVIDER_KEY_LIST, Deed.AUDIT_LIST), ""),
    ("Manage everybody's keys and budgets", (Deed.KEY_UPDATE, Deed.BUDGET_SET, Deed.BUDGET_REMOVE), ""),
    ("Manage providers", (Deed.PROVIDER_KEY_ADD, Deed.PROVIDER_KEY_REMOVE), ""),
    ("Set prices and names of models", (Deed.PRICE_SET, Deed.VIRTUAL_MODEL_SET), ""),
    ("Invite, change and remove members", (Deed.MEMBER_INVITE, Deed.MEMBER_UPDATE), "Owners only by owners"),
    ("Change settings", (Deed.WORKSPACE_RENAME, Deed.WORKSPACE_UPDATE), ""),
    ("Make management keys", (Deed.MANAGEMENT_KEY_CREATE, Deed.MANAGEMENT_KEY_REVOKE), ""),
    ("Make, change and remove owners", (Deed.OWNER_CHANGE,), ""),
)
"""What is done, the deeds that it takes, and what more is to be said of it."""


class Right(Struct, frozen=True):
    """A row of the table of roles."""

    what: str
    roles: frozenset[Role]
    more: str


def rights() -> list[Right]:
    """The table, as the services have it."""
    return [
        Right(
            what=what,
            roles=frozenset(role for role in Role if all(_may(role, deed, more == _OWN) for deed in deeds)),
            more="" if more == _OWN else more,
        )
        for what, deeds, more in _RIGHTS
    ]


def _may(role: Role, deed: Deed, own: bool) -> bool:
    rule = ALLOWED[deed]
    return role in rule.roles or (own and role in rule.own)


def members(visit: Visit) -> Response:
    """The page."""
    roll = Roll(visit)
    everybody, text = roll.everybody(), visit.query("q")[:_MOST_TEXT]
    found = [each for each in everybody if _matches(each.member, text)]
    pages = max(1, -(-len(found) // _ON_A_PAGE))
    asked = visit.query("page")
    page = min(max(int(asked), 1), pages) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1
    rows = found[(page - 1) * _ON_A_PAGE : page * _ON_A_PAGE]
    return visit.render(
        "members/every.html",
        rows=rows,
        count=len(found),
        total=len(everybody),
        text=text,
        page=page,
        pages=pages,
        searched=bool(text) or len(everybody) > _SEEN_AT_ONCE,
        tightest={each.member.id: _tightest(each) for each in rows},
        roles=ROLES,
        rights=rights(),
        each=EACH,
        alone=len(everybody) == 1,
        budget_count=roll.budget_count(),
    )


def _matches(member: Member, text: str) -> bool:
    words = text.lower().split()
    said = f"{member.name} {member.email} {member.role.value}".lower()
    return all(word in said for word in words)


def _tightest(shown: ShownMember) -> object:
    """The budget that is nearest to its end; None where there is none."""
    return max(shown.budgets, key=filled, default=None)
