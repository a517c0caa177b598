"""Visiting the office with a browser: the session's cookie, and what keeps other sites from using it."""

import hmac
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from zai_gateway.accounts.identity import Origin
from zai_gateway.errors import Code, Failure

_COOKIE = "zai_session"
_SECURE_COOKIE = f"__Host-{_COOKIE}"
"""A browser takes it from this very host only, over TLS (RFC 6265bis, section 4.1.3.2)."""
_COOKIE_SECONDS = 30 * 24 * 3600
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_AGENT = 200
"""Characters."""
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"


def session_token(request: Request) -> str | None:
    """The token in the session's cookie; None where there is none."""
    return request.cookies.get(_name(request)) or None


def keep_session(request: Request, response: Response, token: str) -> None:
    """Gives the browser the session."""
    response.set_cookie(
        _name(request),
        token,
        _COOKIE_SECONDS,
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )


def forget_session(request: Request, response: Response) -> None:
    """Takes the session from the browser."""
    response.delete_cookie(
        _name(request), path="/", secure=_is_secure(request), httponly=True, samesite="lax"
    )


def csrf_token(token: str) -> str:
    """What a page of the session sends back with whatever it changes; it says nothing about the session."""
    return hmac.new(token.encode(), b"csrf", sha256).hexdigest()


def check_csrf(token: str, given: str | None) -> None:
    """Raises Failure (FORBIDDEN) unless `given` is of the session of `token`."""
    if not hmac.compare_digest(csrf_token(token).encode(), (given or "").encode()):
        raise Failure(
            Code.FORBIDDEN,
            "This page is from another session than the one that is signed in now. Load it again, and repeat "
            "what you did.",
            param=CSRF_FIELD,
        )


def check_own_site(request: Request) -> None:
    """Raises Failure (FORBIDDEN) where a change is asked for by a page of another site.

    By `Sec-Fetch-Site` (W3C Fetch Metadata), which every current browser sends and no page can set; by
    `Origin` where a browser does not.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = site == "same-origin" if site is not None else origin in (None, _own_origin(request))
    if not own:
        raise Failure(
            Code.FORBIDDEN,
            "Another site asked for this. Open the console itself, and do it there.",
            param="origin",
        )


def origin_of(request: Request) -> Origin:
    """Where the call comes from, as a session keeps it."""
    client = None if request.client is None else request.client.host
    return Origin(address=client, agent=request.headers.get("user-agent", "")[:_MOST_AGENT])


def _own_origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', '')}"


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _name(request: Request) -> str:
    return _SECURE_COOKIE if _is_secure(request) else _COOKIE
