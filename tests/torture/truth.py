"""The truth about a cap, held against one log of what the upstream did and what the clients were told."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from tests.torture.crowd import Told
from tests.torture.orders import Event, Kind


class Deal(Struct, frozen=True, kw_only=True):
    """One request at the upstream. Amounts are nano-USD, moments seconds of the machine's monotonic clock."""

    name: str
    held: int
    """The most that it can cost, by the output limit that was sent with it."""
    arrived: float
    billed: int
    """What the upstream charged."""
    ended: float
    """When it charged that, just before it answered."""


class Truth:
    """What was billed and what was open of one cap at each moment."""

    def __init__(self, cap: int, deals: Sequence[Deal], told: Sequence[Told]) -> None:
        self._cap = cap
        self._deals = deals
        self._told = told

    def of_arrivals(self) -> None:
        """Each request had its money when it reached the upstream, whatever the others would cost."""
        for each in self._deals:
            taken = self._taken(each.arrived)
            assert taken <= self._cap, f"{each.name} arrived when {taken} of {self._cap} were taken"

    def of_refusals(self, least: Mapping[str, int]) -> None:
        """Each refusal was true; `least` is what each request would have held at its shortest answer."""
        for each in self._told:
            need = least[each.wanted.order.tag]
            match each.status:
                case 200:
                    continue
                case 402:
                    assert each.code == "spend_cap_reached", each
                    # What is booked of a bill was billed before, so there was this much at least.
                    spent = sum(deal.billed for deal in self._deals if deal.ended <= each.told)
                    assert spent + need > self._cap, f"only {spent} of {self._cap} were spent: {each}"
                case 429:
                    assert each.code == "budget_busy", each
                    assert int(each.retry_after or 0) >= 1, each
                    # It may stand behind one who needs more, for whom what comes free is kept.
                    beside = (
                        other for other in self._told if other.asked < each.told and each.asked < other.told
                    )
                    most = max(least[other.wanted.order.tag] for other in beside)
                    held = self._most_held(each)
                    assert held + most > self._cap, f"{held} of {self._cap} were taken at most: {each}"
                case _:
                    raise AssertionError(f"no worker and no store stood still: {each}")

    def _taken(self, at: float) -> int:
        """What the upstream had charged, and could still charge for what had reached it."""
        return sum(
            deal.billed if deal.ended <= at else deal.held for deal in self._deals if deal.arrived <= at
        )

    def _most_held(self, refused: Told) -> int:
        """The most that could be taken at any moment at which the refused one waited.

        A request holds money from some time after its client asked until some time before it was told.
        """
        clients = {each.wanted.order.tag: each for each in self._told}
        pairs = [(deal, clients[deal.name]) for deal in self._deals]
        moments = {refused.asked, *(client.asked for _, client in pairs)}
        return max(
            sum(
                deal.billed if client.told < at else deal.held for deal, client in pairs if client.asked <= at
            )
            for at in moments
            if refused.asked <= at <= refused.told
        )


def deals_of(events: Iterable[Event]) -> list[Deal]:
    """What the bank noted, request by request; all of them have ended."""
    came: dict[str, Event] = {}
    deals: list[Deal] = []
    for each in events:
        if each.kind is Kind.ARRIVED:
            assert each.tag not in came, f"it came twice: {each}"
            came[each.tag] = each
        elif each.kind in (Kind.BILLED, Kind.UNBILLED):
            arrived = came[each.tag]
            deals.append(
                Deal(name=each.tag, held=each.hold, arrived=arrived.at, billed=each.billed, ended=each.at)
            )
    assert len(deals) == len(came)
    return deals
