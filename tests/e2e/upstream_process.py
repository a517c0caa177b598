"""The OpenAI stub in a process of its own, scripted and questioned by one test after the other."""

import base64
import json
from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from tests.upstreams.answers import Answer
from tests.upstreams.http1 import Received


class StubProcess:
    """One test's view of a stub that others use too: each test takes all the answers that it scripts."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._earlier = len(self._all())

    def script(self, *answers: Answer) -> None:
        """Queues answers for the next chat requests."""
        self._call("POST", "/_answers", [_entry(answer) for answer in answers])

    @property
    def requests(self) -> list[Received]:
        """Every request since this test began."""
        return [_received(each) for each in self._all()[self._earlier :]]

    def _all(self) -> list[dict[str, Any]]:
        return self._call("GET", "/_requests")

    def _call(self, method: str, path: str, body: object = None) -> Any:
        connection = HTTPConnection(urlsplit(self.base_url).netloc)
        try:
            connection.request(method, path, json.dumps(body))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


def _entry(answer: Answer) -> Mapping[str, Any]:
    headers = {name: value for name, value in answer.headers if name != "content-type"}
    if answer.pieces is None:
        return {"status": answer.status, "headers": headers, "json": json.loads(answer.body)}
    pieces = [piece.decode() for piece in answer.pieces if isinstance(piece, bytes)]
    return {"sse": pieces, "headers": headers, "ending": answer.ending.value}


def _received(shown: Mapping[str, Any]) -> Received:
    return Received(
        method=shown["method"],
        path=shown["path"],
        headers=tuple((name, value) for name, value in shown["headers"]),
        body=base64.b64decode(shown["body"]),
    )
