"""Imported prices: what they change, who may bring them, and that a broken or older file changes nothing."""

import json
from typing import Any

import pytest

from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts.catalogue_import import in_force, unpacked
from zai_gateway.accounts.records import ImportedPrices
from zai_gateway.accounts.store import AccountStore
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.errors import OperatorError

NEW: dict[str, Any] = {"provider": "openai", "id": "gpt-99"}


def file(*models: dict[str, Any], date: str = "2099-01-31") -> bytes:
    return json.dumps({"format": 1, "date": date, "models": models}).encode()


def priced(amount: int, source: str = "a bill") -> dict[str, Any]:
    return {**NEW, "price": {"source": source, "standard": {"input": amount, "output": amount}}}


def test_what_changes_is_told_by_model(team: People) -> None:
    imports = team.accounts.catalogue_import
    known = {"provider": "openai", "id": "gpt-5.4-mini"}
    first = imports.bring(OPERATOR, file(priced(7), known))
    assert (first.added, first.changed, first.same) == (("openai/gpt-99",), ("openai/gpt-5.4-mini",), ())
    again = imports.bring(OPERATOR, file(priced(7, "another source")))
    assert (again.added, again.changed, again.same) == ((), (), ("openai/gpt-99",))
    assert again.dropped == ("openai/gpt-5.4-mini",)
    assert imports.bring(OPERATOR, file(priced(8))).changed == ("openai/gpt-99",)


def test_an_import_is_kept_until_it_is_taken_away_and_is_on_record(
    team: People, sqlite: AccountStore
) -> None:
    imports = team.accounts.catalogue_import
    assert (imports.standing(OPERATOR), sqlite.imported_version()) == (None, None)
    told = imports.bring(OPERATOR, file(NEW))
    standing = imports.standing(OPERATOR)
    assert standing is not None
    assert (standing.version, sqlite.imported_version()) == (told.version, told.version)
    assert [model.name for model in unpacked(standing).models] == ["openai/gpt-99"]
    generation = sqlite.generation()
    assert imports.bring(OPERATOR, file(NEW)).same == ("openai/gpt-99",)
    assert imports.bring(OPERATOR, file(priced(1)), dry_run=True).changed == ("openai/gpt-99",)
    assert sqlite.generation() == generation
    assert imports.remove(OPERATOR) == standing
    with pytest.raises(OperatorError, match="No prices were imported"):
        imports.remove(OPERATOR)
    taken, brought = team.accounts.audit.list(OPERATOR, None)[:2]
    assert (taken.deed, taken.workspace, brought.deed) == ("catalogue.import", None, "catalogue.import")
    assert (brought.changes["version"].before, brought.changes["version"].after) == (None, told.version)
    assert (taken.changes["version"].before, taken.changes["version"].after) == (told.version, None)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"{}", "price file"),
        (b"<html>", "not JSON"),
        (file(NEW, date="2001-01-01"), "older than those of this release"),
        (
            file({**NEW, "price": {"source": "x", "standard": {"input": -1, "output": 1}}}),
            r"models\[0\].*gpt-99",
        ),
        (file(NEW, NEW), "gpt-99"),
    ],
)
def test_what_cannot_be_laid_is_not_kept(
    team: People, sqlite: AccountStore, data: bytes, sentence: str
) -> None:
    generation = sqlite.generation()
    with pytest.raises(OperatorError, match=sentence):
        team.accounts.catalogue_import.bring(OPERATOR, data)
    assert (sqlite.generation(), sqlite.imported_prices()) == (generation, None)


def test_two_at_once_do_not_overwrite_each_other_unseen(team: People, sqlite: AccountStore) -> None:
    team.accounts.catalogue_import.bring(OPERATOR, file(NEW))
    record = team.accounts.audit.list(OPERATOR, None)[0]
    assert not sqlite.put_imported_prices(None, None, record)
    assert sqlite.imported_version() is not None


def test_what_a_later_release_cannot_use_leaves_the_release_in_force() -> None:
    shelf = Shelf(Catalogue.load())
    broken = ImportedPrices(version="2099-01-31-0", imported_ms=1, data=b"x")
    said = in_force(shelf, broken)
    assert said == "The imported prices 2099-01-31-0 cannot be read by this release; import them again."
    assert shelf.catalogue.version == Catalogue.load().version
