"""The matrix of failures: what the client sees and what the ledger says, with a way on and without one."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec import Struct

from tests.flow.failover_table import TABLE, Told
from tests.flow.greedy import entries
from tests.flow.stage import MODEL, OPERATOR, UPSTREAM_SECRET, Got, Stage, staged
from tests.upstreams.failing import Fault, Impatient, failing
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.money import micro_from_nano

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 1_000,
}
EACH_FAULT = pytest.mark.parametrize("told", TABLE, ids=lambda told: told.fault.name)
EACH_FORM = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
COST_NANO = 12 * 750 + 4 * 4_500
"""Of the answer that the stub gives."""


class Matrix(Struct, frozen=True):
    """A gateway whose provider may be made to fail."""

    stage: Stage
    network: Impatient
    folder: Path

    @asynccontextmanager
    async def before(self, fault: Fault, *, another: bool) -> AsyncGenerator[Stage]:
        """The stage whose first provider key meets `fault`, and where `another` one would not."""
        stage, keys = self.stage, self.stage.house.accounts.provider_keys
        for known in keys.list(OPERATOR, stage.workspace):
            if known.provider == "openai":
                keys.remove(OPERATOR, stage.workspace, known.id)
        async with failing(fault, self.network, self.folder) as address:
            for url in (address, stage.stub.base_url)[: 2 if another else 1]:
                new = NewProviderKey(provider="openai", secret=UPSTREAM_SECRET, base_url=url)
                keys.add(OPERATOR, stage.workspace, new)
            yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def matrix(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Matrix]:
    folder, network = tmp_path_factory.mktemp("matrix"), Impatient()
    async with staged(folder / "data", network=network) as stage:
        yield Matrix(stage, network, folder)


def of_a_failure(told: Told, number: int, entry: dict[str, Any], worst_micro: int) -> None:
    """Asserts that the ledger says of an attempt what the table says."""
    assert (entry["attempt"], entry["status"], entry["failure"]) == (number, told.seen, told.code)
    if told.free:
        assert (entry["cost"], entry["risk"], entry["certainty"]) == (0, 0, "exact")
        assert json.loads(entry["flags"]) == []
    else:
        assert (entry["certainty"], json.loads(entry["flags"])) == ("estimated", ["interrupted"])
        assert entry["cost"] > 0
        assert entry["risk"] > 0
        assert micro_from_nano(entry["cost"] + entry["risk"]) == worst_micro


async def worst_micro(stage: Stage, key: IssuedKey, body: Mapping[str, Any]) -> int:
    """What a request can cost at most at the first model, in micro-USD."""
    quote = (await stage.quote(key, body)).json()
    return quote["candidates"][0]["worst_case_micro_usd"]


@EACH_FORM
@EACH_FAULT
async def test_the_last_attempt_s_failure_is_the_client_s(matrix: Matrix, told: Told, streamed: bool) -> None:
    async with matrix.before(told.fault, another=False) as stage:
        key = stage.key(usd=5)
        body = {**HELLO, "stream": streamed}
        got = await stage.chat(key, body)
        worst = await worst_micro(stage, key, body)
    assert (got.status, got.code()) == (told.status, told.code)
    assert got.headers.get("retry-after") == told.retry_after
    assert got.headers["content-type"] == "application/json"
    assert "x-zai-model" not in got.headers
    assert "x-zai-attempts" not in got.headers
    assert b"<html>" not in got.body
    (entry,) = await entries(stage, key)
    of_a_failure(told, 1, entry, worst)


@EACH_FORM
@EACH_FAULT
async def test_before_the_last_attempt_a_failure_is_only_the_ledger_s(
    matrix: Matrix, told: Told, streamed: bool
) -> None:
    async with matrix.before(told.fault, another=True) as stage:
        key = stage.key(usd=5)
        body = {**HELLO, "stream": streamed}
        got = await stage.chat(key, body)
        worst = await worst_micro(stage, key, body)
    assert got.status == 200
    assert got.headers["x-zai-attempts"] == "2"
    assert "x-zai-model" not in got.headers
    answered(got, streamed, MODEL)
    first, second = sorted(await entries(stage, key), key=lambda entry: entry["attempt"])
    of_a_failure(told, 1, first, worst)
    assert (second["attempt"], second["status"], second["failure"]) == (2, 200, None)
    assert (second["cost"], second["risk"], second["certainty"]) == (COST_NANO, 0, "exact")
    assert first["request"] == second["request"] == got.headers["x-request-id"]
    assert first["provider_key"] != second["provider_key"]


@EACH_FORM
@EACH_FAULT
async def test_another_model_after_a_failure_says_its_name(
    matrix: Matrix, told: Told, streamed: bool
) -> None:
    async with matrix.before(told.fault, another=False) as stage:
        key = stage.key(usd=5, fallback="demo/echo")
        body = {**HELLO, "stream": streamed}
        got = await stage.chat(key, body)
        worst = await worst_micro(stage, key, body)
    assert got.status == 200
    assert (got.headers["x-zai-model"], got.headers["x-zai-attempts"]) == ("demo/echo", "2")
    answered(got, streamed, "demo/echo")
    first, second = sorted(await entries(stage, key), key=lambda entry: entry["attempt"])
    of_a_failure(told, 1, first, worst)
    assert (second["answering_model"], second["requested_model"]) == ("demo/echo", MODEL)


def answered(got: Got, streamed: bool, model: str) -> None:
    """Asserts that the answer is one attempt's alone, from its first event to its last."""
    if not streamed:
        assert got.json()["model"] == model
        return
    *events, done = got.events()
    chunks = [json.loads(event) for event in events]
    assert done == b"[DONE]"
    assert {(chunk["model"], chunk["id"], chunk["created"]) for chunk in chunks} == {
        (model, chunks[0]["id"], chunks[0]["created"])
    }
    roles = [1 for chunk in chunks for choice in chunk["choices"] if choice["delta"].get("role")]
    assert len(roles) == 1
