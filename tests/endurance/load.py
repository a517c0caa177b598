"""A steady load on a gateway: many clients that ask again and again, and a note of every answer."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from statistics import median
from typing import Any

import aiohttp
from msgspec import Struct

from zai_gateway.accounts import keys

_PAUSE_SECONDS = 0.05
"""Between two requests of a client: the test machine has other things to do too."""


class Seen(Struct, frozen=True, kw_only=True):
    """One answer. Times are seconds of the monotonic clock."""

    what: str
    """`chat`, `stream`, `me`, `models` or `stranger`."""
    status: int
    began: float
    ended: float
    wrong: str | None
    """Why no client should have got this."""


class Question(Struct, frozen=True, kw_only=True):
    """What a client asks each time. `key` gives the key, a new one perhaps."""

    what: str
    path: str
    key: Callable[[], str]
    body: dict[str, Any] | None = None
    right: tuple[int, ...] = (200, 503)


def questions(known: Sequence[str], body: dict[str, Any]) -> list[Question]:
    """Those of each client: chats, streams and reads with known keys, and strangers."""
    asked: list[Question] = []
    for key in known:
        asked += [
            Question(what="chat", path="/chat/completions", key=lambda key=key: key, body=body),
            Question(
                what="stream",
                path="/chat/completions",
                key=lambda key=key: key,
                body={**body, "stream": True},
            ),
            Question(what="me", path="/me", key=lambda key=key: key),
            Question(what="models", path="/models", key=lambda key=key: key),
        ]
    strange = Question(what="stranger", path="/models", key=keys.new_secret, right=(401, 503))
    return [*asked, strange, strange]


class Load:
    """Clients of one gateway, each of which asks its question until the load ends."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url
        self._over = False
        self.seen: list[Seen] = []

    @asynccontextmanager
    async def from_clients(self, asked: Iterable[Question]) -> AsyncGenerator[None]:
        """Asks meanwhile. Every request gets its answer to the end before this ends."""
        async with asyncio.TaskGroup() as clients:
            for question in asked:
                clients.create_task(self._ask_on(question))
            try:
                yield
            finally:
                self._over = True

    async def ask(self, question: Question) -> Seen:
        """One request, whatever comes of it."""
        began = time.monotonic()
        status, wrong = 0, None
        try:
            status, wrong = await self._answer(question)
        except aiohttp.ClientError as trouble:
            wrong = repr(trouble)
        one = Seen(what=question.what, status=status, began=began, ended=time.monotonic(), wrong=wrong)
        self.seen.append(one)
        return one

    async def until_served(self, asked: Iterable[Question], seconds: float) -> None:
        """Waits until each of these questions gets an answer that is no 503."""
        async with asyncio.timeout(seconds):
            for question in asked:
                while (await self.ask(question)).status == 503:
                    await asyncio.sleep(_PAUSE_SECONDS)

    async def _ask_on(self, question: Question) -> None:
        while not self._over:
            await self.ask(question)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _answer(self, question: Question) -> tuple[int, str | None]:
        data = None if question.body is None else json.dumps(question.body).encode()
        headers = {"Authorization": f"Bearer {question.key()}", "Content-Type": "application/json"}
        method = "GET" if data is None else "POST"
        async with self._session.request(
            method, self._base_url + question.path, data=data, headers=headers
        ) as answer:
            whole = await answer.read()
            return answer.status, _wrong(question, answer, whole)


def _wrong(question: Question, answer: aiohttp.ClientResponse, whole: bytes) -> str | None:
    if answer.status not in question.right:
        return f"{answer.status} {whole[:200]!r}"
    if answer.status == 503 and int(answer.headers.get("retry-after", "0")) < 1:
        return "503 without Retry-After"
    if answer.status == 200 and question.what == "stream" and not whole.endswith(b"data: [DONE]\n\n"):
        return f"a stream without its end: {whole[-200:]!r}"
    return None


def told(seen: Iterable[Seen], title: str) -> str:
    """How often each status came, and how long it took, in lines for a reader."""
    by_status: dict[tuple[str, int], list[float]] = {}
    for each in seen:
        by_status.setdefault((each.what, each.status), []).append(each.ended - each.began)
    lines = [f"{title}:"]
    for (what, status), took in sorted(by_status.items()):
        lines.append(
            f"  {what:9} {status}  {len(took):6}  median {median(took):6.3f} s  max {max(took):6.3f} s"
        )
    return "\n".join(lines)


def statuses(seen: Iterable[Seen], what: str) -> Counter[int]:
    """How often each status came for one kind of question."""
    return Counter(each.status for each in seen if each.what == what)
