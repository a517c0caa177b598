"""Addresses of providers against a whole gateway: set by an owner, or by the operator, in every spelling."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.flow.stage import MODEL, OPERATOR, Stage, staged
from tests.places import METADATA_NAMES, NAMES, NEVER, NO_HOST, PRIVATE
from tests.unit.relay.test_addresses import Resolver
from zai_gateway.accounts.actor import Actor, ActorKind, Role
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.app.house import House
from zai_gateway.clock import SystemClock
from zai_gateway.errors import OperatorError
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.settings import Environment

ALLOWED = {"ZAI_ALLOW_PRIVATE_ADDRESSES": "yes"}
TO_LOOPBACK = [name for name, (address, *_) in NAMES.items() if address in ("127.0.0.1", "0.0.0.0")]
TO_METADATA = [name for name in NAMES if "metadata" in name and name not in METADATA_NAMES]
HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}


def owner(workspace: str) -> Actor:
    return Actor(
        kind=ActorKind.MEMBER,
        id="mem_owner",
        name="Olive",
        workspace=workspace,
        role=Role.OWNER,
        address="203.0.113.9",
    )


def add(house: House, actor: Actor, base_url: str) -> None:
    new = NewProviderKey(provider="openai", secret="sk-test", base_url=base_url)
    house.accounts.provider_keys.add(actor, house.accounts.the_workspace().id, new)


def addresses(house: House) -> set[str]:
    workspace = house.accounts.the_workspace().id
    return {key.base_url for key in house.accounts.provider_keys.list(OPERATOR, workspace)} - {"demo:"}


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[House, House]]:
    """One as it comes, and one where users may set private addresses."""
    folder = tmp_path_factory.mktemp("houses")
    strict = House(folder / "strict", Environment({}), SystemClock())
    allowing = House(folder / "allowing", Environment(ALLOWED), SystemClock())
    yield strict, allowing
    strict.store.close()
    allowing.store.close()


@pytest.mark.parametrize("host", [*NEVER, *METADATA_NAMES, *NO_HOST])
def test_nobody_can_set_what_no_request_may_reach(host: str, houses: tuple[House, House]) -> None:
    for house in houses:
        before = addresses(house)
        for actor in (owner(house.accounts.the_workspace().id), OPERATOR):
            for url in (f"http://{host}/v1", f"https://{host}:8443/v1"):
                with pytest.raises(OperatorError, match=r"^base URL: "):
                    add(house, actor, url)
        assert addresses(house) == before


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_is_set_by_the_operator_or_where_the_operator_allows_it(
    host: str, houses: tuple[House, House]
) -> None:
    url = f"http://{host}:8000/v1"
    strict, allowing = houses
    before = addresses(strict)
    with pytest.raises(OperatorError, match="which only the gateway's operator may choose or allow"):
        add(strict, owner(strict.accounts.the_workspace().id), url)
    assert addresses(strict) == before
    add(strict, OPERATOR, url)
    add(allowing, owner(allowing.accounts.the_workspace().id), url)


async def calls(stage: Stage, actor: Actor, host: str) -> tuple[int, str]:
    """What a chat gets whose only provider key is at `host`, and how it is explained."""
    provider_keys = stage.house.accounts.provider_keys
    for key in provider_keys.list(OPERATOR, stage.workspace):
        if key.provider == "openai":
            provider_keys.remove(OPERATOR, stage.workspace, key.id)
    add(stage.house, actor, f"http://{host}:{stage.stub.port}/v1")
    got = await stage.chat(stage.key(usd=1), HELLO)
    return got.status, got.json().get("error", {}).get("message", "")


@pytest.mark.parametrize("name", TO_LOOPBACK)
async def test_a_name_that_leads_to_this_machine_is_refused_when_it_is_connected_to(
    name: str, tmp_path: Path
) -> None:
    network = NetworkUpstream(dialer=Dialer(lookup=Resolver(NAMES)))
    async with staged(tmp_path / "data", network=network) as stage:
        status, message = await calls(stage, owner(stage.workspace), name)
        assert (status, stage.stub.connections) == (502, 0)
        assert "it leads to a private or loopback address" in message
        assert "127.0.0.1" not in message
        entries = await stage.settled(1)
        assert [(row["cost"], row["risk"]) for row in entries] == [(0, 0)]
        assert await calls(stage, OPERATOR, name) == (200, "")
        # A connection is open now, which an owner must not get the use of.
        assert (await calls(stage, owner(stage.workspace), name))[0] == 502
        assert stage.stub.connections == 1


async def test_a_name_may_lead_to_this_machine_where_the_operator_allows_it(tmp_path: Path) -> None:
    network = NetworkUpstream(dialer=Dialer(lookup=Resolver(NAMES)), private_for_all=True)
    async with staged(tmp_path / "data", network=network, variables=ALLOWED) as stage:
        assert await calls(stage, owner(stage.workspace), TO_LOOPBACK[0]) == (200, "")


@pytest.mark.parametrize("name", TO_METADATA)
async def test_a_name_that_leads_to_a_metadata_service_is_refused_to_everybody(
    name: str, tmp_path: Path
) -> None:
    network = NetworkUpstream(dialer=Dialer(lookup=Resolver(NAMES)), private_for_all=True)
    async with staged(tmp_path / "data", network=network, variables=ALLOWED) as stage:
        for actor in (OPERATOR, owner(stage.workspace)):
            status, message = await calls(stage, actor, name)
            assert status == 502
            assert "it leads to a link-local or metadata address, which no request may reach" in message
            assert "169.254" not in message


async def test_what_the_operator_takes_back_no_request_reaches_any_more(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with staged(data, variables=ALLOWED) as stage:
        assert await calls(stage, owner(stage.workspace), "127.0.0.1") == (200, "")
    async with staged(data) as stage:
        # The stage's own provider key, which the operator added, comes after the owner's.
        got = await stage.chat(stage.key(usd=1), HELLO)
        assert (got.status, got.headers["x-zai-attempts"]) == (200, "2")
        refused, answered = sorted((await stage.settled(3))[1:], key=lambda entry: entry["attempt"])
        assert (refused["status"], refused["failure"], refused["cost"]) == (0, "upstream_failed", 0)
        assert answered["status"] == 200
        assert stage.stub.connections == 1
