"""`GET /v1/models` and `/v1/models/{id}`: the models that the calling key may call, by all their names."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from msgspec import Struct
from msgspec.json import encode

from zai_gateway.accounts.caller import Caller, WorkspaceView
from zai_gateway.accounts.records import VirtualModel
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.cost import OWN_PRICE
from zai_gateway.catalogue.listings import Listings
from zai_gateway.catalogue.model import Rates
from zai_gateway.errors import Code, Failure
from zai_gateway.relay.models import Offer, allowed, callable_virtual_models, offers, offers_of

_LONGEST_COMPARED = 200
"""Characters: names are much shorter, and comparing takes time in the square of the length."""


class PriceRow(Struct, frozen=True, kw_only=True):
    """What a model costs at the standard tier, in micro-USD per million tokens."""

    input: int
    output: int
    cache_read: int
    cache_write: int


class ModelRow(Struct, frozen=True, kw_only=True):
    """A model in OpenAI's shape, and what is known of it; null where it is not."""

    id: str
    object: str = "model"
    created: int
    """Seconds since 1970; 0 where unknown."""
    owned_by: str
    context_window: int | None = None
    """Tokens."""
    max_output_tokens: int | None = None
    input_modalities: tuple[str, ...] | None = None
    output_modalities: tuple[str, ...] | None = None
    price: PriceRow | None = None
    priced_by: str | None = None
    """Where the price is known from."""


class ModelList(Struct, frozen=True, kw_only=True):
    """All of them."""

    object: str = "list"
    data: list[ModelRow]


class Shown(Struct, frozen=True, kw_only=True):
    """What models are looked up in."""

    catalogue: Catalogue
    listings: Listings
    now: int
    """Seconds since 1970: which prices are in force."""


def model_list_json(rows: list[ModelRow]) -> bytes:
    """Every model that a key may call."""
    return encode(ModelList(data=rows))


def model_json(id: str, rows: list[ModelRow], caller: Caller, shown: Shown) -> bytes:
    """The one of `rows` that `id` names: canonical, an alias, or bare where one provider only has it.

    Raises Failure: MODEL_NOT_ALLOWED where the key's allowlist lacks it, MODEL_NOT_FOUND where no provider
    of the workspace offers it.
    """
    if row := _named(id, rows):
        return encode(row)
    every = [*_rows(caller.view, offers(caller, shown.catalogue, shown.listings), shown)]
    if caller.key.allow and (_named(id, every) or id in caller.view.virtual_models):
        raise Failure(
            Code.MODEL_NOT_ALLOWED,
            f"This API key may not call {id}. It may call: {', '.join(caller.key.allow)}.",
            param="model",
        )
    raise Failure(Code.MODEL_NOT_FOUND, _unknown(id, [row.id for row in rows]), param="model")


def callable_rows(caller: Caller, shown: Shown) -> list[ModelRow]:
    """Every model that the key may call, aliases beside canonical ids, sorted by id."""
    offered = allowed(caller, offers(caller, shown.catalogue, shown.listings))
    virtual = callable_virtual_models(caller, shown.catalogue)
    rows = (*_rows(caller.view, offered, shown), *(_virtual_row(each, caller.view) for each in virtual))
    return sorted(rows, key=lambda row: row.id)


def workspace_rows(view: WorkspaceView, shown: Shown) -> list[ModelRow]:
    """Every model that a key of the workspace without an allowlist may call, likewise."""
    offered = offers_of(view, shown.catalogue, shown.listings)
    virtual = (each for each in view.virtual_models.values() if _has_provider(each, view))
    rows = (*_rows(view, offered, shown), *(_virtual_row(each, view) for each in virtual))
    return sorted(rows, key=lambda row: row.id)


def _rows(view: WorkspaceView, offered: Iterable[Offer], shown: Shown) -> Iterator[ModelRow]:
    for offer in offered:
        rates, source = _price(offer, view, shown.now)
        for id in offer.ids:
            yield ModelRow(
                id=f"{offer.model.provider}/{id}",
                created=offer.created,
                owned_by=offer.model.provider,
                context_window=offer.context_window,
                max_output_tokens=offer.max_output,
                input_modalities=offer.inputs,
                output_modalities=offer.outputs,
                price=None if rates is None else _price_row(rates),
                priced_by=source,
            )


def _virtual_row(model: VirtualModel, view: WorkspaceView) -> ModelRow:
    return ModelRow(id=model.name, created=model.created_ms // 1_000, owned_by=view.workspace.slug)


def _has_provider(model: VirtualModel, view: WorkspaceView) -> bool:
    prefixes = {key.provider for key in view.provider_keys}
    return any(target.model.partition("/")[0] in prefixes for target in model.targets)


def _price(offer: Offer, view: WorkspaceView, now: int) -> tuple[Rates | None, str | None]:
    """The rates in force for the workspace, and where they are from."""
    own = view.prices.get(offer.model.name)
    if own is not None:
        return own.rates, OWN_PRICE
    price = offer.model.price_at(now)
    return (None, None) if price is None else (price.tiers["standard"].base, price.source)


def _price_row(rates: Rates) -> PriceRow:
    # One pico-USD per token is one micro-USD per million tokens.
    return PriceRow(
        input=rates.input, output=rates.output, cache_read=rates.cache_read, cache_write=rates.cache_write
    )


def _named(id: str, rows: list[ModelRow]) -> ModelRow | None:
    exact = [row for row in rows if row.id == id]
    found = exact or [row for row in rows if row.id.partition("/")[2] == id]
    return found[0] if len(found) == 1 else None


def _unknown(id: str, names: list[str]) -> str:
    close = get_close_matches(id[:_LONGEST_COMPARED], names, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}?" if close else "GET /v1/models lists what this key may call."
    return f"There is no model {id[:_LONGEST_COMPARED]!r} here. {hint}"
