"""Money: exact in, exact out, and never rounded in the spender's favour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zai_gateway.errors import OperatorError
from zai_gateway.money import MAX_NANO, micro_from_nano, nano_from_pico, nano_from_usd, pico_per_token, usd


@pytest.mark.parametrize(
    ("nano", "words"),
    [
        (0, "0.00"),
        (5_000_000_000, "5.00"),
        (18_234_000, "0.018234"),
        (1, "0.000000001"),
        (-2_500_000_000, "-2.50"),
    ],
)
def test_words_have_two_decimals_and_as_many_as_needed(nano: int, words: str) -> None:
    assert usd(nano) == words


@given(st.integers(min_value=0, max_value=MAX_NANO))
def test_words_lose_nothing(nano: int) -> None:
    assert nano_from_usd(usd(nano), "amount") == nano


@given(st.integers(min_value=0, max_value=10**24))
def test_rounding_is_up_and_by_less_than_one(pico: int) -> None:
    assert 0 <= nano_from_pico(pico) * 1_000 - pico < 1_000
    assert 0 <= micro_from_nano(pico) * 1_000 - pico < 1_000


@pytest.mark.parametrize(
    "text", ["", "five", "-1", "NaN", "Infinity", "1e30", "0.0000000001", "9300000000", "1_0", "5 USD", "0x5"]
)
def test_what_is_no_amount_is_refused_by_name(text: str) -> None:
    with pytest.raises(OperatorError, match="--spend-cap"):
        nano_from_usd(text, "--spend-cap")


def test_prices_are_read_per_million_tokens() -> None:
    assert pico_per_token("0.75", "--input") == 750_000
    assert pico_per_token("0.0375", "--input") == 37_500
    assert pico_per_token("0", "--input") == 0
    with pytest.raises(OperatorError, match="--input"):
        pico_per_token("0.0000001", "--input")
