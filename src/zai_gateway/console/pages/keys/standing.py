"""Where a key stands: its state in a word, and what is spent of each of its limits."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct

from zai_gateway.accounts.api_keys import status
from zai_gateway.accounts.records import ApiKey, BudgetOwner, BudgetPeriod
from zai_gateway.accounts.usage_books import Standing

_NEAR = 0.8
"""From this part of a limit on, a key is near it."""
EACH = {
    BudgetPeriod.TOTAL: "in all",
    BudgetPeriod.DAILY: "a day",
    BudgetPeriod.WEEKLY: "a week",
    BudgetPeriod.MONTHLY: "a month",
}


class KeyStanding(Struct, frozen=True, kw_only=True):
    """One key with what is spent of its limits; amounts are in nano-USD."""

    key: ApiKey
    state: str
    """`active`, `near`, `full`, `expired` or `revoked`."""
    spent: int
    """In all, ever."""
    risk: int
    """Unconfirmed, beside that."""
    limits: tuple[Standing, ...]
    """Those that limit it, the one that is nearest to its end first."""

    @property
    def tightest(self) -> Standing | None:
        """The limit that is nearest to its end; None where the key has none."""
        return self.limits[0] if self.limits else None


def standings_of(
    keys: Iterable[ApiKey], standings: Mapping[str, Standing], now_ms: int
) -> tuple[KeyStanding, ...]:
    """The keys as they stand, in their order."""
    theirs: defaultdict[str, list[Standing]] = defaultdict(list)
    for each in standings.values():
        if each.owner_kind is BudgetOwner.KEY and each.limit is not None:
            theirs[each.owner].append(each)
    return tuple(_standing(key, theirs[key.id], standings.get(key.budget), now_ms) for key in keys)


def filled(standing: Standing) -> float:
    """Which part of the limit is spent or unconfirmed; 1 where nothing may be spent at all."""
    return (standing.spent + standing.risk) / standing.limit if standing.limit else 1.0


def _standing(key: ApiKey, limits: list[Standing], total: Standing | None, now_ms: int) -> KeyStanding:
    limits.sort(key=filled, reverse=True)
    state = status(key, now_ms)
    if state == "active" and limits:
        part = filled(limits[0])
        state = "full" if part >= 1 else "near" if part >= _NEAR else state
    spent, risk = (0, 0) if total is None else (total.spent, total.risk)
    return KeyStanding(key=key, state=state, spent=spent, risk=risk, limits=tuple(limits))
