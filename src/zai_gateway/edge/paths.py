"""The paths that the door serves, and how a request's path finds its own."""

from collections.abc import Mapping
from difflib import get_close_matches
from urllib.parse import unquote

from msgspec import Struct

from zai_gateway.errors import Code, Failure

CHAT = "/v1/chat/completions"
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

_MODEL_PREFIX = f"{MODELS}/"
_LONGEST_COMPARED = 100
"""Characters: comparing takes time in the square of the length."""


class Place(Struct, frozen=True):
    """Which of PATHS a request goes to, and the model id in it, if it has one."""

    path: str
    model: str = ""


def place(raw_path: str) -> Place:
    """Where `raw_path` (still percent-encoded) leads. Paths are exact: no trailing slash, no other spelling.

    The id of a model may hold slashes, plain or encoded. Raises Failure (UNKNOWN_PATH), naming what is close.
    """
    if raw_path.startswith(_MODEL_PREFIX) and len(raw_path) > len(_MODEL_PREFIX):
        return Place(MODEL, unquote(raw_path[len(_MODEL_PREFIX) :]))
    if raw_path in PATHS and raw_path != MODEL:
        return Place(raw_path)
    raise Failure(Code.UNKNOWN_PATH, f"There is nothing at {raw_path[:_LONGEST_COMPARED]}. {_hint(raw_path)}")


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
