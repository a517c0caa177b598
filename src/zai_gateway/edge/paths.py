"""The paths that the door serves, and how a request's path finds its own."""

from collections.abc import Mapping
from difflib import get_close_matches
from urllib.parse import unquote

from msgspec import Struct

from zai_gateway.errors import Code, Failure
from zai_gateway.wire.fronts import Front

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
COUNT_TOKENS = "/v1/messages/count_tokens"
EMBEDDINGS = "/v1/embeddings"
QUOTE = "/v1/quote"
MODELS = "/v1/models"
MODEL = "/v1/models/{id}"
ME = "/v1/me"
WHOAMI = "/v1/whoami"
HEALTH = "/healthz"
READY = "/readyz"
OPENAPI = "/openapi.json"
DOCS = "/docs"

_READ = ("GET", "HEAD")

PATHS: Mapping[str, tuple[str, ...]] = {
    CHAT: ("POST",),
    MESSAGES: ("POST",),
    COUNT_TOKENS: ("POST",),
    EMBEDDINGS: ("POST",),
    QUOTE: ("POST",),
    MODELS: _READ,
    MODEL: _READ,
    ME: _READ,
    WHOAMI: _READ,
    HEALTH: _READ,
    READY: _READ,
    OPENAPI: _READ,
    DOCS: _READ,
}
"""Every path, and the methods that it takes."""

_MODEL_PREFIX = f"{MODELS}/".encode()
_MESSAGES = MESSAGES.encode()
_BELOW_MESSAGES = f"{MESSAGES}/".encode()
_LONGEST_COMPARED = 100
"""Characters: comparing takes time in the square of the length."""


PROBES = frozenset({HEALTH.encode(), READY.encode()})
"""What load balancers ask, by whatever name they know this process; it tells nobody anything."""


class Place(Struct, frozen=True):
    """Which of PATHS a request goes to, and the model id in it, if it has one."""

    path: str
    model: str = ""
    front: Front = Front.OPENAI
    """The protocol that is spoken there."""


def front_of(raw_path: bytes) -> Front:
    """The protocol that is spoken at `raw_path`, whether anything is there or not."""
    anthropic = raw_path == _MESSAGES or raw_path.startswith(_BELOW_MESSAGES)
    return Front.ANTHROPIC if anthropic else Front.OPENAI


_PLACES: Mapping[bytes, Place] = {
    path.encode(): Place(path, front=front_of(path.encode())) for path in PATHS if path != MODEL
}


def place(raw_path: bytes) -> Place:
    """Where `raw_path` (still percent-encoded) leads. Paths are exact: no trailing slash, no other spelling.

    The id of a model may hold slashes, plain or encoded. Raises Failure (UNKNOWN_PATH), naming what is close.
    """
    found = _PLACES.get(raw_path)
    if found is not None:
        return found
    path = raw_path.decode("latin-1")
    if raw_path.startswith(_MODEL_PREFIX) and len(raw_path) > len(_MODEL_PREFIX):
        return Place(MODEL, unquote(path[len(_MODEL_PREFIX) :]))
    raise Failure(Code.UNKNOWN_PATH, f"There is nothing at {path[:_LONGEST_COMPARED]}. {_hint(path)}")


def check_method(method: str, at: Place) -> None:
    """Raises Failure (METHOD_NOT_ALLOWED) where `at` does not take `method`."""
    allowed = PATHS[at.path]
    if method not in allowed:
        raise Failure(Code.METHOD_NOT_ALLOWED, f"{at.path} takes {' and '.join(allowed)}, not {method}.")


def _hint(raw_path: str) -> str:
    if len(raw_path) <= _LONGEST_COMPARED:
        for close in get_close_matches(raw_path, PATHS, n=1, cutoff=0.7):
            return f"Did you mean {close}?"
    return f"{DOCS} lists every path."
