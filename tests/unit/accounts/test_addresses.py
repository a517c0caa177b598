"""Base URLs: one spelling, and never a link-local or metadata address, however it is written."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zai_gateway.accounts.addresses import checked_base_url, is_forbidden
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
    assert checked_base_url(text, "base URL") == base_url
    assert checked_base_url(base_url, "base URL") == base_url


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
        checked_base_url(text, "base URL")


@pytest.mark.parametrize(
    "text", ["https://user:hunter2@host/v1", "https://hunter2@host/v1", "https://@host/v1"]
)
def test_a_password_in_a_url_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(OperatorError, match="user or password") as caught:
        checked_base_url(text, "base URL")
    assert "hunter2" not in str(caught.value)


FORBIDDEN = [
    "169.254.169.254",
    "169.254.0.0",
    "169.254.255.255",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "fe80::1",
    "febf:ffff::1",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::169.254.169.254",
    "::ffff:0:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "0:0:0:0:0:FFFF:169.254.10.20",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_link_local_and_metadata_addresses_are_refused(address: str) -> None:
    assert is_forbidden(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    for url in (f"http://{host}", f"http://{host}:80/latest/", f"https://{host}/v1"):
        with pytest.raises(OperatorError, match="is a link-local or metadata address"):
            checked_base_url(url, "base URL")


@pytest.mark.parametrize(
    "host",
    [
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "169.16689662",
        "0xA9.254.169.254",
        "1.2.3.4.5",
    ],
)
def test_an_address_in_another_spelling_is_refused(host: str) -> None:
    with pytest.raises(OperatorError, match="as four decimal numbers"):
        checked_base_url(f"http://{host}/v1", "base URL")


def test_a_dot_at_the_end_hides_nothing() -> None:
    with pytest.raises(OperatorError, match="is a link-local or metadata address"):
        checked_base_url("http://169.254.169.254./v1", "base URL")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "8.8.8.8",
        "169.253.255.255",
        "169.255.0.0",
        "::1",
        "fd00::1",
        "fec0::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "64:ff9b::808:808",
        "2002:a00:1::1",
    ],
)
def test_private_and_public_addresses_are_for_the_operator_to_choose(address: str) -> None:
    assert not is_forbidden(ip_address(address))


@given(st.text())
def test_any_text_is_a_base_url_or_a_sentence(text: str) -> None:
    for candidate in (text, f"http://{text}", f"http://host/{text}"):
        try:
            base_url = checked_base_url(candidate, "x")
        except OperatorError:
            continue
        assert checked_base_url(base_url, "x") == base_url
