"""The catalogue: every known model by name, read from the one committed data file."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from importlib.resources import files

from msgspec.structs import replace

from zai_gateway.catalogue.data_file import Table, Variant, read
from zai_gateway.catalogue.demo import DEMO_MODELS
from zai_gateway.catalogue.model import Model

_UNDATED = date(1970, 1, 1)


class Catalogue:
    """Models by provider and id. Immutable after it was loaded."""

    def __init__(
        self,
        models: Iterable[Model],
        version: str,
        dated: date = _UNDATED,
        variants: Iterable[Variant] = (),
    ) -> None:
        self.version = version
        """Names the table of prices in force."""
        self.date = dated
        """How new its facts are."""
        self._variants = {(variant.provider, variant.suffix): variant for variant in variants}
        self._by_id: dict[tuple[str, str], Model] = {}
        by_provider: defaultdict[str, list[Model]] = defaultdict(list)
        aliased: list[Model] = []
        for model in models:
            by_provider[model.provider].append(model)
            self._by_id[model.provider, model.id] = model
            if model.aliases:
                aliased.append(model)
        for model in aliased:
            for alias in model.aliases:
                self._by_id.setdefault((model.provider, alias), model)
        self._by_provider = {
            provider: tuple(sorted(rows, key=lambda model: model.id))
            for provider, rows in by_provider.items()
        }

    @classmethod
    def load(cls) -> "Catalogue":
        """The data that came with this release (`make prices` compiles it), and the demo's models."""
        table = read(files("zai_gateway.catalogue").joinpath("data", "models.json").read_bytes())
        return cls((*table.models, *DEMO_MODELS), table.version, table.date, table.variants)

    def with_table(self, table: Table) -> "Catalogue":
        """Another catalogue, in which the table's models stand in the place of those of the same names."""
        named = {(model.provider, name) for model in table.models for name in (model.id, *model.aliases)}
        kept = (model for rows in self._by_provider.values() for model in rows)
        others = (model for model in kept if (model.provider, model.id) not in named)
        # First, so that an alias in the table wins over the same alias here.
        variants = (*self._variants.values(), *table.variants)
        return Catalogue((*table.models, *others), f"{self.version}+{table.version}", table.date, variants)

    def models(self, provider: str) -> tuple[Model, ...]:
        """Every model of a provider, sorted by id; canonical ones only."""
        return self._by_provider.get(provider, ())

    def model(self, provider: str, id: str) -> Model:
        """The model that `id` names at `provider`, through an alias or as a variant too.

        Without facts where unknown.
        """
        found = self._by_id.get((provider, id)) or self._variant(provider, id)
        return found or Model(provider=provider, id=id)

    def knows(self, provider: str, id: str) -> bool:
        """Whether `id` (canonical, alias or variant) is in the data."""
        return (provider, id) in self._by_id or self._variant(provider, id) is not None

    def _variant(self, provider: str, id: str) -> Model | None:
        stem, _, suffix = id.rpartition(":")
        variant = self._variants.get((provider, suffix))
        model = self._by_id.get((provider, stem)) if variant else None
        if variant is None or model is None:
            return None
        unbounded = variant.unbounded or model.unbounded
        return replace(model, id=f"{model.id}:{suffix}", aliases=(), unbounded=unbounded)
