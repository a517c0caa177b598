"""Hostile servers: the table of what they do, held against what becomes of a request to them."""

import pytest

from tests.upstreams.certificates import SelfSigned
from tests.upstreams.hostile import BEHAVIOURS, Hostile
from tests.upstreams.hostility import asked, outcome
from tests.upstreams.scripted import ScriptedServer
from zai_gateway.relay.network.pool import Limits
from zai_gateway.relay.network.upstream import NetworkUpstream


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> SelfSigned:
    return SelfSigned(tmp_path_factory.mktemp("certificate"))


@pytest.mark.parametrize("hostile", BEHAVIOURS, ids=lambda each: each.name)
async def test_what_becomes_of_a_request(hostile: Hostile, certificate: SelfSigned) -> None:
    # One connection at most: whoever does not give it up leaves the next request without one.
    upstream = NetworkUpstream(certificate.client(), Limits(connections=1))
    server = ScriptedServer(hostile.script(), certificate.server() if hostile.certified else None)
    async with server:
        for round in range(1, 4):
            assert await outcome(upstream, asked(hostile, server), hostile.timeouts) in hostile.ends
            assert server.connections == round
        await upstream.close()
