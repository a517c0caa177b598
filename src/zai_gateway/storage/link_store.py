"""The store of links that let somebody in once: made, and used up in the transaction of what they do."""

from collections.abc import Sequence

from msgspec import UNSET, UnsetType
from sqlalchemy import delete, insert

from zai_gateway.accounts.audit_record import AuditRecord
from zai_gateway.accounts.identity import LinkKind
from zai_gateway.accounts.records import Member
from zai_gateway.accounts.sign_in_store import Arrival, OneTimeLink
from zai_gateway.storage import tables
from zai_gateway.storage.account_writes import NotAsSeen, account_write, as_seen, turn
from zai_gateway.storage.database import Database
from zai_gateway.storage.link_rows import end_invitations, end_resets, link_of, open_invitations, use_up
from zai_gateway.storage.people_store import all_workspaces, members_of
from zai_gateway.storage.rows import put, row_of
from zai_gateway.storage.sign_in_store import credentials_where, insert_session, is_anybody, put_person
from zai_gateway.storage.sign_in_tables import one_time_link, person


class SqlLinkStore:
    """Implements its part of `accounts.sign_in_store.SignInStore`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def link(self, digest: bytes) -> OneTimeLink | None:
        with self._database.read() as connection:
            return link_of(connection, digest)

    def invitations(self, workspace: str) -> tuple[OneTimeLink, ...]:
        with self._database.read() as connection:
            return open_invitations(connection, workspace)

    def add_link(
        self,
        link: OneTimeLink,
        seen: Sequence[Member],
        audit: Sequence[AuditRecord],
        *,
        ends: OneTimeLink | UnsetType | None = UNSET,
    ) -> bool:
        over = one_time_link.c.expires_ms < link.created_ms
        try:
            with turn(self._database, *audit) as connection:
                if link.kind is LinkKind.SETUP:
                    as_seen((is_anybody(connection), False))
                if link.workspace is not None:
                    as_seen((members_of(connection, link.workspace), tuple(seen)))
                if link.workspace is not None and ends is not UNSET:
                    its = open_invitations(connection, link.workspace, link.member)
                    as_seen((its, () if ends is None else (ends,)))
                if link.member is not None:
                    end_invitations(connection, link.member)
                if link.person is not None:
                    end_resets(connection, link.person)
                connection.execute(delete(one_time_link).where(over))
                connection.execute(insert(one_time_link), row_of(link))
        except NotAsSeen:
            return False
        return True

    def arrive(self, link: OneTimeLink, arrival: Arrival, audit: Sequence[AuditRecord]) -> bool:
        joined, newcomer = arrival.member, arrival.newcomer
        try:
            with account_write(self._database, *audit) as connection:
                use_up(connection, link, arrival.at_ms)
                as_seen((members_of(connection, joined.workspace), tuple(arrival.seen)))
                if link.kind is LinkKind.SETUP:
                    as_seen((is_anybody(connection), False))
                if arrival.renamed is not None:
                    as_seen((all_workspaces(connection), tuple(arrival.workspaces)))
                    put(connection, tables.workspace, row_of(arrival.renamed))
                if newcomer is not None:
                    its = person.c.email == newcomer.person.email
                    as_seen((credentials_where(connection, its), None))
                    put_person(connection, newcomer, new=True)
                put(connection, tables.member, row_of(joined))
                end_invitations(connection, joined.id)
                if arrival.session is not None:
                    insert_session(connection, arrival.session)
        except NotAsSeen:
            return False
        return True
