"""The address rule at each dial: what was judged is what is connected to, whatever a name says next."""

import pytest

from tests.unit.relay.dialing.parts import PATIENT, Names, Noting, at, open_sockets, refused
from tests.upstreams.scripted import Line, ScriptedServer
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.origin import Origin, origin_of
from zai_gateway.relay.network.proxies import Proxies, Proxy
from zai_gateway.relay.upstream import Blame, UpstreamError

PUBLIC, LOOPBACK, METADATA = "192.88.98.1", "127.0.0.1", "169.254.169.254"


async def unasked(line: Line) -> None:
    raise AssertionError(await line.gone())


async def stay(line: Line) -> None:
    await line.gone()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    ("answer", "private", "why"),
    [
        ([LOOPBACK], False, "a private or loopback address"),
        (["::1"], False, "a private or loopback address"),
        (["10.0.0.7", "fd12::7"], False, "a private or loopback address"),
        ([METADATA], False, "a link-local or metadata address"),
        ([METADATA], True, "a link-local or metadata address"),
        (["::ffff:169.254.169.254", "fd00:ec2::254"], True, "a link-local or metadata address"),
        ([METADATA, LOOPBACK], False, "a link-local or metadata address"),
    ],
)
async def test_a_name_is_judged_by_what_it_leads_to(answer: list[str], private: bool, why: str, tls: bool):
    async with ScriptedServer(unasked) as server:
        sockets = open_sockets()
        error = await refused(
            Dialer(lookup=Names({"a.example": [answer]})),
            at("a.example", server.port, tls=tls, private=private),
        )
        assert (server.connections, open_sockets()) == (0, sockets)
    assert error.blame is Blame.CONNECT
    assert error.message.startswith(f"cannot connect to a.example:{server.port}: it leads to {why}, ")
    assert not any(address in error.message for address in answer)


async def test_of_mixed_answers_only_what_may_be_is_dialled():
    names = Names({"a.example": [[METADATA, "fe80::1", LOOPBACK, "::1"]]})
    async with ScriptedServer(stay) as server:
        dialer = Dialer(lookup=names)
        protocol = await dialer.dial(at("a.example", server.port), PATIENT, Noting)
        assert protocol.transport.get_extra_info("peername")[0] == LOOPBACK
        protocol.transport.abort()


async def test_a_name_that_changes_its_answer_gets_nothing_by_it():
    """DNS rebinding: what is judged may be dialled, and what would be dialled next may not."""
    names = Names({"a.example": [["127.0.0.2"], [METADATA]]})
    async with ScriptedServer(unasked) as server:
        dialer = Dialer(lookup=names)
        origin = at("a.example", server.port)
        error = await refused(dialer, origin)
        # One question and one answer, which was judged and then dialled: nothing is asked in between.
        assert error.message == f"cannot connect to a.example:{server.port}: connection refused"
        assert names.asked == ["a.example"]
        error = await refused(dialer, origin)
        assert "it leads to a link-local or metadata address" in error.message
        assert names.asked == ["a.example"] * 2
        assert server.connections == 0


async def test_who_may_and_who_may_not_share_what_a_name_says_but_not_the_verdict():
    names = Names({"a.example": [[LOOPBACK]]})
    async with ScriptedServer(stay) as server:
        dialer = Dialer(lookup=names)
        for _ in range(2):
            protocol = await dialer.dial(at("a.example", server.port), PATIENT, Noting)
            protocol.transport.abort()
            await refused(dialer, at("a.example", server.port, private=False))
        assert server.connections == 2
    assert names.asked == ["a.example"]


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    ("host", "private", "refusal"),
    [
        (METADATA, True, "a link-local or metadata address"),
        ("10.0.0.7", False, "a private or loopback address"),
        ("to-metadata.example", True, "a link-local or metadata address"),
        ("to-private.example", False, "a private or loopback address"),
        ("to-either.example", False, "a private or loopback address"),
    ],
)
async def test_a_proxy_is_not_asked_for_what_leads_here_where_nothing_may(
    host: str, private: bool, refusal: str, tls: bool
):
    names = Names(
        {
            "to-metadata.example": [[METADATA]],
            "to-private.example": [["10.0.0.7"]],
            "to-either.example": [[PUBLIC, "10.0.0.7"]],
        }
    )
    async with ScriptedServer(unasked) as server:
        proxy = Proxy(False, LOOPBACK, server.port)
        dialer = Dialer(proxies=Proxies(proxy, proxy), lookup=names)
        error = await refused(dialer, at(host, 80, tls=tls, private=private))
        assert f"it leads to {refusal}" in error.message
        assert server.connections == 0


@pytest.mark.parametrize("names", [{}, {"a.example": [[PUBLIC]]}], ids=["unknown here", "public here"])
async def test_a_proxy_is_asked_for_what_may_be(names: dict[str, list[list[str]]]):
    async with ScriptedServer(stay) as server:
        dialer = Dialer(proxies=Proxies(http=Proxy(False, LOOPBACK, server.port)), lookup=Names(names))
        protocol = await dialer.dial(at("a.example", 80, private=False), PATIENT, Noting)
        assert protocol.transport.get_extra_info("peername")[:2] == (LOOPBACK, server.port)
        protocol.transport.abort()


@pytest.mark.parametrize(
    ("url", "origin", "name"),
    [
        (
            "https://API.Example.com/v1?key=x",
            Origin(True, "api.example.com", 443, False),
            "api.example.com:443",
        ),
        ("http://h:8000", Origin(False, "h", 8000, False), "h:8000"),
        ("http://[::1]:81/v1", Origin(False, "::1", 81, False), "[::1]:81"),
        ("https://user:word@h", Origin(True, "h", 443, False), "h:443"),
    ],
)
def test_the_origin_of_a_url(url: str, origin: Origin, name: str):
    assert origin_of(url, private=False) == origin
    assert origin.name == name
    assert origin != origin_of(url, private=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h",
        "ftp://h",
        "http://",
        "http://h:0",
        "http://h:x",
        "http://a b",
        "http://h\x00",
        "http://\u00e9",
    ],
)
def test_what_is_no_address_of_http(url: str):
    with pytest.raises(UpstreamError, match="the base URL is not an http:// or https:// address") as raised:
        origin_of(url, private=True)
    assert raised.value.definite
