"""The JSON documents of API keys."""

from typing import Protocol

from msgspec import Struct
from msgspec.structs import asdict

from zai_gateway.accounts.api_keys import status
from zai_gateway.accounts.records import ApiKey
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.documents.moments import iso, iso_or_none
from zai_gateway.money import micro_from_nano, usd


class Spent(Protocol):
    """What was spent of a budget in its current period, in nano-USD."""

    @property
    def spent(self) -> int: ...

    @property
    def risk(self) -> int: ...


class RetiringDocument(Struct, frozen=True, kw_only=True):
    """An earlier secret of an API key, which opens it until it retires."""

    prefix: str
    retires_at: str


class KeyDocument(Struct, frozen=True, kw_only=True):
    """An API key, without the key itself."""

    id: str
    prefix: str
    name: str
    status: str
    """`active`, `expired` or `revoked`."""
    spend_micro_usd: int
    spend_usd: str
    unconfirmed_micro_usd: int
    """What may have been spent beside that, and nobody confirmed; the cap counts both."""
    spend_cap_micro_usd: int | None
    spend_cap_usd: str | None
    near_cap: str
    """`clamp` or `refuse`."""
    allow: tuple[str, ...]
    fallback_model: str | None
    unbounded_allowance_micro_usd: int | None
    """Held for each request that uses what nothing bounds; None: under a cap, none may."""
    unbounded_allowance_usd: str | None
    rpm: int | None
    """Requests a minute; None, here and below, for no limit."""
    tpm: int | None
    """Tokens a minute."""
    concurrency: int | None
    """Requests at once."""
    member_id: str | None
    tags: tuple[str, ...]
    last_used_at: str | None
    retiring: tuple[RetiringDocument, ...]
    expires_at: str | None
    revoked_at: str | None
    created_at: str


class IssuedKeyDocument(KeyDocument, frozen=True, kw_only=True):
    """An API key with its new secret, which nobody can be told again."""

    key: str

    def __repr__(self) -> str:
        return f"IssuedKeyDocument(id={self.id!r}, prefix={self.prefix!r})"


def key_document(key: ApiKey, standing: Spent | None, now_ms: int) -> KeyDocument:
    """`standing` is that of the key's own budget; None where nothing was ever held in it."""
    spent, risk = (0, 0) if standing is None else (standing.spent, standing.risk)
    allowance = key.unbounded_allowance
    return KeyDocument(
        id=key.id,
        prefix=key.prefix,
        name=key.name,
        status=status(key, now_ms),
        spend_micro_usd=micro_from_nano(spent),
        spend_usd=usd(spent),
        unconfirmed_micro_usd=micro_from_nano(risk),
        spend_cap_micro_usd=None if key.cap is None else micro_from_nano(key.cap),
        spend_cap_usd=None if key.cap is None else usd(key.cap),
        near_cap=key.near_cap.value,
        allow=key.allow,
        fallback_model=key.fallback,
        unbounded_allowance_micro_usd=None if allowance is None else micro_from_nano(allowance),
        unbounded_allowance_usd=None if allowance is None else usd(allowance),
        rpm=key.rpm,
        tpm=key.tpm,
        concurrency=key.concurrency,
        member_id=key.member,
        tags=key.tags,
        last_used_at=iso_or_none(key.last_used_ms),
        retiring=tuple(
            RetiringDocument(prefix=old.prefix, retires_at=iso(old.retires_ms))
            for old in key.predecessors
            if now_ms < old.retires_ms
        ),
        expires_at=iso_or_none(key.expires_ms),
        revoked_at=iso_or_none(key.revoked_ms),
        created_at=iso(key.created_ms),
    )


def issued_key_document(issued: IssuedKey, standing: Spent | None, now_ms: int) -> IssuedKeyDocument:
    return IssuedKeyDocument(key=issued.secret, **asdict(key_document(issued.key, standing, now_ms)))
