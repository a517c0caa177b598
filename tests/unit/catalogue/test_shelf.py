"""The shelf: newer data over the released, older data not, and back."""

from datetime import date

from tests.unit.catalogue.examples import MODEL
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.data_file import Table, Variant
from zai_gateway.catalogue.model import Model
from zai_gateway.catalogue.shelf import Shelf

RELEASED = date(2026, 11, 1)
OTHER = Model(provider="openai", id="other", aliases=("another",), context_window=1)
CATALOGUE = Catalogue((MODEL, OTHER), "released", RELEASED, (Variant(provider="openai", suffix="online"),))


def _table(*models: Model, on: date = date(2026, 12, 1)) -> Table:
    return Table(date=on, version="imported", models=models)


def test_before_an_import_the_release_is_in_force() -> None:
    assert Shelf(CATALOGUE).catalogue is CATALOGUE


def test_a_model_that_the_import_names_is_the_imports_whole_and_the_others_stay() -> None:
    shelf = Shelf(CATALOGUE)
    assert shelf.lay(_table(Model(provider="openai", id="example", max_output=5))) is None
    assert shelf.catalogue.model("openai", "example") == Model(provider="openai", id="example", max_output=5)
    assert shelf.catalogue.model("openai", "another") == OTHER
    assert [model.id for model in shelf.catalogue.models("openai")] == ["example", "other"]
    assert shelf.catalogue.version == "released+imported"
    assert shelf.catalogue.date == date(2026, 12, 1)


def test_an_import_may_bring_new_models_and_providers() -> None:
    shelf = Shelf(CATALOGUE)
    assert shelf.lay(_table(Model(provider="mybox", id="llama"), Model(provider="openai", id="new"))) is None
    assert shelf.catalogue.knows("mybox", "llama")
    assert [model.id for model in shelf.catalogue.models("openai")] == ["example", "new", "other"]
    assert shelf.catalogue.knows("openai", "example:online")


def test_an_imports_alias_wins_over_an_alias_and_over_a_model() -> None:
    shelf = Shelf(CATALOGUE)
    shelf.lay(_table(Model(provider="openai", id="new", aliases=("another", "example"))))
    assert shelf.catalogue.model("openai", "another").id == "new"
    # A model that was renamed must not be found at its old price under its old name.
    assert shelf.catalogue.model("openai", "example").id == "new"


def test_an_import_takes_the_place_of_the_one_before() -> None:
    shelf = Shelf(CATALOGUE)
    shelf.lay(_table(Model(provider="openai", id="first")))
    shelf.lay(_table(Model(provider="openai", id="second")))
    assert not shelf.catalogue.knows("openai", "first")
    assert shelf.catalogue.knows("openai", "second")


def test_an_import_can_be_taken_away() -> None:
    shelf = Shelf(CATALOGUE)
    shelf.lay(_table(Model(provider="openai", id="first")))
    assert shelf.lay(None) is None
    assert shelf.catalogue is CATALOGUE


def test_older_data_than_the_release_is_not_laid_and_the_shelf_says_so() -> None:
    shelf = Shelf(CATALOGUE)
    shelf.lay(_table(Model(provider="openai", id="first")))
    said = shelf.lay(_table(Model(provider="openai", id="old"), on=date(2026, 10, 31)))
    assert said == (
        "The imported prices of 2026-10-31 are older than those of this release (2026-11-01), "
        "so they are not used."
    )
    assert shelf.catalogue is CATALOGUE


def test_data_of_the_same_day_is_laid() -> None:
    shelf = Shelf(CATALOGUE)
    assert shelf.lay(_table(Model(provider="openai", id="new"), on=RELEASED)) is None
    assert shelf.catalogue.knows("openai", "new")


def test_who_asked_before_keeps_what_was_in_force_then() -> None:
    shelf = Shelf(CATALOGUE)
    before = shelf.catalogue
    shelf.lay(_table(Model(provider="openai", id="example", max_output=5)))
    assert before.model("openai", "example") == MODEL
