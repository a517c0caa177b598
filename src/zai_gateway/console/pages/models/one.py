"""One model: what is known of it, what it costs, and the price that the workspace sets for itself."""

from collections.abc import Iterator

from msgspec import Struct
from starlette.responses import Response

from zai_gateway.accounts.authorization import Deed, forbidden
from zai_gateway.accounts.sights import NOTHING, sight
from zai_gateway.catalogue.model import Price, Rates
from zai_gateway.console.forms import Form, Problems, number_typed, problems_of
from zai_gateway.console.pages.models.offering import NANO_PER_MILLION, STANDARD, Offering, abilities
from zai_gateway.console.visit import Visit
from zai_gateway.errors import Failure, OperatorError
from zai_gateway.money import pico_per_token, usd
from zai_gateway.relay.models import Offer

_FIELDS = {
    "model": "model",
    "provider": "model",
    "input price": "input",
    "output price": "output",
    "cached input": "cache_read",
    "cache writes": "cache_write",
    "price": "input",
}


class RatesRow(Struct, frozen=True, kw_only=True):
    """The rates of one tier, or of its long prompts."""

    title: str
    rates: Rates


def model(visit: Visit) -> Response:
    """The page, and the price that is sent with it."""
    if visit.request.method == "POST":
        return _set(visit)
    if not visit.query("model") and not visit.may(Deed.PRICE_SET):
        raise forbidden()
    return _page(visit, visit.query("model"), Problems())


def remove(visit: Visit) -> Response:
    """Takes the workspace's own price away."""
    form = visit.form
    name = form.text("model")
    try:
        visit.services.accounts.prices.remove(visit.actor, visit.workspace, name, seen=form.text("seen"))
    except OperatorError as trouble:
        return _page(visit, name, problems_of(trouble, _FIELDS))
    return visit.go(visit.path("/models/prices"), f"{name} costs again what the catalogue says.")


def _set(visit: Visit) -> Response:
    if not visit.may(Deed.PRICE_SET):
        raise forbidden()
    form = visit.form
    name = Offering(visit).canonical(form.text("model"))
    visit.again = lambda problems: _page(visit, name, problems)
    try:
        rates = _rates(form)
        # Who prices a model by its name alone has seen no price of it.
        seen = form.text("seen") if form.has("seen") else NOTHING
        visit.services.accounts.prices.set(visit.actor, visit.workspace, name, rates, seen=seen)
    except (OperatorError, Failure) as trouble:
        if isinstance(trouble, Failure):
            raise
        return _page(visit, name, problems_of(trouble, _FIELDS))
    free = " It is free, so that no cap counts it." if not rates.dearest_input and not rates.output else ""
    return visit.go(visit.path("/models/prices"), f"The price of {name} is set.{free}")


def _rates(form: Form) -> Rates:
    """The rates of the form, in pico-USD per token. Raises OperatorError."""

    def rate(name: str, field: str) -> int | None:
        given = number_typed(form.text(name))
        return pico_per_token(given, field) if given else None

    input, output = rate("input", "input price"), rate("output", "output price")
    read, write = rate("cache_read", "cached input"), rate("cache_write", "cache writes")
    if input is None:
        raise OperatorError("input price: say what a million tokens of input cost in USD; 0 for nothing.")
    if output is None:
        raise OperatorError("output price: say what a million tokens of output cost in USD; 0 for nothing.")
    written = input if write is None else write
    return Rates(
        input=input,
        cache_read=input if read is None else read,
        cache_write=written,
        cache_write_long=written,
        output=output,
    )


def _page(visit: Visit, name: str, problems: Problems) -> Response:
    offering, form = Offering(visit), visit.form
    name = offering.canonical(name)
    prefix, _, id = name.partition("/")
    known = offering.catalogue.model(prefix, id)
    offer = next((each for each in offering.offers(prefix) if each.model.name == name), None)
    own, price = offering.view.prices.get(name), offering.price(known)
    return visit.render(
        "models/one.html",
        422 if problems else 200,
        model=name,
        offer=offer,
        others=[f"{prefix}/{each}" for each in (offer.ids if offer else known.aliases) if each != known.id],
        facts=_facts(offer),
        own=own,
        rows=list(_rows(price)) if price else [],
        price=price,
        # What the form was made of, not what there is by now: else the next try would overwrite it unseen.
        seen=form.text("seen") if visit.posted else sight(own),
        given={each: form.text(each) for each in ("input", "output", "cache_read", "cache_write")}
        if form.has("input")
        else _written(own.rates if own else None),
        known=_written(price.tiers[STANDARD].base if price else None),
        problems=problems,
    )


def _facts(offer: Offer | None) -> list[tuple[str, str]]:
    if offer is None:
        return []
    facts = [("Provider", offer.model.provider)]
    if offer.context_window:
        facts.append(("Context", f"{offer.context_window:,} tokens"))
    if offer.max_output:
        facts.append(("Output limit", f"{offer.max_output:,} tokens"))
    if can := ", ".join(abilities(offer.model, offer.inputs or ())):
        facts.append(("Can do", can))
    return facts


def _rows(price: Price) -> Iterator[RatesRow]:
    """Standard first, then the tiers that cost something else."""
    standard = price.tiers[STANDARD]
    for tier in sorted(price.tiers, key=lambda each: (each != STANDARD, each)):
        tariff = price.tiers[tier]
        if tier != STANDARD and tariff == standard:
            continue
        title = tier[:1].upper() + tier[1:]
        yield RatesRow(title=title, rates=tariff.base)
        for step in tariff.steps:
            yield RatesRow(title=f"{title}, prompts over {step.over:,} tokens", rates=step.rates)


def _written(rates: Rates | None) -> dict[str, str]:
    """USD per million tokens, as the form has them."""
    if rates is None:
        return dict.fromkeys(("input", "output", "cache_read", "cache_write"), "")
    return {
        "input": usd(rates.input * NANO_PER_MILLION),
        "output": usd(rates.output * NANO_PER_MILLION),
        "cache_read": usd(rates.cache_read * NANO_PER_MILLION),
        "cache_write": usd(rates.cache_write * NANO_PER_MILLION),
    }
