"""The API key of a request, as clients of OpenAI's API and of Anthropic's send it."""

from zai_gateway.edge.request import Request

_OWN = b"x-api-key"
_BEARER = b"authorization"


def api_key(request: Request) -> str | None:
    """What a single `Authorization: Bearer ...` (RFC 6750, section 2.1) or a single `x-api-key` holds.

    None where there is no such header, and where two do not agree: nobody can say which one is meant.
    """
    given = request.fields.get(_OWN)
    if given is None:
        return _bearer_token(request)
    if request.repeats(_OWN):
        return None
    key = given.decode("latin-1").strip()
    if _BEARER not in request.fields:
        return key
    token = _bearer_token(request)
    # An empty one names no key, so there is nothing that could disagree.
    return token if not key or key == token else None


def _bearer_token(request: Request) -> str | None:
    given = request.fields.get(_BEARER)
    if given is None or request.repeats(_BEARER):
        return None
    if given.startswith(b"Bearer "):
        return given[7:].decode("latin-1").strip()
    scheme, _, token = given.decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
