"""The terms of a key: what may be set, and the sentence where it may not."""

from collections.abc import Callable

import pytest

from zai_gateway.accounts import terms
from zai_gateway.catalogue.model import Rates
from zai_gateway.errors import OperatorError
from zai_gateway.money import MAX_NANO
from zai_gateway.providers.registry import provider_of


def rates(input: int = 1, output: int = 1) -> Rates:
    return Rates(input=input, cache_read=1, cache_write=1, cache_write_long=1, output=output)


def test_what_is_allowed_is_taken_as_it_is() -> None:
    assert terms.checked_name("  Ana's key — prod ✓ ") == "Ana's key — prod ✓"
    assert terms.checked_name("n" * 100) == "n" * 100
    assert terms.checked_model("openai/gpt-5.4-mini", "fallback") == "openai/gpt-5.4-mini"
    assert terms.checked_model("openrouter/meta/llama:free", "model") == "openrouter/meta/llama:free"
    assert terms.checked_allow(["openai/*", "demo/echo", "openai/*"]) == ("openai/*", "demo/echo")
    assert terms.checked_allow([]) == ()
    assert terms.checked_cap(0) == 0
    assert terms.checked_cap(MAX_NANO) == MAX_NANO
    assert terms.checked_cap(None) is None
    assert terms.checked_expiry(2, 1) == 2
    assert terms.checked_expiry(None, 1) is None
    assert terms.checked_secret(" sk-1\n", provider_of("openai")) == "sk-1"
    assert terms.checked_rates(rates(0, 10**12)) == rates(0, 10**12)


@pytest.mark.parametrize(
    ("field", "check"),
    [
        ("name", lambda: terms.checked_name("")),
        ("name", lambda: terms.checked_name("   ")),
        ("name", lambda: terms.checked_name("n" * 101)),
        ("name", lambda: terms.checked_name("two\nlines")),
        ("name", lambda: terms.checked_name("esc\x1b[31m")),
        ("name", lambda: terms.checked_name("turned\u202eround")),
        ("name", lambda: terms.checked_name("half\ud800")),
        ("fallback", lambda: terms.checked_model("gpt-5.4", "fallback")),
        ("fallback", lambda: terms.checked_model("/gpt-5.4", "fallback")),
        ("fallback", lambda: terms.checked_model("openai/", "fallback")),
        ("fallback", lambda: terms.checked_model("openai/gpt 5", "fallback")),
        ("fallback", lambda: terms.checked_model("openai/" + "m" * 194, "fallback")),
        ("allow", lambda: terms.checked_allow([""])),
        ("allow", lambda: terms.checked_allow(["openai/*", "demo/ echo"])),
        ("allow", lambda: terms.checked_allow(["m" * 201])),
        ("allow", lambda: terms.checked_allow([f"m{n}" for n in range(101)])),
        ("spend cap", lambda: terms.checked_cap(-1)),
        ("spend cap", lambda: terms.checked_cap(MAX_NANO + 1)),
        ("unbounded allowance", lambda: terms.checked_cap(-1, "unbounded allowance")),
        ("expires", lambda: terms.checked_expiry(1, 1)),
        ("price", lambda: terms.checked_rates(rates(input=-1))),
        ("price", lambda: terms.checked_rates(rates(output=10**12 + 1))),
    ],
)
def test_what_is_not_allowed_names_the_field(field: str, check: Callable[[], object]) -> None:
    with pytest.raises(OperatorError, match=f"^{field}: "):
        check()


@pytest.mark.parametrize(
    "secret", ["", " \n", "two words-8f3a", "líne-8f3a", "a\r\nx-evil: 8f3a", "8f3a" * 1_025]
)
def test_a_secret_that_no_header_can_carry_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(OperatorError, match=r"^The key for openai is") as caught:
        terms.checked_secret(secret, provider_of("openai"))
    assert "8f3a" not in str(caught.value)
