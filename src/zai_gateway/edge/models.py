"""`GET /v1/models` and `/v1/models/{id}`: the models that the calling key may call, by all their names."""

from collections.abc import Iterable
from difflib import get_close_matches

from msgspec import Struct
from msgspec.json import encode

from zai_gateway.accounts.caller import Caller
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.model import Model
from zai_gateway.errors import Code, Failure
from zai_gateway.relay.models import callable_models

_LONGEST_COMPARED = 200
"""Characters: names are much shorter, and comparing takes time in the square of the length."""


class ModelRow(Struct, frozen=True, kw_only=True):
    """A model in OpenAI's shape."""

    id: str
    object: str = "model"
    created: int
    """Seconds since 1970; 0 where unknown."""
    owned_by: str


class ModelList(Struct, frozen=True, kw_only=True):
    """All of them."""

    object: str = "list"
    data: list[ModelRow]


def model_list_json(caller: Caller, catalogue: Catalogue) -> bytes:
    """Every model that the key may call, aliases beside canonical ids, sorted by id."""
    return encode(ModelList(data=_rows(callable_models(caller, catalogue))))


def model_json(id: str, caller: Caller, catalogue: Catalogue) -> bytes:
    """The model that `id` names: canonical, an alias, or bare where one provider only has it.

    Raises Failure: MODEL_NOT_ALLOWED where the key's allowlist lacks it, MODEL_NOT_FOUND where no provider
    of the workspace offers it.
    """
    allowed = _rows(callable_models(caller, catalogue))
    if row := _named(id, allowed):
        return encode(row)
    providers = sorted({key.provider for key in caller.view.provider_keys})
    if _named(id, _rows(model for name in providers for model in catalogue.models(name))):
        raise Failure(
            Code.MODEL_NOT_ALLOWED,
            f"This API key may not call {id}. It may call: {', '.join(caller.key.allow)}.",
            param="model",
        )
    raise Failure(Code.MODEL_NOT_FOUND, _unknown(id, [row.id for row in allowed]), param="model")


def _rows(models: Iterable[Model]) -> list[ModelRow]:
    rows = (
        ModelRow(id=f"{model.provider}/{id}", created=model.released, owned_by=model.provider)
        for model in models
        for id in (model.id, *model.aliases)
    )
    return sorted(rows, key=lambda row: row.id)


def _named(id: str, rows: list[ModelRow]) -> ModelRow | None:
    exact = [row for row in rows if row.id == id]
    found = exact or [row for row in rows if row.id.partition("/")[2] == id]
    return found[0] if len(found) == 1 else None


def _unknown(id: str, names: list[str]) -> str:
    close = get_close_matches(id[:_LONGEST_COMPARED], names, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}?" if close else "GET /v1/models lists what this key may call."
    return f"There is no model {id[:_LONGEST_COMPARED]!r} here. {hint}"
