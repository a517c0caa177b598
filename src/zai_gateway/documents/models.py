"""The JSON documents of a workspace's own prices and models."""

from msgspec import Struct

from zai_gateway.accounts.records import PriceOverride, VirtualModel
from zai_gateway.documents.moments import iso


class PriceDocument(Struct, frozen=True, kw_only=True):
    """A workspace's own price. 1 micro-USD per million tokens is 1 pico-USD per token."""

    model: str
    input_micro_usd_per_million: int
    output_micro_usd_per_million: int
    cache_read_micro_usd_per_million: int
    cache_write_micro_usd_per_million: int
    version: str
    created_at: str


class TargetDocument(Struct, frozen=True, kw_only=True):
    """A model that a virtual model stands for."""

    model: str
    weight: int
    timeout_ms: int | None


class VirtualModelDocument(Struct, frozen=True, kw_only=True):
    """A model's name that a workspace defined for itself."""

    name: str
    strategy: str
    """`ordered` or `weighted`."""
    targets: tuple[TargetDocument, ...]
    created_at: str


def price_document(price: PriceOverride) -> PriceDocument:
    return PriceDocument(
        model=price.model,
        input_micro_usd_per_million=price.rates.input,
        output_micro_usd_per_million=price.rates.output,
        cache_read_micro_usd_per_million=price.rates.cache_read,
        cache_write_micro_usd_per_million=price.rates.cache_write,
        version=price.version,
        created_at=iso(price.created_ms),
    )


def virtual_model_document(model: VirtualModel) -> VirtualModelDocument:
    return VirtualModelDocument(
        name=model.name,
        strategy=model.strategy.value,
        targets=tuple(
            TargetDocument(model=each.model, weight=each.weight, timeout_ms=each.timeout_ms)
            for each in model.targets
        ),
        created_at=iso(model.created_ms),
    )
