"""Near the cap: how much of the free money an attempt holds, and which output limit that buys; pure."""

from collections.abc import Sequence

from msgspec import Struct

from zai_gateway.catalogue.bound import Bound
from zai_gateway.errors import Code, Failure
from zai_gateway.money import MAX_NANO, usd

LEASE_TOKENS = 4_096
"""A quarter of a worker's lease decides where it buys so many output tokens; else the store does."""


class Room(Struct, frozen=True, kw_only=True):
    """What the tightest window of a request has left, in nano-USD."""

    limit: int
    free: int
    """The limit less all that is spent, at risk or held."""
    unspent: int
    """The limit less what is spent or at risk: what is free once every hold in flight has ended."""
    called: str = "this API key's spend cap"
    """What the window's limit is called."""


class Share(Struct, frozen=True):
    """What an attempt may hold, and what has to be said to the provider for it."""

    amount: int
    """Nano-USD: the worst case that is held."""
    output_limit: int | None
    """The output limit to send; None where the request needs none beside its own."""


def share(bound: Bound, room: Room | None) -> Share:
    """What an attempt holds of the tightest window's room; a room of None is a key without a cap.

    A worst case that fits is held as it is. A request without a limit of its own gets what a quarter of the
    free money buys; one with a limit that does not fit is clamped to what does (product.md, "Near the cap").
    A rigid bound is neither divided nor clamped: it fits or is refused. Raises Failure: SPEND_CAP_REACHED
    where what is spent or at risk leaves less than the floor, BUDGET_BUSY where only holds in flight stand
    in the way.
    """
    if room is None:
        return Share(bound.worst(_bounded(bound)), None)
    if bound.rigid:
        return _unclamped(bound, room)
    whole = bound.affordable(room.free)
    if bound.asked is not None:
        amount = bound.worst(_bounded(bound))
        if whole is None or amount <= room.free:
            return Share(amount, None)
        return _clamped(bound, whole, room)
    quarter = bound.affordable(room.free // 4)
    if quarter is None or (bound.most is not None and quarter >= bound.most):
        return Share(bound.worst(bound.most or 0), None)
    if quarter >= _floor(bound):
        return _clamped(bound, quarter, room)
    if whole is None:
        return Share(bound.worst(0), None)
    return _clamped(bound, min(_floor(bound), whole), room)


def share_of(bound: Bound, rooms: Sequence[Room]) -> Share:
    """What an attempt holds where each of `rooms` limits it; no room is a key without a cap.

    Raises Failure as `share` does.
    """
    if not rooms:
        return share(bound, None)
    try:
        return share(bound, min(rooms, key=lambda room: room.free))
    except Failure:
        # The window with the least that is free need not be the one with the least that is unspent, and a
        # request that is short of unspent money anywhere is refused for good, not told to try again.
        share(bound, min(rooms, key=lambda room: room.unspent))
        raise


def wanted(bound: Bound) -> Share | None:
    """What an attempt holds where nothing has to be clamped; None where only what is free says how much.

    Raises Failure (UNBOUNDED_FEATURE) for a rigid bound without any limit.
    """
    return _whole(bound) if bound.rigid else as_asked(bound)


def as_asked(bound: Bound) -> Share | None:
    """What an attempt with a limit of its own holds; None where what is free has a say in that."""
    if bound.asked is None or bound.rigid:
        return None
    return Share(bound.worst(_bounded(bound)), None)


def of_lease(bound: Bound, free: int) -> Share | None:
    """What an attempt holds of a lease with so much free; None where the lease cannot decide.

    Nothing is clamped by a lease but what has no limit of its own, to a quarter of it (spend.md, "Refusals").
    Raises Failure as `wanted` does.
    """
    known = wanted(bound)
    if known is not None:
        return known if known.amount <= free else None
    quarter = bound.affordable(free // 4)
    if quarter is None or (bound.most is not None and quarter >= bound.most):
        all_of_it = Share(bound.worst(bound.most or 0), None)
        return all_of_it if all_of_it.amount <= free else None
    if quarter < max(LEASE_TOKENS, _floor(bound)):
        return None
    limit = _within_context(bound, quarter)
    return Share(bound.worst(limit), limit)


def is_clamped(bound: Bound, share: Share) -> bool:
    """Whether a share is small because the rooms are, so that they have to be known exactly first."""
    return share.output_limit is not None and not bound.rigid


def enough(bound: Bound) -> int:
    """Nano-USD of which no part has to be known exactly: with so much free, nothing is clamped."""
    known = wanted(bound)
    if known is not None:
        return known.amount
    return MAX_NANO if bound.most is None else 4 * bound.worst(bound.most)


def least(bound: Bound) -> int:
    """Nano-USD without which the attempt is not made: its own floor case, or all of a rigid one."""
    if bound.rigid:
        return _whole(bound).amount
    return bound.worst(_floor(bound))


def unpriced(model: str) -> Failure:
    """For a model without a price where something is limited."""
    return Failure(
        Code.MODEL_UNPRICED,
        f"{model} has no known price, and this API key has a spend cap. "
        f"Set a price with: zai admin price set {model} --input USD --output USD",
    )


def too_large() -> Failure:
    """For a worst case that no column holds."""
    return Failure(
        Code.INVALID_REQUEST,
        "This request could cost more than the books can hold. Lower max_tokens.",
        param="max_tokens",
    )


def busy(room: Room) -> Failure:
    """Where only holds in flight stand in the way."""
    return Failure(
        Code.BUDGET_BUSY,
        f"Requests in flight hold what is left of {room.called} of {usd(room.limit)} USD. "
        "Try again when one of them has ended.",
        retry_after=1.0,
    )


def _whole(bound: Bound) -> Share:
    """The worst case as it was asked for."""
    limit: int | None = None
    known = [n for n in (bound.asked, bound.most) if n is not None]
    if bound.output_pico and not known and bound.room is not None:
        # Less input than its bound would leave more room, so that the limit has to be said.
        known, limit = [bound.room], bound.room
    if bound.output_pico and not known:
        raise Failure(
            Code.UNBOUNDED_FEATURE,
            "max_tokens: nothing is known to bound this model's answer, and this API key is set to refuse "
            "near its cap rather than to shorten answers. Say how long the answer may be.",
            param="max_tokens",
        )
    return Share(bound.worst(min(known, default=0)), limit)


def _unclamped(bound: Bound, room: Room) -> Share:
    whole = _whole(bound)
    if whole.amount > room.free:
        raise _refusal(whole.amount, room, "as it is")
    return whole


def _clamped(bound: Bound, limit: int, room: Room) -> Share:
    floor = _floor(bound)
    if limit < floor:
        raise _refusal(bound.worst(floor), room)
    limit = _within_context(bound, limit)
    return Share(bound.worst(limit), limit)


def _within_context(bound: Bound, limit: int) -> int:
    """A clamp above what the context window leaves could be refused, where that is worth sending at all."""
    if bound.room is not None and bound.room >= _floor(bound):
        return min(limit, bound.room)
    return limit


def _floor(bound: Bound) -> int:
    """The shortest output worth sending: less than usual where the client or the model wants less."""
    return min(n for n in (bound.floor, bound.asked, bound.most) if n is not None)


def _bounded(bound: Bound) -> int:
    """The output limit that holds without a clamp; 0 where nothing is known, so that only input is held."""
    if bound.asked is None or bound.most is None:
        return bound.asked or bound.most or 0
    return min(bound.asked, bound.most)


def _refusal(need: int, room: Room, how: str = "at the shortest answer that is worth sending") -> Failure:
    cap = f"{usd(room.limit)} USD"
    if need > room.unspent:
        return Failure(
            Code.SPEND_CAP_REACHED,
            f"{room.called[0].upper()}{room.called[1:]} of {cap} leaves {usd(max(room.unspent, 0))} USD, and "
            f"this request can cost {usd(need)} USD {how}. "
            "Raise the cap, or send a shorter request, with a lower max_tokens if it has one, to a cheaper "
            "model.",
            detail=f"Spend cap reached: {cap}",
        )
    return busy(room)
