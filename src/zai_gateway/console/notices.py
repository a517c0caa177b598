"""Notices: what was just done, told once on the page that follows, perhaps with a way to undo it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

_COOKIE = "zai_notice"
_SECONDS = 60
_LONGEST = 2_000


class Notice(Struct, frozen=True, kw_only=True):
    """One sentence. Never holds a secret: it travels in a cookie."""

    text: str
    undo: str | None = None
    """The path to which an undo is posted."""


def keep_notice(request: Request, response: Response, notice: Notice | None) -> None:
    """Has the next page tell it; None: it was told."""
    secure = request.url.scheme == "https"
    if notice is None:
        response.delete_cookie(_COOKIE, path="/", secure=secure, httponly=True, samesite="lax")
        return
    value = urlsafe_b64encode(msgspec.json.encode(notice)).decode()
    response.set_cookie(_COOKIE, value, _SECONDS, path="/", secure=secure, httponly=True, samesite="lax")


def take_notice(request: Request) -> Notice | None:
    """What is to be told; None where nothing is, or it cannot be read."""
    value = request.cookies.get(_COOKIE, "")
    if not value or len(value) > _LONGEST:
        return None
    try:
        notice = msgspec.json.decode(urlsafe_b64decode(value), type=Notice)
    except (NotBase64, ValueError, msgspec.DecodeError):
        return None
    # A path of this site, whoever wrote the cookie.
    own = notice.undo is None or (notice.undo.startswith("/w/") and "//" not in notice.undo)
    return notice if own else None
