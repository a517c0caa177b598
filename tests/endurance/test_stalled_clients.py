"""A thousand clients that ask for endless streams and read nothing: memory and the provider's writing end."""

import asyncio
import json
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.gateway_process import GatewayProcess, Operator

CLIENTS = 1_000
KIB_FOR_EACH = 800
"""Of the gateway's memory: a piece of up to 250 KiB, as uvloop reads them, on each side, and the rest."""
_SMALL_BUFFER = 16_384
_STILL_SECONDS = 2.0
_CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "gpt-5.4-mini",
    "choices": [{"index": 0, "delta": {"content": "x" * 2_000}, "finish_reason": None}],
}
_EVENT = b"data: " + json.dumps(_CHUNK).encode() + b"\n\n"
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_PIECE = b"%x\r\n%s\r\n" % (len(_EVENT), _EVENT)


class EndlessUpstream:
    """A provider whose streams never end; it counts what it could write."""

    def __init__(self) -> None:
        self.open = 0
        self.written = 0

    async def answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.open += 1
        try:
            writer.write(_HEAD)
            while not writer.is_closing():
                writer.write(_PIECE)
                await writer.drain()
                self.written += len(_PIECE)
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def endless() -> AsyncGenerator[tuple[EndlessUpstream, str]]:
    upstream = EndlessUpstream()
    listener = socket.create_server(("127.0.0.1", 0), backlog=CLIENTS)
    # What the system keeps for a stream is not what is looked at here.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SMALL_BUFFER)
    server = await asyncio.start_server(upstream.answer, sock=listener)
    try:
        yield upstream, f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        server.close()


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path / "data", OPENAI_API_KEY="sk-upstream")


def kib(gateway: GatewayProcess) -> int:
    """Resident memory of the process that answers."""
    status = Path(f"/proc/{gateway.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def stalled(gateway: GatewayProcess, key: str) -> socket.socket:
    """A client that asks for a stream and reads nothing of it."""
    host, _, port = gateway.base_url.removeprefix("http://").removesuffix("/v1").partition(":")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
    client.connect((host, int(port)))
    body = json.dumps(
        {"model": "openai/gpt-5.4-mini", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    ).encode()
    client.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (key.encode(), len(body), body)
    )
    return client


async def test_a_thousand_clients_that_read_nothing_stop_their_providers_and_cost_little_memory(
    operator: Operator,
) -> None:
    async with endless() as (upstream, base_url):
        with operator.serving() as gateway:
            await asyncio.to_thread(operator.add_openai, base_url)
            key = await asyncio.to_thread(operator.new_key)
            first = await asyncio.to_thread(stalled, gateway, key)
            while not upstream.open:
                await asyncio.sleep(0.1)
            before = kib(gateway)
            clients = [await asyncio.to_thread(stalled, gateway, key) for _ in range(CLIENTS)]
            written = -1
            while upstream.open <= CLIENTS or written != upstream.written:
                written = upstream.written
                await asyncio.sleep(_STILL_SECONDS)
            each = (kib(gateway) - before) / CLIENTS
            print(
                f"\n{CLIENTS} stalled clients: {each:.0f} KiB each, {written // CLIENTS} bytes taken for each"
            )
            assert each <= KIB_FOR_EACH
            for client in (first, *clients):
                client.close()
            # Who has left is read on for a moment, and then let go, at the provider too.
            while upstream.open:
                await asyncio.sleep(0.1)
