"""Every model that a workspace can call, searched, filtered and paged."""

from itertools import islice

from starlette.responses import Response

from zai_gateway.console.pages.models.offering import Offering
from zai_gateway.console.visit import Visit
from zai_gateway.relay.models import Offer

_PAGE = 50
_SUGGESTED = 30
_KINDS = (
    ("", "All models"),
    ("chat", "Chat"),
    ("embedding", "Embeddings"),
    ("unpriced", "Without a price"),
    ("own", "With a price of our own"),
)


def models(visit: Visit) -> Response:
    """The table."""
    offering = Offering(visit)
    search, provider, kind = visit.query("search"), visit.query("provider"), visit.query("kind")
    found = sorted(
        (offer for offer in offering.offers(provider, kind) if _matches(offer, search)),
        key=lambda offer: offer.model.name,
    )
    pages = max(-(-len(found) // _PAGE), 1)
    asked = visit.query("page")
    page = min(max(int(asked), 1), pages) if asked.isdecimal() and len(asked) < len("1000000") else 1
    begin = (page - 1) * _PAGE
    providers = offering.providers
    return visit.render(
        "models/list.html" if visit.is_partial else "models/every.html",
        entries=[offering.entry(offer) for offer in found[begin : begin + _PAGE]],
        begin=begin,
        total=len(found),
        page=page,
        pages=pages,
        search=search,
        provider=provider,
        kind=kind,
        providers=providers if not provider or provider in providers else sorted([*providers, provider]),
        kinds=_KINDS,
        counts=counts(offering),
    )


def suggestions(visit: Visit) -> Response:
    """Names that begin or go on as what was typed, for a box that suggests them."""
    search = next(iter(visit.request.query_params.values()), "")[:200]
    offering = Offering(visit)
    names = (offer.model.name for offer in offering.offers() if _matches(offer, search))
    return visit.render("models/suggestions.html", names=list(islice(names, _SUGGESTED)))


def counts(offering: Offering) -> dict[str, int]:
    """How many names and prices of its own the workspace has, for the tabs."""
    return {"names": len(offering.view.virtual_models), "prices": len(offering.view.prices)}


def _matches(offer: Offer, search: str) -> bool:
    words = search.lower().split()
    names = [f"{offer.model.provider}/{id}".lower() for id in offer.ids] if words else []
    return not words or any(all(word in name for word in words) for name in names)
