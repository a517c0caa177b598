"""A visit: one request of a browser, with who makes it, where, and what was posted."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.authorization import Deed, allowed, only_own
from zai_gateway.accounts.identity import Membership, Origin, Person, Session
from zai_gateway.console.forms import Form, Problems
from zai_gateway.console.notices import Notice, keep_notice, take_notice
from zai_gateway.console.rendering import Renderer
from zai_gateway.edge.services import Services
from zai_gateway.edge.visiting import csrf_token, origin_of
from zai_gateway.errors import Code, Failure

_OWN_PATH = re.compile(r"/(w|account|invitation)(/[!-\[\]-~]*)?")
_YEAR_SECONDS = 365 * 24 * 3600

Handler = Callable[["Visit"], Response]
"""Makes a page, on a thread: it may block. Raises Failure, OperatorError or StoreUnavailable."""


class Visit(Struct, kw_only=True):
    """What a handler is given."""

    services: Services
    renderer: Renderer
    request: Request
    form: Form
    token: str | None = None
    """Of the session."""
    session: Session | None = None
    memberships: tuple[Membership, ...] = ()
    here: Membership | None = None
    """In the workspace of the path."""
    acting: Actor | None = None
    again: Callable[[Problems], Response] | None = None
    """Shows the form that was posted once more, with what was typed, where a failure passes by itself."""

    @property
    def person(self) -> Person:
        """Who is signed in."""
        return self._there(self.session).person

    @property
    def membership(self) -> Membership:
        """That of the person in the workspace of the path."""
        return self._there(self.here)

    @property
    def workspace(self) -> str:
        """The id of the workspace of the path."""
        return self.membership.workspace.id

    @property
    def actor(self) -> Actor:
        """The person as a member of that workspace, with the role of this moment."""
        return self._there(self.acting)

    @property
    def origin(self) -> Origin:
        """Where the request comes from."""
        return origin_of(self.request)

    @property
    def base_url(self) -> str:
        """Where clients find the API: as the operator says it, or as this browser came here."""
        public = self.services.public_url
        return f"{(public or str(self.request.base_url)).rstrip('/')}/v1"

    @property
    def entrance(self) -> str:
        """Where the person begins: the home of its first workspace; its account where it is in none."""
        return f"/w/{self.memberships[0].workspace.slug}" if self.memberships else "/account"

    @property
    def is_partial(self) -> bool:
        """Whether a part of a page is asked for, by the page's script."""
        return self.request.headers.get("hx-request-type") == "partial"

    @property
    def posted(self) -> bool:
        """Whether something was sent; HEAD asks for what GET shows."""
        return self.request.method == "POST"

    def may(self, deed: Deed) -> bool:
        """Whether the member may do this, at least to what is its own: for showing, not for safety."""
        return allowed(self.actor, deed) or only_own(self.actor, deed)

    def path(self, rest: str = "") -> str:
        """A path in this workspace."""
        return f"/w/{self.membership.workspace.slug}{rest}"

    def query(self, name: str) -> str:
        """A value of the query; empty where there is none."""
        # PostgreSQL does not even look for a NUL.
        return self.request.query_params.get(name, "").replace("\0", "").strip()

    def render(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page, with what every page knows."""
        notice = None if self.is_partial else take_notice(self.request)
        response = HTMLResponse(self.renderer.page(template, {**self._known(notice), **values}), status)
        if notice is not None:
            keep_notice(self.request, response, None)
        return response

    def go(self, path: str, notice: str | Notice | None = None) -> Response:
        """Sends the browser to another page, which tells of what was done."""
        if self.request.headers.get("hx-request") == "true":
            response: Response = Response(status_code=200, headers={"hx-redirect": path})
        else:
            response = RedirectResponse(path, 303)
        if notice is not None:
            told = Notice(text=notice) if isinstance(notice, str) else notice
            keep_notice(self.request, response, told)
        return response

    def _known(self, notice: Notice | None) -> Mapping[str, Any]:
        return {
            "visit": self,
            "csrf": "" if self.token is None else csrf_token(self.token),
            "notice": notice,
            "Deed": Deed,
            "theme": theme(self.request),
            "path": self.request.url.path,
        }

    def _there(self, value: Any) -> Any:
        if value is None:
            raise Failure(Code.SIGN_IN_REQUIRED, "Sign in first.")
        return value


def own_path(path: str) -> str:
    """A path of the console to go to, or nothing: whatever else it may be could lead to another site."""
    return path if _OWN_PATH.fullmatch(path) and "//" not in path else ""


def keep_theme(request: Request, response: Response, chosen: str) -> None:
    """Keeps the reader's choice in the browser; whatever is neither light nor dark ends it."""
    secure = request.url.scheme == "https"
    # The console's script reads and writes it, too.
    if chosen in ("light", "dark"):
        response.set_cookie("zai_theme", chosen, _YEAR_SECONDS, path="/", secure=secure, samesite="lax")
    else:
        response.delete_cookie("zai_theme", path="/", secure=secure, samesite="lax")


def theme(request: Request) -> str:
    """`light` or `dark` where the reader chose one; else empty, and the system's is taken."""
    chosen = request.cookies.get("zai_theme")
    return chosen if chosen in ("light", "dark") else ""
