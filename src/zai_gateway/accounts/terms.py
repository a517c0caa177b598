"""The terms of a key: what may be set and changed, and what a name, a pattern and an amount may be."""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from zai_gateway.accounts.records import ApiKey, BudgetPeriod, ManagementKey, NearCap, Workspace
from zai_gateway.catalogue.model import Rates
from zai_gateway.errors import OperatorError
from zai_gateway.money import MAX_NANO
from zai_gateway.providers.registry import Auth, Provider
from zai_gateway.providers.service_account import checked_key

Limited = TypeVar("Limited", ApiKey, Workspace)

MOST_NAME = 100
"""Characters."""
_MOST_MODEL = 200
_MOST_PATTERNS = 100
_MOST_SECRET = 4_096
_MOST_TAGS = 20
_MOST_TAG = 50
_MOST_EMAIL = 254
_EMAIL = re.compile(r"[^\s@<>\"',;:]+@[^\s@<>\"',;:]+")
LAST_MS = 253_402_300_799_000
"""The last second of the year 9999, in milliseconds since 1970: no date can be written after it."""
_MOST_RATE = 10**12
_MOST_PICO = 10**12
"""One USD per token: any price above is a slip of the keyboard."""


class IssuedKey(Struct, frozen=True, kw_only=True):
    """A new API key with its secret, which nobody can be told again."""

    key: ApiKey
    secret: str

    def __repr__(self) -> str:
        return f"IssuedKey(id={self.key.id!r}, prefix={self.key.prefix!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        # msgspec's own, which rich asks for, shows every field.
        return [("id", self.key.id), ("prefix", self.key.prefix)]


class IssuedManagementKey(Struct, frozen=True, kw_only=True):
    """A new management key with its secret, which nobody can be told again."""

    key: ManagementKey
    secret: str

    def __repr__(self) -> str:
        return f"IssuedManagementKey(id={self.key.id!r}, prefix={self.key.prefix!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("id", self.key.id), ("prefix", self.key.prefix)]


class KeyChanges(Struct, frozen=True, kw_only=True):
    """What to set of an API key: UNSET leaves as it is; None takes away what there is of it."""

    name: str | UnsetType = UNSET
    cap: int | UnsetType | None = UNSET
    """Nano-USD."""
    allow: tuple[str, ...] | UnsetType = UNSET
    """Glob patterns of canonical model names; none allows every model."""
    fallback: str | UnsetType | None = UNSET
    expires_ms: int | UnsetType | None = UNSET
    """Milliseconds since 1970."""
    member: str | UnsetType | None = UNSET
    """The id of the member whose own it is."""
    tags: tuple[str, ...] | UnsetType = UNSET
    near_cap: NearCap | UnsetType = UNSET
    unbounded_allowance: int | UnsetType | None = UNSET
    """Nano-USD for each request; None: features without a bound are refused."""
    rpm: int | UnsetType | None = UNSET
    """Requests a minute."""
    tpm: int | UnsetType | None = UNSET
    """Tokens a minute."""
    concurrency: int | UnsetType | None = UNSET
    """Requests at once."""
    limits: Mapping[BudgetPeriod, int | None] = {}
    """Nano-USD by day, week or month; None takes a limit away, and those that are not named stay. Only who
    may set budgets may change them."""


class WorkspaceChanges(Struct, frozen=True, kw_only=True):
    """What to set of a workspace: UNSET leaves as it is; None takes away what there is of it."""

    rpm: int | UnsetType | None = UNSET
    """Requests a minute."""
    tpm: int | UnsetType | None = UNSET
    """Tokens a minute."""
    concurrency: int | UnsetType | None = UNSET
    """Requests at once."""


def changed(key: ApiKey, changes: KeyChanges, now_ms: int) -> ApiKey:
    """`key` with the changes. Raises OperatorError, naming the field, for what may not be."""
    if changes.name is not UNSET:
        key = replace(key, name=checked_name(changes.name))
    if changes.cap is not UNSET:
        key = replace(key, cap=checked_cap(changes.cap))
    if changes.allow is not UNSET:
        key = replace(key, allow=checked_allow(changes.allow))
    if changes.fallback is not UNSET:
        fallback = changes.fallback
        key = replace(key, fallback=None if fallback is None else checked_model(fallback, "fallback"))
    if changes.expires_ms is not UNSET:
        key = replace(key, expires_ms=checked_expiry(changes.expires_ms, now_ms))
    if changes.member is not UNSET:
        key = replace(key, member=changes.member)
    if changes.tags is not UNSET:
        key = replace(key, tags=checked_tags(changes.tags))
    if changes.unbounded_allowance is not UNSET:
        allowance = checked_cap(changes.unbounded_allowance, "unbounded allowance")
        key = replace(key, unbounded_allowance=allowance)
    if changes.near_cap is not UNSET:
        key = replace(key, near_cap=changes.near_cap)
    return limited(key, changes)


def limited(of: Limited, changes: KeyChanges | WorkspaceChanges) -> Limited:
    """A key or workspace with the rate limits of the changes. Raises OperatorError, naming the field."""
    if changes.rpm is not UNSET:
        of = replace(of, rpm=checked_rate(changes.rpm, "rpm"))
    if changes.tpm is not UNSET:
        of = replace(of, tpm=checked_rate(changes.tpm, "tpm"))
    if changes.concurrency is not UNSET:
        of = replace(of, concurrency=checked_rate(changes.concurrency, "concurrency"))
    return of


def checked_name(text: str, field: str = "name") -> str:
    """A name of 1 to 100 printable characters, without the spaces around it."""
    text = text.strip()
    if not text or len(text) > MOST_NAME or not text.isprintable():
        raise OperatorError(f"{field}: a name has 1 to {MOST_NAME} printable characters.")
    return text


def checked_email(text: str, field: str = "email") -> str:
    """An e-mail address in lower case, as far as one can be told from a slip."""
    text = text.strip().lower()
    if len(text) > _MOST_EMAIL or not text.isprintable() or not _EMAIL.fullmatch(text):
        raise OperatorError(f"{field}: {text[:MOST_NAME]!r} is not an address such as ana@example.com.")
    return text


def checked_tags(tags: Iterable[str], field: str = "tags") -> tuple[str, ...]:
    """At most 20 tags of 1 to 50 characters without spaces, each once."""
    every = tuple(dict.fromkeys(tags))
    if len(every) > _MOST_TAGS:
        raise OperatorError(f"{field}: at most {_MOST_TAGS} of them.")
    for tag in every:
        if not tag or len(tag) > _MOST_TAG or not _is_one_word(tag):
            raise OperatorError(
                f"{field}: {tag[:_MOST_TAG]!r} is not one word of 1 to {_MOST_TAG} characters."
            )
    return every


def checked_model(text: str, field: str) -> str:
    """A model's name, `provider/model id`."""
    provider, slash, model = text.partition("/")
    if not (provider and slash and model) or len(text) > _MOST_MODEL or not _is_one_word(text):
        raise OperatorError(
            f"{field}: {text[:_MOST_MODEL]!r} is not a model's name, such as openai/gpt-5.4-mini."
        )
    return text


def checked_allow(patterns: Iterable[str], field: str = "allow") -> tuple[str, ...]:
    """An allowlist: at most 100 glob patterns of at most 200 characters, each once; none allows all."""
    allow = tuple(dict.fromkeys(patterns))
    if len(allow) > _MOST_PATTERNS:
        raise OperatorError(
            f"{field}: at most {_MOST_PATTERNS} patterns; wider ones, such as openai/*, are fewer."
        )
    for pattern in allow:
        if not pattern or len(pattern) > _MOST_MODEL or not _is_one_word(pattern):
            raise OperatorError(
                f"{field}: {pattern[:_MOST_MODEL]!r} is not a pattern of 1 to {_MOST_MODEL} characters, "
                "such as openai/*."
            )
    return allow


def checked_cap(nano: int | None, field: str = "spend cap") -> int | None:
    """A spend cap in nano-USD: zero or more, and no more than the books hold; None for none."""
    if nano is not None and not 0 <= nano <= MAX_NANO:
        raise OperatorError(f"{field}: an amount from 0 to 9.2 billion USD.")
    return nano


def checked_rate(limit: int | None, field: str) -> int | None:
    """A rate limit: at least 1; None for none."""
    if limit is not None and not 1 <= limit <= _MOST_RATE:
        raise OperatorError(f"{field}: a whole number from 1 to 1,000,000,000,000.")
    return limit


def checked_expiry(moment_ms: int | None, now_ms: int, field: str = "expires") -> int | None:
    """A moment in the future, in milliseconds since 1970; None for never."""
    if moment_ms is not None and moment_ms <= now_ms:
        raise OperatorError(f"{field}: not in the future; revoke the key to end it now.")
    if moment_ms is not None and moment_ms > LAST_MS:
        raise OperatorError(f"{field}: after the year 9999 (UTC); choose an earlier moment.")
    return moment_ms


def checked_secret(text: str, row: Provider) -> str:
    """A provider's secret as a header can carry it, or a service account's key; it stands in no error."""
    text, provider = text.strip(), row.name
    if text and row.auth is Auth.SERVICE_ACCOUNT:
        return checked_key(text)
    if not text:
        raise OperatorError(f"The key for {provider} is empty; paste the key that {provider} gave you.")
    if len(text) > _MOST_SECRET or not text.isascii() or not _is_one_word(text):
        raise OperatorError(
            f"The key for {provider} is not one word of at most {_MOST_SECRET} plain characters; "
            "paste it again."
        )
    return text


def checked_rates(rates: Rates, field: str = "price") -> Rates:
    """Prices in pico-USD per token, none below zero or above one USD."""
    amounts = (rates.input, rates.cache_read, rates.cache_write, rates.cache_write_long, rates.output)
    if not all(0 <= amount <= _MOST_PICO for amount in amounts):
        raise OperatorError(f"{field}: from 0 to 1,000,000 USD per million tokens.")
    return rates


def _is_one_word(text: str) -> bool:
    return text.isprintable() and not any(character.isspace() for character in text)
