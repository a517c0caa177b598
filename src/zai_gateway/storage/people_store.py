"""The store of who administers: workspaces, members, management keys, and the audit of what they did."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace
from sqlalchemy import Connection, and_, insert, or_, select, update

from zai_gateway.accounts.audit_record import AuditRecord, AuditSearch, Change
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.records import ApiKey, ManagementKey, Member, Workspace
from zai_gateway.ids import new_id
from zai_gateway.storage import tables
from zai_gateway.storage.account_writes import NotAsSeen, account_write, as_seen, generation, write_audit
from zai_gateway.storage.database import Database
from zai_gateway.storage.key_rows import keys_where, member_is_there, update_key
from zai_gateway.storage.link_rows import end_invitations, end_invitations_made_by, is_another
from zai_gateway.storage.rows import put, record_of, row_of
from zai_gateway.storage.tables import api_key, management_key, member


class SqlPeopleStore:
    """Implements its part of `accounts.store.Administration`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def workspaces(self) -> tuple[Workspace, ...]:
        with self._database.read() as connection:
            return all_workspaces(connection)

    def put_workspace(self, seen: Sequence[Workspace], workspace: Workspace, audit: AuditRecord) -> bool:
        try:
            with account_write(self._database, audit) as connection:
                as_seen((all_workspaces(connection), tuple(seen)))
                put(connection, tables.workspace, row_of(workspace))
        except NotAsSeen:
            return False
        return True

    def members(self, workspace: str) -> tuple[Member, ...]:
        with self._database.read() as connection:
            return members_of(connection, workspace)

    def put_member(
        self, seen: Sequence[Member], member: Member, audit: AuditRecord, *, ends_keys_ms: int | None = None
    ) -> bool:
        try:
            with account_write(self._database, audit) as connection:
                as_seen((members_of(connection, member.workspace), tuple(seen)))
                put(connection, tables.member, row_of(member))
                if is_another(member, next((each for each in seen if each.id == member.id), None)):
                    end_invitations(connection, member.id)
                if ends_keys_ms is not None:
                    end_invitations_made_by(connection, member.id)
                    _end_keys(connection, member, audit, ends_keys_ms)
        except NotAsSeen:
            return False
        return True

    def management_keys(self, workspace: str) -> tuple[ManagementKey, ...]:
        table = management_key
        own = select(table).where(table.c.workspace == workspace).order_by(table.c.created_ms, table.c.id)
        with self._database.read() as connection:
            return tuple(record_of(ManagementKey, row) for row in connection.execute(own).mappings())

    def management_key_by_digest(self, digest: bytes) -> ManagementKey | None:
        one = select(management_key).where(management_key.c.digest == digest)
        with self._database.read() as connection:
            row = connection.execute(one).mappings().one_or_none()
        return None if row is None else record_of(ManagementKey, row)

    def add_management_key(self, key: ManagementKey, audit: AuditRecord) -> bool:
        try:
            with account_write(self._database, audit) as connection:
                same = select(management_key.c.id).where(management_key.c.id == key.id)
                as_seen(
                    (member_is_there(connection, key.made_by, key.workspace), True),
                    (connection.scalar(same), None),
                )
                connection.execute(insert(management_key), row_of(key))
        except NotAsSeen:
            return False
        return True

    def replace_management_key(self, seen: ManagementKey, key: ManagementKey, audit: AuditRecord) -> bool:
        one = management_key.c.id == key.id
        try:
            with account_write(self._database, audit) as connection:
                row = connection.execute(select(management_key).where(one)).mappings().one_or_none()
                as_seen((row and record_of(ManagementKey, row), seen))
                connection.execute(update(management_key).where(one).values(row_of(key)))
        except NotAsSeen:
            return False
        return True

    def audit(self, search: AuditSearch) -> tuple[AuditRecord, ...]:
        kept = tables.audit
        wanted = [kept.c.at_ms >= search.since_ms]
        if search.workspace is not None:
            wanted.append(kept.c.workspace == search.workspace)
        if search.before is not None:
            page_before = select(kept.c.seq).where(kept.c.id == search.before)
            wanted.append(kept.c.seq < page_before.scalar_subquery())
        if search.deed is not None:
            wanted.append(kept.c.deed == search.deed)
        if search.actor is not None:
            wanted.append(or_(kept.c.actor_id == search.actor, kept.c.actor_name == search.actor))
        if search.object is not None:
            wanted.append(or_(kept.c.object_id == search.object, kept.c.object_name == search.object))
        if search.text is not None:
            words = (kept.c.actor_name, kept.c.object_name, kept.c.deed)
            found = [column.icontains(search.text, autoescape=True) for column in words]
            ids = (kept.c.actor_id, kept.c.object_id)
            found += [column.startswith(search.text, autoescape=True) for column in ids]
            wanted.append(or_(*found))
        newest = select(kept).where(and_(*wanted)).order_by(kept.c.seq.desc()).limit(search.most)
        with self._database.read() as connection:
            return tuple(record_of(AuditRecord, row) for row in connection.execute(newest).mappings())


def all_workspaces(connection: Connection) -> tuple[Workspace, ...]:
    """Every workspace, oldest first."""
    table = tables.workspace
    rows = select(table).order_by(table.c.created_ms, table.c.id)
    return tuple(record_of(Workspace, row) for row in connection.execute(rows).mappings())


def members_of(connection: Connection, of: str) -> tuple[Member, ...]:
    """Every member of the workspace `of`, removed ones among them, oldest first."""
    own = select(member).where(member.c.workspace == of).order_by(member.c.created_ms, member.c.id)
    return tuple(record_of(Member, row) for row in connection.execute(own).mappings())


def _end_keys(connection: Connection, of: Member, because: AuditRecord, at_ms: int) -> None:
    made = and_(management_key.c.made_by == of.id, management_key.c.revoked_ms.is_(None))
    rows = connection.execute(select(management_key).where(made)).mappings()
    made_keys = [record_of(ManagementKey, row) for row in rows]
    connection.execute(update(management_key).where(made).values(revoked_ms=at_ms))
    _write_ends(connection, because, Deed.MANAGEMENT_KEY_REVOKE, "management_key", made_keys)
    if of.removed_ms is None:
        return
    own = keys_where(connection, and_(api_key.c.member == of.id, api_key.c.revoked_ms.is_(None)))
    now = generation(connection)
    # In the order in which uses are noted, so that the two do not wait for each other.
    for key in sorted(own, key=lambda each: each.id):
        update_key(connection, replace(key, revoked_ms=at_ms), now)
    _write_ends(connection, because, Deed.KEY_REVOKE, "api_key", own)


def _write_ends(
    connection: Connection,
    because: AuditRecord,
    deed: Deed,
    kind: str,
    ended: Iterable[ManagementKey | ApiKey],
) -> None:
    records = (
        replace(
            because,
            id=new_id("aud", because.at_ms),
            deed=deed,
            object_kind=kind,
            object_id=key.id,
            object_name=key.name,
            changes={"revoked_ms": Change(None, because.at_ms)},
        )
        for key in ended
    )
    write_audit(connection, *records)
