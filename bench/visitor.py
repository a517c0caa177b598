"""A visitor: a person who signs in to a gateway over HTTP, and asks for its pages on one kept connection."""

import json
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from bench.processes import Unusable

_PATIENCE = 60.0
_COOKIE = "zai_session"
_PERSON = {"name": "Ada", "email": "ada@example.com", "password": "plain words for a bench"}


class Shown(Struct, frozen=True, kw_only=True):
    """What was answered, and how long it took from asking to the last byte."""

    status: int
    body: bytes
    milliseconds: float


class Visitor:
    """The owner of the books, signed in. Belongs to one thread."""

    def __init__(self, port: int, token: str) -> None:
        self._token = token
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)

    @classmethod
    def first(cls, port: int, setup_link: str) -> Self:
        """The first owner, by the link that the gateway gave. Raises Unusable."""
        return cls(port, _session(port, urlsplit(setup_link).path, _PERSON))

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def get(self, path: str) -> Shown:
        """Raises Unusable where nothing is answered."""
        began = time.perf_counter()
        try:
            self._connection.request("GET", path, headers={"Cookie": f"{_COOKIE}={self._token}"})
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as trouble:
            raise Unusable(f"{path} was not answered: {type(trouble).__name__}") from None
        taken = (time.perf_counter() - began) * 1_000
        return Shown(status=answer.status, body=body, milliseconds=taken)

    def see(self, path: str) -> None:
        """Raises Unusable where it is not shown."""
        shown = self.get(path)
        if shown.status != 200:
            raise Unusable(f"{path} was answered with {shown.status}: {shown.body[:200]!r}")

    def document(self, path: str) -> Any:
        """A document of the control plane. Raises Unusable where it is none."""
        shown = self.get(path)
        if shown.status != 200:
            raise Unusable(f"{path} was answered with {shown.status}: {shown.body[:200]!r}")
        return json.loads(shown.body)


def sign_in(port: int) -> None:
    """Signs the person in once more, with e-mail and password. Raises Unusable."""
    _session(port, "/sign-in", {name: _PERSON[name] for name in ("email", "password")})


def _session(port: int, path: str, fields: dict[str, str]) -> str:
    """The token of the session that a form begins."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    try:
        connection.request("POST", path, urlencode(fields), headers)
        answer = connection.getresponse()
        said = answer.read()
    except (OSError, HTTPException) as trouble:
        raise Unusable(f"{path} was not answered: {type(trouble).__name__}") from None
    finally:
        connection.close()
    if answer.status != 303:
        raise Unusable(f"{path} lets nobody in: {answer.status} {said[:200]!r}")
    return session_of(answer)


def session_of(answer: HTTPResponse) -> str:
    """The token in the cookie that an answer sets. Raises Unusable where it sets none."""
    for cookie in answer.headers.get_all("set-cookie") or ():
        name, _, value = cookie.partition(";")[0].partition("=")
        if name == _COOKIE and value:
            return value
    raise Unusable("an answer began no session")
