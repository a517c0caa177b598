"""The JSON documents of usage over time: sums, timelines, how long answers took, and single entries."""

from msgspec import Struct

from zai_gateway.accounts.usage_books import LatencySlice, LedgerLine, Pending, Percentiles, Row, Slice, Sums
from zai_gateway.documents.moments import iso, iso_to_ms
from zai_gateway.money import micro_from_nano
from zai_gateway.wire.usage import Usage


class TokensDocument(Struct, frozen=True, kw_only=True):
    """Tokens; none is counted in two fields but `reasoning_tokens` and searches."""

    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    """Those among `output_tokens`."""
    searches: int


class UsageSumsDocument(Struct, frozen=True, kw_only=True):
    """What was booked, added up; each amount is rounded up once, from the exact sum."""

    requests: int
    """Requests that ended there."""
    attempts: int
    """What was sent for them, retries and fallbacks among them."""
    errors: int
    """Requests that failed."""
    tokens: TokensDocument
    cost_micro_usd: int
    unconfirmed_micro_usd: int
    """What may have been spent beside that, and nobody confirmed."""
    estimated: int
    """Attempts that were booked at an estimate."""
    overruns: int
    written_off: int


class PercentilesDocument(Struct, frozen=True, kw_only=True):
    """How long attempts that were answered took, within 12 %; null where there were none."""

    p50_ms: int | None
    p95_ms: int | None
    count: int


class UsageRowDocument(Struct, frozen=True, kw_only=True):
    """The sums of one key, model or provider; of all together, with an empty id."""

    id: str
    sums: UsageSumsDocument
    first_token: PercentilesDocument
    """From sending to the first content."""
    total: PercentilesDocument
    """From sending to the end."""


class UsageSliceDocument(Struct, frozen=True, kw_only=True):
    """A part of a timeline."""

    start: str
    id: str | None
    """A key's id, a model or a provider; empty for all others, null where nothing is taken apart."""
    sums: UsageSumsDocument


class LatencySliceDocument(Struct, frozen=True, kw_only=True):
    """How long answers took in one part of a timeline."""

    start: str
    first_token: PercentilesDocument
    total: PercentilesDocument


class LedgerLineDocument(Struct, frozen=True, kw_only=True):
    """An entry of the ledger, without any text of a request."""

    cursor: str
    """What `before` takes to go on behind this line."""
    request_id: str
    attempt: int
    """From 1; 0 for what was left of a lost worker's lease."""
    correction: int
    """0 for what came of the attempt; higher ones correct it later."""
    key_id: str
    requested_model: str
    answering_model: str
    provider: str
    streamed: bool
    status: int
    """Of the provider's answer; 0 where none came."""
    failure: str | None
    """The error code that the client got."""
    flags: tuple[str, ...]
    certainty: str
    tokens: TokensDocument | None
    cost_micro_usd: int
    unconfirmed_micro_usd: int
    """Below zero where it ended so much of an earlier one."""
    first_token_ms: int | None
    total_ms: int
    at: str


class PendingDocument(Struct, frozen=True, kw_only=True):
    """What is not settled now."""

    leased_micro_usd: int
    """Granted to workers, and neither spent nor at risk."""
    unconfirmed_micro_usd: int
    unconfirmed_attempts: int


def usage_row_document(row: Row) -> UsageRowDocument:
    return UsageRowDocument(
        id=row.id, sums=_sums(row.sums), first_token=_took(row.first_token), total=_took(row.total)
    )


def usage_slice_document(slice: Slice) -> UsageSliceDocument:
    return UsageSliceDocument(start=iso(slice.start_ms), id=slice.id, sums=_sums(slice.sums))


def latency_slice_document(slice: LatencySlice) -> LatencySliceDocument:
    return LatencySliceDocument(
        start=iso(slice.start_ms), first_token=_took(slice.first_token), total=_took(slice.total)
    )


def ledger_line_document(line: LedgerLine) -> LedgerLineDocument:
    return LedgerLineDocument(
        cursor=line.cursor,
        request_id=line.request,
        attempt=line.attempt,
        correction=line.seq,
        key_id=line.key,
        requested_model=line.requested_model,
        answering_model=line.answering_model,
        provider=line.provider,
        streamed=line.streamed,
        status=line.status,
        failure=line.failure,
        flags=line.flags,
        certainty=line.certainty,
        tokens=None if line.usage is None else _tokens(line.usage),
        cost_micro_usd=micro_from_nano(line.cost),
        unconfirmed_micro_usd=micro_from_nano(line.risk),
        first_token_ms=line.first_token_ms,
        total_ms=line.total_ms,
        at=iso_to_ms(line.at_ms),
    )


def pending_document(pending: Pending) -> PendingDocument:
    return PendingDocument(
        leased_micro_usd=micro_from_nano(pending.leased),
        unconfirmed_micro_usd=micro_from_nano(pending.unconfirmed),
        unconfirmed_attempts=pending.attempts,
    )


def _sums(sums: Sums) -> UsageSumsDocument:
    return UsageSumsDocument(
        requests=sums.requests,
        attempts=sums.attempts,
        errors=sums.errors,
        tokens=_tokens(sums.usage),
        cost_micro_usd=micro_from_nano(sums.cost),
        unconfirmed_micro_usd=micro_from_nano(sums.risk),
        estimated=sums.estimated,
        overruns=sums.overruns,
        written_off=sums.written_off,
    )


def _tokens(usage: Usage) -> TokensDocument:
    return TokensDocument(
        input_tokens=usage.input,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write + usage.cache_write_long,
        output_tokens=usage.output,
        reasoning_tokens=usage.reasoning,
        searches=usage.searches,
    )


def _took(took: Percentiles) -> PercentilesDocument:
    return PercentilesDocument(p50_ms=took.p50_ms, p95_ms=took.p95_ms, count=took.count)
