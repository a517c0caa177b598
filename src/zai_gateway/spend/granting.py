"""Granting: gets the money that a lease does not have, by GRANT and recall, for one request after another."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence

from zai_gateway.clock import Clock
from zai_gateway.errors import Failure, StoreInDoubt, StoreUnavailable
from zai_gateway.spend import clamp, judging
from zai_gateway.spend.asking import Asker
from zai_gateway.spend.clamp import Room, Share
from zai_gateway.spend.contact import Contact
from zai_gateway.spend.escrow import Escrow
from zai_gateway.spend.settler import Till
from zai_gateway.spend.store import Level, WorkerLost
from zai_gateway.spend.waiting import RECALL_SECONDS, Line, SetAside, Waiter, Wish

_LOG = logging.getLogger(__name__)

_AGAIN_SECONDS = 0.25
"""Between two looks at the store for who is first in line."""
_POLL_SECONDS = 0.05


class Granting:
    """One task for each line: GRANT, refusal or recall for whoever is first. Belongs to one event loop.

    What is asked for is what the first in line needs, and as much beside it as its leases want; those behind
    are served from that. Nobody is ever refused for what is merely leased or held elsewhere: by what is spent
    at once (402), for holders that are silent after a while (503), and for holds in flight by the patience of
    who waits.
    """

    def __init__(
        self,
        till: Callable[[], Till],
        asker: Asker,
        contact: Contact,
        clock: Clock,
        overtaken: float,
        answer: float,
    ) -> None:
        """Both in seconds: for how long who is first in a line may be overtaken by who needs less, and after
        what time a worker that has not answered a recall is silent.
        """
        self._till = till
        self._asker = asker
        self._contact = contact
        self._clock = clock
        self._overtaken = overtaken
        self._answer = answer
        self._lines: dict[str, Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(len(line.waiters) for line in self._lines.values())

    @property
    def under_way(self) -> Collection[asyncio.Task[None]]:
        """The tasks of the lines."""
        return self._tasks

    def keeping(self, windows: Sequence[str]) -> str | None:
        """One of the windows of which what is free is kept for somebody who waits."""
        if not self._lines:
            return None
        now = asyncio.get_running_loop().time()
        kept = (id for id in windows if (line := self._lines.get(id)) is not None and line.keeps(now))
        return next(kept, None)

    def refuse_known(self, wish: Wish) -> None:
        """Raises Failure (402) where what the store said just now suffices for that."""
        known = self._asker.known(wish.ids)
        if any(judging.leaves_less(level, wish.least) for level in known):
            judging.of_levels(wish, known, self._escrow)

    def join(self, wish: Wish, since: float) -> Waiter:
        """Puts the request in the line of a window that it is short of, or may not overtake in."""
        waiter = Waiter(wish, since)
        self._line(self.keeping(wish.ids) or self._short_of(wish)).join(waiter)
        return waiter

    def busy(self, wish: Wish, window: str) -> Failure:
        """Where only holds in flight stand in the way, and the line was too long."""
        room = next((level.room for level in self._asker.known((window,))), None)
        limit = next((each.budget.limit or 0 for each in wish.windows if each.id == window), 0)
        return clamp.busy(room or Room(limit=limit, free=0, unspent=limit))

    def freed(self, windows: Sequence[str]) -> None:
        """Money came free in the leases on these windows."""
        if self._lines:
            for id in windows:
                line = self._lines.get(id)
                if line is not None:
                    self._serve(line)

    def returned(self, windows: Collection[str]) -> None:
        """The store has more of these windows than it said."""
        for id in windows if len(windows) < len(self._lines) else tuple(self._lines):
            line = self._lines.get(id)
            if line is not None:
                line.returned()
                self._asker.forget(id)

    # Lines

    @property
    def _escrow(self) -> Escrow:
        return self._till().purse.escrow

    def _line(self, window: str) -> Line:
        line = self._lines.get(window)
        if line is None:
            line = self._lines[window] = Line(window, self._overtaken)
            task = asyncio.create_task(self._drive(line), name=f"line of {window}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return line

    def _short_of(self, wish: Wish) -> str:
        return judging.short_of(wish, self._asker.known(wish.ids), self._escrow)

    async def _drive(self, line: Line) -> None:
        try:
            while line.waiters:
                await self._step(line)
        except Exception as defect:
            _LOG.error("a line broke (%s)", type(defect).__name__)
            line.refuse_all(StoreUnavailable("What this request may spend could not be decided."))
        finally:
            # Nobody joins in between: there is no await after the last look at its waiters.
            del self._lines[line.window]

    async def _step(self, line: Line) -> None:
        purse = self._till().purse
        if not purse.usable:
            await purse.until(lambda: purse.usable or purse is not self._till().purse, _AGAIN_SECONDS)
            return
        if self._contact.fenced(self._clock.monotonic()):
            line.refuse_all(fenced())
            return
        self._serve(line)
        first = line.first
        if first is None:
            return
        if judging.has_turned(first.wish, self._clock.now_ms()):
            first.answered(None)
            return
        try:
            await self._provide(line, first)
        except (WorkerLost, StoreInDoubt):
            return  # the purse is not usable now, and says when one is again
        except StoreUnavailable as trouble:
            line.refuse_all(trouble)
        except Failure as refusal:
            if first.line is line:
                first.refused(refusal)

    def _serve(self, line: Line) -> None:
        """Serves from the leases whom they suffice for."""
        served = True
        while served:
            served = False
            for waiter in line.next_ones(asyncio.get_running_loop().time()):
                try:
                    share = judging.of_leases(waiter.wish.bound, waiter.wish.windows, self._escrow)
                except Failure as refusal:
                    waiter.refused(refusal)
                    continue
                served = (share is not None and self._set_aside(waiter, share)) or served

    def _set_aside(self, waiter: Waiter, share: Share) -> bool:
        till = self._till()
        if not till.purse.set_aside(waiter.wish.ids, share.amount, self._clock.monotonic()):
            return False
        if waiter.line is not None:
            waiter.line.blocked = 0.0  # who is first now was not looked at
        waiter.answered(SetAside(till, share))
        return True

    def _move(self, line: Line, first: Waiter) -> bool:
        """Sends who is short of another window to its line; says whether it went."""
        window = self._short_of(first.wish)
        if first.line is not line or window == line.window:
            return False
        first.leave()
        other = self._line(window)
        other.join(first)
        other.heard = max(other.heard, line.heard)
        return True

    # What becomes of the first in line

    async def _provide(self, line: Line, first: Waiter) -> None:
        wish = first.wish
        share, levels = None, tuple[Level, ...]()
        if not line.recalling():
            share = judging.unasked(wish, self._asker.known(wish.ids), self._escrow)
            if share is not None and await self._leased(line, first, share):
                return
            levels = self._asker.known(wish.ids)
            if len(levels) < len(wish.ids):
                levels = await self._asker.look(wish.ids)
            self._note(line, levels)
            share = judging.of_levels(wish, levels, self._escrow)
        if share is None:
            share = await self._recalled(line, first, levels)
        if first.line is not line:
            return
        if share is not None:
            if not await self._leased(line, first, share) and not self._move(line, first):
                await line.money(_POLL_SECONDS)  # others were faster
        elif not self._move(line, first):
            line.blocked = asyncio.get_running_loop().time()
            await line.money(_AGAIN_SECONDS)

    def _note(self, line: Line, levels: Sequence[Level]) -> None:
        """Refuses everybody in the line whom what is unspent cannot suffice for."""
        line.heard = asyncio.get_running_loop().time()
        for level in levels:
            if level.window == line.window and level.room is not None:
                for waiter in tuple(line.waiters):
                    if judging.leaves_less(level, waiter.wish.least):
                        waiter.refused(judging.reached(waiter.wish, level.room))

    async def _leased(self, line: Line, first: Waiter, share: Share) -> bool:
        """Has the share leased, and sets it aside; False where the store has too little."""
        await self._asker.turn(first.wish.ids)
        till = self._till()
        if first.line is not line or not till.purse.usable:
            return True
        behind = 0 if line.recalling() else len(line.waiters) - 1
        needs = judging.needs(first.wish, share.amount, till.purse.escrow, self._clock.monotonic(), behind)
        if any(till.purse.escrow.free(need.window) < 0 for need in needs):
            till.settler.wake()  # first what was spent beyond the lease has to be granted
            await line.money(_AGAIN_SECONDS)
            return True
        if needs:
            grant = await self._asker.grant(till, needs)
            line.heard = asyncio.get_running_loop().time()
            if grant.amounts is None:
                return False
            if first.wish.bound is None:
                judging.of_levels(first.wish, grant.levels, till.purse.escrow)
        if first.line is line:
            self._set_aside(first, share)
        self.freed([need.window for need in needs])
        return True

    async def _recalled(self, line: Line, first: Waiter, levels: Sequence[Level]) -> Share | None:
        """What it may hold once all that others do not use came back; None where it is in use.

        Raises StoreUnavailable where who does not answer decides it.
        """
        wish = first.wish
        await self._recall(line, judging.tight(wish, levels, self._escrow))
        while True:
            levels = await self._asker.look(wish.ids, line.recalls)
            self._note(line, levels)
            if first.line is not line:
                return None
            tight = judging.tight(wish, levels, self._escrow)
            line.silent = any(level.silent for level in levels if level.window in line.recalls)
            is_known = not line.silent and all(id in line.recalls for id in tight)
            share = judging.of_levels(wish, levels, self._escrow, exact=is_known)
            if share is not None or is_known:
                return share
            await self._recall(line, tight)
            if line.silent and asyncio.get_running_loop().time() - line.recalled >= self._answer:
                break
            await line.money(_POLL_SECONDS)
        # What there is may be clamped to, though more would come: it waits for nobody who does not answer.
        share = judging.of_levels(wish, levels, self._escrow, exact=True)
        if share is None and not judging.suffices_with_own_holds(wish, levels, self._escrow):
            raise silent()
        return share

    async def _recall(self, line: Line, windows: Sequence[str]) -> None:
        """Asks for what others do not use of these windows, or goes on asking for what was asked for.

        Who answered the first of recalls that hold on end gives back all that comes free until the last.
        """
        loop = asyncio.get_running_loop()
        new = [id for id in windows if id not in line.recalls or not line.recalling()]
        if not new and loop.time() - line.asked < RECALL_SECONDS / 2:
            return
        before = line.recalls if line.recalling() else {}
        numbers = await self._asker.recall([*before, *new], round(RECALL_SECONDS * 1_000))
        if new:
            line.recalled = loop.time()
        line.recalls, line.asked = numbers | before, loop.time()


def fenced() -> StoreUnavailable:
    """Where the store has been out of reach for so long that the worker may have been given up."""
    return StoreUnavailable("The store has been out of reach for ten minutes.")


def silent() -> StoreUnavailable:
    """Where another worker has money of which nobody knows whether it is free."""
    return StoreUnavailable("Another worker has what is left of a budget, and does not answer.")
