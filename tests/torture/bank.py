"""The bank: an upstream in a process of its own that does as its requests order, and keeps its own bill."""

import asyncio
import json
import random
import time
from collections import Counter, defaultdict
from typing import Any

import msgspec
from msgspec.structs import replace

from tests.torture.orders import NANO_PER_TOKEN, Account, Event, Kind, Order, order_of
from tests.upstreams.answers import DONE, chunk, completion, error_body
from tests.upstreams.http1 import Connection, Received

_BACKLOG = 4_096
_LOOK_SECONDS = 0.02
_SEED = 6


class Bank:
    """Answers, and bills by its own table, whatever becomes of whoever asked."""

    def __init__(self) -> None:
        self._random = random.Random(_SEED)
        self._gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._came: Counter[str] = Counter()
        """How many have come to each gate."""
        self._accounts: defaultdict[str, Account] = defaultdict(Account)
        self._events: list[Event] = []
        self._rule = Order(tag="")
        """What is done with a request whose message is no order."""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection to its end."""
        connection = Connection(reader, writer)
        try:
            while (received := await connection.receive()) is not None:
                if received.path.startswith("/_"):
                    said = self._told(received)
                    writer.write(_head(200, "application/json", len(said)) + said)
                else:
                    await _Serving(self, received).serve(reader, writer)
                await writer.drain()
        except ConnectionError:
            pass  # the client has left
        finally:
            writer.close()

    def _told(self, received: Received) -> bytes:
        asked: Any = received.json() if received.body else {}
        match received.path:
            case "/_open":
                self._gates[asked["gate"]].set()
            case "/_rule":
                self._rule = msgspec.convert(asked, Order)
            case "/_events":
                return msgspec.json.encode(self._events[asked["since"] :])
            case _:
                return msgspec.json.encode(dict(self._accounts))
        return b"{}"

    # What a request asks for

    def order(self, asked: dict[str, Any]) -> Order:
        """What is to be done with it."""
        order = order_of(str(asked["messages"][-1]["content"]))
        if order.account:
            return order
        return replace(self._rule, tag=order.tag, account=self._rule.account or str(asked["model"]))

    def tokens(self, order: Order, allowed: int) -> int:
        """How many are billed."""
        most = allowed if order.bills is None else order.bills
        return self._random.randint(0, most) if order.at_random else most

    async def waited(self, order: Order, gate: str | None, reader: asyncio.StreamReader) -> bool:
        """Waits as it was ordered; says whether to go on."""
        if order.seconds:
            await asyncio.sleep(self._random.uniform(0.0, order.seconds))
        if gate is not None:
            self._came[gate] += 1
            if order.opens_at is not None and self._came[gate] >= order.opens_at:
                self._gates[gate].set()
            while order.leaves and not self._gates[gate].is_set() and not reader.at_eof():
                await asyncio.sleep(_LOOK_SECONDS)
            if not order.leaves:
                await self._gates[gate].wait()
        return not (order.leaves and reader.at_eof())

    def note(self, kind: Kind, order: Order, hold: int, billed: int = 0) -> None:
        """Writes a line of the log, and what it does to the bill."""
        account = self._accounts[order.account]
        if kind is Kind.ARRIVED:
            account.arrived += 1
            account.held += hold
        elif kind in (Kind.BILLED, Kind.UNBILLED):
            account.billed += billed
            account.held -= hold
        exposed = account.billed + account.held
        account.most_exposed = max(account.most_exposed, exposed)
        self._events.append(
            Event(
                at=time.monotonic(),
                kind=kind,
                account=order.account,
                tag=order.tag,
                hold=hold,
                billed=billed,
                exposed=exposed,
            )
        )


class _Serving:
    """One request."""

    def __init__(self, bank: Bank, received: Received) -> None:
        asked: dict[str, Any] = received.json()
        limit = asked.get("max_completion_tokens", asked.get("max_tokens"))
        self._bank = bank
        self._streamed = bool(asked.get("stream"))
        self._model = str(asked["model"])
        self._order = bank.order(asked)
        self._allowed = 0 if limit is None else int(limit)
        self._hold = self._allowed * NANO_PER_TOKEN

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers it, and bills it even where nobody listens any more."""
        bank, order = self._bank, self._order
        bank.note(Kind.ARRIVED, order, self._hold)
        goes_on = await bank.waited(order, order.gate, reader)
        if not goes_on or order.status != 200:
            bank.note(Kind.UNBILLED, order, self._hold)
            body = json.dumps(error_body("As it was ordered.")).encode()
            await self._send(reader, writer, _head(order.status, "application/json", len(body)) + body)
        elif self._streamed:
            await self._stream(reader, writer)
        else:
            body = json.dumps(completion(self._model, usage=self._billed())).encode()
            await self._send(reader, writer, _head(200, "application/json", len(body)) + body)
        bank.note(Kind.LEFT if reader.at_eof() else Kind.ANSWERED, order, self._hold)

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bank, order, model = self._bank, self._order, self._model
        first = (chunk(model, {"role": "assistant", "content": ""}), chunk(model, {"content": "Hel"}))
        head = _head(200, "text/event-stream", None)
        await self._send(reader, writer, b"".join((head, *map(_chunk, first))))
        if order.midway is not None:
            bank.note(Kind.MIDWAY, order, self._hold)
            if not await bank.waited(order, order.midway, reader):
                bank.note(Kind.UNBILLED, order, self._hold)
                return
        usage = self._billed()
        rest = (chunk(model, {"content": "lo"}), chunk(model, {}, finish_reason="stop"))
        ending = (*map(_chunk, rest), _chunk(chunk(model, usage=usage)), _chunk(DONE), b"0\r\n\r\n")
        await self._send(reader, writer, b"".join(ending))

    def _billed(self) -> dict[str, Any]:
        tokens = self._bank.tokens(self._order, self._allowed)
        self._bank.note(Kind.BILLED, self._order, self._hold, tokens * NANO_PER_TOKEN)
        return {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": tokens + 9}

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> None:
        if not (reader.at_eof() or writer.transport.is_closing()):
            writer.write(data)
            try:
                await writer.drain()
            except ConnectionError:
                reader.feed_eof()


def _head(status: int, content_type: str, length: int | None) -> bytes:
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    return f"HTTP/1.1 {status} Told\r\ncontent-type: {content_type}\r\n{framing}\r\n\r\n".encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def _main() -> None:
    server = await asyncio.start_server(Bank().accept, "127.0.0.1", 0, backlog=_BACKLOG)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
