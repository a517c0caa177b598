"""Changes of the audit as a person reads them: fields by their names, money in USD, people instead of ids."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from msgspec import Struct

from zai_gateway.accounts.audit_record import AuditRecord, Change
from zai_gateway.money import usd

_MONEY = frozenset({"cap", "limit", "unbounded_allowance", "cost", "risk"})
_MEMBERS = frozenset({"member", "owner", "made_by"})
UNSAID = frozenset({"budget", "owner_kind", "kind", "person", "seen_ms"})
"""What tells a person nothing: ids of the books, and what the sentence says already."""
_SAID = _MEMBERS | {"name", "model"}
"""Said once only where the sentence says it."""
_USUAL: Mapping[str, Any] = {"private": False, "near_cap": "clamp", "position": 0, "strategy": "ordered"}
"""What new things have unless somebody wants it otherwise."""
_WORDS: Mapping[str, str] = {
    "ordered": "as listed",
    "weighted": "by weight",
    "clamp": "shorten answers",
    "refuse": "refuse",
    "total": "in all",
    "daily": "a day",
    "weekly": "a week",
    "monthly": "a month",
}
_PICO_PER_USD_OF_A_MILLION = 1_000_000

FIELDS: Mapping[str, str] = {
    "address": "Address",
    "after": "After",
    "allow": "Models",
    "base_url": "Address",
    "cache_read": "Cache reads",
    "cache_write": "Cache writes",
    "cache_write_long": "Cache writes, long",
    "cap": "Spend cap",
    "concurrency": "Requests at once",
    "cost": "Cost",
    "disabled_ms": "Disabled",
    "disabled_why": "Disabled because",
    "email": "E-mail",
    "expires_ms": "Expires",
    "fallback": "Fallback",
    "health": "Test",
    "imported_ms": "Imported",
    "input": "Input",
    "limit": "Limit",
    "made_by": "Made by",
    "member": "Member",
    "model": "Model",
    "name": "Name",
    "near_cap": "Near the limit",
    "output": "Output",
    "owner": "Of",
    "password_ms": "Password set",
    "period": "Over",
    "position": "Place in the order",
    "predecessors": "Earlier secrets",
    "prefix": "Begins with",
    "private": "May be a private address",
    "provider": "Provider",
    "rates": "Price of a million tokens",
    "removed_ms": "Removed",
    "revoked_ms": "Revoked",
    "risk": "Unconfirmed",
    "role": "Role",
    "rpm": "Requests a minute",
    "scopes": "Scopes",
    "secret": "Secret",
    "session": "Session",
    "sessions": "Sessions",
    "slug": "Slug",
    "state": "State",
    "strategy": "Order",
    "tags": "Tags",
    "targets": "Stands for",
    "tpm": "Tokens a minute",
    "unbounded_allowance": "Allowance without a bound",
    "used_ms": "Used",
    "version": "Version",
}


class Part(Struct, frozen=True):
    """A value, for the eye: words, or a moment that the page tells in the reader's zone."""

    text: str = ""
    moment_ms: int | None = None
    exact: str = ""
    """The amount to the last digit."""

    @property
    def none(self) -> bool:
        """Whether there is no value at all."""
        return self.moment_ms is None and not self.text


class Line(Struct, frozen=True, kw_only=True):
    """One field before and after."""

    label: str
    before: Part
    after: Part


Names = Mapping[str, str]
"""What members are called, by id."""


def lines(record: AuditRecord, names: Names) -> tuple[Line, ...]:
    """What changed, without what tells a person nothing, and without fields that were and are empty."""
    said = (record.object_id, record.object_name, record.actor_id)
    told = (
        _line(field, change, names)
        for field, change in sorted(record.changes.items(), key=_place)
        if change.before is not None or change.after not in said or field not in _SAID
    )
    return tuple(line for line in told if line is not None)


def _place(item: tuple[str, Change]) -> tuple[int, str]:
    return (0 if item[0] == "name" else 1, FIELDS.get(item[0], item[0]))


def _line(field: str, change: Change, names: Names) -> Line | None:
    usual = change.before is None and field in _USUAL and change.after == _USUAL[field]
    if field in UNSAID or usual:
        return None
    before, after = (_part(field, value, names) for value in (change.before, change.after))
    if before.none and after.none:
        return None
    return Line(label=FIELDS.get(field, _plain(field)), before=before, after=after)


def _part(field: str, value: Any, names: Names) -> Part:
    if value is None or value in ([], {}, ""):
        return Part()
    if field.endswith("_ms") and isinstance(value, int):
        return Part(moment_ms=value)
    if field in _MONEY and isinstance(value, int):
        return Part(text=f"{usd(value)} USD")
    if field in _MEMBERS and isinstance(value, str):
        return Part(text=names.get(value, value))
    told = _TOLD.get(field)
    return Part(text=told(value) if told is not None else _text(value))


def _text(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:,}"
        case str():
            return _WORDS.get(value, value)
        case list() | tuple():
            return ", ".join(_text(each) for each in cast(Sequence[Any], value))
        case dict():
            parts = cast(Mapping[str, Any], value)
            said = (
                f"{FIELDS.get(name, _plain(name))}: {_text(each)}" for name, each in parts.items() if each
            )
            return "; ".join(said)
        case _:
            return str(value)


def _plain(field: str) -> str:
    words = field.removesuffix("_ms").replace("_", " ")
    return words[:1].upper() + words[1:]


def _rates(value: Any) -> str:
    """Pico-USD per token, as USD per million tokens."""
    if not isinstance(value, dict):
        return _text(value)
    rates = cast(Mapping[str, Any], value)
    return ", ".join(
        f"{FIELDS.get(name, _plain(name)).lower()} {_of_a_million(rate)}" for name, rate in rates.items()
    )


def _of_a_million(rate: Any) -> str:
    if not isinstance(rate, int):
        return _text(rate)
    whole, rest = divmod(rate, _PICO_PER_USD_OF_A_MILLION)
    return f"${whole:,}.{f'{rest:06d}'.rstrip('0'):0<2}"


def _health(value: Any) -> str:
    if not isinstance(value, dict):
        return _text(value)
    health = cast(Mapping[str, Any], value)
    said = str(health.get("said") or "")
    return f"{'passed' if health.get('ok') else 'failed'}{f': {said}' if said else ''}"


def _predecessors(value: Any) -> str:
    if not isinstance(value, list | tuple):
        return _text(value)
    every = cast(Sequence[Any], value)
    prefixes = [cast(Mapping[str, Any], each).get("prefix", "") for each in every if isinstance(each, dict)]
    return ", ".join(f"{prefix}…" for prefix in prefixes)


def _targets(value: Any) -> str:
    if not isinstance(value, list | tuple):
        return _text(value)
    models = [cast(Mapping[str, Any], each).get("model") for each in cast(Sequence[Any], value)]
    return ", ".join(str(model) for model in models)


_TOLD: Mapping[str, Callable[[Any], str]] = {
    "rates": _rates,
    "health": _health,
    "predecessors": _predecessors,
    "targets": _targets,
    "position": lambda value: _text(value + 1 if isinstance(value, int) else value),
}
