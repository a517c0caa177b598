"""The Host header: a name that is not this gateway's is refused, whatever leads to it."""

import pytest

from tests.unit.edge.behind import Behind
from tests.unit.edge.requests import Elsewhere, request
from tests.unit.edge.served import AUTHORIZATION, Got, Served, served
from zai_gateway.edge.hosts import Hosts, public_hosts
from zai_gateway.errors import Code, Failure, OperatorError


def asked(door: Served, hosts: str, path: str = "/v1/me", version: str = "1.1") -> Got:
    return door.ask(f"GET {path} HTTP/{version}\r\n{hosts}{AUTHORIZATION}\r\n")


def code(got: Got) -> tuple[int, str]:
    assert got.header("x-request-id")
    assert got.json()["error"]["param"] == "host"
    return got.status, got.json()["error"]["code"]


@pytest.mark.parametrize(
    "host",
    [
        "test",
        "TEST",
        "test.",
        "test:8011",
        "test:",
        "localhost",
        "LocalHost:1",
        "localhost.:80",
        "127.0.0.1",
        "127.0.0.1:65535",
        "[::1]",
        "[::1]:8011",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        " test ",
    ],
)
def test_its_own_names_are_answered_on_any_port(host: str) -> None:
    with served(Behind()) as door:
        assert asked(door, f"Host: {host}\r\n").status == 200


REBOUND = [
    "evil.example",
    "evil.example:8011",
    "test.evil.example",
    "eviltest",
    "localhost.evil.example",
    "127.0.0.1.nip.io",
    "127.0.0.2",
    "10.0.0.1",
    "0.0.0.0",
    "169.254.169.254",
    "[::]",
    "[fe80::1]",
    "2130706433",
    "0x7f.1",
    "xn--lcalhost-54a",
]


@pytest.mark.parametrize("host", REBOUND)
@pytest.mark.parametrize("path", ["/v1/me", "/v1/models", "/docs", "/openapi.json", "/", "/healthz/"])
def test_another_name_is_a_421_on_every_path(host: str, path: str) -> None:
    with served(Behind()) as door:
        assert code(asked(door, f"Host: {host}\r\n", path)) == (421, "misdirected_request")


def test_a_refused_request_reaches_nothing_behind_the_door() -> None:
    behind = Behind()
    with served(behind) as door:
        got = door.ask(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: evil.example\r\n{AUTHORIZATION}"
            "Content-Length: 2\r\n\r\n{}"
        )
        assert code(got) == (421, "misdirected_request")
        assert "--public-url" in got.json()["error"]["message"]
    assert behind.answerer.bodies == []


@pytest.mark.parametrize(
    "hosts",
    [
        "",
        "Host: \r\n",
        "Host: test\r\nHost: test\r\n",
        "Host: test\r\nHost: evil.example\r\n",
        "Host: test, evil.example\r\n",
        "Host: evil.example@test\r\n",
        "Host: test/x\r\n",
        "Host: test:80:80\r\n",
        "Host: test:x\r\n",
        "Host: [::1\r\n",
        "Host: ::1\r\n",
        "Host: t\u00ebst\r\n",
    ],
)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_what_is_not_one_name_is_a_400(hosts: str, version: str) -> None:
    with served(Behind()) as door:
        assert code(asked(door, hosts, version=version)) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("hosts", ["", "Host: 10.2.3.4:8011\r\n", "Host: evil.example\r\n"])
def test_a_probe_is_answered_by_any_name(path: str, hosts: str) -> None:
    with served(Behind()) as door:
        assert door.ask(f"GET {path} HTTP/1.1\r\n{hosts}\r\n").status == 200


def passes(host: str, bound: str, public: str = "") -> bool:
    """Whether a request for `host` is let through on a connection to this machine's address `bound`."""
    asking = request(headers=[(b"host", host.encode())], source=Elsewhere(bound=bound))
    try:
        Hosts(public_hosts(public)).check(asking)
    except Failure as failure:
        assert failure.code is Code.MISDIRECTED_REQUEST
        return False
    return True


def test_the_address_that_the_connection_was_made_to_is_a_name_of_this_gateway() -> None:
    assert passes("192.168.1.5:8011", "192.168.1.5")
    assert passes("192.168.1.5", "::ffff:192.168.1.5")
    assert passes("[FD00:0::5]:8011", "fd00::5")
    assert not passes("192.168.1.6", "192.168.1.5")


def test_public_urls_add_their_names_and_take_none_away() -> None:
    public = "https://LLM.example.com, http://zai:8011/,https://[fd00::7]:8443"
    assert public_hosts(public) == ("llm.example.com", "zai", "fd00::7")
    for host in ("llm.example.com", "llm.example.com:443", "zai", "[fd00::7]", "localhost"):
        assert passes(host, "10.0.0.2", public)
    assert not passes("example.com", "10.0.0.2", public)
    assert public_hosts("") == public_hosts(" , ") == ()


@pytest.mark.parametrize(
    "text",
    [
        "llm.example.com",
        "ftp://llm.example.com",
        "https://",
        "https://*.example.com",
        "https://llm.example.com/v1",
        "https://user@llm.example.com",
        "https://llm.example.com?x",
        "https://a b",
        "https://[::1",
        "https://llm.example.com,nonsense",
        ",".join(f"https://host{number}" for number in range(101)),
    ],
)
def test_what_is_no_public_url_is_told(text: str) -> None:
    with pytest.raises(OperatorError, match=r"^--public-url"):
        public_hosts(text)
