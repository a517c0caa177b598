"""How amounts, times and browsers are written for the eye."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zai_gateway.console.agents import browser_of
from zai_gateway.console.rendering import exact_usd, shown_compact, shown_ms, shown_usd, when


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        (0, "$0.00"),
        (1, "$0.000001"),
        (4_269_000, "$0.004269"),
        (10_000_000, "$0.01"),
        (68_340_000, "$0.0684"),
        (69_837_123, "$0.0699"),
        (999_999_999, "$1.00"),
        (1_000_000_001, "$1.01"),
        (52_340_000_000, "$52.34"),
        (1_234_567_890_000, "$1,234.57"),
        (-68_340_000, "-$0.0684"),
    ],
)
def test_an_amount_has_as_many_decimals_as_it_needs_to_be_seen(nano: int, shown: str) -> None:
    assert shown_usd(nano) == shown


@given(st.integers(0, 10**18))
def test_no_amount_is_shown_as_less_than_it_is(nano: int) -> None:
    amount = Decimal(shown_usd(nano).lstrip("$").replace(",", ""))
    assert nano <= amount * 10**9 < nano + 10**7
    assert Decimal(exact_usd(nano).replace(",", "")) * 10**9 == nano


def test_times_that_were_taken() -> None:
    assert [shown_ms(each) for each in (None, 0, 999, 1_000, 61_400)] == [
        "-",
        "0 ms",
        "999 ms",
        "1.0 s",
        "61.4 s",
    ]


def test_a_moment_is_told_in_utc_where_no_script_runs() -> None:
    said = when(1_700_000_000_000)
    assert "2023-11-14 22:13 UTC" in said
    assert 'datetime="2023-11-14T22:13:20+00:00"' in said
    assert when(None) == "never"
    assert when(None, "<b>") == "&lt;b&gt;"


@pytest.mark.parametrize(
    ("agent", "browser"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.5 Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15) Chrome/140.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("curl/8.14.1", "curl"),
        ("", "Unknown browser"),
        ("x" * 200, "x" * 40),
    ],
)
def test_a_browser_is_known_again(agent: str, browser: str) -> None:
    assert browser_of(agent) == browser


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (12_340, "12.3 k"),
        (2_500_000, "2.50 M"),
        (7_126_000_000, "7.13 B"),
    ],
)
def test_a_large_number_is_short(number: int, shown: str) -> None:
    assert shown_compact(number) == shown
