"""What the contract is tested on: each implementation that speaks HTTP, on both event loops."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Protocol

import pytest
import uvloop

from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.relay.upstream import Upstream


class Closable(Upstream, Protocol):
    """An upstream that holds connections."""

    async def close(self) -> None:
        """Closes them."""
        ...


Make = Callable[[ssl.SSLContext | None], Closable]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=[NetworkUpstream])
async def make(request: pytest.FixtureRequest) -> AsyncGenerator[Make]:
    """Makes upstreams, by whom their certificates are trusted, and closes them in the end."""
    made: list[Closable] = []

    def made_with(tls: ssl.SSLContext | None) -> Closable:
        made.append(request.param(tls))
        return made[-1]

    yield made_with
    for upstream in made:
        await upstream.close()


@pytest.fixture
def upstream(make: Make) -> Closable:
    """One that trusts the machine's authorities."""
    return make(None)
