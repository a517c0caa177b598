"""The catalogue: every known model by name, read from the one committed data file."""

from importlib.resources import files
from typing import Any

import msgspec

from zai_gateway.catalogue.demo import DEMO_MODELS
from zai_gateway.catalogue.model import Model


class Catalogue:
    """Models by provider and id. Immutable after it was loaded."""

    def __init__(self, models: tuple[Model, ...], version: str) -> None:
        self.version = version
        """Names the table of prices in force."""
        self._by_provider: dict[str, tuple[Model, ...]] = {}
        self._by_id: dict[tuple[str, str], Model] = {}
        for model in sorted(models, key=lambda model: model.name):
            self._by_provider[model.provider] = (*self._by_provider.get(model.provider, ()), model)
            for id in (model.id, *model.aliases):
                self._by_id[model.provider, id] = model

    @classmethod
    def load(cls) -> "Catalogue":
        """The data that came with this release (`make prices` compiles it), and the demo's models."""
        data = files("zai_gateway.catalogue").joinpath("data", "models.json").read_bytes()
        published = msgspec.json.decode(data, type=_Published)
        return cls((*published.priced(), *DEMO_MODELS), published.version)

    def models(self, provider: str) -> tuple[Model, ...]:
        """Every model of a provider, sorted by id; canonical ones only."""
        return self._by_provider.get(provider, ())

    def model(self, provider: str, id: str) -> Model:
        """The model that `id` names at `provider`, through an alias too; without facts where unknown."""
        return self._by_id.get((provider, id)) or Model(provider=provider, id=id)

    def knows(self, provider: str, id: str) -> bool:
        """Whether `id` (canonical or alias) is in the data."""
        return (provider, id) in self._by_id


class _Published(msgspec.Struct, frozen=True):
    """The data file. Its prices bear no version: they all have that of the file."""

    version: str
    models: list[dict[str, Any]]

    def priced(self) -> list[Model]:
        rows = [{**row, "price": {**row["price"], "version": self.version}} for row in self.models]
        return msgspec.convert(rows, list[Model])
