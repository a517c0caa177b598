"""Canaries: no secret and no prompt text in any byte that the gateway writes or logs, whatever goes wrong."""

import asyncio
import base64
import json
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import pytest

from tests.e2e.gateway_process import PATIENCE, ZAI, Operator
from tests.e2e.sightings import forms, sightings
from tests.e2e.wandering import everything
from tests.flow.stage import MODEL
from tests.upstreams.answers import (
    Answer,
    Ending,
    chunk,
    completion,
    error_answer,
    event,
    json_answer,
    sse_answer,
    stream,
)
from tests.upstreams.openai_stub import OpenAIStub

SECRET = "sk-canary-9b1e47"
PROMPT = 'prompt-canary-c5 "é\\" 漢'
PICTURE = base64.b64encode(b"picture-canary-0d" * 3).decode()
SAID = "answer-canary-77 «ü»"
ARGUMENT = "argument-canary-e2"
FIELD = "field-canary-31"
BROKEN = "broken-canary-a4"
HEADER = "header-canary-6f"
PASSWORD = "password-canary-58 long enough"
WRONG_KEY = "zk_live_canary00000000000000000000000000000000"
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "f", "arguments": json.dumps({"a": ARGUMENT})},
}
PAGE = f"<html><title>{PROMPT} {SECRET}</title>{PROMPT}</html>".encode()

ASKED: dict[str, Any] = {
    "model": MODEL,
    "messages": [
        {"role": "system", "content": PROMPT},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": PROMPT},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": PROMPT},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
            ],
        },
    ],
    "tools": [{"type": "function", "function": {"name": "f", "description": PROMPT}}],
    "stop": None,
    "user": PROMPT,
    "max_tokens": 500,
    FIELD: FIELD,
}
SPOKEN = (
    chunk(delta={"role": "assistant", "content": ""}),
    chunk(delta={"content": SAID}),
    chunk(delta={"reasoning_content": SAID}),
    chunk(delta={"tool_calls": [{"index": 0, **CALL}]}),
)
REFUSED = error_answer(401, f"Incorrect API key provided: {SECRET}. {PROMPT}", code=SECRET, param=SECRET)
WRONG: tuple[Answer, ...] = (
    error_answer(400, f"{'x' * 480} {SECRET} {PROMPT}", code="its_code", param=PROMPT),
    error_answer(429, PROMPT, headers={"retry-after": SECRET}),
    Answer(status=500, headers=(("content-type", "text/html"),), body=PAGE),
    Answer(status=503, headers=(("content-type", SECRET),), body=b"\xff" + PAGE),
    Answer(status=302, headers=(("location", f"http://127.0.0.1:1/?key={SECRET}"),), body=PAGE),
    Answer(headers=(("content-type", "text/html"),), body=PAGE),
    Answer(headers=(("content-type", "application/json"),), body=f'{{"choices": [{{"{SAID}'.encode()),
    Answer(headers=(("content-type", "application/json"),), body=json.dumps([SAID]).encode()),
    json_answer({"error": {"message": f"{PROMPT} {SECRET}", "type": "server_error"}}),
    json_answer({"choices": [SAID], "usage": SAID}),
    Answer(headers=(("set-cookie", SECRET),), pieces=(SAID.encode(),), ending=Ending.CUT),
    Answer(headers=((f"x-{BROKEN}", "\x00" + SECRET),), body=PAGE),
    sse_answer(*SPOKEN, event({"error": {"message": f"{PROMPT} {SECRET}", "code": SECRET}})),
    sse_answer(*SPOKEN, f"data: {{{SAID}\n\n".encode()),
    sse_answer(*SPOKEN, ending=Ending.CUT),
    sse_answer(*SPOKEN, ending=Ending.RESET),
    sse_answer(f"event: {PROMPT}\nid: {PROMPT}\ndata: {SAID}\n\n".encode()),
)
"""Answers that go wrong, and show what they should not."""


class Watched:
    """A `zai serve` of which every byte on stdout and stderr is kept."""

    def __init__(self, operator: Operator, name: str) -> None:
        self._said = operator.data.with_name(f"{name}.out")
        command = [
            str(ZAI),
            "serve",
            "--port",
            "0",
            "--json",
            "--log-level",
            "debug",
            "--data",
            str(operator.data),
        ]
        with self._said.open("wb") as out, operator.data.with_name(f"{name}.err").open("wb") as err:
            self.process = subprocess.Popen(command, stdout=out, stderr=err, env=operator.environment)

    async def base_url(self) -> str:
        """Where it answers, as soon as it says so."""
        async with asyncio.timeout(PATIENCE):
            while not self._said.read_bytes().endswith(b"\n"):
                assert self.process.poll() is None, "the gateway did not start"
                await asyncio.sleep(0.01)
        return json.loads(self._said.read_bytes())["base_url"]


class Client:
    """Someone who asks in every way there is, right ones and wrong ones."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, key: str, stub: OpenAIStub) -> None:
        self._session = session
        self._base_url = base_url
        self._key = key
        self._stub = stub

    @property
    def origin(self) -> str:
        """Where the console is."""
        return self._base_url.removesuffix("/v1")

    async def ask(self, body: object, path: str = "/chat/completions") -> tuple[int, str]:
        async with self._session.post(self._base_url + path, **self._sent(body)) as response:
            try:
                return response.status, await response.text()
            except aiohttp.ClientPayloadError:
                return response.status, ""

    async def go_well(self) -> None:
        """Answers that are whole, in both forms."""
        self._stub.script(json_answer(completion(content=SAID, tool_calls=[CALL])))
        status, text = await self.ask(ASKED)
        assert (status, SAID in json.loads(text)["choices"][0]["message"]["content"]) == (200, True)
        assert ARGUMENT in text
        self._stub.script(sse_answer(*SPOKEN, *stream()[3:]))
        status, text = await self.ask({**ASKED, "stream": True})
        assert (status, text.endswith("data: [DONE]\n\n"), SAID in text) == (200, True, True)
        echo, _, _ = [await self.ask({**ASKED, "model": f"demo/{name}"}) for name in ("echo", "tool", "fail")]
        assert PROMPT[:12] in echo[1]

    async def go_wrong_upstream(self) -> None:
        """Everything that an upstream can do wrong, in both forms; the client never sees the secret."""
        for streamed in (False, True):
            for answer in WRONG:
                self._stub.script(answer)
                status, text = await self.ask({**ASKED, "stream": streamed})
                # What certainly cost nothing the gateway asks once more, and then it goes well.
                assert status != 200 or streamed or answer.status != 200
                assert SECRET[:10] not in text  # not even where a long message is cut inside it

    async def be_refused(self) -> None:
        """The provider does not take its key, which the gateway then disables."""
        self._stub.script(REFUSED)
        status, text = await self.ask(ASKED)
        assert (status, SECRET[:10] in text) == (502, False)

    async def until_served(self) -> None:
        """Asks until the provider key is used again."""
        async with asyncio.timeout(PATIENCE):
            while (await self.ask(ASKED))[0] != 200:
                await asyncio.sleep(0.05)

    async def go_wrong_here(self) -> None:
        """Requests that the gateway itself refuses."""
        whole = json.dumps(ASKED).encode()
        for body in (
            b'{"model": "%b", "messages": "\xff"}' % BROKEN.encode(),
            b"%b %b" % (BROKEN.encode(), PROMPT.encode()),
            whole[:-5],
            whole[:-1] + b', "%b": 1}' % FIELD.encode(),
            {**ASKED, "model": BROKEN},
            {**ASKED, "messages": PROMPT},
            {**ASKED, "temperature": PROMPT},
            {**ASKED, "plugins": [PROMPT]},
            {**ASKED, "prediction": PROMPT},
            {**ASKED, "model": "nobody/gpt"},
        ):
            assert (await self.ask(body))[0] in (400, 403, 404)
        assert (await self.ask(ASKED, f"/{BROKEN}?key={self._key}&prompt={quote(PROMPT)}"))[0] == 404
        assert (await self.ask(ASKED, f"/models?key={self._key}"))[0] == 405
        self._key, right = WRONG_KEY, self._key
        assert (await self.ask(ASKED))[0] == 401
        self._key = right
        for head in (
            f"GET /v1/me?key={right} HTTP/1.1\r\nHost: {HEADER}\r\nAuthorization: Bearer {right}\r\n",
            f"GET /v1/me HTTP/1.1\r\nAuthorization: Bearer {right}{'x' * 100_000}\r\n",
            f"GET /v1/me HTTP/1.1\r\nAuthorization: Bearer {right}\r\n{HEADER}: {'x' * 100_000}\r\n",
            f"POST /v1/me HTTP/1.1\r\nAuthorization: Bearer {right}\r\nContent-Length: {BROKEN}\r\n",
            f"{right} {PROMPT} {BROKEN}\r\n",
        ):
            await self._write(f"{head}\r\n".encode())

    async def leave(self) -> None:
        """Leaves in the middle of a stream."""
        self._stub.script(sse_answer(*SPOKEN, asyncio.Event()))
        url = f"{self._base_url}/chat/completions"
        async with self._session.post(url, **self._sent({**ASKED, "stream": True})) as response:
            await response.content.readany()
            response.close()
        await self._stub.until_abandoned(1)

    async def stay(self) -> None:
        """Sends a request that is not answered, and returns while it is under way."""
        before = len(self._stub.requests)
        self._stub.script(Answer(hold=asyncio.Event()))
        self.staying = asyncio.create_task(self.ask(ASKED))
        await self._stub.until_requests(before + 1)

    async def until_refused(self) -> None:
        """Waits until the gateway takes no more connections."""
        address = urlsplit(self._base_url)
        while True:
            try:
                _, writer = await asyncio.open_connection(address.hostname, address.port)
            except ConnectionError:
                return
            writer.close()

    def _sent(self, body: object) -> dict[str, Any]:
        own = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return {"data": data, "headers": {**own, "X-Trace": HEADER, "Cookie": HEADER}}

    async def _write(self, sent: bytes) -> None:
        address = urlsplit(self._base_url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(sent)
        writer.write_eof()
        await reader.read()
        writer.close()


@asynccontextmanager
async def client_of(watched: Watched, key: str, stub: OpenAIStub) -> AsyncGenerator[Client]:
    async with aiohttp.ClientSession() as session:
        try:
            yield Client(session, await watched.base_url(), key, stub)
        finally:
            watched.process.kill()
            watched.process.wait(PATIENCE)


@pytest.mark.sqlite("searches the bytes of SQLite's files")
async def test_no_canary_is_ever_written_or_logged(tmp_path: Path) -> None:
    operator = Operator(tmp_path / "data")
    async with OpenAIStub() as stub:
        operator.add_openai(stub.base_url, SECRET)
        key = operator.new_key("--spend-cap", "50", "--allow", "openai/*", "--allow", "demo/*")
        canaries = {
            "secret": SECRET,
            "key": key,
            "prompt": PROMPT,
            "picture": PICTURE,
            "answer": SAID,
            "argument": ARGUMENT,
            "field": FIELD,
            "broken": BROKEN,
            "header": HEADER,
            "wrong key": WRONG_KEY,
            "password": PASSWORD,
            "first key": (operator.data / "first-key").read_text().strip(),
            "vault key": (operator.data / "vault.key").read_text().strip(),
        }
        exempt = {"first-key": "first key", "vault.key": "vault key"}

        killed = Watched(operator, "killed")
        async with client_of(killed, key, stub) as client:
            await client.go_well()
            await client.go_wrong_upstream()
            await client.be_refused()
            while (key_there := operator.admin("provider", "list")["provider_keys"][-1])[
                "status"
            ] == "active":
                await asyncio.sleep(0.05)
            assert key_there["disabled_why"] == "OpenAI refused it (HTTP 401)"
            operator.admin("provider", "enable", "openai")
            await client.until_served()
            await client.go_wrong_here()
            shown = await everything(client.origin, operator.admin("setup-link")["url"], PASSWORD)
            await client.leave()
            await client.stay()
            assert sightings(tmp_path, canaries, exempt) == set()
            assert (operator.data / "zai.db-wal").stat().st_size > 0
        await asyncio.gather(client.staying, return_exceptions=True)
        assert sightings(tmp_path, canaries, exempt) == set()

        ended = Watched(operator, "ended")
        async with client_of(ended, key, stub) as client:
            await client.go_well()
            await client.stay()
            ended.process.terminate()
            await client.until_refused()
            ended.process.terminate()  # the second time nobody is waited for
            assert (await client.staying)[0] == 503
            await asyncio.to_thread(ended.process.wait, PATIENCE)
        assert ended.process.returncode == 0
        assert sightings(tmp_path, canaries, exempt) == set()

        for command in (("usage",), ("key", "list"), ("provider", "list")):
            told = json.dumps(operator.admin(*command), ensure_ascii=False).encode()
            assert [
                name for name, canary in canaries.items() if any(form in told for form in forms(canary))
            ] == []
    for path, body in shown.items():
        assert [
            name for name, canary in canaries.items() if any(form in body for form in forms(canary))
        ] == [], path
    assert {place.rpartition("/")[2] for place in shown} >= {"keys", "usage", "audit", "providers", "members"}
    assert any(place.endswith("/usage/recent") for place in shown)
    # That the canaries were there at all, and that the search sees what is kept.
    assert sum(PICTURE.encode() in asked.body for asked in stub.requests) > 2 * len(WRONG)
    kept = sightings(tmp_path, {"model": MODEL, "prefix": key[:12], "warning": "shutting down"}, {})
    assert {"data/zai.db: model", "data/zai.db: prefix", "ended.err: warning"} <= kept


@pytest.mark.parametrize("form", range(12))
def test_the_search_sees_each_spelling(tmp_path: Path, form: int) -> None:
    spelled = list(forms(PROMPT))[form]
    (tmp_path / "log").write_bytes(b"before " + spelled + b" after")
    assert sightings(tmp_path, {"prompt": PROMPT}, {}) == {"log: prompt"}
