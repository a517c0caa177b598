"""An office with an application of the tests: what it does stands in the path."""

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from zai_gateway.app.office_line import Plan
from zai_gateway.app.office_room import THREADS, work
from zai_gateway.edge.bridge import Application, Message, Receive, Send
from zai_gateway.errors import Code, Failure, StoreUnavailable

_turn, _full = threading.Lock(), threading.Event()
_inside: list[int] = []
_most: list[int] = []


def _crowded() -> bytes:
    """The most pages that were being made at once."""
    with _turn:
        _inside.append(1)
        _most.append(len(_inside))
        if len(_inside) == THREADS:
            _full.set()
    assert _full.wait(60)
    with _turn:
        _inside.pop()
        return str(max(_most)).encode()


async def application(scope: Message, receive: Receive, send: Send) -> None:
    body = (await receive())["body"]
    match scope["path"]:
        case "/who":
            pieces = [f"{os.getpid()} {os.getpriority(os.PRIO_PROCESS, 0)}".encode()]
        case "/crowded":
            pieces = [await run_in_threadpool(_crowded)]
        case "/refuse":
            raise Failure(Code.RATE_LIMITED, "Slowly.", retry_after=3.0)
        case "/fail":
            raise ZeroDivisionError("a secret")
        case "/die":
            os._exit(3)
        case "/wait":
            await receive()
            raise AssertionError
        case path:
            pieces = [path.encode(), b" ", body]
    await send({"type": "http.response.start", "status": 201, "headers": [(b"X-Of", b"it")]})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


@contextmanager
def opening(plan: Plan) -> Generator[Application]:
    """Its data directory is the store: without it, there is none."""
    if not Path(os.fsdecode(plan.data)).exists():
        raise StoreUnavailable
    yield application


if __name__ == "__main__":
    work(opening)
