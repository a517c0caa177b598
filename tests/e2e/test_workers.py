"""Several workers serve one port and one cap: one that dies is replaced, and all end with their parent."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec import Struct
from msgspec.structs import replace

from tests.e2e.gateway_process import GatewayProcess, Operator, until
from tests.upstreams.answers import completion, json_answer, sse_answer, stream
from tests.upstreams.openai_stub import OpenAIStub
from zai_gateway.spend.journal import recovered
from zai_gateway.spend.records import Held, records

MODEL = "openai/gpt-of-our-own"
PRICE = ("--input", "0", "--output", "1")
"""In USD per million tokens."""
SHORT: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 16,
}
HOLD_NANO = 16_000
DEAR = json_answer(completion(usage={"prompt_tokens": 9, "completion_tokens": 16, "total_tokens": 25}))
"""Costs exactly what SHORT holds."""
FOUR = ("--workers", "4")


@pytest.fixture
async def stub() -> AsyncGenerator[OpenAIStub]:
    async with OpenAIStub() as ready:
        yield ready


@pytest.fixture
def operator(data: Path, stub: OpenAIStub) -> Operator:
    made = Operator(data)
    made.add_openai(stub.base_url)
    made.admin("price", "set", MODEL, *PRICE)
    return made


class Client:
    """Someone who asks a gateway, with a connection for each request: any worker may get it."""

    def __init__(self, session: aiohttp.ClientSession, gateway: GatewayProcess, key: str) -> None:
        self._session = session
        self._url = f"{gateway.base_url}/chat/completions"
        self._headers = {"Authorization": f"Bearer {key}"}
        self.over = False
        self.statuses: list[int] = []
        """Of the load; 0 where the connection broke."""

    async def ask(self, **more: Any) -> tuple[int, bytes]:
        """The status and the whole answer; (0, ...) where the connection broke."""
        try:
            async with self._session.post(self._url, json=SHORT | more, headers=self._headers) as response:
                return response.status, await response.read()
        except aiohttp.ClientError as trouble:
            return 0, repr(trouble).encode()

    async def ask_on(self) -> None:
        """One request after the other until it is over."""
        while not self.over:
            status, _ = await self.ask()
            self.statuses.append(status)


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as ready:
        yield ready


class Seat(Struct, frozen=True):
    """A worker process, and the journal that it has open."""

    process: int
    journal: Path

    def open_holds(self) -> list[Held]:
        return list(recovered(records(self.journal.read_bytes())).open)


def seats(gateway: GatewayProcess) -> list[Seat]:
    """Who works, and with which journal."""
    return [
        Seat(process, file)
        for process in gateway.workers
        for file in opened_files(process)
        if file.suffix == ".journal"
    ]


def opened_files(process: int) -> set[Path]:
    """What a process has open; files that it closes meanwhile are left out."""
    links = list(Path(f"/proc/{process}/fd").iterdir())
    found: set[Path] = set()
    for link in links:
        with suppress(FileNotFoundError):
            found.add(link.readlink())
    return found


def check_ended_in_order(operator: Operator) -> None:
    """Nobody left a journal, and nothing is leased but what was spent or is unconfirmed."""
    assert (operator.journals, operator.unspent()) == ([], 0)
    assert operator.admin("spend", "reconcile")["holds"]


async def test_four_workers_keep_one_cap(
    operator: Operator, stub: OpenAIStub, session: aiohttp.ClientSession
) -> None:
    fits = 20
    stub.script(*[DEAR] * fits)
    # Not enough for one more, by the least amount that there is.
    key = operator.new_key("--spend-cap", f"0.000{(fits + 1) * HOLD_NANO - 1}")
    with operator.serving(*FOUR) as gateway:
        assert len(gateway.workers) == 4
        client = Client(session, gateway, key)
        statuses = [status for status, _ in await asyncio.gather(*(client.ask() for _ in range(200)))]
        assert set(statuses) <= {200, 402, 429}
        # Those that were refused only for the holds of others may still find room.
        while statuses[-1] != 402:
            statuses.append((await client.ask())[0])
        assert statuses.count(200) == fits == len(stub.requests)
        until([HOLD_NANO] * fits, lambda: [row["cost"] for row in operator.rows("ledger")])
        assert gateway.ask("/me", key).json()["api_key"]["spend_micro_usd"] == fits * HOLD_NANO // 1_000
        assert len(operator.admin("spend", "workers")["workers"]) == 4
        assert operator.admin("doctor")["healthy"]
    check_ended_in_order(operator)


async def test_a_worker_that_is_killed_under_load_is_replaced_and_adopted(
    operator: Operator, stub: OpenAIStub, session: aiohttp.ClientSession
) -> None:
    answer = asyncio.Event()
    stub.script(*[replace(DEAR, hold=answer)] * 16)
    with operator.serving(*FOUR) as gateway:
        client = Client(session, gateway, operator.new_key("--spend-cap", "5"))
        held = [asyncio.create_task(client.ask()) for _ in range(16)]
        await stub.until_requests(16)
        load = [asyncio.create_task(client.ask_on()) for _ in range(4)]
        before = seats(gateway)
        victim = max(before, key=lambda seat: len(seat.open_holds()))
        with victim.journal.open("rb") as journal:
            os.kill(victim.process, signal.SIGKILL)
            await until_there(lambda: victim.process not in gateway.workers)
            left = recovered(records(journal.read())).open
        assert len(left) > 0
        # It is replaced, and adopted by the new one or by another.
        await until_there(lambda: len(seats(gateway)) == 4 and not victim.journal.exists())
        client.over = True
        await asyncio.gather(*load)
        assert set(client.statuses) <= {200, 0}
        assert client.statuses.count(0) <= len(load)
        answer.set()
        kept = [status for status, _ in await asyncio.gather(*held)]
        assert set(kept) <= {200, 0}
        assert kept.count(0) + client.statuses.count(0) >= len(left)
        assert (await client.ask())[0] == 200
    check_ended_in_order(operator)
    ledger = operator.rows("ledger")
    unconfirmed = [(row["request"], row["risk"]) for row in ledger if row["certainty"] == "unconfirmed"]
    assert sorted(unconfirmed) == sorted((hold.attempt.request, hold.amount) for hold in left)
    assert len(ledger) - len(unconfirmed) >= kept.count(200) + client.statuses.count(200) + 1
    assert "was ended by signal 9: another one starts" in gateway.log.read_text()


async def test_workers_end_in_order_when_their_parent_is_killed(
    operator: Operator, stub: OpenAIStub, session: aiohttp.ClientSession
) -> None:
    with operator.serving(*FOUR) as gateway:
        client = Client(session, gateway, operator.new_key("--spend-cap", "5"))
        assert [status for status, _ in await asyncio.gather(*(client.ask() for _ in range(8)))] == [200] * 8
        workers = gateway.workers
        gateway.kill()
        await until_there(lambda: not any(Path(f"/proc/{process}").exists() for process in workers))
    check_ended_in_order(operator)
    assert len(operator.rows("ledger")) == 8


async def test_a_supervisor_that_tells_every_process_to_end_hurries_none(
    operator: Operator, stub: OpenAIStub, session: aiohttp.ClientSession
) -> None:
    gate, pieces = asyncio.Event(), stream()
    stub.script(sse_answer(*pieces[:2], gate, *pieces[2:]))
    with operator.serving(*FOUR) as gateway:
        client = Client(session, gateway, operator.new_key())
        asked = asyncio.create_task(client.ask(stream=True))
        await stub.until_requests(1)
        workers = gateway.workers
        gateway.terminate()
        for process in workers:
            os.kill(process, signal.SIGTERM)
        # Those with nothing to do have ended: so every one was told, and by both.
        await until_there(lambda: len(gateway.workers) == 1)
        assert not listens(gateway)
        gate.set()
        status, whole = await asked
        gateway.ended()
    assert (status, whole.endswith(b"data: [DONE]\n\n")) == (200, True)
    check_ended_in_order(operator)


async def test_a_second_signal_hurries_every_worker(
    operator: Operator, stub: OpenAIStub, session: aiohttp.ClientSession
) -> None:
    stub.script(*[replace(DEAR, hold=asyncio.Event())] * 4)
    with operator.serving(*FOUR) as gateway:
        client = Client(session, gateway, operator.new_key())
        asked = [asyncio.create_task(client.ask()) for _ in range(4)]
        await stub.until_requests(4)
        gateway.terminate()
        await until_there(lambda: not listens(gateway))
        gateway.terminate()
        answers = await asyncio.gather(*asked)
        gateway.ended()
    assert [(status, b"shutting_down" in whole) for status, whole in answers] == [(503, True)] * 4
    check_ended_in_order(operator)


def test_what_keeps_workers_from_a_start_is_told_once(data: Path) -> None:
    operator = Operator(data)
    operator.admin("key", "list")
    (data / "workers").touch()
    ran = operator.zai("serve", "--port", "0", "--data", str(data), *FOUR)
    assert (ran.returncode, ran.stdout) == (1, "")
    said = [line for line in ran.stderr.splitlines() if line.startswith("zai: ")]
    assert said == [f"zai: The journal cannot be made in {data / 'workers'}: file exists."]
    assert "Traceback" not in ran.stderr


async def test_one_of_the_workers_asks_for_lists_of_models(data: Path, stub: OpenAIStub) -> None:
    operator = Operator(data, ZAI_PROVIDER_LISTS="yes")
    operator.add_openai(stub.base_url)
    asked_before = len(stub.requests)
    with operator.serving(*FOUR):
        await stub.until_requests(asked_before + 1)
    assert [each.path for each in stub.requests[asked_before:]] == ["/v1/models"]


@pytest.mark.parametrize("said", ["yes", "no"])
def test_journals_are_as_safe_as_the_setting_says(data: Path, said: str) -> None:
    operator = Operator(data, ZAI_JOURNAL_SYNC=said)
    with operator.serving("--workers", "2"):
        headers = [recovered(records(file.read_bytes())).header for file in operator.journals]
    assert [header is not None and header.synced for header in headers] == [said == "yes"] * 2


def test_one_worker_for_each_processor(data: Path) -> None:
    with Operator(data).serving("--workers", "auto") as gateway:
        wanted = len(os.sched_getaffinity(0))
        # One alone needs no parent.
        assert len(gateway.workers) == (0 if wanted == 1 else wanted)


@pytest.mark.parametrize("number", ["0", "-1", "257", "many", "1.5"])
def test_a_number_of_workers_that_is_none_is_misuse(data: Path, number: str) -> None:
    ran = Operator(data).zai("serve", "--port", "0", "--data", str(data), f"--workers={number}")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "write a number from 1 to 256, or auto" in ran.stderr
    assert not data.exists()


async def until_there(happened: Callable[[], bool]) -> None:
    """Waits while clients go on."""
    await asyncio.to_thread(until, True, happened)


def listens(gateway: GatewayProcess) -> bool:
    """Whether anybody accepts connections."""
    host, _, port = gateway.base_url.removeprefix("http://").removesuffix("/v1").partition(":")
    try:
        socket.create_connection((host, int(port))).close()
    except OSError:
        return False
    return True
