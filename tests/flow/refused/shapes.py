"""What every refusal of bad input looks like, and the small request that bad input is made of."""

import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from tests.flow.stage import MODEL, Got
from zai_gateway.accounts.terms import IssuedKey

BODY_LIMIT = 1_000_000
HELLO: Mapping[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
CANARY = "canary-7c1e"
"""Stands where only a prompt or a value stands: no error may quote it."""


def body(**fields: Any) -> bytes:
    """The small request with these fields beside, or in place of, its own."""
    return json.dumps({**HELLO, **fields}).encode()


def refusal(got: Got, status: int, code: str, param: str | None = None) -> str:
    """Checks the one error shape; gives `error.message`."""
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-request-id"].startswith("req_")
    said = got.json()
    assert sorted(said) == ["detail", "error"]
    error: dict[str, Any] = said["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    assert (got.status, error["code"], error["param"]) == (status, code, param)
    assert isinstance(error["type"], str)
    assert isinstance(said["detail"], str)
    assert said["detail"]
    message: str = error["message"]
    assert CANARY not in got.body.decode()
    assert len(got.body) < 2_000
    return message


def head(key: IssuedKey) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.secret}", "Content-Type": "application/json"}


async def got_of(response: aiohttp.ClientResponse) -> Got:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Got(response.status, headers, await response.read())
