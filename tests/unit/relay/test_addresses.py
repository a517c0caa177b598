"""The guard at every connection: no name, spelling or kept connection leads where a request may not go."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from tests.places import NAMES, NEVER, NO_HOST, PRIVATE
from tests.upstreams.calls import PATIENT, chat, failure, post, whole
from tests.upstreams.openai_stub import OpenAIStub
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.relay.upstream import Blame, Outbound

LOOPBACK_NAMES = (
    "to-loopback.example.com",
    "to-mapped-loopback.example.com",
    "to-any.example.com",
    "localtest.me",
)


class Resolver:
    """Says of each name what a test wants it to, and keeps what it was asked."""

    def __init__(self, names: Mapping[str, tuple[str, ...]]) -> None:
        self.names = names
        self.asked: list[str] = []

    def __call__(self, name: str) -> tuple[str, ...]:
        self.asked.append(name)
        found = self.names.get(name.removesuffix("."), ())
        if not found:
            raise OSError(None, f"no such name: {name}")
        return found


@asynccontextmanager
async def opened(
    names: Mapping[str, tuple[str, ...]] = NAMES, *, private_for_all: bool = False
) -> AsyncGenerator[NetworkUpstream]:
    upstream = NetworkUpstream(dialer=Dialer(lookup=Resolver(names)), private_for_all=private_for_all)
    try:
        yield upstream
    finally:
        await upstream.close()


def to(host: str, port: int = 80, *, private: bool) -> Outbound:
    return replace(post(f"http://{host}:{port}"), private=private)


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("host", NEVER)
async def test_a_link_local_or_metadata_address_is_never_connected_to(host: str, private: bool) -> None:
    async with opened(private_for_all=private) as upstream:
        error = await failure(upstream, to(host, private=private))
    assert (error.blame, error.definite) == (Blame.CONNECT, True)
    assert "it leads to a link-local or metadata address" in error.message


@pytest.mark.parametrize("host", [host for host in PRIVATE if "localhost" not in host.lower()])
async def test_a_private_address_is_connected_to_for_those_who_may(host: str) -> None:
    async with opened() as upstream:
        error = await failure(upstream, to(host, private=False))
    assert (error.blame, error.definite) == (Blame.CONNECT, True)
    assert "it leads to a private or loopback address" in error.message


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_judged_by_what_it_leads_to(name: str) -> None:
    async with opened() as upstream:
        for spelling in (name, f"{name}.", name.upper()):
            error = await failure(upstream, to(spelling, private=False))
            assert (error.blame, error.definite) == (Blame.CONNECT, True)
            assert "it leads to " in error.message
            assert not any(address in error.message for address in NAMES[name])


@pytest.mark.parametrize("name", [name for name in NAMES if "metadata" in name or "link-local" in name])
async def test_a_name_of_a_metadata_service_is_refused_to_the_operator_too(name: str) -> None:
    async with opened(private_for_all=True) as upstream:
        error = await failure(upstream, to(name, private=True))
    assert "it leads to a link-local or metadata address" in error.message


@pytest.mark.parametrize("host", NO_HOST)
async def test_no_spelling_leads_to_a_listener_on_this_machine(host: str) -> None:
    """Were such a host ever stored: by the system's own resolver, which reads many spellings."""
    upstream = NetworkUpstream()
    try:
        async with OpenAIStub() as stub:
            port = int(stub.base_url.rpartition(":")[2].partition("/")[0])
            error = await failure(upstream, to(host, port, private=False))
            assert stub.connections == 0
    finally:
        await upstream.close()
    assert error.definite


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0.0.0.0", "[::ffff:127.0.0.1]", *LOOPBACK_NAMES])
@pytest.mark.parametrize("by", ["the operator", "the setting"])
async def test_those_who_may_reach_this_machine(host: str, by: str) -> None:
    names = {**NAMES, "localhost": ("127.0.0.1",)}
    async with OpenAIStub() as stub, opened(names, private_for_all=by == "the setting") as upstream:
        request = chat(stub.base_url.replace("127.0.0.1", host), model="gpt-5.4-mini")
        inbound = await upstream.send(replace(request, private=by == "the operator"), PATIENT)
        assert b'"Hello!"' in await whole(inbound)


async def test_of_several_addresses_only_those_that_may_be_are_connected_to() -> None:
    names = {"both.example.com": ("169.254.169.254", "127.0.0.1")}
    async with OpenAIStub() as stub, opened(names) as upstream:
        request = chat(stub.base_url.replace("127.0.0.1", "both.example.com"), model="gpt-5.4-mini")
        assert await whole(await upstream.send(request, PATIENT))
        error = await failure(upstream, replace(request, private=False))
        assert (error.definite, stub.connections) == (True, 1)


async def test_a_connection_that_was_kept_for_the_operator_is_not_lent_to_others() -> None:
    names = {"llm.example.com": ("127.0.0.1",)}
    async with OpenAIStub() as stub, opened(names) as upstream:
        request = chat(stub.base_url.replace("127.0.0.1", "llm.example.com"), model="gpt-5.4-mini")
        for _ in range(2):
            await whole(await upstream.send(request, PATIENT))
            error = await failure(upstream, replace(request, private=False))
            assert "it leads to a private or loopback address" in error.message
        assert (stub.connections, len(stub.requests)) == (1, 2)


async def test_a_request_may_not_unless_it_says_so() -> None:
    assert Outbound(method="GET", url="http://x", headers=(), body=b"").private is False
