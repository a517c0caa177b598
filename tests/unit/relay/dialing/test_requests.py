"""Whole requests through proxies: what stands on the wire to the proxy, and what to the provider."""

from pathlib import Path

from tests.unit.relay.dialing.parts import Names
from tests.unit.relay.dialing.proxy import Tunnels
from tests.upstreams.calls import PATIENT, SECRET, failure, post, whole
from tests.upstreams.certificates import SelfSigned
from tests.upstreams.scripted import Line, ScriptedServer
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.proxies import Proxies, proxy_of
from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.relay.upstream import Blame

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
BASIC = "dXNlcjpwYXNz"
"""`user:pass`."""


class Answering:
    """The script of a server that answers every request, and notes it."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []

    async def __call__(self, line: Line) -> None:
        """Plays it."""
        while True:
            self.heads.append((await line.request()).partition(b"\r\n\r\n")[0].lower())
            await line.send(OK)


async def test_a_plain_request_goes_to_the_proxy_whole():
    answering = Answering()
    async with ScriptedServer(answering) as proxy:
        url = f"http://user:pass@127.0.0.1:{proxy.port}"
        dialer = Dialer(proxies=Proxies(http=proxy_of(url, "HTTP_PROXY")), lookup=Names({}))
        upstream = NetworkUpstream(dialer=dialer)
        for _ in range(2):
            inbound = await upstream.send(post("http://llm.example:8000"), PATIENT)
            assert await whole(inbound) == b"ok"
        await upstream.close()
        assert proxy.connections == 1
    for head in answering.heads:
        line, *headers = head.decode().split("\r\n")
        assert line == f"post http://llm.example:8000/v1/chat?key={SECRET} http/1.1"
        assert "host: llm.example:8000" in headers
        assert f"proxy-authorization: basic {BASIC.lower()}" in headers


async def test_an_encrypted_request_shows_the_proxy_nothing_and_the_provider_no_password(tmp_path: Path):
    certificate, answering = SelfSigned(tmp_path, "llm.example"), Answering()
    async with ScriptedServer(answering, certificate.server()) as server:
        tunnels = Tunnels(server.port)
        async with ScriptedServer(tunnels) as proxy:
            url = f"http://user:pass@127.0.0.1:{proxy.port}"
            proxies = Proxies(https=proxy_of(url, "HTTPS_PROXY"))
            upstream = NetworkUpstream(dialer=Dialer(certificate.client(), proxies, Names({})))
            for _ in range(2):
                assert await whole(await upstream.send(post("https://llm.example"), PATIENT)) == b"ok"
            await upstream.close()
            await proxy.played(1)
    (asked,) = tunnels.asked
    assert asked.startswith(b"CONNECT llm.example:443 HTTP/1.1\r\n")
    assert f"Proxy-Authorization: Basic {BASIC}".encode() in asked
    for head in answering.heads:
        assert head.startswith(b"post /v1/chat?key=")
        assert b"proxy" not in head


async def test_a_proxys_refusal_costs_nothing_and_shows_no_secret():
    async def script(line: Line) -> None:
        await line.head()
        await line.send(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    async with ScriptedServer(script) as proxy:
        url = f"http://user:{SECRET}@127.0.0.1:{proxy.port}"
        dialer = Dialer(proxies=Proxies(https=proxy_of(url, "HTTPS_PROXY")), lookup=Names({}))
        upstream = NetworkUpstream(dialer=dialer)
        error = await failure(upstream, post("https://llm.example"))
        await upstream.close()
    assert (error.blame, error.definite) == (Blame.CONNECT, True)
    assert "(HTTP 407)" in error.message
