"""A directory that runs, and what it answers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from zai_gateway.accounts.directory import Directory
from zai_gateway.errors import Failure

NEVER = 3_600.0
"""Seconds between two polls where a test asks for each refresh itself."""


@asynccontextmanager
async def running(directory: Directory) -> AsyncGenerator[Directory]:
    await directory.start()
    try:
        yield directory
    finally:
        await directory.stop()


async def refusal(answer: Awaitable[object]) -> Failure:
    with pytest.raises(Failure) as caught:
        await answer
    return caught.value


async def answers(directory: Directory, secret: str) -> bool:
    try:
        await directory.caller(secret)
    except Failure:
        return False
    return True


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.001)
