"""The form of a key's terms: what it shows, and what was meant by what came back."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import UNSET, Struct, UnsetType

from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.authorization import Deed, allowed
from zai_gateway.accounts.expiry import expiry_ms
from zai_gateway.accounts.key_limits import KeySight
from zai_gateway.accounts.records import BudgetPeriod, NearCap
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.console.forms import Form, Problems, number_typed
from zai_gateway.console.pages.keys.finding import NOBODYS
from zai_gateway.console.pages.keys.models import Models
from zai_gateway.errors import OperatorError
from zai_gateway.money import nano_from_usd, usd

Read = TypeVar("Read")

FIELDS = {
    "name": "name",
    "spend cap": "cap",
    "limit": "cap",
    "allow": "patterns",
    "fallback": "fallback",
    "expires": "expires",
    "tags": "tags",
    "unbounded allowance": "allowance",
    "rpm": "rpm",
    "tpm": "tpm",
    "concurrency": "concurrency",
}
"""The form's field for each word with which the services' refusals begin."""
LIMITED = {
    BudgetPeriod.DAILY: "daily",
    BudgetPeriod.WEEKLY: "weekly",
    BudgetPeriod.MONTHLY: "monthly",
}
_RATES = ("rpm", "tpm", "concurrency")
_MOST_DIGITS = 16
KEPT = "keep"
ON_A_DAY = "day"
EXPIRIES = (
    ("", "Never"),
    ("7d", "In 7 days"),
    ("30d", "In 30 days"),
    ("90d", "In 90 days"),
    ("365d", "In a year"),
    (ON_A_DAY, "After a day that I choose"),
)


class Shown(Struct, frozen=True, kw_only=True):
    """What the fields have in them, as text."""

    name: str = ""
    cap: str = ""
    period: str = BudgetPeriod.TOTAL.value
    daily: str = ""
    weekly: str = ""
    monthly: str = ""
    models: str = "all"
    """`all`, or `some`: those of `allow` and `patterns`."""
    allow: frozenset[str] = frozenset()
    patterns: str = ""
    fallback: str = ""
    expires: str = ""
    expires_on: str = ""
    rpm: str = ""
    tpm: str = ""
    concurrency: str = ""
    tags: str = ""
    near_cap: str = NearCap.CLAMP.value
    member: str = NOBODYS
    allowance: str = ""

    @property
    def has_more(self) -> bool:
        """Whether any of what is seldom set is."""
        seldom = (*(self.rpm, self.tpm, self.concurrency, self.tags, self.allowance),)
        return any(seldom) or self.near_cap != NearCap.CLAMP.value or self.member != NOBODYS


class May(Struct, frozen=True, kw_only=True):
    """Which terms the visitor may set."""

    limits: bool
    """By day, week and month."""
    member: bool
    allowance: bool

    @classmethod
    def of(cls, actor: Actor, deed: Deed) -> "May":
        """`deed` is what is being done to the key."""
        return cls(
            limits=allowed(actor, Deed.BUDGET_SET),
            member=allowed(actor, deed),
            allowance=allowed(actor, Deed.ALLOWANCE_CHANGE),
        )


def shown_of_form(form: Form) -> Shown:
    """What was typed, to be shown again."""
    texts = {name: form.text(name) for name in Shown.__struct_fields__ if name != "allow"}
    return Shown(**texts, allow=frozenset(form.all("allow")))


def shown_of_key(sight: KeySight, models: Models) -> Shown:
    """What stands, to be changed."""
    key = sight.key
    listed = frozenset(key.allow) & frozenset(models)
    return Shown(
        name=key.name,
        cap=_amount(key.cap),
        daily=_amount(sight.limits.get(BudgetPeriod.DAILY)),
        weekly=_amount(sight.limits.get(BudgetPeriod.WEEKLY)),
        monthly=_amount(sight.limits.get(BudgetPeriod.MONTHLY)),
        models="some" if key.allow else "all",
        allow=listed,
        patterns="\n".join(pattern for pattern in key.allow if pattern not in listed),
        fallback=key.fallback or "",
        expires="" if key.expires_ms is None else KEPT,
        rpm=_number(key.rpm),
        tpm=_number(key.tpm),
        concurrency=_number(key.concurrency),
        tags=" ".join(key.tags),
        near_cap=key.near_cap.value,
        member=key.member or NOBODYS,
        allowance=_amount(key.unbounded_allowance),
    )


class Reading:
    """Reads a form's terms, and collects what is wrong with them."""

    def __init__(self, form: Form, may: May, now_ms: int) -> None:
        self._form = form
        self._may = may
        self._now_ms = now_ms
        self.problems = Problems()

    def new_key(self) -> KeyChanges:
        """The terms of a key that is to be, with one limit over the period that was chosen."""
        amount = self._amount("cap", "spend cap")
        period = BudgetPeriod.TOTAL
        if self._may.limits:
            period = self._chosen("period", "period", BudgetPeriod) or period
        total = period is BudgetPeriod.TOTAL
        limits = {} if total or amount is None else {period: amount}
        return self._terms(amount if total else None, limits)

    def changes(self) -> KeyChanges:
        """The terms that a key is to have from now on."""
        limits = (
            {period: self._amount(name, "limit") for period, name in LIMITED.items()}
            if self._may.limits
            else {}
        )
        return self._terms(self._amount("cap", "spend cap"), limits)

    def _terms(self, cap: int | None, limits: Mapping[BudgetPeriod, int | None]) -> KeyChanges:
        form, may = self._form, self._may
        rates = {name: self._whole(name) for name in _RATES}
        return KeyChanges(
            name=form.text("name"),
            cap=cap,
            limits=limits,
            allow=self._allow(),
            fallback=form.text("fallback") or None,
            expires_ms=self._expires(),
            tags=tuple(form.text("tags").replace(",", " ").split()),
            near_cap=self._chosen("near_cap", "near the cap", NearCap) or NearCap.CLAMP,
            member=self._member() if may.member else UNSET,
            unbounded_allowance=self._allowance() if may.allowance else UNSET,
            **rates,
        )

    def _allow(self) -> tuple[str, ...]:
        if self._form.text("models") != "some":
            return ()
        allow = (*self._form.all("allow"), *self._form.text("patterns").replace(",", " ").split())
        if not allow:
            # An empty allowlist would allow every model.
            self.problems["patterns"] = "Choose a model at least, or allow every model."
        return allow

    def _member(self) -> str | None:
        member = self._form.text("member")
        return None if member in ("", NOBODYS) else member

    def _allowance(self) -> int | None:
        return self._amount("allowance", "unbounded allowance")

    def _expires(self) -> int | UnsetType | None:
        wanted = self._form.text("expires")
        if wanted == KEPT:
            return UNSET
        if wanted == ON_A_DAY:
            # To the end of that day: a date means its first moment.
            return self._tried(
                "expires", lambda: _day_after(expiry_ms(self._form.text("expires_on"), 0, "expires"))
            )
        return self._tried("expires", lambda: expiry_ms(wanted, self._now_ms, "expires")) if wanted else None

    def _amount(self, name: str, field: str) -> int | None:
        text = number_typed(self._form.text(name))
        if not text:
            return None
        return self._tried(name, lambda: nano_from_usd(text[:60], field))

    def _whole(self, name: str) -> int | None:
        text = number_typed(self._form.text(name))
        if not text:
            return None
        if not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS:
            self.problems[name] = "A whole number belongs here, such as 60; or nothing for no limit."
            return None
        return int(text)

    def _chosen(self, name: str, what: str, among: Callable[[str], Read]) -> Read | None:
        text = self._form.text(name)
        if not text:
            return None
        try:
            return among(text)
        except ValueError:
            self.problems[name] = f"Choose one of the list for {what}."
            return None

    def _tried(self, name: str, read: Callable[[], Read]) -> Read | None:
        """What `read` gives; None, and the problem noted, where it cannot be."""
        try:
            return read()
        except OperatorError as trouble:
            said = str(trouble).partition(": ")[2] or str(trouble)
            self.problems[name] = said[:1].upper() + said[1:]
            return None


def _day_after(moment_ms: int) -> int:
    return moment_ms + 86_400_000


def _amount(nano: int | None) -> str:
    return "" if nano is None else usd(nano)


def _number(number: int | None) -> str:
    return "" if number is None else str(number)
