"""The catalogue: every known model by name, read from the one committed data file."""

from zai_gateway.catalogue.model import Model


class Catalogue:
    """Models by provider and id. Immutable after it was loaded."""

    def __init__(self, models: tuple[Model, ...], version: str) -> None:
        self.version = version
        raise NotImplementedError

    @classmethod
    def load(cls) -> "Catalogue":
        """The committed data that came with this release."""
        raise NotImplementedError

    def models(self, provider: str) -> tuple[Model, ...]:
        """Every model of a provider, sorted by id; canonical ones only."""
        raise NotImplementedError

    def model(self, provider: str, id: str) -> Model:
        """The model that `id` names at `provider`, through an alias too; without facts where it is unknown."""
        raise NotImplementedError

    def knows(self, provider: str, id: str) -> bool:
        """Whether `id` (canonical or alias) is in the data."""
        raise NotImplementedError
