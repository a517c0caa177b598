"""Reports: what the ledger says when it is summed up."""

from typing import Protocol

from msgspec import Struct

from zai_gateway.spend.ledger import Entry
from zai_gateway.wire.usage import Usage


class UsageRow(Struct, frozen=True, kw_only=True):
    """What one key did with one model."""

    key: str
    """The key's id."""
    model: str
    """The canonical name of the model that answered."""
    requests: int
    """Requests that ended at this model; the attempts before the last are in the sums, not in this count."""
    usage: Usage
    """Tokens of all attempts, as far as they were reported or estimated."""
    cost: int
    """Nano-USD."""
    risk: int
    """Nano-USD that may have been spent beside `cost`, which nobody confirmed."""


class Rolled(Struct, frozen=True, kw_only=True):
    """What one step of the rollup came to."""

    entries: int
    """About how many were added."""
    rolled_ms: int
    """All from before then is added, but what came too late and is listed."""
    more: bool
    """Whether another step would find something now."""


class Rollup(Protocol):
    """Adds the ledger up, so that reports need not. Blocking; raises StoreUnavailable.

    At all times rollup, list of the late, and the ledger from where the rollup ends are the whole ledger.
    """

    def fence(self, before_ms: int) -> bool:
        """From now on whatever is booked at a moment before that is listed as late; never moves back.

        Says whether there is anything to add up; where there is not, it writes nothing.
        """
        ...

    def step(self) -> Rolled:
        """Adds some thousand entries from before the fence, and what was listed as late.

        Two gateways that do it at once do it once.
        """
        ...


class Reports(Protocol):
    """Blocking calls that only read. All raise StoreUnavailable where the store does not answer."""

    def usage(self, workspace: str, since_ms: int, until_ms: int) -> tuple[UsageRow, ...]:
        """What was booked from `since_ms` on and before `until_ms`, by key and model, sorted by both.

        Each request is counted in one row of one span of time only, so counts add up.
        """
        ...

    def entries(self, request: str) -> tuple[Entry, ...]:
        """Every ledger entry of one request, by attempt and seq; empty where nothing was sent."""
        ...
