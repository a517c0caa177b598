"""Trusted proxies: whose word on the client is taken, and that nobody else's is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clocks import HeldClock
from tests.unit.edge.behind import Behind
from tests.unit.edge.requests import Elsewhere, request
from tests.unit.edge.wire import Wire
from zai_gateway.edge.door import Door
from zai_gateway.edge.proxies import Proxies, networks
from zai_gateway.edge.reply import ClientReply
from zai_gateway.errors import OperatorError

TRUSTED = "10.0.0.0/8, fd00::/8,192.0.2.7"


def told(
    peer: str | None, *forwarded: str, trusted: str = TRUSTED, proto: str | None = None
) -> tuple[str | None, str]:
    """The client and the scheme that the rest of the gateway sees."""
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    if proto is not None:
        headers.append((b"x-forwarded-proto", proto.encode()))
    asking = request(headers=headers, source=Elsewhere(peer=peer))
    Proxies(networks(trusted)).tell(asking)
    return asking.client, asking.scheme


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("192.0.2.7", ["203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("fd00::1", ["2001:db8::9"], "2001:db8::9"),
        # The client wrote what stands on the left; only what a trusted proxy wrote counts.
        ("10.0.0.1", ["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.2.3.4", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["10.9.9.9, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9,10.0.0.3 ,10.0.0.2"], "203.0.113.9"),
        # Everybody on the way is trusted: the first of them asked.
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [" , "], "10.0.0.1"),
        # Other spellings, and none that can be read.
        ("10.0.0.1", ["203.0.113.9:50123"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8::9]:50123"], "2001:db8::9"),
        ("10.0.0.1", ["[2001:db8::9]"], "2001:db8::9"),
        ("10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.2.3.4, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4, _hidden, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["1.2.3.4, 1.2.3"], "10.0.0.1"),
    ],
)
def test_the_rightmost_address_that_is_not_trusted_is_the_client(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert told(peer, *forwarded) == (client, "http")


@pytest.mark.parametrize("peer", ["203.0.113.1", "11.0.0.1", "fe80::1", "192.0.2.8", "testclient"])
def test_from_anybody_else_nothing_is_believed(peer: str) -> None:
    assert told(peer, "1.2.3.4", proto="https") == (peer, "http")
    assert told(peer, "10.0.0.1", proto="https") == (peer, "http")


def test_without_a_setting_nobody_is_believed() -> None:
    for peer in ("10.0.0.1", "127.0.0.1"):
        assert told(peer, "1.2.3.4", trusted="", proto="https") == (peer, "http")
    assert told(None, "1.2.3.4") == (None, "http")


@pytest.mark.parametrize(
    ("proto", "scheme"),
    [("https", "https"), ("HTTPS", "https"), ("http, https", "https"), ("javascript", "http"), ("", "http")],
)
def test_the_scheme_is_the_nearest_proxys(proto: str, scheme: str) -> None:
    assert told("10.0.0.1", "203.0.113.9", proto=proto) == ("203.0.113.9", scheme)


def test_the_door_asks_before_all_else() -> None:
    headers = [
        (b"host", b"localhost"),
        (b"x-forwarded-for", b"203.0.113.9"),
        (b"x-forwarded-proto", b"https"),
    ]
    asking = request(target=b"/healthz", headers=headers, source=Elsewhere(peer="10.0.0.1"))
    wire = Wire()
    door = Door(Behind().rooms, HeldClock(), 1_000, None, Proxies(networks(TRUSTED)))
    assert door.begin(asking, ClientReply(asking, wire, "req_1")) is None
    assert wire.answers[0].status == 200
    assert (asking.client, asking.scheme) == ("203.0.113.9", "https")


@given(st.lists(st.ip_addresses().map(str), max_size=5), st.text(max_size=200))
def test_a_client_cannot_pass_for_another(written: list[str], noise: str) -> None:
    forged = ", ".join([noise.replace("\n", "").encode("ascii", "ignore").decode(), *written])
    assert told("10.0.0.1", f"{forged}, 203.0.113.9")[0] == "203.0.113.9"
    assert told("10.0.0.1", forged, "203.0.113.9")[0] == "203.0.113.9"


def test_a_chain_without_end_is_not_followed() -> None:
    assert told("10.0.0.1", ",".join(["1.2.3.4"] + ["10.0.0.2"] * 5_000))[0] == "10.0.0.2"


@pytest.mark.parametrize(
    "text",
    ["10.0.0.1/8", "10.0.0.0/33", "proxy.internal", "*", "10.0.0.0/8 10.1.0.0/16", ",".join(["::/0"] * 101)],
)
def test_what_is_no_network_is_told(text: str) -> None:
    with pytest.raises(OperatorError, match=r"^--trusted-proxies"):
        networks(text)
