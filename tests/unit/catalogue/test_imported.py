"""Imported data: what an operator's file may hold, and what is said of one that is wrong."""

from importlib.resources import files
from typing import Any

import msgspec
import pytest

from tests.unit.catalogue.examples import MODEL, PRICE
from zai_gateway.catalogue.data_file import read
from zai_gateway.catalogue.imported import MAX_BYTES, imported
from zai_gateway.catalogue.model import Fees, Model, Price, Rates, Step, Tariff
from zai_gateway.errors import OperatorError

STANDARD: dict[str, Any] = {"input": 2_000_000, "output": 10_000_000}
PRICED: dict[str, Any] = {"source": "our contract", "standard": STANDARD}


def _file(*rows: dict[str, Any], **head: Any) -> bytes:
    return msgspec.json.encode({"format": 1, "date": "2026-12-01", "models": rows} | head)


def _row(**facts: Any) -> dict[str, Any]:
    return {"provider": "openai", "id": "gpt-9", **facts}


def _standard(**rates: Any) -> dict[str, Any]:
    return _row(price={"source": "our contract", "standard": rates})


def _said_of(data: bytes) -> str:
    with pytest.raises(OperatorError) as trouble:
        imported(data)
    return str(trouble.value)


def test_the_least_file_names_one_model_and_its_price() -> None:
    table = imported(_file(_row(price=PRICED)))
    (model,) = table.models
    rates = Rates(
        input=2_000_000,
        cache_read=2_000_000,
        cache_write=2_000_000,
        cache_write_long=2_000_000,
        output=10_000_000,
    )
    price = Price(tiers={"standard": Tariff(base=rates)}, source="our contract", version=table.version)
    assert model == Model(provider="openai", id="gpt-9", price=price)


def test_a_file_may_say_all_that_a_model_has() -> None:
    step = {
        "over": 272_000,
        "input": 4,
        "output": 15,
        "cache_read": 1,
        "cache_write": 5,
        "cache_write_long": 8,
    }
    row = _row(
        aliases=["gpt-nine"],
        context_window=1_000,
        max_output=100,
        inputs=["text", "image"],
        outputs=["text"],
        tools=True,
        refuses=[{"parameter": "stop"}],
        overhead={"prompt": 9},
        unbounded="it searches",
        price={
            **PRICED,
            "standard": {**STANDARD, "steps": [{**step, "over": 500_000}, step]},
            "tiers": {"batch": {"input": 1, "output": 2}},
            "fees": {"request": 5, "search": 7},
        },
        later_prices=[{**PRICED, "since": 2_000}, {**PRICED, "since": 1_000}],
        earlier_prices=[{**PRICED, "since": 10}],
    )
    (model,) = imported(_file(row)).models
    assert model.price is not None
    standard = model.price.tiers["standard"]
    rates = Rates(input=4, output=15, cache_read=1, cache_write=5, cache_write_long=8)
    assert standard.steps == (Step(over=272_000, rates=rates), Step(over=500_000, rates=rates))
    assert model.price.tiers["batch"].base.cache_write == 1
    assert model.price.fees == Fees(request=5, search=7)
    assert [price.since for price in model.later_prices] == [1_000, 2_000]
    assert (model.overhead.prompt, model.overhead.message) == (9, 16)
    assert model.refused(None) == {"stop"}


def test_the_version_is_the_date_and_a_digest_of_the_bytes() -> None:
    one, other = imported(_file(_row(price=PRICED))), imported(_file(_row(id="gpt-10", price=PRICED)))
    assert one.version.startswith("2026-12-01-")
    assert one.version != other.version
    assert imported(_file(_row(price=PRICED))).version == one.version


def test_the_released_file_can_be_imported() -> None:
    data = files("zai_gateway.catalogue").joinpath("data", "models.json").read_bytes()
    assert imported(data) == read(data)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (_standard(input=-1, output=1), "price.standard.input: Expected `int` >= 0"),
        (_standard(input=1.5, output=1), "price.standard.input: Expected `int`, got `float`"),
        (_standard(input=10**13, output=1), "price.standard.input: Expected `int` <="),
        (_standard(input=1), "price.standard: Object missing required field `output`"),
        (_standard(**STANDARD, steps=[{**STANDARD, "over": 0}]), "price.standard.steps[0].over: Expected"),
        (_row(price={"standard": STANDARD}), "price: Object missing required field `source`"),
        (_row(price={**PRICED, "tiers": {"flex": {"input": "1"}}}), "price.tiers.*.input: Expected `int`"),
        (_row(price={**PRICED, "fees": {"requests": 1}}), "price.fees: Object contains unknown field"),
        (_row(prize=PRICED), "the row: Object contains unknown field `prize`"),
        (_row(context_window=0), "context_window: Expected `int` >= 1"),
        (_row(later_prices=[PRICED, {**PRICED, "since": -1}]), "later_prices[1].since: Expected `int` >= 0"),
        (_row(inputs="text"), "inputs: Expected `array`, got `str`"),
        (_row(id="gpt 9"), "id: Expected `str` matching regex"),
    ],
)
def test_a_wrong_row_is_named_with_its_field(row: dict[str, Any], said: str) -> None:
    told = _said_of(_file(_row(id="good", price=PRICED), row))
    assert told.startswith(f"The price file: models[1] (openai/{row['id']}): {said}")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is not JSON"),
        (b"PK\x03\x04", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b'{"sources": {"deep": ' + b"[" * 100_000, "is not JSON"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "missing required field `format`"),
        (_file(format=2), "Expected `int` <= 1"),
        (_file(date="yesterday"), "Invalid RFC3339"),
        (_file(version="1"), "unknown field `version`"),
        (_file({"id": "gpt-9"}), "models[0]: the row: Object missing required field `provider`"),
        (_file(_row(provider="Open AI")), "models[0] (Open AI/gpt-9): provider: Expected `str` matching"),
    ],
)
def test_what_is_no_data_file_is_refused(data: bytes, said: str) -> None:
    assert said in _said_of(data)


def test_two_models_of_one_name_are_refused() -> None:
    twice = _said_of(_file(_row(), _row()))
    assert twice.startswith("The price file: models[1] (openai/gpt-9): the name gpt-9 is that of models[0]")
    alias = _said_of(_file(_row(), _row(id="gpt-10", aliases=["gpt-9"])))
    assert "models[1] (openai/gpt-10): the name gpt-9 is that of models[0] (openai/gpt-9) too." in alias
    assert imported(_file(_row(), _row(provider="azure"))).models[1].provider == "azure"


def test_a_file_that_is_too_large_is_not_even_read() -> None:
    assert "16 MiB" in _said_of(b" " * (MAX_BYTES + 1))
    assert "is not JSON" in _said_of(b" " * MAX_BYTES)


def test_what_is_in_force_at_a_moment() -> None:
    def price(since: int) -> Price:
        return Price(tiers=PRICE.tiers, since=since, source=str(since), version="1")

    model = msgspec.structs.replace(
        MODEL, price=price(100), earlier_prices=(price(0), price(50)), later_prices=(price(200), price(300))
    )
    for now, since in (
        (0, 0),
        (49, 0),
        (50, 50),
        (99, 50),
        (100, 100),
        (199, 100),
        (200, 200),
        (299, 200),
        (300, 300),
    ):
        found = model.price_at(now)
        assert found is not None
        assert found.since == since, now
    assert msgspec.structs.replace(MODEL, price=price(100)).price_at(5) == price(100)
    assert msgspec.structs.replace(model, price=None).price_at(250) is None
