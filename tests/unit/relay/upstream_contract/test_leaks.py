"""Hostile servers, again and again: no connection, task, file descriptor or memory is left of any."""

from pathlib import Path

from tests.upstreams.certificates import SelfSigned
from tests.upstreams.hostility import Siege


async def test_nothing_is_left_of_300_rounds(tmp_path: Path) -> None:
    async with Siege(SelfSigned(tmp_path)) as siege:
        await siege.rounds(100)
        before = await siege.left()
        await siege.rounds(300)
        after = await siege.left()
    assert after.no_more_than(before), f"{before} became {after}"
