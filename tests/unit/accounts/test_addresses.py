"""Base URLs: one spelling, and never a link-local or metadata address, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.places import METADATA_NAMES, NEVER, NO_HOST, PRIVATE, PUBLIC
from zai_gateway.accounts.addresses import checked_base_url
from zai_gateway.errors import OperatorError


@pytest.mark.parametrize(
    ("text", "base_url"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
        ("HTTPS://API.OpenAI.com/V1//", "https://api.openai.com/V1"),
        ("http://127.0.0.1:9100/v1", "http://127.0.0.1:9100/v1"),
        ("http://10.0.0.7", "http://10.0.0.7"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://[FD12::7]/v1", "http://[fd12::7]/v1"),
        ("https://llm.internal./v1", "https://llm.internal/v1"),
        (" https://host/v1\n", "https://host/v1"),
        ("https://gpt-4.example/v1", "https://gpt-4.example/v1"),
    ],
)
def test_one_spelling(text: str, base_url: str) -> None:
    assert checked_base_url(text, "base URL", private=True) == base_url
    assert checked_base_url(base_url, "base URL", private=True) == base_url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.openai.com/v1",
        "//api.openai.com/v1",
        "ftp://host/v1",
        "file:///etc/passwd",
        "demo:",
        "https://",
        "https:///v1",
        "https://./v1",
        "https://host/v1?x=1",
        "https://host/v1?",
        "https://host/v1#x",
        "https://host/v1#",
        "https://host:port/v1",
        "https://host:0/v1",
        "https://host:65536/v1",
        "https://[::1/v1",
        "https://ho st/v1",
        "https://ho\tst/v1",
        "https://ho\nst/v1",
        "https://host\\.evil/v1",
        "https://hôst/v1",
        "https://host/" + "a" * 2_000,
        "https://169%2e254.169.254/v1",
        "https://[fd00::1%25eth0]/v1",
    ],
)
def test_what_is_no_base_url_names_the_field(text: str) -> None:
    with pytest.raises(OperatorError, match=r"^base URL: "):
        checked_base_url(text, "base URL", private=True)


@pytest.mark.parametrize(
    "text", ["https://user:hunter2@host/v1", "https://hunter2@host/v1", "https://@host/v1"]
)
def test_a_password_in_a_url_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(OperatorError, match="user or password") as caught:
        checked_base_url(text, "base URL", private=True)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("host", [*NEVER, *METADATA_NAMES])
def test_a_link_local_or_metadata_address_is_for_nobody(host: str, private: bool) -> None:
    for url in (f"http://{host}", f"http://{host}:80/latest/", f"HTTPS://{host}/v1"):
        with pytest.raises(OperatorError, match=r"^base URL: .* is a link-local or metadata address"):
            checked_base_url(url, "base URL", private=private)


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_is_for_those_who_may(host: str) -> None:
    for url in (f"http://{host}", f"http://{host}:8000/v1"):
        assert checked_base_url(url, "base URL", private=True)
        with pytest.raises(OperatorError, match=r"^base URL: .* is a private or loopback address"):
            checked_base_url(url, "base URL", private=False)


@pytest.mark.parametrize("host", PUBLIC)
def test_a_public_address_is_for_everybody(host: str) -> None:
    for private in (False, True):
        assert checked_base_url(f"https://{host}/v1", "base URL", private=private).startswith("https://")


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("host", NO_HOST)
def test_what_is_no_host_in_one_plain_spelling_is_for_nobody(host: str, private: bool) -> None:
    for url in (f"http://{host}/v1", f"http://{host}:80/v1"):
        with pytest.raises(OperatorError, match=r"^base URL: ") as told:
            checked_base_url(url, "base URL", private=private)
        assert "password" not in str(told.value).replace("user or password", "")


def test_an_address_in_another_spelling_is_told_how_to_write_it() -> None:
    with pytest.raises(OperatorError, match="as four decimal numbers"):
        checked_base_url("http://2852039166/v1", "base URL", private=True)


@given(st.text())
def test_any_text_is_a_base_url_or_a_sentence(text: str) -> None:
    for candidate in (text, f"http://{text}", f"http://host/{text}"):
        try:
            base_url = checked_base_url(candidate, "x", private=True)
        except OperatorError:
            continue
        assert checked_base_url(base_url, "x", private=True) == base_url


@pytest.mark.parametrize(
    "text",
    [
        "https://host/v1?key=hunter2",
        "https://host/v1#hunter2",
        "hunter2",
        "https://host:hunter2/v1",
        "https://host:0/hunter2",
        "https://[hunter2]/v1",
    ],
)
def test_what_may_be_a_key_in_the_wrong_place_is_not_repeated(text: str) -> None:
    with pytest.raises(OperatorError, match=r"^base URL: ") as caught:
        checked_base_url(text, "base URL", private=True)
    assert "hunter2" not in str(caught.value)
