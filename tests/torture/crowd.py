"""A crowd of clients: any number of requests at once, and what each of them is told."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from msgspec import Struct

from tests.torture.orders import MODEL, Order
from tests.torture.refusals import status_told

PATIENCE = 300.0
"""Seconds after which a request that has no answer fails its test."""


class Wanted(Struct, frozen=True, kw_only=True):
    """One request of a client."""

    order: Order
    """What the bank is to do with it."""
    key: str
    model: str = MODEL
    max_tokens: int | None = None
    streamed: bool = False
    door: int = 0
    """Which of the gateways is asked."""

    def body(self) -> bytes:
        """As it is sent."""
        asked: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": self.order.text}],
        }
        if self.max_tokens is not None:
            asked["max_tokens"] = self.max_tokens
        if self.streamed:
            asked["stream"] = True
        return json.dumps(asked).encode()


class Told(Struct, frozen=True, kw_only=True):
    """What one client was told. Times are seconds of the machine's monotonic clock."""

    wanted: Wanted
    status: int
    code: str | None
    """`error.code` of a refusal."""
    max_tokens: int | None
    """What `x-zai-max-tokens` says."""
    whole: bool
    """Whether the answer came to its end: a stream to its `[DONE]`."""
    asked: float
    told: float
    retry_after: str | None = None

    @property
    def what(self) -> str:
        """`answered`, or why not."""
        if self.status == 200:
            return "answered" if self.whole else "broken off"
        return self.code or str(self.status)


class Crowd:
    """Clients of some gateways. None of them waits for another one, and none shares a connection."""

    def __init__(self, session: aiohttp.ClientSession, doors: Sequence[str]) -> None:
        """`doors` are the gateways' addresses, which end in `/v1`."""
        self._session = session
        self._doors = doors

    async def ask(self, wanted: Wanted) -> Told:
        """One request, and its whole answer."""
        asked = time.monotonic()
        headers = {"Authorization": f"Bearer {wanted.key}", "Content-Type": "application/json"}
        url = f"{self._doors[wanted.door % len(self._doors)]}/chat/completions"
        async with self._session.post(url, data=wanted.body(), headers=headers) as answer:
            body = await answer.read()
            limit = answer.headers.get("x-zai-max-tokens")
            code = _code(answer.status, body)
            return Told(
                wanted=wanted,
                status=status_told(answer.status, code),
                code=code,
                max_tokens=None if limit is None else int(limit),
                whole=body.endswith(b"data: [DONE]\n\n") if wanted.streamed else body.endswith(b"}"),
                asked=asked,
                told=time.monotonic(),
                retry_after=answer.headers.get("retry-after"),
            )

    async def ask_all(self, all_wanted: Iterable[Wanted]) -> list[Told]:
        """All of them at once."""
        async with asyncio.timeout(PATIENCE):
            return await asyncio.gather(*(self.ask(wanted) for wanted in all_wanted))


def _code(status: int, body: bytes) -> str | None:
    """Of the error that an answer is, or that a stream ends in."""
    if status == 200:
        events = [each for each in body.split(b"\n\n") if each.startswith(b'data: {"error"')]
        return json.loads(events[-1].removeprefix(b"data: "))["error"]["code"] if events else None
    return json.loads(body)["error"]["code"]


@asynccontextmanager
async def crowd(doors: Sequence[str]) -> AsyncGenerator[Crowd]:
    """Clients that keep no connection, so that the system spreads them over the workers."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    patience = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(connector=connector, timeout=patience) as session:
        yield Crowd(session, doors)


def counted(told: Iterable[Told]) -> Counter[str]:
    """How many were answered, and how many were told what."""
    return Counter(each.what for each in told)
