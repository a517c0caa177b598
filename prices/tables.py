"""The hand-kept tables: what models refuse, what images cost, and what the sources get wrong."""

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, convert


class ParameterRow(Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters that some models refuse; with none it says that they refuse nothing."""

    models: list[str]
    """Patterns of model ids."""
    refuses: list[Literal["temperature", "top_p", "stop", "max_tokens"]]
    when: Literal["always", "reasoning"]
    """`reasoning`: refused only while the model reasons."""
    evidence: Literal["documented", "observed", "assumed"]
    """`documented` by OpenAI, `observed` in answers that others published, or `assumed` from its siblings."""
    source: list[str]


class ImageRow(Struct, frozen=True, forbid_unknown_fields=True):
    """The most input tokens that one image can cost."""

    models: list[str]
    tokens: int
    rule: str
    source: str


class CorrectionRow(Struct, frozen=True, forbid_unknown_fields=True):
    """A fact that the sources have wrong or lack."""

    models: list[str]
    facts: dict[str, Any]
    source: str


class Tables:
    """All of them. Raises ValueError for a row that matches no model, and a model without a parameter row."""

    def __init__(self, folder: Path, ids: list[str]) -> None:
        parameters = tomllib.loads((folder / "openai_parameters.toml").read_text())
        models = tomllib.loads((folder / "openai_models.toml").read_text())
        self._parameters = convert(parameters["row"], list[ParameterRow])
        self._images = convert(models["image"], list[ImageRow])
        self._corrections = convert(models["correction"], list[CorrectionRow])
        for row in (*self._parameters, *self._images, *self._corrections):
            for pattern in row.models:
                if not any(fnmatchcase(id, pattern) for id in ids):
                    raise ValueError(f"the pattern {pattern} of a hand-kept table matches no model")
        for id in ids:
            if not any(_matches(row.models, id) for row in self._parameters):
                raise ValueError(f"openai_parameters.toml says nothing of {id}")

    def refusals(self, id: str) -> dict[str, bool]:
        """Whether each refused parameter is refused only while the model reasons."""
        found: dict[str, bool] = {}
        for row in self._parameters:
            if _matches(row.models, id):
                for parameter in row.refuses:
                    found[parameter] = row.when == "reasoning" and found.get(parameter, True)
        return found

    def image_tokens(self, id: str) -> int | None:
        """By the first row that matches; None where no row does."""
        return next((row.tokens for row in self._images if _matches(row.models, id)), None)

    def corrections(self, id: str) -> dict[str, Any]:
        """Facts by their field in the data file, which stand above the sources'."""
        found: dict[str, Any] = {}
        for row in self._corrections:
            if _matches(row.models, id):
                found |= row.facts
        return found


def _matches(patterns: list[str], id: str) -> bool:
    return any(fnmatchcase(id, pattern) for pattern in patterns)
