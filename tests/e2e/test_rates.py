"""Rate limits over several worker processes on one store, whose clock is the machine's own."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from tests.e2e.gateway_process import GatewayProcess, Operator

ECHO: dict[str, Any] = {"model": "demo/echo", "messages": [{"role": "user", "content": "Hello"}]}

Asking = Callable[[aiohttp.ClientSession, str], Awaitable[list[int]]]


async def within_a_minute(operator: Operator, gateway: GatewayProcess, asking: Asking) -> list[int]:
    """What a new key of 5 requests a minute is answered, where all of it came in one minute of the clock."""
    connector = aiohttp.TCPConnector(limit=0, force_close=asking is at_once)
    async with aiohttp.ClientSession(gateway.base_url + "/", connector=connector) as session:
        while True:
            key = await asyncio.to_thread(operator.new_key, "--rpm", "5")
            began = time.time() // 60
            came = await asking(session, key)
            if time.time() // 60 == began:
                return came


async def ask(session: aiohttp.ClientSession, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    async with session.post("chat/completions", json=ECHO, headers=headers) as response:
        await response.read()
        return response.status


async def at_once(session: aiohttp.ClientSession, key: str) -> list[int]:
    """Each over a connection of its own: any worker may get it."""
    return await asyncio.gather(*(ask(session, key) for _ in range(40)))


async def in_turn(session: aiohttp.ClientSession, key: str) -> list[int]:
    """All over one connection, which one worker has."""
    return [await ask(session, key) for _ in range(8)]


async def test_five_a_minute_over_eight_workers_and_over_one_of_them(data: Path) -> None:
    operator = Operator(data)
    with operator.serving("--workers", "8") as gateway:
        spread = await within_a_minute(operator, gateway, at_once)
        assert (spread.count(200), spread.count(429)) == (5, 35)
        assert await within_a_minute(operator, gateway, in_turn) == [200] * 5 + [429] * 3
