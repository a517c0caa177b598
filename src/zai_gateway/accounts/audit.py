"""The audit: what was done to a workspace, as it can be searched."""

from collections.abc import Iterator

from msgspec.structs import replace

from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.audit_record import AuditRecord, AuditSearch
from zai_gateway.accounts.authorization import Deed, require
from zai_gateway.accounts.desk import Desk
from zai_gateway.accounts.terms import LAST_MS
from zai_gateway.errors import OperatorError

MOST = 1_000
_MOST_PAGES = 50
"""Of `MOST` records: what a file holds that a spreadsheet opens."""
_MOST_TEXT = 200


class Audit:
    """Blocking calls that only read. Raises as `Accounts` says."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def list(
        self,
        actor: Actor,
        workspace: str | None,
        search: AuditSearch = AuditSearch(),  # noqa: B008 -- frozen
    ) -> tuple[AuditRecord, ...]:
        """What matches in the workspace, newest first; for the operator, None is every workspace.

        The workspace of `search` is not looked at. At most `search.most` records (1 to 1,000): the next page
        begins where `search.before` is the id of the last one.
        """
        if workspace is None:
            workspace = actor.workspace
        if workspace is None:
            require(actor, Deed.AUDIT_LIST, None)
        else:
            self._desk.admit(actor, Deed.AUDIT_LIST, workspace)
        if not 1 <= search.most <= MOST:
            raise OperatorError(f"limit: from 1 to {MOST:,} records.")
        if len(search.text or "") > _MOST_TEXT:
            raise OperatorError(f"search: at most {_MOST_TEXT} characters.")
        if not 0 <= search.since_ms <= LAST_MS:
            raise OperatorError("since: a moment from 1970 to 9999.")
        return self._desk.store.audit(replace(search, workspace=workspace))

    def every(self, actor: Actor, workspace: str, search: AuditSearch) -> Iterator[AuditRecord]:
        """All that matches in the workspace, newest first, read as it is taken, whatever `search.most` says.

        Raises as `list`; and OperatorError behind the last of the 50,000 records that a file holds, where
        there are more.
        """
        search = replace(search, most=MOST)
        for _ in range(_MOST_PAGES):
            records = self.list(actor, workspace, search)
            yield from records
            if len(records) < MOST:
                return
            search = replace(search, before=records[-1].id)
        if self.list(actor, workspace, replace(search, most=1)):
            raise OperatorError(
                f"More than {_MOST_PAGES * MOST:,} records match, more than one file holds: choose a shorter "
                "time, or say what you look for."
            )
