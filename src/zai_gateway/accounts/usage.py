"""The usage of a workspace: what the books of spending say of its keys, to whoever may know it."""

from collections.abc import Sequence
from typing import Protocol

from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.authorization import Deed, only_own
from zai_gateway.accounts.desk import Desk
from zai_gateway.accounts.terms import LAST_MS
from zai_gateway.errors import OperatorError
from zai_gateway.wire.usage import Usage as Tokens


class UsageRow(Protocol):
    """What one key did with one model."""

    @property
    def key(self) -> str:
        """The key's id."""
        ...

    @property
    def model(self) -> str:
        """The canonical name of the model that answered."""
        ...

    @property
    def requests(self) -> int:
        """Requests that ended at this model."""
        ...

    @property
    def usage(self) -> Tokens:
        """Tokens, as far as they were reported or estimated."""
        ...

    @property
    def cost(self) -> int:
        """Nano-USD."""
        ...

    @property
    def risk(self) -> int:
        """Nano-USD that may have been spent beside `cost`, which nobody confirmed."""
        ...


class UsageReports(Protocol):
    """The books of spending, which another room keeps. Blocking; raises StoreUnavailable."""

    def usage(self, workspace: str, since_ms: int, until_ms: int) -> Sequence[UsageRow]:
        """What was booked from `since_ms` on and before `until_ms`, by key and model, sorted by both."""
        ...


class Usage:
    """Blocking calls that only read. Raises as `Accounts` says."""

    def __init__(self, desk: Desk, reports: UsageReports) -> None:
        self._desk = desk
        self._reports = reports

    def read(self, actor: Actor, workspace: str, since_ms: int, until_ms: int) -> tuple[UsageRow, ...]:
        """What was booked from `since_ms` on and before `until_ms`, both in milliseconds since 1970.

        By key and model, sorted by both. A member sees what the keys did that are the member's own now.
        """
        owner = actor.id if only_own(actor, Deed.USAGE_READ) else None
        self._desk.admit(actor, Deed.USAGE_READ, workspace, owner=owner)
        if min(since_ms, until_ms) < 0 or max(since_ms, until_ms) > LAST_MS:
            raise OperatorError("since, until: moments from 1970 to 9999.")
        rows = tuple(self._reports.usage(workspace, since_ms, until_ms))
        if owner is None:
            return rows
        own = {key.id for key in self._desk.store.keys(workspace) if key.member == owner}
        return tuple(row for row in rows if row.key in own)
