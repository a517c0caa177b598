"""Suggestions: models of the workspace that are good to begin with, for what is shown to copy."""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum, auto
from fnmatch import fnmatchcase

from msgspec import Struct

from zai_gateway.accounts.caller import WorkspaceView
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.catalogue.model import Rates
from zai_gateway.console.visit import Visit
from zai_gateway.providers.own_machines import DEMO
from zai_gateway.relay.models import Offer, offers_of

NOTHING = "provider/model"
"""Stands where a model would, while the workspace has none."""
_YEAR_SECONDS = 365 * 86_400
_DEAREST = 20_000_000
"""Pico-USD for a token of output: 20 USD per million, above which nobody is led unasked."""
_NO_ASSISTANT = re.compile(r"guard|safety|moderation")
"""Ids of models that judge texts, and hold no conversation."""
_NEWER_GPT = re.compile(r"gpt-[5-9]|(^|/)o[1-9]")
"""Names at which some tools leave chat completions for OpenAI's Responses API."""


class _Standing(IntEnum):
    """How likely it is that a provider answers, the likeliest first."""

    ANSWERED = auto()
    UNTESTED = auto()
    DEMO = auto()
    REFUSED = auto()


class Suggestion(Struct, frozen=True, kw_only=True):
    """A model to begin with."""

    name: str
    """As a request calls it."""
    context_window: int | None = None
    """Tokens; None where unknown, here and below."""
    max_output: int | None = None
    images: bool = False
    demo: bool = False


class Suggestions(Struct, frozen=True, kw_only=True):
    """What to begin with."""

    first: Suggestion
    """For a first request: a cheap one."""
    able: Suggestion
    """For editors and agents: the newest that calls tools."""
    claude: Suggestion
    """For Claude Code: the newest Claude, else the same as `able`."""
    plain: Suggestion
    """For Cursor: `able`; in the place of a GPT-5 or newer the newest of another name, where there is one."""


def suggestions(visit: Visit, allow: Sequence[str] = ()) -> Suggestions:
    """Of the models that a key with this allowlist may call. Raises Failure or StoreUnavailable."""
    services = visit.services
    view = services.accounts.models.view(visit.actor, visit.workspace)
    offers = offers_of(view, services.shelf.catalogue, services.listings())
    return suggested(view, offers, services.clock.now_ms() // 1_000, allow)


def suggested(
    view: WorkspaceView, offers: Iterable[Offer], now: int, allow: Sequence[str] = ()
) -> Suggestions:
    """The same among `offers`; `now` is in seconds since 1970."""
    may = [each for each in offers if not allow or any(fnmatchcase(each.model.name, one) for one in allow)]
    may = [each for each in may if not _NO_ASSISTANT.search(each.model.id.lower())] or may
    ranks = _ranks(view.provider_keys)
    best = _of_best_provider(may, ranks)
    fit = _fit(best, view, now)
    cheap = min(fit, key=lambda pair: _dearness(*pair, fit), default=None)
    able = _newest([(rates.output, each) for rates, each in fit if rates.output <= _DEAREST])
    answering = [each for each in may if _may_answer(each, ranks)]
    claude = _newest([(0, each) for each in answering if _is_claude(each)])
    first = _told(cheap[1] if cheap else best[0] if best else None)
    able_one = _told(able) if able else first
    plain = None
    if is_newer_gpt(able_one.name):
        others = [each for each in answering if each.model.provider != DEMO.name]
        others = [each for each in others if not is_newer_gpt(each.model.name)]
        named = _fit(others, view, now)
        plain = _newest([(rates.output, each) for rates, each in named if rates.output <= _DEAREST])
    return Suggestions(
        first=first,
        able=able_one,
        claude=_told(claude) if claude else able_one,
        plain=_told(plain) if plain else able_one,
    )


def is_newer_gpt(name: str) -> bool:
    """Whether some tools send a model of this name what only OpenAI's Responses API takes."""
    return _NEWER_GPT.search(name) is not None


def _fit(offers: Sequence[Offer], view: WorkspaceView, now: int) -> list[tuple[Rates, Offer]]:
    """Those with a price, those that call tools where any does; free ones where there are no others.

    A vendor's free offers are trials: few requests a minute, or for whoever lets it learn from them.
    """
    priced = [(rates, each) for each in offers if (rates := _rates(each, view, now)) is not None]
    paid = [(rates, each) for rates, each in priced if rates.output and not each.model.id.endswith(":free")]
    among = paid or priced
    return [(rates, each) for rates, each in among if each.model.tools] or among


def _of_best_provider(offers: Sequence[Offer], ranks: Mapping[str, tuple[_Standing, int]]) -> list[Offer]:
    best = min((each.model.provider for each in offers), key=lambda name: ranks[name], default=None)
    return [each for each in offers if each.model.provider == best]


def _ranks(keys: Sequence[ProviderKey]) -> dict[str, tuple[_Standing, int]]:
    """Of each provider its best key's."""
    ranked = sorted(((_standing(key), key.position), key.provider) for key in keys)
    return {provider: rank for rank, provider in reversed(ranked)}


def _standing(key: ProviderKey) -> _Standing:
    if key.provider == DEMO.name:
        return _Standing.DEMO
    if key.health is None:
        return _Standing.UNTESTED
    return _Standing.ANSWERED if key.health.ok else _Standing.REFUSED


def _rates(offer: Offer, view: WorkspaceView, now: int) -> Rates | None:
    own = view.prices.get(offer.model.name)
    if own is not None:
        return own.rates
    price = offer.model.price_at(now)
    return None if price is None or offer.model.unbounded else price.tiers["standard"].base


def _dearness(rates: Rates, offer: Offer, among: Sequence[tuple[Rates, Offer]]) -> tuple[bool, int, int]:
    return _is_old(offer, among), rates.output, len(offer.model.id)


def _is_old(offer: Offer, among: Sequence[tuple[Rates, Offer]]) -> bool:
    """Whether it came more than a year before the newest."""
    return offer.created + _YEAR_SECONDS < max(each.created for _, each in among)


def _newest(among: Sequence[tuple[int, Offer]]) -> Offer | None:
    """Of several that came on one day the dearest, under its shortest name."""
    found = max(among, key=lambda pair: (pair[1].created, pair[0], -len(pair[1].model.id)), default=None)
    return None if found is None else found[1]


def _may_answer(offer: Offer, ranks: Mapping[str, tuple[_Standing, int]]) -> bool:
    return ranks[offer.model.provider][0] is not _Standing.REFUSED


def _is_claude(offer: Offer) -> bool:
    return "claude" in offer.model.id and "haiku" not in offer.model.id


def _told(offer: Offer | None) -> Suggestion:
    if offer is None:
        return Suggestion(name=NOTHING)
    return Suggestion(
        name=offer.model.name,
        context_window=offer.context_window,
        max_output=offer.max_output,
        images="image" in (offer.inputs or ()),
        demo=offer.model.provider == DEMO.name,
    )
