"""The store of people who sign in: their accounts, what they are members of, and their sessions."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, exists, insert, select, update

from zai_gateway.accounts.audit_record import AuditRecord
from zai_gateway.accounts.identity import Membership, Person, Session
from zai_gateway.accounts.records import Member, Workspace
from zai_gateway.accounts.sign_in_store import Allowance, Credentials, NewPassword, NewSession
from zai_gateway.storage import tables
from zai_gateway.storage.account_writes import NotAsSeen, as_seen, turn
from zai_gateway.storage.database import Database
from zai_gateway.storage.link_rows import end_resets, use_up
from zai_gateway.storage.rows import record_of, row_of
from zai_gateway.storage.sign_in_tables import person, sign_in_session
from zai_gateway.storage.tables import member
from zai_gateway.storage.try_rows import charge, forgive

_MOST_SESSIONS = 50
"""Of one person; whoever signs in once more ends the one that was not used for longest."""


class SqlSignInStore:
    """Implements its part of `accounts.sign_in_store.SignInStore`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def anybody(self) -> bool:
        with self._database.read() as connection:
            return is_anybody(connection)

    def person(self, id: str) -> Person | None:
        found = self.credentials_of(id)
        return None if found is None else found.person

    def credentials(self, email: str) -> Credentials | None:
        with self._database.read() as connection:
            return credentials_where(connection, person.c.email == email)

    def credentials_of(self, person: str) -> Credentials | None:
        with self._database.read() as connection:
            return _credentials_of(connection, person)

    def session(self, digest: bytes) -> Session | None:
        with self._database.read() as connection:
            return next(iter(_sessions(connection, sign_in_session.c.digest == digest)), None)

    def sessions(self, person: str) -> tuple[Session, ...]:
        with self._database.read() as connection:
            return _sessions(connection, sign_in_session.c.person == person)

    def note_seen(self, digest: bytes, seen_ms: int) -> None:
        one = (sign_in_session.c.digest == digest) & (sign_in_session.c.seen_ms < seen_ms)
        with self._database.write() as connection:
            connection.execute(update(sign_in_session).where(one).values(seen_ms=seen_ms))

    def memberships(self, person: str) -> tuple[Membership, ...]:
        place = tables.workspace
        there = (member.c.person == person) & member.c.removed_ms.is_(None)
        members = select(member).where(there)
        places = select(place).where(place.c.id.in_(select(member.c.workspace).where(there)))
        with self._database.read() as connection:
            found = {row["id"]: record_of(Workspace, row) for row in connection.execute(places).mappings()}
            its = [record_of(Member, row) for row in connection.execute(members).mappings()]
        every = [Membership(workspace=found[each.workspace], member=each) for each in its]
        return tuple(sorted(every, key=lambda each: (each.workspace.name, each.workspace.id)))

    def begin_session(
        self,
        seen: Credentials,
        password: str,
        session: NewSession,
        forgiven: Collection[str],
        audit: Sequence[AuditRecord],
    ) -> bool:
        try:
            with turn(self._database, *audit) as connection:
                as_seen((_credentials_of(connection, seen.person.id), seen))
                if password != seen.password:
                    its = person.c.id == seen.person.id
                    connection.execute(update(person).where(its).values(password=password))
                insert_session(connection, session)
                forgive(connection, forgiven)
        except NotAsSeen:
            return False
        return True

    def set_password(self, password: NewPassword, audit: Sequence[AuditRecord]) -> bool:
        seen, after, own = password.seen, password.after, sign_in_session
        try:
            with turn(self._database, *audit) as connection:
                as_seen((_credentials_of(connection, seen.person.id), seen))
                if password.link is not None:
                    use_up(connection, password.link, password.at_ms)
                kept = own.c.digest == (password.keeps or b"")
                if password.keeps is not None:
                    as_seen((connection.scalar(select(exists().where(kept))), True))
                connection.execute(delete(own).where(own.c.person == seen.person.id, ~kept))
                end_resets(connection, seen.person.id)
                put_person(connection, after)
                if password.begins is not None:
                    insert_session(connection, password.begins)
                forgive(connection, () if password.forgives is None else (password.forgives,))
        except NotAsSeen:
            return False
        return True

    def rename_person(self, seen: Person, person: Person, audit: Sequence[AuditRecord]) -> bool:
        try:
            with turn(self._database, *audit) as connection:
                now = _credentials_of(connection, seen.id)
                as_seen((now and now.person, seen))
                if now is not None:
                    put_person(connection, Credentials(person=person, password=now.password))
        except NotAsSeen:
            return False
        return True

    def end_session(self, digest: bytes) -> None:
        with self._database.write() as connection:
            connection.execute(delete(sign_in_session).where(sign_in_session.c.digest == digest))

    def end_sessions(self, person: str, audit: Sequence[AuditRecord]) -> int:
        with turn(self._database, *audit) as connection:
            ended = connection.execute(delete(sign_in_session).where(sign_in_session.c.person == person))
            return ended.rowcount

    def charge_tries(self, allowances: Mapping[str, Allowance], now_ms: int) -> int:
        with self._database.write() as connection:
            return charge(connection, allowances, now_ms)


def is_anybody(connection: Connection) -> bool:
    """Whether there is any person."""
    return connection.scalar(select(person.c.id).limit(1)) is not None


def credentials_where(connection: Connection, condition: ColumnElement[bool]) -> Credentials | None:
    """The person who meets a condition on `person`, and its hash."""
    row = connection.execute(select(person).where(condition)).mappings().one_or_none()
    return None if row is None else Credentials(person=record_of(Person, row), password=row["password"])


def put_person(connection: Connection, of: Credentials, *, new: bool = False) -> None:
    """Writes a person who is there, or a `new` one."""
    row = row_of(of.person) | {"password": of.password}
    written = insert(person) if new else update(person).where(person.c.id == of.person.id)
    connection.execute(written.values(row))


def insert_session(connection: Connection, session: NewSession) -> None:
    """Begins a session, and forgets what is over, or too many of the person's."""
    own = sign_in_session
    connection.execute(delete(own).where(own.c.ends_ms <= session.created_ms))
    newest = select(own.c.digest).where(own.c.person == session.person)
    newest = newest.order_by(own.c.seen_ms.desc(), own.c.digest).limit(_MOST_SESSIONS - 1)
    others = own.c.digest.not_in(newest)
    connection.execute(delete(own).where(own.c.person == session.person, others))
    connection.execute(insert(own), row_of(session))


def _credentials_of(connection: Connection, id: str) -> Credentials | None:
    return credentials_where(connection, person.c.id == id)


def _sessions(connection: Connection, condition: ColumnElement[bool]) -> tuple[Session, ...]:
    whose = [column.label(f"person_{column.name}") for column in person.c if column.name != "password"]
    rows = select(sign_in_session, *whose).join(person, person.c.id == sign_in_session.c.person)
    rows = rows.where(condition).order_by(sign_in_session.c.seen_ms.desc(), sign_in_session.c.digest)
    return tuple(_session(row) for row in connection.execute(rows).mappings())


def _session(row: RowMapping) -> Session:
    prefix = "person_"
    whose = {name.removeprefix(prefix): row[name] for name in row if name.startswith(prefix)}
    return record_of(Session, row, id=row["digest"].hex(), person=Person(**whose))
