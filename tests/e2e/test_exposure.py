"""How a real `zai serve` stands in its network: the names it answers to, and settings that cannot be."""

from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.gateway_process import PATIENCE, GatewayProcess, Operator


def asked(gateway: GatewayProcess, path: str, host: str) -> int:
    connection = HTTPConnection(urlsplit(gateway.base_url).netloc, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().status
    finally:
        connection.close()


def statuses(gateway: GatewayProcess, *hosts: str) -> list[int]:
    """What a request without a key gets by each of these names: 401 where the name is the gateway's."""
    return [asked(gateway, "/v1/me", host) for host in hosts]


def test_a_gateway_answers_to_its_own_names_and_to_those_of_its_public_urls(tmp_path: Path) -> None:
    operator = Operator(tmp_path / "data", ZAI_PUBLIC_URL="https://llm.example.com,http://zai")
    with operator.serving() as gateway:
        assert statuses(gateway, "localhost", "127.0.0.1:1", "llm.example.com", "zai:8011") == [401] * 4
        assert statuses(gateway, "evil.example", "example.com", "169.254.169.254") == [421] * 3
        assert [asked(gateway, path, "evil.example") for path in ("/healthz", "/readyz")] == [200, 200]
    with operator.serving("--public-url", "https://other.example") as gateway:
        assert statuses(gateway, "localhost", "other.example", "llm.example.com") == [401, 401, 421]


@pytest.mark.parametrize(
    ("options", "variables", "names"),
    [
        (["--public-url", "llm.example.com"], {}, "--public-url"),
        (["--trusted-proxies", "10.0.0.1/8"], {}, "--trusted-proxies"),
        ([], {"ZAI_PUBLIC_URL": "nonsense"}, "ZAI_PUBLIC_URL"),
        ([], {"ZAI_TRUSTED_PROXIES": "everybody"}, "ZAI_TRUSTED_PROXIES"),
        ([], {"ZAI_ALLOW_PRIVATE_ADDRESSES": "perhaps"}, "ZAI_ALLOW_PRIVATE_ADDRESSES"),
    ],
)
def test_a_setting_that_cannot_be_is_told_before_anything_is_touched(
    options: list[str], variables: dict[str, str], names: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    ran = Operator(data).zai("serve", "--port", "0", "--data", str(data), *options, **variables)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert names in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert not data.exists()
