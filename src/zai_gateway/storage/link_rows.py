"""Links that let somebody in once, as rows: found, used up, and ended when what they lead to changes."""

from sqlalchemy import ColumnElement, Connection, delete, select, update

from zai_gateway.accounts.identity import LinkKind
from zai_gateway.accounts.records import Member
from zai_gateway.accounts.sign_in_store import OneTimeLink
from zai_gateway.storage.account_writes import as_seen
from zai_gateway.storage.rows import record_of
from zai_gateway.storage.sign_in_tables import one_time_link

_OPEN = one_time_link.c.used_ms.is_(None)


def link_of(connection: Connection, digest: bytes) -> OneTimeLink | None:
    """The link with this digest, whatever its times say."""
    one = select(one_time_link).where(one_time_link.c.digest == digest)
    row = connection.execute(one).mappings().one_or_none()
    return None if row is None else record_of(OneTimeLink, row)


def open_invitations(
    connection: Connection, workspace: str, member: str | None = None
) -> tuple[OneTimeLink, ...]:
    """Those that nobody used, of one member or of all; whatever their times say."""
    its = (one_time_link.c.kind == LinkKind.INVITATION.value) & (one_time_link.c.workspace == workspace)
    if member is not None:
        its &= one_time_link.c.member == member
    rows = connection.execute(select(one_time_link).where(its, _OPEN)).mappings()
    return tuple(record_of(OneTimeLink, row) for row in rows)


def use_up(connection: Connection, link: OneTimeLink, at_ms: int) -> None:
    """Says that a link was used, which has to be as it was seen: open. Raises NotAsSeen."""
    as_seen((link_of(connection, link.digest), link), (link.used_ms, None))
    one = one_time_link.c.digest == link.digest
    connection.execute(update(one_time_link).where(one).values(used_ms=at_ms))


def end_invitations(connection: Connection, member: str) -> None:
    """Ends those that lead to the member and are open."""
    _end(connection, one_time_link.c.member == member)


def end_invitations_made_by(connection: Connection, member: str) -> None:
    """Ends those that the member made and that are open: whoever lost the right to may have kept one."""
    invitations = one_time_link.c.kind == LinkKind.INVITATION.value
    _end(connection, (one_time_link.c.made_by == member) & invitations)


def end_resets(connection: Connection, person: str) -> None:
    """Ends those that set another password of the person and are open."""
    _end(connection, one_time_link.c.person == person)


def is_another(member: Member, seen: Member | None) -> bool:
    """Whether an invitation that was made for `seen` would lead to something else now."""
    return seen is None or any(
        getattr(member, name) != getattr(seen, name) for name in ("email", "role", "person", "removed_ms")
    )


def _end(connection: Connection, condition: ColumnElement[bool]) -> None:
    connection.execute(delete(one_time_link).where(condition, _OPEN))
