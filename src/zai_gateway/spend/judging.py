"""Judging: what a wish may hold of what its windows leave, and what it is refused by; no store is asked."""

from collections.abc import Sequence

from msgspec.structs import replace

from zai_gateway.catalogue.bound import Bound
from zai_gateway.errors import Code, Failure
from zai_gateway.money import MAX_NANO
from zai_gateway.spend import clamp
from zai_gateway.spend.clamp import Room, Share
from zai_gateway.spend.current import Window
from zai_gateway.spend.escrow import Escrow
from zai_gateway.spend.store import Level, Need
from zai_gateway.spend.waiting import Wish


def of_leases(bound: Bound | None, windows: Sequence[Window], escrow: Escrow) -> Share | None:
    """What to set aside of the leases, by what the caller knows of the limits; None where they cannot decide.

    Whether they have so much is for whoever sets it aside to find out. Raises Failure.
    """
    if bound is None:
        return Share(0, None)
    known = clamp.as_asked(bound)
    if known is not None:
        return known
    free: int | None = None
    for window in windows:
        if window.budget.limit is not None:
            here = escrow.free(window.id)
            free = here if free is None or here < free else free
    return clamp.share_of(bound, ()) if free is None else clamp.of_lease(bound, free)


def unasked(wish: Wish, known: Sequence[Level], escrow: Escrow) -> Share | None:
    """What it may hold where that does not depend on what is left, and may fit by what is known; else None.

    Raises Failure.
    """
    if wish.bound is None:
        return Share(0, None)
    is_limited = any(window.budget.limit is not None for window in wish.windows)
    share = clamp.wanted(wish.bound) if is_limited else clamp.share_of(wish.bound, ())
    if share is None:
        return None
    _require_bookable(share.amount)
    fits = all(room.free >= share.amount for room in rooms(known, escrow))
    return share if fits else None


def of_levels(wish: Wish, levels: Sequence[Level], escrow: Escrow, *, exact: bool = False) -> Share | None:
    """What it may hold of what these levels leave; None where that has to be known exactly, or is held.

    Raises Failure where less than its least is unspent, or nothing could be enough.
    """
    left = rooms(levels, escrow)
    if wish.bound is None:
        if left:  # a cap that was set since the caller was looked up
            raise clamp.unpriced(wish.attempt.answering_model)
        return Share(0, None)
    try:
        share = clamp.share_of(wish.bound, left)
    except Failure as refusal:
        if refusal.code is Code.BUDGET_BUSY:
            return None
        raise
    _require_bookable(share.amount + max((each.committed for each in levels), default=0))
    return share if exact or not clamp.is_clamped(wish.bound, share) else None


def rooms(levels: Sequence[Level], escrow: Escrow) -> list[Room]:
    """What is left for this worker: what it has leased itself is free to it."""
    return [
        replace(level.room, free=level.room.free + escrow.free(level.window))
        for level in levels
        if level.room is not None
    ]


def tight(wish: Wish, levels: Sequence[Level], escrow: Escrow) -> list[str]:
    """The windows of which it has to be known exactly what is left."""
    enough = 0 if wish.bound is None else clamp.enough(wish.bound)
    return [
        level.window
        for level in levels
        if level.room is not None and level.room.free + escrow.free(level.window) < enough
    ]


def short_of(wish: Wish, known: Sequence[Level], escrow: Escrow) -> str:
    """A window that the store has too little of, as far as is known; else one whose lease has too little."""
    share = None if wish.bound is None else clamp.wanted(wish.bound)
    amount = wish.least if share is None else share.amount
    for level in known:
        if level.room is not None and level.room.free + escrow.free(level.window) < amount:
            return level.window
    return next((id for id in wish.ids if escrow.free(id) < amount), wish.ids[0])


def needs(wish: Wish, amount: int, escrow: Escrow, now: float, behind: int) -> tuple[Need, ...]:
    """What its leases are short of for this amount, at `now` (seconds of the clock of the leases).

    As much is wanted for each of the `behind` many who wait behind it.
    """
    found: list[Need] = []
    for window in wish.windows:
        lease = escrow.lease(window.id)
        free = 0 if lease is None else lease.free
        if lease is not None and free >= amount:
            continue
        need = amount - free
        want = (need if lease is None else lease.want(need, now)) + amount * behind
        found.append(
            Need(
                window=window.id,
                budget=window.budget.id,
                start_ms=window.start_ms,
                need=need,
                want=min(want, MAX_NANO),
            )
        )
    return tuple(found)


def suffices_with_own_holds(wish: Wish, levels: Sequence[Level], escrow: Escrow) -> bool:
    """Whether it could be served once all holds of this very worker have ended."""
    for level in levels:
        lease = escrow.lease(level.window)
        own = 0 if lease is None else lease.free + lease.held
        if level.room is not None and level.room.free + own < wish.least:
            return False
    return True


def leaves_less(level: Level, least: int) -> bool:
    """Whether less than so much, in nano-USD, is neither spent nor at risk."""
    return level.room is not None and level.room.unspent < least


def reached(wish: Wish, room: Room) -> Failure:
    """The refusal of a wish whose least is more than what is unspent of a room."""
    if wish.bound is None:
        return clamp.unpriced(wish.attempt.answering_model)
    try:
        clamp.share_of(wish.bound, (replace(room, free=min(room.free, room.unspent)),))
    except Failure as refusal:
        return refusal
    return clamp.busy(room)


def has_turned(wish: Wish, now_ms: int) -> bool:
    """Whether the period of one of its windows is over."""
    return any(window.end_ms is not None and now_ms >= window.end_ms for window in wish.windows)


def _require_bookable(amount: int) -> None:
    if amount > MAX_NANO:
        raise clamp.too_large()
