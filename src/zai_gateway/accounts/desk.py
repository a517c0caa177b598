"""The desk that every part of the accounts shares: it checks who acts, and writes up what was done."""

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.audit_record import AuditRecord, Subject, audit_record, differences
from zai_gateway.accounts.authorization import Deed, no_workspace, require
from zai_gateway.accounts.store import AccountStore
from zai_gateway.clock import Clock
from zai_gateway.errors import StoreUnavailable

Result = TypeVar("Result")

_MOST_TRIES = 100


class Desk:
    """Admits actors to what they may do, on one store."""

    def __init__(self, store: AccountStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    def admit(self, actor: Actor, deed: Deed, workspace: str, *, owner: str | None = None) -> None:
        """Lets the actor do the deed in the workspace, as `authorization.require` says.

        Raises Failure: FORBIDDEN, and NOT_FOUND for a workspace that is not there or not the actor's.
        """
        require(actor, deed, workspace, owner=owner)
        # Whoever is of a workspace knows that it is there; the operator may have mistyped it.
        if actor.is_operator and all(each.id != workspace for each in self.store.workspaces()):
            raise no_workspace()

    def record(
        self,
        actor: Actor,
        deed: Deed,
        workspace: str,
        subject: Subject,
        *states: Struct | None,
    ) -> AuditRecord:
        """What the actor does now, `states` being those before and after it."""
        before, after = states
        changes = differences(before, after)
        return audit_record(actor, deed, workspace, subject, changes, self.clock.now_ms())


def until_written(attempt: Callable[[], Result | None]) -> Result:
    """Calls `attempt`, which reads and writes, until nobody wrote between the two: None says that one did.

    Raises StoreUnavailable where that never comes.
    """
    for _ in range(_MOST_TRIES):
        done = attempt()
        if done is not None:
            return done
    raise StoreUnavailable("Others keep changing the same thing; try again.")
