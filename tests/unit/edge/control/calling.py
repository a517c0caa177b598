"""A client of what administers, without a network: whole requests, as the door carries them to it."""

import json
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from zai_gateway.edge.bridge import Application
from zai_gateway.edge.visiting import CSRF_HEADER, csrf_token

HOST = "localhost:8011"


class Got(Struct, frozen=True, kw_only=True):
    """A whole answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of an error."""
        return self.json["error"]["code"]

    def header(self, name: str) -> str | None:
        """The value of the first of that name."""
        return next((value for key, value in self.headers if key == name), None)


def bearer(token: str) -> dict[str, str]:
    """The headers of whoever has this key."""
    return {"authorization": f"Bearer {token}"}


def cookie(token: str) -> dict[str, str]:
    """The headers of the console's own script, in a browser that has this session."""
    return {
        "cookie": f"zai_session={token}",
        CSRF_HEADER: csrf_token(token),
        "sec-fetch-site": "same-origin",
    }


async def call(
    app: Application, route: str, headers: Mapping[str, str] | None = None, body: object = None
) -> Got:
    """Asks `route` (a method and a target). A `bytes` body goes out as it is, any other as JSON."""
    method, _, target = route.partition(" ")
    path, _, query = target.partition("?")
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    sent = {"host": HOST, **({} if body is None else {"content-type": "application/json"}), **(headers or {})}
    answer: dict[str, Any] = {"body": b""}

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.update(message)
        elif message["type"] == "http.response.body":
            answer["body"] += message.get("body", b"")
            answer["type"] = None

    # `body` of the start message never stands there, so what was gathered stays.
    await app(_scope(method, path, query, sent), receive, send)
    return Got(
        status=answer["status"],
        headers=tuple((name.decode(), value.decode()) for name, value in answer["headers"]),
        body=answer["body"],
    )


def _scope(method: str, path: str, query: str, headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("203.0.113.7", 0),
        "server": None,
        "state": {"request_id": "req_test"},
    }
