"""Provider keys at work: rotated under load, spoilt, in order, disabled, tested, from the environment."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from msgspec.structs import replace

from tests.flow.stage import MODEL, OPERATOR, UPSTREAM_SECRET, Stage, staged
from tests.postgresql.books import books_for
from tests.upstreams.answers import error_answer
from tests.upstreams.openai_stub import OpenAIStub
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.accounts.terms import IssuedKey, KeyChanges
from zai_gateway.accounts.vault import Vault
from zai_gateway.app.house import House
from zai_gateway.app.probing import probe
from zai_gateway.app.provider_environment import take_from_environment
from zai_gateway.clock import SystemClock
from zai_gateway.settings import Environment, Limits

HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
ROTATIONS = 5
PATIENT = Limits(store_seconds=60)
"""On a busy machine a program may wait long for its turn at a database that others write all the time."""


def unset(name: str) -> None:
    """An environment without variables."""


def rotate(data: Path, variables: Mapping[str, str], *, new_key: bool) -> int:
    """As another process would, on the same directory."""
    environment = Environment(books_for(data) | dict(variables))
    house = House(data, environment, SystemClock(), PATIENT.store_seconds)
    try:
        return len(house.accounts.vault.rotate(OPERATOR, new_key=new_key).sealed)
    finally:
        house.store.close()


def found(stage: Stage, name: str) -> ProviderKey:
    listed = stage.house.accounts.provider_keys.list(OPERATOR, stage.workspace)
    return next(key for key in listed if key.name == name)


def spent(ledger: list[dict[str, int]]) -> int:
    return sum(row["cost"] + row["risk"] for row in ledger)


async def until(stage: Stage, key: IssuedKey, status: int) -> str:
    """The body of the first answer with that status: the gateway follows its store within a second."""
    async with asyncio.timeout(60):
        while (got := await stage.chat(key, HELLO)).status != status:
            await asyncio.sleep(0.01)
    return got.body.decode()


def authorizations(stub: OpenAIStub) -> list[str | None]:
    return [request.header("authorization") for request in stub.requests]


@pytest.mark.sqlite("only beside SQLite is there a vault.key, for which a rotation makes a new key")
async def test_no_request_fails_while_the_vault_is_rotated(tmp_path: Path) -> None:
    async with staged(tmp_path / "data", PATIENT) as stage:
        await serves_while_rotated(stage, lambda: rotate(stage.house.data, {}, new_key=True))


async def test_no_request_fails_while_the_vault_is_rotated_to_a_key_that_was_given(tmp_path: Path) -> None:
    given = tmp_path / "key"
    given.write_text(Fernet.generate_key().decode())
    variables = {"PROVIDER_KEY_ENCRYPTION_KEY": "", "PROVIDER_KEY_ENCRYPTION_KEY_FILE": str(given)}

    def rotate_to_another() -> int:
        new = given.with_suffix(".new")
        new.write_text(f"{Fernet.generate_key().decode()},{given.read_text().partition(',')[0]}")
        new.rename(given)
        return rotate(tmp_path / "data", variables, new_key=False)

    async with staged(tmp_path / "data", PATIENT, variables=variables) as stage:
        await serves_while_rotated(stage, rotate_to_another)


@pytest.mark.sqlite("only beside SQLite is there a vault.key, for which a rotation makes a new key")
async def test_a_rotation_between_two_looks_at_the_store_loses_no_request(stage: Stage) -> None:
    key, other = stage.key(usd=1), stage.key()
    assert (await stage.chat(key, HELLO)).status == 200
    rotate(stage.house.data, {}, new_key=True)
    stage.house.accounts.api_keys.revoke(OPERATOR, stage.workspace, other.key.id)
    async with asyncio.timeout(60):
        # From then on it has what the first rotation sealed, which it was not asked to open.
        while (await stage.get(other, "/models")).status != 401:
            await asyncio.sleep(0.01)
    # On the gateway's own thread, so that it does not see the second one come.
    rotate(stage.house.data, {}, new_key=True)
    assert (await stage.chat(key, HELLO)).status == 200


async def serves_while_rotated(stage: Stage, rotate: Callable[[], int]) -> None:
    key = stage.key(usd=100)
    for number in range(3):
        wanted = NewProviderKey(provider="openai", secret="sk-other", name=f"other-{number}")
        stage.house.accounts.provider_keys.add(OPERATOR, stage.workspace, wanted)
    rotating, statuses = True, list[int]()

    async def client() -> None:
        while rotating:
            statuses.append((await stage.chat(key, HELLO)).status)

    clients = [asyncio.create_task(client()) for _ in range(4)]
    for _ in range(ROTATIONS):
        before = len(statuses)
        assert await asyncio.to_thread(rotate) == 4
        # Some requests begin under every key.
        while len(statuses) < before + 8:
            await asyncio.sleep(0.001)
    rotating = False
    await asyncio.gather(*clients)
    assert set(statuses) == {200}
    assert set(authorizations(stage.stub)) == {f"Bearer {UPSTREAM_SECRET}"}


async def test_a_secret_that_does_not_open_is_a_502_that_says_so_and_costs_nothing(stage: Stage) -> None:
    key, seen = stage.key(usd=1), found(stage, "openai")
    spoilt = replace(seen, sealed=Vault(Fernet.generate_key().decode()).seal("sk-x"))
    record = stage.house.accounts.audit.list(OPERATOR, None)[0]
    assert stage.house.store.accounts.replace_provider_key(seen, spoilt, replace(record, id="aud_x"))
    said = await until(stage, key, 502)
    assert "'openai' cannot be decrypted" in said
    booked = spent(await stage.settled(0))
    assert (await stage.chat(key, HELLO)).status == 502
    assert spent(await stage.settled(0)) == booked
    demo = {"model": "demo/echo", "messages": HELLO["messages"]}
    assert (await stage.chat(key, demo)).status == 200


async def test_the_first_one_that_is_enabled_is_used(stage: Stage) -> None:
    keys, key = stage.house.accounts.provider_keys, stage.key(usd=1)
    wanted = NewProviderKey(
        provider="openai", secret="sk-second", name="second", base_url=stage.stub.base_url
    )
    keys.add(OPERATOR, stage.workspace, wanted)

    async def until_used(secret: str) -> None:
        async with asyncio.timeout(60):
            while authorizations(stage.stub)[-1:] != [f"Bearer {secret}"]:
                assert (await stage.chat(key, HELLO)).status == 200

    await until_used(UPSTREAM_SECRET)
    keys.move(OPERATOR, stage.workspace, "second", first=True)
    assert [each.name for each in keys.list(OPERATOR, stage.workspace)] == ["second", "demo", "openai"]
    await until_used("sk-second")
    keys.switch(OPERATOR, stage.workspace, "second", enabled=False)
    await until_used(UPSTREAM_SECRET)
    keys.switch(OPERATOR, stage.workspace, "openai", enabled=False)
    assert "no provider key for OpenAI" in await until(stage, key, 404)
    keys.switch(OPERATOR, stage.workspace, "second", enabled=True)
    await until(stage, key, 200)
    await until_used("sk-second")
    keys.move(OPERATOR, stage.workspace, "second", before="openai")
    assert [each.name for each in keys.list(OPERATOR, stage.workspace)] == ["demo", "second", "openai"]
    keys.move(OPERATOR, stage.workspace, "second")
    assert [each.name for each in keys.list(OPERATOR, stage.workspace)] == ["demo", "openai", "second"]


async def health_of(stage: Stage, name: str) -> Health:
    keys = stage.house.accounts.provider_keys
    await asyncio.to_thread(keys.test, OPERATOR, stage.workspace, name, probe)
    health = found(stage, name).health
    assert health is not None
    return health


async def test_a_test_asks_the_provider_and_keeps_what_it_says(stage: Stage) -> None:
    keys = stage.house.accounts.provider_keys
    well = await health_of(stage, "openai")
    assert (well.ok, well.status) == (True, 200)
    assert well.latency_ms is not None
    assert [(each.method, each.path) for each in stage.stub.requests] == [("GET", "/v1/models")]
    assert authorizations(stage.stub) == [f"Bearer {UPSTREAM_SECRET}"]
    async with OpenAIStub(key="sk-right") as strict:
        url = strict.base_url
        keys.add(
            OPERATOR,
            stage.workspace,
            NewProviderKey(provider="openai", secret="sk-wrong", name="wrong", base_url=url),
        )
        refused = await health_of(stage, "wrong")
        assert (refused.ok, refused.status) == (False, 401)
        assert refused.said == "openai: Incorrect API key provided: sk-***."
        # Another secret: what was said of the one before no longer holds.
        assert keys.renew(OPERATOR, stage.workspace, "wrong", "sk-right").health is None
        assert (await health_of(stage, "wrong")).ok
    gone = await health_of(stage, "wrong")
    assert (gone.ok, gone.status, gone.latency_ms) == (False, None, None)
    assert (await health_of(stage, "demo")).ok


async def test_keys_from_the_environment_are_added_once_and_follow_their_variable(stage: Stage) -> None:
    accounts = stage.house.accounts

    def kept() -> list[tuple[str, str]]:
        listed = accounts.provider_keys.list(OPERATOR, stage.workspace)
        return [(key.id, stage.house.vault.open_secret(key)) for key in listed if key.name == "environment"]

    take_from_environment(accounts, unset)
    assert kept() == []
    take_from_environment(accounts, {"OPENAI_API_KEY": "sk-one"}.get)
    ((id, secret),) = kept()
    assert secret == "sk-one"
    records = accounts.audit.list(OPERATOR, None)
    take_from_environment(accounts, {"OPENAI_API_KEY": "sk-one"}.get)
    assert accounts.audit.list(OPERATOR, None) == records
    take_from_environment(accounts, {"OPENAI_API_KEY": "sk-two"}.get)
    take_from_environment(accounts, unset)
    assert kept() == [(id, "sk-two")]


@pytest.mark.parametrize("ref", ["nobody", "pkey_none"])
async def test_what_is_not_there_cannot_be_moved(stage: Stage, ref: str) -> None:
    with pytest.raises(Exception, match="There is no provider key"):
        stage.house.accounts.provider_keys.move(OPERATOR, stage.workspace, ref, first=True)


def told(stage: Stage, name: str) -> tuple[bool, str | None]:
    """Whether a provider key is disabled, and why."""
    key = found(stage, name)
    return key.disabled_ms is not None, key.disabled_why


async def until_told(stage: Stage, name: str, wanted: tuple[bool, str | None]) -> None:
    async with asyncio.timeout(60):
        while told(stage, name) != wanted:
            await asyncio.sleep(0.01)


async def test_a_key_that_its_provider_refuses_is_disabled_and_says_why(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    keys, key = stage.house.accounts.provider_keys, stage.key(usd=1)
    second = NewProviderKey(
        provider="openai", secret="sk-second", name="second", base_url=stage.stub.base_url
    )
    keys.add(OPERATOR, stage.workspace, second)
    await until_known(stage, key)
    stage.stub.script(error_answer(401, f"Incorrect API key provided: {UPSTREAM_SECRET}."))
    assert (await stage.chat(key, HELLO)).status == 200
    assert authorizations(stage.stub)[-2:] == [f"Bearer {UPSTREAM_SECRET}", "Bearer sk-second"]
    await until_told(stage, "openai", (True, "OpenAI refused it (HTTP 401)"))
    assert told(stage, "second") == (False, None)
    record = stage.house.accounts.audit.list(OPERATOR, stage.workspace)[0]
    assert (record.actor_kind, record.deed, record.object_name) == (
        "gateway",
        "provider_key.update",
        "openai",
    )
    assert record.changes["disabled_why"].after == "OpenAI refused it (HTTP 401)"
    # It is logged after it is written.
    async with asyncio.timeout(60):
        while "OpenAI refused the provider key" not in caplog.text:
            await asyncio.sleep(0.01)
    assert UPSTREAM_SECRET not in caplog.text
    assert keys.switch(OPERATOR, stage.workspace, "openai", enabled=True).disabled_why is None
    assert told(stage, "openai") == (False, None)


async def until_known(stage: Stage, key: IssuedKey) -> None:
    """Waits until the gateway has every provider key that was added."""
    stage.house.accounts.api_keys.update(OPERATOR, stage.workspace, key.key.id, KeyChanges(cap=None))
    async with asyncio.timeout(60):
        while (await stage.get(key, "/me")).json()["api_key"]["spend_cap_micro_usd"] is not None:
            await asyncio.sleep(0.01)


async def test_a_401_inside_an_answer_is_not_about_the_key(stage: Stage) -> None:
    key = stage.key(usd=1)
    # A router passes on what the vendor behind it said.
    stage.stub.script(replace(error_answer(401, "Unauthorized.", code="invalid_api_key"), status=200))
    assert (await stage.chat(key, HELLO)).status == 502
    assert (await stage.chat(key, HELLO)).status == 200
    assert told(stage, "openai") == (False, None)


async def test_a_new_secret_lets_a_refused_key_be_used_again(stage: Stage) -> None:
    keys, key = stage.house.accounts.provider_keys, stage.key(usd=1)
    stage.stub.script(error_answer(401, "no"))
    assert (await stage.chat(key, HELLO)).status == 502
    await until_told(stage, "openai", (True, "OpenAI refused it (HTTP 401)"))
    assert "no provider key for OpenAI" in await until(stage, key, 404)
    assert keys.renew(OPERATOR, stage.workspace, "openai", UPSTREAM_SECRET).disabled_ms is not None
    assert keys.renew(OPERATOR, stage.workspace, "openai", "sk-new").disabled_ms is None
    await until(stage, key, 200)
    assert authorizations(stage.stub)[-1] == "Bearer sk-new"


async def test_a_provider_without_a_key_is_not_disabled_by_a_401(stage: Stage) -> None:
    key = stage.key()
    wanted = NewProviderKey(provider="custom", name="mybox", secret="", base_url=stage.stub.base_url)
    stage.house.accounts.provider_keys.add(OPERATOR, stage.workspace, wanted)
    asked = {**HELLO, "model": "mybox/anything"}
    async with asyncio.timeout(60):
        while (await stage.chat(key, asked)).status != 200:
            await asyncio.sleep(0.01)
    assert authorizations(stage.stub)[-1] is None
    generation = stage.house.store.accounts.generation()
    stage.stub.script(error_answer(401, "who are you?"))
    assert (await stage.chat(key, asked)).status == 502
    assert (await stage.chat(key, asked)).status == 200
    assert (told(stage, "mybox"), stage.house.store.accounts.generation()) == ((False, None), generation)


async def test_what_has_no_free_question_is_not_asked(stage: Stage) -> None:
    wanted = NewProviderKey(provider="nvidia", secret="sk-1", base_url=stage.stub.base_url)
    stage.house.accounts.provider_keys.add(OPERATOR, stage.workspace, wanted)
    health = await health_of(stage, "nvidia")
    assert (health.ok, health.status) == (True, None)
    assert "nothing that is free" in health.said
    assert stage.stub.requests == []


async def test_azure_s_key_is_taken_from_the_environment_with_its_address(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    accounts = stage.house.accounts
    take_from_environment(accounts, {"AZURE_OPENAI_API_KEY": "sk-az"}.get)
    assert "AZURE_OPENAI_ENDPOINT is not" in caplog.text
    variables = {
        "AZURE_OPENAI_API_KEY": "sk-az",
        "AZURE_OPENAI_ENDPOINT": "https://box.openai.azure.com/",
        "GROQ_API_KEY": "gsk",
    }
    take_from_environment(accounts, variables.get)
    added = accounts.provider_keys.list(OPERATOR, stage.workspace)[2:]
    assert [(key.provider, key.name, key.base_url) for key in added] == [
        ("azure", "environment", "https://box.openai.azure.com"),
        ("groq", "environment", "https://api.groq.com/openai/v1"),
    ]
