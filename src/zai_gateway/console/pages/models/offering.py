"""What a workspace can call: every model of its providers, with its price and what it can do."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.accounts.caller import WorkspaceView
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.model import Kind, Model, Price, Rates
from zai_gateway.console.visit import Visit
from zai_gateway.money import PICO_PER_NANO
from zai_gateway.relay.models import Offer, offers_of

NANO_PER_MILLION = 1_000_000 // PICO_PER_NANO
"""Nano-USD that a million tokens cost at 1 pico-USD each."""
STANDARD = "standard"
_SEEN = {"image": "images", "pdf": "PDFs", "audio": "sound", "video": "video"}


class Entry(Struct, frozen=True, kw_only=True):
    """A model as a row of a table."""

    name: str
    """The canonical `provider/model id`."""
    others: tuple[str, ...]
    """By which it can be called too."""
    rates: Rates | None
    """In pico-USD per token; None: nobody published a price."""
    is_own: bool
    """Whether the price is the workspace's own."""
    dearer: str
    """What the rates do not say, such as that long prompts cost more; empty where they say all."""
    context_window: int | None
    max_output: int | None
    abilities: tuple[str, ...]


class Offering:
    """The models of one workspace, now."""

    def __init__(self, visit: Visit) -> None:
        services = visit.services
        self.view: WorkspaceView = services.accounts.models.view(visit.actor, visit.workspace)
        self.catalogue: Catalogue = services.shelf.catalogue
        self._listings = services.listings()
        self._now = services.clock.now_ms() // 1_000

    def offers(self, provider: str = "", kind: str = "") -> Iterator[Offer]:
        """Those of one provider, or of all; `kind` is `chat`, `embedding`, `unpriced`, `own`, or empty."""
        keys = tuple(key for key in self.view.provider_keys if provider in ("", key.provider))
        view = replace(self.view, provider_keys=keys)
        for each in (Kind.CHAT, Kind.EMBEDDING):
            if kind not in ("unpriced", "own", "", each.value):
                continue
            for offer in offers_of(view, self.catalogue, self._listings, each):
                if self._is_of(offer, kind):
                    yield offer

    @property
    def providers(self) -> list[str]:
        """Prefixes of models, each once."""
        return sorted({key.provider for key in self.view.provider_keys})

    def canonical(self, name: str) -> str:
        """The name by which prices are kept: that of the catalogue where it knows `name` as another's."""
        prefix, slash, id = name.partition("/")
        return self.catalogue.model(prefix, id).name if slash and id else name

    def price(self, model: Model) -> Price | None:
        """The one of the catalogue that is in force."""
        return model.price_at(self._now)

    def entry(self, offer: Offer) -> Entry:
        """The row of an offer."""
        model = offer.model
        own, price = self.view.prices.get(model.name), self.price(model)
        rates = own.rates if own else price.tiers[STANDARD].base if price else None
        return Entry(
            name=model.name,
            others=tuple(f"{model.provider}/{id}" for id in offer.ids if id != model.id),
            rates=rates,
            is_own=own is not None,
            dearer=_dearer(price) if own is None and price else "",
            context_window=offer.context_window,
            max_output=offer.max_output,
            abilities=tuple(abilities(model, offer.inputs or ())),
        )

    def _is_of(self, offer: Offer, kind: str) -> bool:
        if kind == "own":
            return offer.model.name in self.view.prices
        if kind == "unpriced":
            return offer.model.name not in self.view.prices and self.price(offer.model) is None
        return True


def abilities(model: Model, inputs: tuple[str, ...]) -> Iterator[str]:
    """What it can do beside answering text with text, as far as that is known."""
    if model.kind is Kind.EMBEDDING:
        yield "embeddings"
    if model.reasoning:
        yield "reasoning"
    if model.tools:
        yield "tools"
    if model.native_schema:
        yield "schemas"
    yield from (word for kind, word in _SEEN.items() if kind in inputs)


def _dearer(price: Price) -> str:
    steps, fees = price.tiers[STANDARD].steps, price.fees
    said = [f"prompts over {steps[0].over:,} tokens cost more"] if steps else []
    if fees.request or fees.request_most:
        said.append("a fee for each request")
    if fees.search:
        said.append("a fee for each search")
    if fees.image:
        said.append("a fee for each image")
    return "; ".join(said)
