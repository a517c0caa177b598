"""Quoting: which models a request would be tried with, what it could cost, and whether it would be sent."""

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from zai_gateway.accounts.caller import Caller
from zai_gateway.catalogue.model import Price
from zai_gateway.errors import Failure
from zai_gateway.relay.overruns import Overruns
from zai_gateway.relay.preparing import worst_case
from zai_gateway.relay.routing import Origin, Route
from zai_gateway.spend.clamp import Room, Share, share_of
from zai_gateway.spend.spending import Spending
from zai_gateway.wire.chat import ChatRequest


class Candidate(Struct, frozen=True, kw_only=True):
    """One model that the request may be answered by, over whichever of its provider keys."""

    model: str
    """Its canonical name."""
    provider: str
    price: Price | None
    worst_case: int | None
    """Nano-USD that are held for it: with the output limit that is sent, or, where it does not fit the money,
    with the one that was asked for. None where nothing bounds it, or without a price."""
    output_limit: int | None
    """The output limit that is sent; None where none is, or nothing is sent."""
    refusal: Failure | None
    """Why it would not be sent."""


class Quote(Struct, frozen=True, kw_only=True):
    """What would become of a request that was sent at this moment."""

    candidates: tuple[Candidate, ...] = ()
    """In the order in which they are tried; none where the request is refused before money is looked at."""
    answering: Candidate | None = None
    """The one that is tried first."""
    refusal: Failure | None = None
    """Why nothing would be sent."""
    free: int | None = None
    """Nano-USD that the tightest budget has left of its limit; None without a cap."""


async def rooms_of(caller: Caller, spending: Spending) -> tuple[Room, ...]:
    """What each limit that a request of `caller` counts in leaves. Raises StoreUnavailable."""
    counted = {budget.id for budget in caller.budgets}
    owners = sorted({budget.owner for budget in caller.budgets})
    standings = await asyncio.gather(*(spending.standings(owner) for owner in owners))
    return tuple(
        Room(
            limit=standing.budget.limit,
            free=standing.budget.limit - standing.spent - standing.risk - standing.held,
            unspent=standing.budget.limit - standing.spent - standing.risk,
            called=standing.budget.called,
        )
        for standing in (each for found in standings for each in found)
        if standing.budget.id in counted and standing.budget.limit is not None
    )


def quoted(
    request: ChatRequest,
    caller: Caller,
    found: Sequence[Route],
    rooms: Sequence[Room],
    overruns: Overruns,
) -> Quote:
    """The quote for a request that may go to the routes of `found`. Holds, sends and writes nothing."""
    first_of = {route.name: route for route in reversed(found)}
    tried = [route for route in found if first_of[route.name] is route]
    candidates = [_candidate(request, caller, route, rooms, overruns) for route in tried]
    refusal: Failure | None = None
    left_out: Failure | None = None
    answering: Candidate | None = None
    for route, candidate in zip(tried, candidates, strict=True):
        if route.origin is Origin.BACKUP and refusal is not None:
            continue  # nothing stands in for what there is no money for
        if candidate.refusal is None:
            answering = candidate
            break
        if route.origin is Origin.BACKUP:
            left_out = left_out or candidate.refusal
        else:
            refusal = refusal or candidate.refusal
    return Quote(
        candidates=tuple(candidates),
        answering=answering,
        refusal=None if answering else refusal or left_out,
        free=_free(rooms),
    )


def refused(failure: Failure, rooms: Sequence[Room]) -> Quote:
    """The quote for a request that no model may answer."""
    return Quote(refusal=failure, free=_free(rooms))


def _free(rooms: Sequence[Room]) -> int | None:
    return min((max(room.free, 0) for room in rooms), default=None)


def _candidate(
    request: ChatRequest, caller: Caller, route: Route, rooms: Sequence[Room], overruns: Overruns
) -> Candidate:
    whole: int | None = None
    fitting, refusal = Share(0, None), None
    try:
        bound = worst_case(request, route, caller, overruns.known(route.model))
        if bound is not None:
            whole = share_of(bound, ()).amount
            fitting = share_of(bound, rooms)
            whole = fitting.amount
    except Failure as failure:
        refusal = failure
    limit = request.output_limit if fitting.output_limit is None else fitting.output_limit
    return Candidate(
        model=route.name,
        provider=route.provider.name,
        price=route.price,
        worst_case=whole,
        output_limit=None if refusal else limit,
        refusal=refusal,
    )
