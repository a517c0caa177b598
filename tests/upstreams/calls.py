"""Requests to an upstream as a test makes them, and its answers read whole."""

import asyncio
import json
import traceback

import pytest

from zai_gateway.relay.upstream import Inbound, Outbound, Timeouts, Upstream, UpstreamError

SECRET = "sk-canary-9f2c77"
"""Stands in the headers, the query and the body of every request: no error may show it."""
PATIENT = Timeouts(connect=20, first_byte=20, silence=20)
"""No test waits for these: they only turn a test that hangs into one that fails."""


def post(url: str, body: bytes = b'{"prompt": "%s"}' % SECRET.encode()) -> Outbound:
    """A signed request with a secret wherever one can stand."""
    headers = (("authorization", f"Bearer {SECRET}"), ("content-type", "application/json"))
    return Outbound(
        method="POST", url=f"{url}/v1/chat?key={SECRET}", headers=headers, body=body, private=True
    )


def chat(url: str, **fields: object) -> Outbound:
    """A chat request to `url`, which ends in `/v1` or is the demo's."""
    headers = (("content-type", "application/json"),)
    body = json.dumps(fields).encode()
    return Outbound(method="POST", url=f"{url}/chat/completions", headers=headers, body=body, private=True)


async def whole(inbound: Inbound) -> bytes:
    """All that is left of the body."""
    pieces: list[bytes] = []
    while piece := await inbound.read():
        pieces.append(piece)
    return b"".join(pieces)


async def impatiently_whole(inbound: Inbound) -> bytes:
    """The body, read by calls of which as many as can be are cancelled."""
    pieces: list[bytes] = []
    while True:
        reading = asyncio.ensure_future(inbound.read())
        await asyncio.sleep(0)
        reading.cancel()
        try:
            piece = await reading
        except asyncio.CancelledError:
            piece = await inbound.read()
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


async def failure(upstream: Upstream, request: Outbound, timeouts: Timeouts = PATIENT) -> UpstreamError:
    """The error in which the request or its answer ends, wherever that happens. It must hold no secret."""
    with pytest.raises(UpstreamError) as raised:
        await whole(await upstream.send(request, timeouts))
    told = "".join(traceback.format_exception(raised.value))
    assert SECRET not in told
    return raised.value
