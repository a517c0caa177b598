"""The gateway as a key's holder reaches it: requests to `/v1` over HTTP, by the standard library alone."""

import socket
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Struct

from zai_gateway.wire.sse import EventTooLarge, ServerEvent, ServerEventDecoder

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 660.0
"""Longer than the gateway itself waits for a provider (600 s), so that its own words come first."""
MOST_BYTES = 64 * 1024 * 1024
"""Of one answer, or of one event of a stream: what is larger comes from no gateway."""
_PIECE_BYTES = 64 * 1024
_CUT = "The answer was cut off before its end."


class GatewayError(Exception):
    """The gateway could not be reached, or refused; the message says why."""


class GatewayAddressError(ValueError):
    """ZAI_BASE_URL or ZAI_KEY cannot be used as it stands."""


class Answer(Struct, frozen=True):
    """A whole answer that was not refused. Header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes


class Gateway:
    """One gateway and one key. Redirects are not followed: they would carry the key elsewhere."""

    def __init__(self, base_url: str, api_key: str, silence_seconds: float = SILENCE_SECONDS) -> None:
        """Raises GatewayAddressError."""
        self._silence_seconds = silence_seconds
        self._url = _address(base_url)
        self._key = _key(api_key)

    def get(self, path: str) -> Answer:
        """`GET` of a path below the base address. Raises GatewayError."""
        with self._exchange("GET", path, None) as response:
            return self._whole(response)

    def post(self, path: str, body: object) -> Answer:
        """`POST` of a JSON document. Raises GatewayError."""
        with self._exchange("POST", path, body) as response:
            return self._whole(response)

    @contextmanager
    def stream(self, path: str, body: object) -> Generator[tuple[Mapping[str, str], Iterator[bytes]]]:
        """`POST` of a JSON document; gives the headers and the data of each event as it arrives.

        The events end with `[DONE]`, which is not given. Raises GatewayError, also while the events are
        read: a stream that ends without `[DONE]` was cut short.
        """
        with self._exchange("POST", path, body) as response:
            yield _headers(response), self._events(response)

    @contextmanager
    def _exchange(self, method: str, path: str, body: object | None) -> Generator[HTTPResponse]:
        connection = self._connection()
        payload = None if body is None else msgspec.json.encode(body)
        try:
            with self._in_words():
                connection.connect()
                connected: socket.socket = connection.sock
                connected.settimeout(self._silence_seconds)
                connection.request(method, self._url.path + path, payload, self._head(payload))
                response = connection.getresponse()
                if response.status != 200:
                    raise _refusal(response, self._url.path + path)
            yield response
        finally:
            connection.close()

    def _connection(self) -> HTTPConnection:
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        assert self._url.hostname is not None
        return kind(self._url.hostname, self._url.port, timeout=CONNECT_SECONDS)

    def _head(self, payload: bytes | None) -> dict[str, str]:
        head = {"Authorization": f"Bearer {self._key}", "Accept": "application/json, text/event-stream"}
        return head if payload is None else {**head, "Content-Type": "application/json"}

    def _whole(self, response: HTTPResponse) -> Answer:
        with self._in_words():
            body = response.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise GatewayError("The answer is larger than 64 MB, which no gateway sends.")
        return Answer(_headers(response), body)

    def _events(self, response: HTTPResponse) -> Iterator[bytes]:
        decoder = ServerEventDecoder(MOST_BYTES)
        while received := self._received(response):
            for event in _fed(decoder, received):
                if event.data == b"[DONE]":
                    return
                yield event.data
        raise GatewayError(_CUT)

    def _received(self, response: HTTPResponse) -> bytes:
        with self._in_words():
            return response.read1(_PIECE_BYTES)

    @contextmanager
    def _in_words(self) -> Generator[None]:
        """The network's troubles as GatewayError. Stands around the network's calls only, never around a
        caller's own, whose closed pipe is another matter."""
        where = self._url.geturl()
        try:
            yield
        except IncompleteRead:
            raise GatewayError(_CUT) from None
        except TimeoutError:
            raise GatewayError(f"The gateway at {where} did not answer in time.") from None
        except UnicodeError:
            # What resolving makes of a name such as `a..b`.
            raise GatewayError(f"ZAI_BASE_URL: {where} names no host that can be.") from None
        except (OSError, HTTPException) as trouble:
            said = trouble.strerror if isinstance(trouble, OSError) else None
            reason = said or type(trouble).__name__
            raise GatewayError(
                f"The gateway at {where} could not be reached, or broke off ({reason})."
            ) from None


def _address(text: str) -> SplitResult:
    try:
        url = urlsplit(text.strip().rstrip("/"))
        usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
        url = urlsplit("")
    if not usable or url.query or url.fragment or url.username is not None or not text.isascii():
        raise GatewayAddressError("ZAI_BASE_URL is not an address such as http://127.0.0.1:8011/v1.")
    return url


def _key(text: str) -> str:
    key = text.strip()
    if not key or not all("!" <= letter <= "~" for letter in key):
        raise GatewayAddressError("ZAI_KEY holds characters that no API key has: copy it again.")
    return key


def _fed(decoder: ServerEventDecoder, received: bytes) -> list[ServerEvent]:
    try:
        return decoder.feed(received)
    except EventTooLarge:
        raise GatewayError("An event of the answer is larger than 64 MB, which no gateway sends.") from None


def _headers(response: HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


class _ErrorBody(Struct):
    message: str


class _Refusal(Struct):
    error: _ErrorBody | None = None
    detail: str | None = None


def _refusal(response: HTTPResponse, path: str) -> GatewayError:
    try:
        said = msgspec.json.decode(response.read(MOST_BYTES), type=_Refusal)
    except msgspec.MsgspecError:
        said = _Refusal()
    if 300 <= response.status < 400:
        message = f"{path} is a redirect, and the key is not sent on: set ZAI_BASE_URL to where it leads."
    elif said.error is not None:
        message = said.error.message
    else:
        message = said.detail or f"No gateway answers at {path}: ZAI_BASE_URL must end in /v1."
    request_id = response.getheader("x-request-id")
    named = f", x-request-id {request_id}" if request_id else ""
    return GatewayError(f"{message} (HTTP {response.status}{named})")
