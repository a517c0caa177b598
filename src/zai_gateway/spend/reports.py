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
