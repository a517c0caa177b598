"""What a page of usage is asked for, as its URL says it: a time, filters, and how it is taken apart."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct, field

from zai_gateway.accounts.usage_books import Dimension, Span, UsageQuery
from zai_gateway.console.forms import Problems
from zai_gateway.console.pages.usage.times import OWN, TIMES, USUAL, Time, time_between, time_of
from zai_gateway.console.visit import Visit

_ID = re.compile(r"\w{1,100}", re.ASCII)
_MOST_TEXT = 500
_APART = {each.value: each for each in Dimension}


class Asked(Struct, frozen=True, kw_only=True):
    """Empty filters take nothing away."""

    name: str
    """Of `TIMES`."""
    time: Time
    key: str = ""
    """An API key's id."""
    model: str = ""
    provider: str = ""
    by: Dimension = Dimension.MODEL
    """By what spending is taken apart."""
    told_by: str = ""
    """The span that is asked for; empty for the usual one."""
    problems: Problems = field(default_factory=Problems)

    @property
    def narrow(self) -> bool:
        """Whether there may be more than what is shown."""
        return bool(self.key or self.model or self.provider)

    @property
    def span(self) -> Span:
        """What its charts are told by."""
        usual = self.time.spans[0]
        return next((each for each in self.time.spans if each.value == self.told_by), usual)

    @property
    def books(self) -> UsageQuery:
        """As the books are asked."""
        return UsageQuery(
            since_ms=self.time.since_ms,
            until_ms=self.time.until_ms,
            keys=(self.key,) if self.key else None,
            model=self.model or None,
            provider=self.provider or None,
        )

    @property
    def said(self) -> Mapping[str, str]:
        """As a URL has it, without what goes without saying."""
        days = {"from": self.time.first_day, "to": self.time.last_day} if self.name == OWN else {}
        every = {
            "range": "" if self.name == USUAL else self.name,
            **days,
            "key": self.key,
            "model": self.model,
            "provider": self.provider,
            "by": "" if self.by is Dimension.MODEL else self.by.value,
            "span": "" if self.span is self.time.spans[0] else self.span.value,
        }
        return {name: value for name, value in every.items() if value}

    def query(self, **other: Any) -> str:
        """The query of a URL that asks for the same but what is `other`."""
        said = {name: value for name, value in {**self.said, **other}.items() if value}
        return f"?{urlencode(said)}" if said else "?"


def asked_of(visit: Visit) -> Asked:
    """What the URL of the visit says, as far as it makes sense."""
    now, problems = visit.services.clock.now_ms(), Problems()
    name, key, by = visit.query("range"), visit.query("key"), visit.query("by")
    name = name if name in dict(TIMES) else USUAL
    first, last = visit.query("from"), visit.query("to")
    own = name == OWN and (first or last)
    time = time_between(first, last, now, problems) if own else time_of(name, now)
    return Asked(
        name=name,
        time=time,
        key=key if _ID.fullmatch(key) else "",
        model=_text(visit, "model"),
        provider=_text(visit, "provider"),
        by=_APART.get(by, Dimension.MODEL),
        told_by=visit.query("span")[:10],
        problems=problems,
    )


def choices(visit: Visit, asked: Asked, *, names: Mapping[str, str]) -> Mapping[str, Any]:
    """What the form of the filters is told; `names` are those of keys by id."""
    view = visit.services.accounts.models.view(visit.actor, visit.workspace)
    providers = {key.provider for key in view.provider_keys} | ({asked.provider} - {""})
    keys = sorted(names.items(), key=lambda pair: pair[1].lower())
    return {
        "asked": asked,
        "times": TIMES,
        "dimensions": (
            (Dimension.MODEL, "Model"),
            (Dimension.KEY, "API key"),
            (Dimension.PROVIDER, "Provider"),
        ),
        "keys": keys if not asked.key or asked.key in names else [*keys, (asked.key, "Another key")],
        "providers": sorted(providers),
        "typed": {name: visit.query(name)[:10] for name in ("from", "to")},
    }


def key_names(visit: Visit) -> Mapping[str, str]:
    """The names of the keys that the visitor may know, by id; also of revoked ones."""
    return visit.services.accounts.api_keys.names(visit.actor, visit.workspace)


def _text(visit: Visit, name: str) -> str:
    return visit.query(name)[:_MOST_TEXT].replace("\0", "")
