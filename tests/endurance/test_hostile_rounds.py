"""Hostile servers for 10,000 rounds, on both event loops: nothing is left of any."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from tests.upstreams.certificates import SelfSigned
from tests.upstreams.hostility import Left, Siege

_ROUNDS = 10_000


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_nothing_is_left_of_ten_thousand_rounds(
    loop: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path
) -> None:
    async def besieged() -> tuple[Left, Left]:
        async with Siege(SelfSigned(tmp_path)) as siege:
            await siege.rounds(1_000)  # caches are full by then
            before = await siege.left()
            await siege.rounds(_ROUNDS)
            return before, await siege.left()

    with asyncio.Runner(loop_factory=loop) as runner:
        before, after = runner.run(besieged())
    print(f"\n{_ROUNDS} rounds: {before} became {after}")
    assert after.no_more_than(before)
