"""The books of usage as accounts see them: what may be asked of them, and what they say."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod
from zai_gateway.wire.usage import Usage as Tokens

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BY_THE_HOUR_MS = 7 * DAY_MS
"""The longest time that is told by the hour."""
MOST_TIMED = 100
"""Of how many rows of a breakdown percentiles are told, the dearest ones."""


class Dimension(StrEnum):
    """By what sums are taken apart."""

    KEY = "key"
    MODEL = "model"
    """The canonical name of the model that answered."""
    PROVIDER = "provider"


class Span(StrEnum):
    """How long a part of a timeline is; all are UTC."""

    HOUR = "hour"
    """For queries of up to 7 days."""
    DAY = "day"

    @property
    def ms(self) -> int:
        """Its length."""
        return HOUR_MS if self is Span.HOUR else DAY_MS

    @classmethod
    def within(cls, ms: int) -> "Span":
        """What so long a time is kept by."""
        return cls.HOUR if ms <= BY_THE_HOUR_MS else cls.DAY


class UsageQuery(Struct, frozen=True, kw_only=True):
    """What was booked from `since_ms` on and before `until_ms`, in milliseconds since 1970.

    Sums are kept by the hour and day: `since_ms` counts from the beginning of its hour (UTC), and `until_ms`
    to the end of its own; of their days where it is more than 7 days. Only `recent` takes them to the
    millisecond.
    """

    since_ms: int
    until_ms: int
    """At most 400 days after `since_ms`."""
    keys: tuple[str, ...] | None = None
    """Ids of API keys; None: all."""
    model: str | None = None
    provider: str | None = None


class Sums(Struct, frozen=True, kw_only=True):
    """What was booked, added up. A correction counts when it was booked, as do risks that end."""

    requests: int = 0
    """Requests that ended there; the attempts before their last are in `attempts`, tokens and money only."""
    attempts: int = 0
    errors: int = 0
    """Of the requests, those that failed: with an error of ours, or a status of 400 or above."""
    usage: Tokens = Tokens(input=0, output=0)
    """As far as tokens were reported."""
    cost: int = 0
    """Nano-USD."""
    risk: int = 0
    """Nano-USD that may have been spent beside `cost`, which nobody confirmed."""
    estimated: int = 0
    """Attempts that were booked at an estimate, or without knowing anything."""
    overruns: int = 0
    """Entries that cost more than their provider's documented bound allows."""
    written_off: int = 0
    """Entries that book what nobody confirmed in time."""


class Percentiles(Struct, frozen=True, kw_only=True):
    """Of the attempts that were answered without an error, within 12 %; None where there were none.

    They are counted in steps that grow by a quarter, from 1 ms to an hour.
    """

    p50_ms: int | None = None
    p95_ms: int | None = None
    count: int = 0


class Slice(Struct, frozen=True, kw_only=True):
    """A part of a timeline."""

    start_ms: int
    id: str | None
    """A key's id, a model or a provider; empty for all others, None where nothing is taken apart."""
    sums: Sums


class Row(Struct, frozen=True, kw_only=True):
    """The sums of one key, model or provider; of all together, with an empty id."""

    id: str
    sums: Sums
    first_token: Percentiles
    """From sending to the first content."""
    total: Percentiles
    """From sending to the end."""


class LatencySlice(Struct, frozen=True, kw_only=True):
    """How long answers took in one part of a timeline."""

    start_ms: int
    first_token: Percentiles
    total: Percentiles


class LedgerLine(Struct, frozen=True, kw_only=True):
    """An entry of the ledger, without any text of a request; amounts are in nano-USD."""

    request: str
    attempt: int
    """From 1; 0 for what was left of a lost worker's lease, which is of no single request."""
    seq: int
    """0 for what came of the attempt; higher ones correct it later."""
    key: str
    requested_model: str
    answering_model: str
    provider: str
    streamed: bool
    status: int
    """Of the provider's answer; 0 where none came."""
    failure: str | None
    """The error code that the client got."""
    flags: tuple[str, ...]
    """As of `spend.ledger.Flag`."""
    certainty: str
    """As of `spend.ledger.Certainty`."""
    usage: Tokens | None
    cost: int
    risk: int
    first_token_ms: int | None
    total_ms: int
    at_ms: int

    @property
    def cursor(self) -> str:
        """What `recent` is told to go on behind this line."""
        return f"{self.at_ms}:{self.attempt}:{self.seq}:{self.request}"


class Standing(Struct, frozen=True, kw_only=True):
    """Where a budget stands in its current period; amounts are in nano-USD."""

    budget: str
    owner_kind: BudgetOwner
    owner: str
    """The id of the key, member or workspace."""
    period: BudgetPeriod
    limit: int | None
    spent: int
    risk: int
    """What may have been spent beside that, and counts against the limit."""
    since_ms: int
    """When the period began; 0 for a total."""
    resets_ms: int | None
    """When it begins anew; None for a total."""


class Pending(Struct, frozen=True, kw_only=True):
    """What is not settled now; amounts are in nano-USD."""

    leased: int = 0
    """Granted to workers, and neither spent nor at risk: what requests under way hold is a part of it."""
    unconfirmed: int = 0
    """What may have been spent beside what is booked, of requests that were cut off."""
    attempts: int = 0
    """How many attempts that is of."""


class UsageReports(Protocol):
    """The books of spending, which another room keeps. Blocking; all raise StoreUnavailable.

    Times are as a UsageQuery has them.
    """

    def usage(self, workspace: str, since_ms: int, until_ms: int) -> Sequence["UsageRow"]:
        """What was booked from `since_ms` on and before `until_ms`, by key and model, sorted by both."""
        ...

    def totals(self, workspace: str, query: UsageQuery) -> Row:
        """All together, under an empty id."""
        ...

    def breakdown(self, workspace: str, query: UsageQuery, by: Dimension) -> tuple[Row, ...]:
        """One for each id of which something was booked, the dearest first; percentiles of `MOST_TIMED`."""
        ...

    def timeline(
        self, workspace: str, query: UsageQuery, *, by: Dimension | None, span: Span, most: int
    ) -> tuple[Slice, ...]:
        """By start, then the dearest ids of the whole time first; those behind the `most` dearest as one."""
        ...

    def latency(self, workspace: str, query: UsageQuery, *, span: Span) -> tuple[LatencySlice, ...]:
        """By start, without those in which nothing was answered."""
        ...

    def recent(
        self, workspace: str, query: UsageQuery, *, most: int, before: str | None
    ) -> tuple[LedgerLine, ...]:
        """The newest entries, of those behind the line whose cursor is `before`. Raises ValueError for a
        cursor that is none.
        """
        ...

    def standings(self, workspace: str, now_ms: int) -> tuple[Standing, ...]:
        """Every budget that counts, by id."""
        ...

    def pending(self, workspace: str, keys: Sequence[str] | None) -> Pending:
        """Of these keys, or of all."""
        ...


class UsageRow(Protocol):
    """What one key did with one model."""

    @property
    def key(self) -> str:
        """The key's id."""
        ...

    @property
    def model(self) -> str:
        """The canonical name of the model that answered."""
        ...

    @property
    def requests(self) -> int:
        """Requests that ended at this model."""
        ...

    @property
    def usage(self) -> Tokens:
        """Tokens, as far as they were reported or estimated."""
        ...

    @property
    def cost(self) -> int:
        """Nano-USD."""
        ...

    @property
    def risk(self) -> int:
        """Nano-USD that may have been spent beside `cost`, which nobody confirmed."""
        ...


Standings = Mapping[str, Standing]
"""By the budget's id: `ApiKey.budget` for what a key spent in all, `SpendBudget.id` for any other."""
