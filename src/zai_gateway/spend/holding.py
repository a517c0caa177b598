"""Holding: the hold of one attempt, from before it is sent until what it came to is written down."""

import asyncio
import logging
from collections.abc import Awaitable
from types import TracebackType
from typing import Protocol, Self

from zai_gateway.catalogue.bound import Bound
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.ledger import Attempt, Certainty, Entry, Flag, Outcome
from zai_gateway.spend.settler import Till
from zai_gateway.spend.store import Granted
from zai_gateway.spend.waiting import SetAside

_LOG = logging.getLogger(__name__)


class Account(Protocol):
    """What an attempt can say of itself at any moment, however it ended."""

    def outcome(self, granted: Granted) -> Outcome | None:
        """What came of the attempt that was granted this; None where it was never sent."""
        ...


class Desk(Protocol):
    """Where money is set aside: implemented by spending."""

    def now_ms(self) -> int: ...

    def take(
        self, budgets: tuple[Budget, ...], bound: Bound | None
    ) -> tuple[tuple[str, ...], SetAside | None]: ...

    async def wait_for(
        self,
        attempt: Attempt,
        budgets: tuple[Budget, ...],
        bound: Bound | None,
        left: "asyncio.Future[None]",
    ) -> tuple[tuple[str, ...], SetAside]: ...

    def ended(self, till: Till, windows: tuple[str, ...]) -> None: ...


class Hold:
    """Money set aside for one attempt, settled exactly once.

    It is taken at once with `take`, or waited for with `wait` where that does not suffice; who has it has to
    `settle` it whatever happens. As an asynchronous context manager it does all three.
    """

    __slots__ = (
        *("_account", "_attempt", "_bound", "_budgets", "_desk", "_left", "_number", "_stands", "_till"),
        "granted",
    )
    granted: Granted
    """From when it is taken."""

    def __init__(
        self,
        desk: Desk,
        attempt: Attempt,
        budgets: tuple[Budget, ...],
        bound: Bound | None,
        account: Account,
    ) -> None:
        self._desk = desk
        self._attempt = attempt
        self._budgets = budgets
        self._bound = bound
        self._account = account
        self._stands = False
        self._left: asyncio.Future[None] | None = None
        """Done when the client has left; made where something is waited for."""

    def take(self) -> bool:
        """Takes what the leases suffice for, and says whether they do. Raises Failure or StoreUnavailable."""
        windows, aside = self._desk.take(self._budgets, self._bound)
        if aside is None:
            return False
        self._write(windows, aside)
        return True

    def wait(self) -> Awaitable[None]:
        """Takes what is not there yet. Raises Failure or StoreUnavailable, and then nothing stays held.

        From the call on, `leave` ends the wait: the client has left.
        """
        left = self._left = asyncio.get_running_loop().create_future()
        return self._waited_for(left)

    def leave(self) -> None:
        """The client has left: nothing is waited for any more. What is held already stays so."""
        if self._left is not None and not self._left.done():
            self._left.set_result(None)

    def settle(self) -> None:
        """Books what the attempt's account says and frees the rest; only the first call does anything.

        Its record is in the journal when this returns. Nothing is settled of what was never taken.
        """
        if not self._stands:
            return
        self._stands = False
        granted, purse = self.granted, self._till.purse
        try:
            outcome = self._account.outcome(granted)
        except Exception as defect:
            _LOG.error("what an attempt came to is not known (%s): it is unconfirmed", type(defect).__name__)
            outcome = _unknown(granted.amount)
        if outcome is None:
            purse.release(self._number, granted.amount, granted.windows)
        else:
            entry = Entry(
                attempt=self._attempt,
                seq=0,
                outcome=outcome,
                windows=granted.windows,
                worker=purse.id,
                at_ms=self._desk.now_ms(),
            )
            purse.settle(self._number, granted.amount, entry)
        self._desk.ended(self._till, granted.windows)

    async def __aenter__(self) -> Self:
        if not self.take():
            await self.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.settle()

    async def _waited_for(self, left: "asyncio.Future[None]") -> None:
        self._write(*await self._desk.wait_for(self._attempt, self._budgets, self._bound, left))

    def _write(self, windows: tuple[str, ...], aside: SetAside) -> None:
        share, self._till = aside.share, aside.till
        self._number = aside.till.purse.write(self._attempt, windows, share.amount)
        self.granted = Granted(windows, share.amount, share.output_limit)
        self._stands = True


def _unknown(amount: int) -> Outcome:
    return Outcome(
        cost=0,
        risk=amount,
        certainty=Certainty.UNCONFIRMED,
        flags=(Flag.INTERRUPTED,),
        status=0,
        total_ms=0,
    )
