"""The office: a process beside what serves, started by a visitor, and never there longer than that."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from zai_gateway.app.office import Office
from zai_gateway.app.office_line import Plan
from zai_gateway.app.office_room import THREADS
from zai_gateway.edge.bridge import Inquiry
from zai_gateway.edge.page import Page
from zai_gateway.errors import Code, Failure

COMMAND = (sys.executable, "-m", "tests.unit.app.office_double")
PATIENCE = 60.0


def plan(data: Path) -> Plan:
    return Plan(release="", data=os.fsencode(data), variables={}, store_seconds=1.0, log_level="WARNING")


def inquiry(path: str, body: bytes = b"") -> Inquiry:
    return Inquiry("GET", "http", path.encode(), b"", (), None, "req_1", body)


@asynccontextmanager
async def office_at(data: Path, idle_seconds: float = 900.0) -> AsyncGenerator[Office]:
    office = Office(plan(data), COMMAND, idle_seconds)
    try:
        yield office
    finally:
        await office.stop()


async def ask(office: Office, path: str, body: bytes = b"") -> Page:
    return await office.ask(inquiry(path, body))


async def who(office: Office) -> tuple[int, int]:
    """The process that answers, and its priority."""
    process, priority = (await ask(office, "/who")).body.split()
    return int(process), int(priority)


async def until_gone(process: int) -> None:
    """Returns when there is no such process."""
    async with asyncio.timeout(PATIENCE):
        while _runs(process):
            await asyncio.sleep(0.01)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def test_an_answer_comes_back_whole(tmp_path: Path) -> None:
    async with office_at(tmp_path) as office:
        page = await ask(office, "/hello", b"x" * 1_000_000)
    assert (page.status, page.headers, page.body) == (201, (("x-of", "it"),), b"/hello " + b"x" * 1_000_000)


async def test_pages_are_made_by_one_other_process_that_stands_behind_this_one(tmp_path: Path) -> None:
    async with office_at(tmp_path) as office:
        seen = await asyncio.gather(*(who(office) for _ in range(5)))
    assert len(set(seen)) == 1
    process, priority = seen[0]
    assert process != os.getpid()
    assert priority > os.getpriority(os.PRIO_PROCESS, 0)


async def test_few_pages_are_made_at_once(tmp_path: Path) -> None:
    async with office_at(tmp_path) as office:
        pages = await asyncio.gather(*(ask(office, "/crowded") for _ in range(THREADS + 3)))
    assert max(int(each.body) for each in pages) == THREADS


async def test_a_failure_there_is_the_same_here(tmp_path: Path) -> None:
    async with office_at(tmp_path) as office:
        with pytest.raises(Failure) as refused:
            await ask(office, "/refuse")
        with pytest.raises(Failure) as failed:
            await ask(office, "/fail")
    told = refused.value
    assert (told.code, told.message, told.retry_after) == (Code.RATE_LIMITED, "Slowly.", 3.0)
    assert failed.value.code is Code.INTERNAL_ERROR
    assert "secret" not in failed.value.message


async def test_after_one_that_died_the_next_visitor_starts_another(tmp_path: Path) -> None:
    async with office_at(tmp_path) as office:
        before, _ = await who(office)
        beside = asyncio.ensure_future(ask(office, "/wait"))
        with pytest.raises(Failure, match="ended before it had answered") as died:
            await ask(office, "/die")
        assert died.value.code is Code.INTERNAL_ERROR
        with pytest.raises(Failure, match="ended before it had answered"):
            await beside
        after, _ = await who(office)
    assert after != before


async def test_while_it_cannot_open_visitors_are_told_why(tmp_path: Path) -> None:
    data = tmp_path / "data"

    async def code() -> Code | None:
        try:
            await ask(office, "/hello")
        except Failure as failure:
            return failure.code
        return None

    async with office_at(data) as office:
        assert {await code() for _ in range(3)} == {Code.STORE_UNAVAILABLE}
        data.mkdir()
        async with asyncio.timeout(PATIENCE):
            while await code() is not None:
                await asyncio.sleep(0.1)


async def test_who_leaves_while_it_opens_leaves_it_to_others(tmp_path: Path) -> None:
    async with office_at(tmp_path) as office:
        leaves = asyncio.ensure_future(who(office))
        stays = asyncio.ensure_future(who(office))
        await asyncio.sleep(0)
        leaves.cancel()
        process, _ = await stays
        assert (await who(office))[0] == process


async def test_what_cannot_be_started_leaves_nothing_open(tmp_path: Path) -> None:
    office = Office(plan(tmp_path), (str(tmp_path / "no such command"),))
    before = sum(1 for _ in Path("/dev/fd").iterdir())
    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            await ask(office, "/hello")
    assert sum(1 for _ in Path("/dev/fd").iterdir()) == before
    await office.stop()


async def test_a_busy_visitor_outlasts_every_timer(tmp_path: Path) -> None:
    async with office_at(tmp_path, idle_seconds=0.05) as office:
        waits = asyncio.ensure_future(ask(office, "/wait"))
        # Answers that come together must not leave timers behind that nobody cancels.
        seen: set[tuple[int, int]] = set()
        for _ in range(5):
            seen |= set(await asyncio.gather(who(office), who(office), who(office)))
            await asyncio.sleep(0.06)
        assert len(seen) == 1
        assert not waits.done()
        waits.cancel()


async def test_a_visitor_that_leaves_takes_nobody_along(tmp_path: Path) -> None:
    async with office_at(tmp_path) as office:
        before = await who(office)
        leaves = asyncio.ensure_future(ask(office, "/wait"))
        await asyncio.sleep(0)
        leaves.cancel()
        assert await who(office) == before


async def test_without_visitors_it_closes_and_the_next_one_opens_it(tmp_path: Path) -> None:
    async with office_at(tmp_path, idle_seconds=0.0) as office:
        first, _ = await who(office)
        await until_gone(first)
        second, _ = await who(office)
        assert second != first


async def test_while_somebody_waits_it_stays(tmp_path: Path) -> None:
    async with office_at(tmp_path, idle_seconds=0.0) as office:
        waits = asyncio.ensure_future(ask(office, "/wait"))
        await asyncio.sleep(0)
        seen = {await who(office) for _ in range(3)}
        assert len(seen) == 1
        waits.cancel()


async def test_it_ends_with_its_gateway_and_with_nothing_else(tmp_path: Path) -> None:
    async with office_at(tmp_path) as office:
        process, _ = await who(office)
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(process, number)
        assert (await who(office))[0] == process
    assert not _runs(process)


async def test_what_is_asked_of_one_that_is_stopped_is_not_answered(tmp_path: Path) -> None:
    async with office_at(tmp_path) as office:
        await who(office)
        waits = asyncio.ensure_future(ask(office, "/wait"))
        await asyncio.sleep(0)
    with pytest.raises(Failure):
        await waits


async def test_an_office_without_visitors_has_nothing_to_end(tmp_path: Path) -> None:
    await Office(plan(tmp_path), (str(tmp_path / "no such command"),)).stop()


async def test_it_does_not_outlive_a_gateway_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.unit.app.test_office", str(tmp_path)],
        stdout=subprocess.PIPE,
        encoding="ascii",
    ) as gateway:
        assert gateway.stdout is not None
        process = int(await asyncio.to_thread(gateway.stdout.readline))
        gateway.kill()
    await until_gone(process)


async def _serve_forever(data: Path) -> None:
    process, _ = await who(Office(plan(data), COMMAND))
    print(process, flush=True)
    await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(_serve_forever(Path(sys.argv[1])))
