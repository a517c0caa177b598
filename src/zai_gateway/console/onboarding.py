"""Onboarding: what is left to do from nothing to the first request, and what ticks itself off."""

from collections.abc import Sequence
from hashlib import sha256
from http import HTTPStatus

from msgspec import Struct

from zai_gateway.accounts.api_keys import status
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.records import ApiKey, ProviderKey
from zai_gateway.accounts.usage_books import DAY_MS, Dimension, LedgerLine, Span, UsageQuery
from zai_gateway.console.pages.providers.standing import standing
from zai_gateway.console.visit import Visit
from zai_gateway.providers.own_machines import DEMO

_FOR_DEMO_ONLY = (f"{DEMO.name}/*",)
_DAYS = 390
_LINES = 50
"""Of the ledger's newest, in which an answered one is sought. Who has that many is past the beginning."""


class Broken(Struct, frozen=True, kw_only=True):
    """A provider key that no request gets an answer with, as it stands."""

    id: str
    name: str
    why: str


class Progress(Struct, frozen=True, kw_only=True):
    """How far the workspace is, as the visitor may know it."""

    shows_providers: bool
    """Whether the visitor may know of provider keys: a member may not."""
    provider: ProviderKey | None
    """The one that speaks for the others: one that answered, else one that was tried, else any."""
    key: ApiKey | None
    """A valid one for more than the demo."""
    request: LedgerLine | None
    """The newest of all."""
    answered: LedgerLine | None
    """The newest that did not fail."""
    is_past: bool
    """Whether a provider answered once: what breaks or ends later is no beginning again."""
    broken: tuple[Broken, ...]
    """Provider keys to look after, once the beginning is past."""

    @property
    def tested(self) -> bool:
        """Whether a provider took its key."""
        return self.provider is not None and self.provider.health is not None and self.provider.health.ok

    @property
    def by_demo(self) -> bool:
        """Whether it was the demo that answered."""
        return self.answered is not None and self.answered.provider == DEMO.name

    @property
    def steps(self) -> tuple[bool, ...]:
        """Which of the steps that the visitor sees are done."""
        of_all = (self.key is not None, self.answered is not None)
        return (self.provider is not None, self.tested, *of_all) if self.shows_providers else of_all

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do, or all of it was done once."""
        return self.is_past or all(self.steps)

    @property
    def mark(self) -> str:
        """Another one whenever the page looks different."""
        health = None if self.provider is None else self.provider.health
        seen = (
            *self.steps,
            None if self.provider is None else self.provider.id,
            None if health is None else health.at_ms,
            None if self.request is None else self.request.cursor,
        )
        return sha256(repr(seen).encode()).hexdigest()[:16]


def progress(visit: Visit, keys: Sequence[ApiKey]) -> Progress:
    """Of the visitor's workspace with these API keys. Raises Failure or StoreUnavailable."""
    accounts, actor, workspace = visit.services.accounts, visit.actor, visit.workspace
    now = visit.services.clock.now_ms()
    shows_providers = visit.may(Deed.PROVIDER_KEY_LIST)
    providers = accounts.provider_keys.list(actor, workspace) if shows_providers else ()
    own = sorted((each for each in providers if each.provider != DEMO.name), key=_forwardness)
    query = UsageQuery(since_ms=max(0, now - _DAYS * DAY_MS), until_ms=now + DAY_MS)
    newest = accounts.usage.recent(actor, workspace, query, most=_LINES)
    past_it = newest[0] if len(newest) == _LINES else None
    is_past = any(_is_answered(each) and each.provider != DEMO.name for each in newest)
    if past_it is not None and not is_past:
        is_past = _ever_answered(visit, query)
    return Progress(
        shows_providers=shows_providers,
        provider=own[0] if own else None,
        key=next((each for each in keys if _counts(each, now)), None),
        request=newest[0] if newest else None,
        answered=next((each for each in newest if _is_answered(each)), past_it),
        is_past=is_past,
        broken=_broken(visit, own) if is_past else (),
    )


def _ever_answered(visit: Visit, query: UsageQuery) -> bool:
    """Whether any provider but the demo did."""
    by, span = Dimension.PROVIDER, Span.DAY
    slices = visit.services.accounts.usage.timeline(visit.actor, visit.workspace, query, by=by, span=span)
    return any(each.id != DEMO.name and each.sums.requests > each.sums.errors for each in slices)


def _broken(visit: Visit, keys: Sequence[ProviderKey]) -> tuple[Broken, ...]:
    readable = visit.services.accounts.provider_keys.readable
    stand = [(key, standing(key, readable=readable(key))) for key in keys]
    return tuple(Broken(id=key.id, name=key.name, why=how.why) for key, how in stand if how.kind == "bad")


def _is_answered(line: LedgerLine) -> bool:
    return line.failure is None and 0 < line.status < HTTPStatus.BAD_REQUEST


def _forwardness(key: ProviderKey) -> int:
    return 2 if key.health is None else 0 if key.health.ok else 1


def _counts(key: ApiKey, now_ms: int) -> bool:
    return key.allow != _FOR_DEMO_ONLY and status(key, now_ms) == "active"
