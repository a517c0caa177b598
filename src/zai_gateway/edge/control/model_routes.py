"""The routes of models: those that a workspace can call, its own prices, and its own names for them."""

from typing import Annotated

from fastapi import Depends, Path
from msgspec import Meta, Struct

from zai_gateway.accounts.records import Strategy, Target
from zai_gateway.catalogue.model import Rates
from zai_gateway.documents.models import (
    PriceDocument,
    VirtualModelDocument,
    price_document,
    virtual_model_document,
)
from zai_gateway.edge.control.acting import InWorkspace
from zai_gateway.edge.control.forms import Text
from zai_gateway.edge.control.routing import Form, Routes
from zai_gateway.edge.models import ModelRow, Shown, workspace_rows

MODELS = Routes("Models")

_WS = "/workspaces/{workspace}"
ModelName = Annotated[str, Path(description="As provider/model, its slashes plain.", max_length=300)]
VirtualName = Annotated[str, Path(description="Its name.", max_length=300)]
PerMillion = Annotated[
    int, Meta(ge=0, le=10**12, description="Micro-USD per million tokens: 1,000,000 are one USD.")
]


class PriceForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model costs."""

    input_micro_usd_per_million: PerMillion
    output_micro_usd_per_million: PerMillion
    """Reasoning included."""
    cache_read_micro_usd_per_million: PerMillion | None = None
    """Null, here and below: as input."""
    cache_write_micro_usd_per_million: PerMillion | None = None

    def rates(self) -> Rates:
        """As the catalogue has them. 1 micro-USD per million tokens is 1 pico-USD per token."""
        input, read = self.input_micro_usd_per_million, self.cache_read_micro_usd_per_million
        written = self.cache_write_micro_usd_per_million
        write = input if written is None else written
        return Rates(
            input=input,
            cache_read=input if read is None else read,
            cache_write=write,
            cache_write_long=write,
            output=self.output_micro_usd_per_million,
        )


class TargetForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that a virtual model stands for."""

    model: Text
    weight: int = 1
    timeout_ms: int | None = None


class VirtualModelForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a virtual model is."""

    targets: Annotated[list[TargetForm], Meta(max_length=100)]
    strategy: Strategy = Strategy.ORDERED


class ModelsDocument(Struct, frozen=True, kw_only=True):
    """Models by all their names, sorted."""

    models: tuple[ModelRow, ...]


class PricesDocument(Struct, frozen=True, kw_only=True):
    """The workspace's own prices, by model."""

    prices: tuple[PriceDocument, ...]


class VirtualModelsDocument(Struct, frozen=True, kw_only=True):
    """The workspace's own names for models."""

    virtual_models: tuple[VirtualModelDocument, ...]


@MODELS.get(f"{_WS}/models")
def list_models(at: InWorkspace) -> ModelsDocument:
    """List the models that the workspace can call with its provider keys, as a key without an allowlist."""
    view = at.accounts.models.view(at.actor, at.workspace)
    services = at.services
    shown = Shown(catalogue=services.shelf.catalogue, listings=services.listings(), now=at.now_ms // 1_000)
    return ModelsDocument(models=tuple(workspace_rows(view, shown)))


@MODELS.get(f"{_WS}/prices")
def list_prices(at: InWorkspace) -> PricesDocument:
    """List the prices that the workspace set for itself."""
    found = at.accounts.prices.list(at.actor, at.workspace)
    return PricesDocument(prices=tuple(map(price_document, found)))


@MODELS.put(f"{_WS}/prices/{{model:path}}")
def set_price(
    at: InWorkspace, model: ModelName, form: Annotated[PriceForm, Depends(Form(PriceForm))]
) -> PriceDocument:
    """Set the price of a model, in the place of the catalogue's."""
    return price_document(at.accounts.prices.set(at.actor, at.workspace, model, form.rates()))


@MODELS.delete(f"{_WS}/prices/{{model:path}}")
def remove_price(at: InWorkspace, model: ModelName) -> PriceDocument:
    """Take a price away, and show what it was: the catalogue's holds again."""
    return price_document(at.accounts.prices.remove(at.actor, at.workspace, model))


@MODELS.get(f"{_WS}/virtual-models")
def list_virtual_models(at: InWorkspace) -> VirtualModelsDocument:
    """List the workspace's own names for models."""
    found = at.accounts.virtual_models.list(at.actor, at.workspace)
    return VirtualModelsDocument(virtual_models=tuple(map(virtual_model_document, found)))


@MODELS.put(f"{_WS}/virtual-models/{{name}}")
def set_virtual_model(
    at: InWorkspace, name: VirtualName, form: Annotated[VirtualModelForm, Depends(Form(VirtualModelForm))]
) -> VirtualModelDocument:
    """Make a name for one model or several, or replace all of the one that there is."""
    targets = [
        Target(model=each.model, weight=each.weight, timeout_ms=each.timeout_ms) for each in form.targets
    ]
    return virtual_model_document(
        at.accounts.virtual_models.set(at.actor, at.workspace, name, targets, form.strategy)
    )


@MODELS.delete(f"{_WS}/virtual-models/{{name}}")
def remove_virtual_model(at: InWorkspace, name: VirtualName) -> VirtualModelDocument:
    """Take such a name away, and show what it was."""
    return virtual_model_document(at.accounts.virtual_models.remove(at.actor, at.workspace, name))
