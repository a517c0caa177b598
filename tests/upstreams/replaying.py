"""A stand-in for a provider that gives recorded answers again, in a thread of its own; also OpenAI's gate."""

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from tests.dialects.corpus import Exchange, packed
from tests.upstreams.answers import Answer, error_answer, json_answer
from tests.upstreams.http1 import ClientLeft, Connection, Received

Gate = Callable[[Received], Answer | None]
"""What a provider refuses whatever is asked: a path or a signature of another's. None: it may come in."""

_PIECE = 23
"""Bytes of a stream's pieces: few enough that events, lines and characters are cut."""
_HINTS = ("retry-after", "retry-after-ms", "request-id", "x-request-id", "x-should-retry")
"""Recorded headers that a gateway may read."""


class ReplayingStub:
    """Takes what its gate lets in, and answers from a queue; what nobody scripted gets a 500.

    It serves in a thread, so that tests which are not asynchronous read and script it as they go.
    """

    def __init__(self, gate: Gate, base: str = "/v1") -> None:
        self._gate = gate
        self._base = base
        self._scripted: deque[Answer] = deque()
        self._serving: set[asyncio.Task[None]] = set()
        self._failures: list[Exception] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="replaying stub")
        self._port = 0
        self.requests: list[Received] = []
        """Every request that was let in, in order."""
        self.refused: list[Received] = []
        """Every other one."""

    @property
    def base_url(self) -> str:
        """The address to configure."""
        return f"http://127.0.0.1:{self._port}{self._base}"

    def script(self, *answers: Answer) -> None:
        """Queues answers for the next requests."""
        self._scripted.extend(answers)

    def replay(self, *ids: str) -> None:
        """Queues the answers of recorded exchanges."""
        self.script(*(answer_of(recorded(id)) for id in ids))

    def forget(self) -> None:
        """Forgets what came, and what was to be answered."""
        self._scripted.clear()
        self.requests.clear()
        self.refused.clear()

    def begin(self) -> None:
        """The same; but an answer that nobody took fails the test that left it, as does a refusal."""
        left, refused = len(self._scripted), list(self.refused)
        self.forget()
        assert not left, f"{left} answers were not asked for"
        assert not refused, f"refused {refused[0].method} {refused[0].path}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._done(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if error is None and self._failures:
            raise self._failures[0]

    def _done(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _stop(self) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(Connection(reader, writer)))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, connection: Connection) -> None:
        try:
            while (request := await connection.receive()) is not None:
                if not await connection.answer(self._answer(request)):
                    break
        except ClientLeft:
            pass
        except Exception as failure:
            self._failures.append(failure)
            raise
        finally:
            await connection.close()

    def _answer(self, request: Received) -> Answer:
        refusal = self._gate(request)
        (self.requests if refusal is None else self.refused).append(request)
        if refusal is not None:
            return refusal
        return self._scripted.popleft() if self._scripted else json_answer({"error": "nothing scripted"}, 500)


def recorded(id: str) -> Exchange:
    """The exchange of that id, of any pack."""
    return next(each for pack in ("messages", "google", "chat") for each in packed(pack) if each.id == id)


def answer_of(exchange: Exchange) -> Answer:
    """What was answered then; a stream in pieces that heed nothing."""
    response = exchange.response
    hints = tuple((name, value) for name, value in response.headers.items() if name.lower() in _HINTS)
    if response.sse is None:
        headers = (("content-type", "application/json"), *hints)
        return Answer(status=response.status, headers=headers, body=response.bytes)
    headers = (("content-type", "text/event-stream; charset=utf-8"), *hints)
    return Answer(status=response.status, headers=headers, pieces=tuple(_cut(response.bytes)))


def _cut(stream: bytes) -> Iterable[bytes]:
    size = max(_PIECE, len(stream) // 400)
    return (stream[at : at + size] for at in range(0, len(stream), size))


def asked(request: Received) -> dict[str, Any]:
    """The body of a request."""
    return json.loads(request.body)


def openai_gate(key: str) -> Gate:
    """OpenAI's: chat completions, signed with this key."""

    def gate(request: Received) -> Answer | None:
        if (request.method, request.path) != ("POST", "/v1/chat/completions"):
            return error_answer(404, f"Invalid URL ({request.method} {request.path})")
        if request.header("authorization") != f"Bearer {key}" or request.header("x-api-key"):
            return error_answer(401, "Incorrect API key provided: sk-***.", code="invalid_api_key")
        return None

    return gate
