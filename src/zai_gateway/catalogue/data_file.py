"""The catalogue's data file: what `make prices` writes, a release carries and an operator may import."""

import hashlib
from datetime import date
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from zai_gateway.catalogue.model import (
    NO_FEES,
    USUAL_OVERHEAD,
    Fees,
    Kind,
    Model,
    Overhead,
    Price,
    Rates,
    Refusal,
    Step,
    Tariff,
)
from zai_gateway.catalogue.thinking import Thinking

FORMAT = 1

_Pico = Annotated[int, Meta(ge=0, le=10**12)]
"""Pico-USD per token, which are micro-USD per million tokens; at most 1 USD for one token."""
_Tokens = Annotated[int, Meta(ge=1, le=10**10)]
_Seconds = Annotated[int, Meta(ge=0, le=10**11)]
_Prefix = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
_Name = Annotated[str, Meta(max_length=256, pattern=r"^\S+$")]
_Word = Annotated[str, Meta(max_length=64, pattern=r"^\S+$")]
_Sentence = Annotated[str, Meta(min_length=1, max_length=500)]


class RatesRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Pico-USD per token. A cache without a price of its own costs what plain input costs."""

    input: _Pico
    output: _Pico
    cache_read: _Pico | None = None
    cache_write: _Pico | None = None
    cache_write_long: _Pico | None = None
    """By default what a write with the shorter life costs."""

    def rates(self) -> Rates:
        """Every bucket's rate."""
        write = self.input if self.cache_write is None else self.cache_write
        return Rates(
            input=self.input,
            output=self.output,
            cache_read=self.input if self.cache_read is None else self.cache_read,
            cache_write=write,
            cache_write_long=write if self.cache_write_long is None else self.cache_write_long,
        )


class StepRow(RatesRow, frozen=True, kw_only=True):
    """What every token costs where the prompt is over a number of tokens."""

    over: _Tokens


class TariffRow(RatesRow, frozen=True, kw_only=True):
    """One service tier."""

    steps: tuple[StepRow, ...] = ()

    def tariff(self) -> Tariff:
        """The same as the catalogue holds it."""
        steps = sorted(self.steps, key=lambda step: step.over)
        return Tariff(
            base=self.rates(), steps=tuple(Step(over=step.over, rates=step.rates()) for step in steps)
        )


class PriceRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A price, and where it is known from."""

    source: _Sentence
    standard: TariffRow
    tiers: dict[_Word, TariffRow] = {}
    """What else the provider sells: `flex`, `priority`, `batch` and others."""
    fees: Fees = NO_FEES
    since: _Seconds = 0

    def price(self, version: str) -> Price:
        """The same as the catalogue holds it, in the table of that name."""
        tiers = {"standard": self.standard.tariff()}
        if self.tiers:
            tiers |= {tier: row.tariff() for tier, row in self.tiers.items()}
        return Price(tiers=tiers, fees=self.fees, since=self.since, source=self.source, version=version)


class ModelRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A model of a provider; `Model` says what the fields mean."""

    provider: _Prefix
    id: _Name
    aliases: tuple[_Name, ...] = ()
    kind: Kind = Kind.CHAT
    context_window: _Tokens | None = None
    max_output: _Tokens | None = None
    dimensions: _Tokens | None = None
    reasoning: bool = False
    default_effort: _Word | None = None
    refuses: tuple[Refusal, ...] = ()
    takes_one_of: tuple[_Word, ...] = ()
    thinking: Thinking | None = None
    native_schema: bool | None = None
    schema_with_tools: bool = True
    forced_tools: bool = True
    prefill: bool = True
    late_system: bool = False
    limit_name: _Word | None = None
    image_tokens: _Tokens | None = None
    inputs: tuple[_Word, ...] = ()
    outputs: tuple[_Word, ...] = ()
    tools: bool | None = None
    overhead: Overhead = USUAL_OVERHEAD
    unbounded: _Sentence | None = None
    price: PriceRow | None = None
    later_prices: tuple[PriceRow, ...] = ()
    earlier_prices: tuple[PriceRow, ...] = ()
    released: _Seconds = 0

    def model(self, version: str) -> Model:
        """The same as the catalogue holds it, with prices of the table of that name."""
        return Model(
            provider=self.provider,
            id=self.id,
            aliases=self.aliases,
            kind=self.kind,
            context_window=self.context_window,
            max_output=self.max_output,
            dimensions=self.dimensions,
            reasoning=self.reasoning,
            default_effort=self.default_effort,
            refuses=self.refuses,
            takes_one_of=self.takes_one_of,
            thinking=self.thinking,
            native_schema=self.native_schema,
            schema_with_tools=self.schema_with_tools,
            forced_tools=self.forced_tools,
            prefill=self.prefill,
            late_system=self.late_system,
            limit_name=self.limit_name,
            image_tokens=self.image_tokens,
            inputs=self.inputs,
            outputs=self.outputs,
            tools=self.tools,
            overhead=self.overhead,
            unbounded=self.unbounded,
            price=self.price.price(version) if self.price else None,
            later_prices=_by_date(self.later_prices, version),
            earlier_prices=_by_date(self.earlier_prices, version),
            released=self.released,
        )


def _by_date(rows: tuple[PriceRow, ...], version: str) -> tuple[Price, ...]:
    return tuple(row.price(version) for row in sorted(rows, key=lambda row: row.since))


class Variant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A suffix that goes with any model of a provider (`model:online`), and has no row for each."""

    provider: _Prefix
    suffix: _Word
    """What stands behind the last colon of the id."""
    unbounded: _Sentence | None = None
    """Why nothing bounds what it costs; None where it costs what the model costs."""


class DataFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    format: Annotated[int, Meta(ge=FORMAT, le=FORMAT)]
    date: date
    """That of the newest source, never that of a compilation."""
    sources: dict[str, Any] = {}
    """Each source's version and address, for people."""
    variants: tuple[Variant, ...] = ()
    models: tuple[ModelRow, ...]


class Table(Struct, frozen=True, kw_only=True):
    """What a data file says, as the catalogue holds it."""

    date: date
    version: str
    """Names the file: its date, and a digest of its bytes."""
    models: tuple[Model, ...]
    variants: tuple[Variant, ...] = ()


def read(data: bytes) -> Table:
    """The models of a data file. Raises msgspec.DecodeError for what is not one."""
    file = msgspec.json.decode(data, type=DataFile)
    version = f"{file.date.isoformat()}-{hashlib.sha256(data).hexdigest()[:12]}"
    models = tuple(row.model(version) for row in file.models)
    return Table(date=file.date, version=version, models=models, variants=file.variants)
