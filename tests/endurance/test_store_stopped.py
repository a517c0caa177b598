"""A store that stops under load for half a minute: nobody is called a stranger, and all recovers."""

import asyncio
import math
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from pathlib import Path

import aiohttp
import pytest
from msgspec import Struct

from tests.e2e.gateway_process import GatewayProcess, Operator
from tests.e2e.upstream_process import StubProcess
from tests.endurance.load import Load, Question, Seen, questions, statuses, told
from tests.endurance.stores import (
    Store,
    postgresql_down,
    postgresql_paused,
    postgresql_silent,
    sqlite_locked,
)
from zai_gateway.spend.settler import IN_DOUBT

SECONDS = 30.0
HEALTHY_SECONDS = 5.0
"""How long the load goes on before the store stops, and after everybody is served again."""
PATIENCE = 60.0
BODY = {
    "model": "openai/gpt-5.4-mini",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 16,
}
COST_NANO = 12 * 750 + 4 * 4_500
"""What the stub bills for each of its answers."""
EDITS = (
    ("key", "create", "made-in-vain"),
    ("key", "update", "client-0", "--spend-cap", "1"),
    ("key", "revoke", "client-0"),
)
KINDS: dict[str, Callable[[Path], AbstractContextManager[Store]]] = {
    "sqlite-locked": sqlite_locked,
    "postgresql-silent": postgresql_silent,
    "postgresql-paused": postgresql_paused,
    "postgresql-down": postgresql_down,
}


class Scene(Struct, frozen=True):
    """A gateway on a store that can be stopped, and whoever runs it."""

    store: Store
    operator: Operator
    gateway: GatewayProcess
    upstream: StubProcess


@pytest.fixture(params=KINDS)
def scene(request: pytest.FixtureRequest, tmp_path: Path, upstream: StubProcess) -> Generator[Scene]:
    data = tmp_path / "data"
    with KINDS[request.param](data) as store:
        operator = Operator(data, **store.variables)
        operator.add_openai(upstream.base_url)
        with operator.serving() as gateway:
            yield Scene(store, operator, gateway, upstream)


async def test_a_store_that_stops_under_load_refuses_and_recovers(scene: Scene) -> None:
    known = [
        scene.operator.admin("key", "create", f"client-{n}", "--spend-cap", "50")["key"] for n in range(8)
    ]
    asked = questions(known, BODY)
    async with aiohttp.ClientSession() as session:
        load = Load(session, scene.gateway.base_url)
        async with load.from_clients(asked):
            await asyncio.sleep(HEALTHY_SECONDS)
            with scene.store.stopped():
                stopped = time.monotonic()
                new = await asyncio.to_thread(_while_it_is_stopped, scene)
                asked_by_new = [Question(what="new", path="/models", key=lambda key=key: key) for key in new]
                for question in asked_by_new:
                    assert (await load.ask(question)).status == 503
                await asyncio.sleep(max(0.0, stopped + SECONDS - time.monotonic()))
                back = time.monotonic()
            await load.until_served([*asked, *asked_by_new], PATIENCE)
            served = time.monotonic()
            await asyncio.sleep(HEALTHY_SECONDS)
    before = [each for each in load.seen if each.ended < stopped]
    within = [each for each in load.seen if stopped < each.began and each.ended < back]
    after = [each for each in load.seen if each.began > served]
    print(f"\n{told(before, 'before')}\n{told(within, f'stopped for {back - stopped:.0f} s')}")
    print(f"a warm key was refused first after {_first_refusal(within) - stopped:.1f} s")
    print(f"{told(load.seen, 'in all')}\neverybody was served {served - back:.2f} s after it was back")
    assert [each.wrong for each in load.seen if each.wrong] == []
    # A commit whose reply was lost with the store keeps everybody waiting, whatever is leased.
    in_doubt = IN_DOUBT in scene.gateway.log.read_text()
    _check_phases(scene.store, before, within, after, in_doubt=in_doubt)
    await asyncio.to_thread(_check_books, scene, load)


def _while_it_is_stopped(scene: Scene) -> list[str]:
    """The operator's edits are refused; gives the keys that were made where the store can be reached."""
    for edit in EDITS:
        ran = scene.operator.zai("admin", *edit, "--data", str(scene.operator.data))
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr.count("\n") == 1
        print(f"\nzai admin {edit[0]} {edit[1]}: {ran.stderr.strip()}")
    if scene.store.past is None:
        return []
    elsewhere = Operator(scene.operator.data.with_name("elsewhere"), **scene.store.past)
    return [elsewhere.new_key("--spend-cap", "50")]


def _first_refusal(within: list[Seen]) -> float:
    return min(
        (each.ended for each in within if each.what == "chat" and each.status == 503), default=math.inf
    )


def _check_phases(
    store: Store, before: list[Seen], within: list[Seen], after: list[Seen], *, in_doubt: bool
) -> None:
    for what in ("chat", "stream"):
        assert statuses(before, what)[200] > 0
        # What is leased serves on, until it is used up: then nothing can be held, and nothing is sent.
        assert in_doubt or statuses(within, what)[200] > 0
        assert set(statuses(within, what)) <= {200, 503}
        assert statuses(after, what)[200] > 0
    assert set(statuses(within, "models")) == {200}
    assert set(statuses(within, "me")) == {200 if store.reads else 503}
    assert set(statuses(within, "stranger")) == {401 if store.reads else 503}
    assert statuses(after, "stranger")[401] > 0


def _check_books(scene: Scene, load: Load) -> None:
    """What the clients were given, what the provider bills and what the books say is the same."""
    given = sum(statuses(load.seen, what)[200] for what in ("chat", "stream"))
    billed = len(scene.upstream.requests)
    give_up = time.monotonic() + PATIENCE
    while len(scene.store.rows("ledger")) < billed:
        assert time.monotonic() < give_up, "not all was settled"
        time.sleep(0.1)
    ledger = scene.store.rows("ledger")
    assert (given, len(ledger)) == (billed, billed)
    assert {(entry["cost"], entry["risk"], entry["certainty"]) for entry in ledger} == {
        (COST_NANO, 0, "exact")
    }
    leases = scene.store.rows("lease")
    assert sum(lease["spent"] for lease in leases) == billed * COST_NANO
    assert sum(lease["risk"] for lease in leases) == 0
    names = {key["name"] for key in scene.operator.admin("key", "list")["keys"]}
    assert "made-in-vain" not in names
    assert {f"client-{n}" for n in range(8)} <= names
    log = scene.gateway.log.read_text()
    print(f"{billed} answers were billed, given and booked\n{log}")
