"""Customers of a gateway, who note what they were told, and bear that it dies under them."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from msgspec import Struct

from tests.torture.orders import MODEL, Order
from tests.torture.refusals import status_told

TOKENS = 16
"""What a customer allows an answer to have: the worst case of each request."""
PATIENCE = 300.0
_CONTENT = b'"Hel"'


class Seen(Struct, frozen=True, kw_only=True):
    """What became of a request. Times are seconds of the machine's monotonic clock."""

    order: Order
    status: int
    """0 where not even that came."""
    code: str | None
    """Of the error."""
    whole: bool
    """Whether an answer came to its end."""
    tokens: int
    """That it says it took."""
    request: str | None
    """The id that the gateway gave it."""
    began: float
    ended: float


class Asked:
    """A request that is under way."""

    def __init__(self, order: Order, task: "asyncio.Task[Seen]", content: asyncio.Event) -> None:
        self.order = order
        self.content = content
        """Set when the first content is here."""
        self._task = task

    @property
    def is_over(self) -> bool:
        """Whether it has its answer."""
        return self._task.done()

    async def seen(self) -> Seen:
        """What became of it."""
        return await self._task


class Customers:
    """Any number of them, each on a connection of its own."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    def begin(
        self,
        base_url: str,
        secret: str,
        order: Order,
        *,
        model: str = MODEL,
        streamed: bool = False,
        headers: dict[str, str] | None = None,
    ) -> Asked:
        """Asks, and goes on."""
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": order.text}],
            "max_tokens": TOKENS,
            "stream": streamed,
        }
        if streamed:
            body["stream_options"] = {"include_usage": True}
        content = asyncio.Event()
        said = (headers or {}) | {"Authorization": f"Bearer {secret}"}
        asking = self._ask(f"{base_url}/chat/completions", body, said, order, content)
        return Asked(order, asyncio.create_task(asking), content)

    async def ask(self, base_url: str, secret: str, order: Order, *, streamed: bool = False) -> Seen:
        """Asks, and waits for what becomes of it."""
        return await self.begin(base_url, secret, order, streamed=streamed).seen()

    async def _ask(
        self, url: str, body: dict[str, Any], headers: dict[str, str], order: Order, content: asyncio.Event
    ) -> Seen:
        began, status, request, came = time.monotonic(), 0, None, bytearray()
        broken = False
        try:
            async with self._session.post(url, json=body, headers=headers) as answer:
                status, request = answer.status, answer.headers.get("x-request-id")
                async for data in answer.content.iter_any():
                    came += data
                    if _CONTENT in came:
                        content.set()
        except aiohttp.ClientError:
            broken = True
        told = {} if broken else _last(bytes(came), streamed=body["stream"] and status == 200)
        usage: dict[str, Any] = told.get("usage") or {}
        error: dict[str, Any] = told.get("error") or {}
        code: str | None = error.get("code")
        return Seen(
            order=order,
            status=status_told(status, code),
            code=code,
            whole=status == 200 and "total_tokens" in usage,
            tokens=usage.get("completion_tokens", 0),
            request=request,
            began=began,
            ended=time.monotonic(),
        )


def _last(body: bytes, *, streamed: bool) -> dict[str, Any]:
    """The answer, or the last event of a stream that came to its end."""
    if not streamed:
        return json.loads(body)
    events = [each.removeprefix(b"data: ") for each in body.split(b"\n\n") if each.startswith(b"data: ")]
    if events[-1] == b"[DONE]":
        return json.loads(events[-2])
    ended: dict[str, Any] = json.loads(events[-1]) if events else {}
    return {"error": ended.get("error")}


@asynccontextmanager
async def customers() -> AsyncGenerator[Customers]:
    """Customers who keep no connection, so that none of them ever meets one that is dead."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    patience = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(connector=connector, timeout=patience) as session:
        yield Customers(session)
