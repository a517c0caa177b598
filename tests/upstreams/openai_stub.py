"""A stand-in for OpenAI on 127.0.0.1: scripted answers, recorded requests; also a process of its own."""

import argparse
import asyncio
import base64
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.upstreams.answers import (
    Answer,
    Ending,
    completion,
    error_answer,
    json_answer,
    model,
    models,
    sse_answer,
    stream,
)
from tests.upstreams.http1 import ClientLeft, Connection, Received
from tests.upstreams.refusals import Refusals, refusal

MODELS = ("gpt-5.4", "gpt-5.4-mini")


class OpenAIStub:
    """Serves `/v1/chat/completions` and `/v1/models`.

    A chat request takes the next scripted answer; where none is left, a sensible completion in the form that
    was asked for (`stream`, `stream_options`). `refusals` come before both. With `key` set, any other bearer
    token gets OpenAI's 401.
    """

    def __init__(self, *, refusals: Refusals | None = None, key: str | None = None) -> None:
        self._refusals = refusals or {}
        self._key = key
        self._scripted: deque[Answer] = deque()
        self._serving: set[asyncio.Task[None]] = set()
        self._failures: list[Exception] = []
        self._changed = asyncio.Condition()
        self.listed: Answer | None = None
        """What `/v1/models` answers; None for a list of two."""
        self.requests: list[Received] = []
        """Every request to a path under `/v1`, in order."""
        self.abandoned = 0
        """How many answers were not finished because the client left."""
        self.connections = 0
        self.port = 0

    @property
    def base_url(self) -> str:
        """The address to configure: it ends in `/v1`."""
        return f"http://127.0.0.1:{self.port}/v1"

    def script(self, *answers: Answer) -> None:
        """Queues answers for the next chat requests."""
        self._scripted.extend(answers)

    async def until_requests(self, count: int) -> None:
        """Waits until so many requests have come in."""
        await self._until(lambda: len(self.requests) >= count)

    async def until_abandoned(self, count: int) -> None:
        """Waits until so many answers were abandoned."""
        await self._until(lambda: self.abandoned >= count)

    async def start(self, port: int = 0) -> None:
        """Listens on 127.0.0.1; port 0 is any that is free."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stops listening and closes every connection."""
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        if error is None and self._failures:
            raise self._failures[0]

    async def _until(self, happened: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(happened)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(Connection(reader, writer)))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, connection: Connection) -> None:
        try:
            while (request := await connection.receive()) is not None:
                answer = await self._answer(request)
                if not await connection.answer(answer):
                    break
        except ClientLeft:
            async with self._changed:
                self.abandoned += 1
                self._changed.notify_all()
        except Exception as failure:
            self._failures.append(failure)
            raise
        finally:
            await connection.close()

    async def _answer(self, request: Received) -> Answer:
        if request.path.startswith("/_"):
            return self._control(request)
        async with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        if self._key is not None and request.header("authorization") != f"Bearer {self._key}":
            return error_answer(401, "Incorrect API key provided: sk-***.", code="invalid_api_key")
        match request.method, request.path:
            case "POST", "/v1/chat/completions":
                return self._chat(request)
            case "GET", "/v1/models":
                return self.listed or json_answer(models(MODELS))
            case "GET", path if path.removeprefix("/v1/models/") in MODELS:
                return json_answer(model(path.removeprefix("/v1/models/")))
            case method, path:
                return error_answer(404, f"Invalid URL ({method} {path})")

    def _chat(self, request: Received) -> Answer:
        asked: dict[str, Any] = request.json()
        refused = refusal(self._refusals, asked)
        if refused is not None:
            return refused
        if self._scripted:
            return self._scripted.popleft()
        name = str(asked["model"])
        if not asked.get("stream"):
            return json_answer(completion(name), headers={"x-request-id": "req_stub"})
        options: dict[str, Any] = asked.get("stream_options") or {}
        events = stream(name) if options.get("include_usage") else stream(name, usage=None)
        return sse_answer(*events, headers={"x-request-id": "req_stub"})

    def _control(self, request: Received) -> Answer:
        """The door for tests in another process: `POST /_answers`, `GET /_requests`, `GET /_counts`."""
        match request.method, request.path:
            case "POST", "/_answers":
                self.script(*(_scripted(entry) for entry in request.json()))
                return json_answer({})
            case "GET", "/_requests":
                return json_answer([_shown(each) for each in self.requests])
            case _:
                return json_answer({"abandoned": self.abandoned, "connections": self.connections})


def _scripted(entry: Mapping[str, Any]) -> Answer:
    """`{"sse": [...], "ending"}` with each piece as text, or `{"status", "headers", "json"}`."""
    if "sse" in entry:
        pieces: Sequence[str] = entry["sse"]
        ending = Ending(entry.get("ending", "whole"))
        return sse_answer(*(piece.encode() for piece in pieces), ending=ending, headers=entry.get("headers"))
    return json_answer(entry.get("json"), int(entry.get("status", 200)), entry.get("headers"))


def _shown(request: Received) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.path,
        "headers": list(request.headers),
        "body": base64.b64encode(request.body).decode(),
    }


async def _serve_until_stopped(port: int, refusals: Refusals, key: str | None) -> None:
    stub = OpenAIStub(refusals=refusals, key=key)
    await stub.start(port)
    print(stub.base_url, flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Serves until it is stopped. Its first line on stdout is the address, which ends in `/v1`."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--refuses", type=Path, help="JSON: model -> parameters that it refuses")
    options.add_argument("--key", help="the only bearer token that is accepted")
    given = options.parse_args()
    refusals: Refusals = json.loads(given.refuses.read_text()) if given.refuses else {}
    try:
        asyncio.run(_serve_until_stopped(given.port, refusals, given.key))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
