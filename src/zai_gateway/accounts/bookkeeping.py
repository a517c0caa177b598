"""Bookkeeping of spend: what is unconfirmed, what it turned out to cost, bills, and workers that are lost."""

from collections.abc import Sequence

from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.audit_record import Change, Subject, audit_record
from zai_gateway.accounts.authorization import Deed, require
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.spend_books import Booked, FlaggedEntry, UnconfirmedAttempt, WorkerStanding
from zai_gateway.accounts.terms import LAST_MS
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.money import MAX_NANO

MOST = 1_000
"""Rows in one list."""
HEARD_MS = 60_000
"""A worker that was heard of so short a time ago is taken to live."""
_MOST_SHOWN = 200


class Bookkeeping:
    """Blocking calls. Raises as `Accounts` says. None as a workspace is every one, for the operator."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def unconfirmed(
        self, actor: Actor, workspace: str | None, most: int = 100
    ) -> tuple[UnconfirmedAttempt, ...]:
        """What may have been spent and nobody confirmed, oldest first, `most` (1 to 1,000) at most."""
        place = self._admitted(actor, Deed.SPEND_READ, workspace)
        return self._desk.store.unconfirmed_attempts(place, None, _checked_most(most))

    def flagged(
        self, actor: Actor, workspace: str | None, flags: Sequence[str], since_ms: int = 0, most: int = 100
    ) -> tuple[FlaggedEntry, ...]:
        """Rows of the ledger with any of these flags, newest first, `most` (1 to 1,000) at most."""
        place = self._admitted(actor, Deed.SPEND_READ, workspace)
        return self._desk.store.flagged_entries(place, flags, since_ms, _checked_most(most))

    def booked(self, actor: Actor, workspace: str, provider: str, since_ms: int, until_ms: int) -> Booked:
        """What the ledger has of a provider, of requests that began in that time (milliseconds since 1970).

        By when requests began, as providers bill them: what was booked later stands where its request does.
        """
        self._desk.admit(actor, Deed.SPEND_READ, workspace)
        if not 0 <= since_ms < until_ms <= LAST_MS:
            raise OperatorError("since, until: moments from 1970 to 9999, the first before the other.")
        return self._desk.store.booked(workspace, provider, since_ms, until_ms)

    def resolve(
        self, actor: Actor, workspace: str | None, request: str, attempt: int | None, cost: int
    ) -> UnconfirmedAttempt:
        """Books that an attempt cost `cost` nano-USD altogether, and gives it as it was before.

        Its risk ends: what it did not cost is free again. `attempt` may be None where only one attempt of the
        request is unconfirmed.
        """
        place = self._admitted(actor, Deed.SPEND_RESOLVE, workspace)
        if not 0 <= cost <= MAX_NANO:
            raise OperatorError("cost: an amount of zero or more, and no more than the books can hold.")

        def once() -> UnconfirmedAttempt | None:
            seen = self._chosen(place, request, attempt)
            changes = {"cost": Change(seen.cost, cost), "risk": Change(seen.risk, 0)}
            named = Subject("attempt", f"{seen.request}/{seen.attempt}", seen.request)
            now = self._desk.clock.now_ms()
            record = audit_record(actor, Deed.SPEND_RESOLVE, seen.workspace or None, named, changes, now)
            return seen if self._desk.store.resolve_attempt(seen, cost, now, record) else None

        return until_written(once)

    def workers(self, actor: Actor) -> tuple[WorkerStanding, ...]:
        """Every worker that was not closed, on all hosts."""
        require(actor, Deed.WORKER_LIST, None)
        return self._desk.store.worker_standings()

    def lose(self, actor: Actor, worker: str, *, lives_here: bool, force: bool) -> WorkerStanding:
        """Gives up a worker that will never come back, and gives it as it was before.

        What its leases have left is unconfirmed from now on. Refused where it seems to live, unless forced:
        `lives_here` says that its journal is locked, and HEARD_MS for how long it is taken to live after it
        was heard of. One that does live cannot spend more than what is counted: it begins anew.
        """
        require(actor, Deed.WORKER_LOSE, None)
        store, now = self._desk.store, self._desk.clock.now_ms()
        found = next((each for each in store.worker_standings() if each.id == worker), None)
        if found is None or found.state != "live":
            raise _no_live_worker(worker, found)
        if not force:
            _refuse_living(found, now, lives_here)
        changes = {"state": Change("live", "lost")}
        named = Subject("worker", worker, found.host)
        record = audit_record(actor, Deed.WORKER_LOSE, None, named, changes, now)
        if not store.lose_worker(worker, now, record):
            raise _no_live_worker(worker, None)
        return found

    def _admitted(self, actor: Actor, deed: Deed, workspace: str | None) -> str | None:
        """The workspace that may be looked at; None for every one. Raises Failure."""
        place = actor.workspace if workspace is None else workspace
        if place is None:
            require(actor, deed, None)
        else:
            self._desk.admit(actor, deed, place)
        return place

    def _chosen(self, workspace: str | None, request: str, attempt: int | None) -> UnconfirmedAttempt:
        every = self._desk.store.unconfirmed_attempts(workspace, request, MOST)
        found = [each for each in every if attempt is None or each.attempt == attempt]
        if len(found) == 1:
            return found[0]
        if found:
            numbers = ", ".join(str(each.attempt) for each in found)
            raise OperatorError(
                f"attempt: of {request} the attempts {numbers} are unconfirmed, each with a bill of its own; "
                "say which one (--attempt)."
            )
        which = "" if attempt is None else f"attempt {attempt} of "
        raise Failure(
            Code.NOT_FOUND,
            f"Nothing is unconfirmed of {which}{request[:_MOST_SHOWN]!r}: it was confirmed or written off "
            "before, or there is no such request. 'zai admin spend unconfirmed' lists what is.",
        )


def _refuse_living(worker: WorkerStanding, now_ms: int, lives_here: bool) -> None:
    """Raises OperatorError where the worker seems to live."""
    if lives_here:
        raise OperatorError(
            f"{worker.id} lives: its journal in this data directory is locked by a process. Stop "
            "that gateway, which gives back all that it has leased; or, where it hangs, use --force."
        )
    silent = now_ms - worker.seen_ms
    if silent < HEARD_MS:
        raise OperatorError(
            f"{worker.id} on {worker.host} was heard of {max(0, silent) // 1_000} s ago and may live. Stop "
            "that gateway, or wait a minute and look again with 'zai admin spend workers'; or use --force."
        )


def _no_live_worker(worker: str, found: WorkerStanding | None) -> Failure:
    why = "was given up before" if found is not None else "is not known: it ended, or was adopted"
    return Failure(
        Code.NOT_FOUND,
        f"The worker {worker[:_MOST_SHOWN]!r} {why}. 'zai admin spend workers' lists those that are.",
    )


def _checked_most(most: int) -> int:
    if not 1 <= most <= MOST:
        raise OperatorError(f"limit: from 1 to {MOST:,} rows.")
    return most
