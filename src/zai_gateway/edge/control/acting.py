"""Who acts through the control plane: a management key, or the person whose session the cookie holds."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Path
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from msgspec import Struct
from starlette.requests import Request

from zai_gateway.accounts.actor import Actor, operator
from zai_gateway.accounts.authorization import no_workspace
from zai_gateway.accounts.identity import Origin, Session
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.usage_books import Standings
from zai_gateway.edge.services import Services
from zai_gateway.edge.visiting import (
    CSRF_HEADER,
    SAFE_METHODS,
    check_csrf,
    check_own_site,
    origin_of,
    session_token,
)
from zai_gateway.errors import Code, Failure

_BEARER = "authorization"


class Visitor(Struct, frozen=True, kw_only=True):
    """A person whose session is valid, and who means what the request asks for."""

    session: Session
    token: str
    origin: Origin

    def __repr__(self) -> str:
        return f"Visitor(session={self.session.id!r})"


class At(Struct, frozen=True, kw_only=True):
    """Somebody who may be in a workspace, at it; what may be done there is the services' to say."""

    services: Services
    actor: Actor
    workspace: str
    """Its id."""

    @property
    def accounts(self) -> Accounts:
        """What can be done."""
        return self.services.accounts

    def standings(self) -> Standings:
        """Where budgets stand, to be shown beside what the actor was given already."""
        # As the operator: whoever may see a key or a budget may see what was spent of it.
        return self.accounts.usage.standings(operator("api"), self.workspace)

    @property
    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return self.services.clock.now_ms()


def services_of(request: Request) -> Services:
    """What the control plane was made with."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


def visitor(request: Request) -> Visitor:
    """The person who is signed in. Raises Failure: SIGN_IN_REQUIRED, INVALID_API_KEY and FORBIDDEN."""
    services = services_of(request)
    token = _bearer(request)
    if token is not None:
        services.accounts.management_keys.actor(token, None)
        raise Failure(
            Code.FORBIDDEN, "This is a person's own: sign in with e-mail and password. A key cannot do it."
        )
    found = _session(request, services)
    _check_parameters(request)
    return found


def visitor_or_none(request: Request) -> Visitor | None:
    """The person who is signed in; None where nobody is. Raises Failure (FORBIDDEN) as `visitor`."""
    try:
        return _session(request, services_of(request))
    except Failure as failure:
        if failure.code is Code.SIGN_IN_REQUIRED:
            return None
        raise


def bearer_or_visitor(request: Request) -> Actor | Visitor:
    """The management key that is sent, or else the person who is signed in. Raises Failure."""
    services = services_of(request)
    token = _bearer(request)
    found = (
        _session(request, services)
        if token is None
        else services.accounts.management_keys.actor(token, _address(request))
    )
    _check_parameters(request)
    return found


def at(
    request: Request,
    workspace: Annotated[str, Path(description="The id of the workspace.", max_length=100)],
    who: Annotated[Actor | Visitor, Depends(bearer_or_visitor)],
) -> At:
    """Whoever acts, in the workspace. Raises Failure: NOT_FOUND where it is not there or not the actor's."""
    services = services_of(request)
    if isinstance(who, Visitor):
        # Asked anew for each request: a role that was taken away is gone at once.
        who = services.accounts.people.actor(who.session.person.id, workspace, who.origin.address)
    if who.workspace != workspace:
        raise no_workspace()
    return At(services=services, actor=who, workspace=workspace)


def from_own_site(request: Request) -> Origin:
    """Where a call comes from that needs no session. Raises Failure (FORBIDDEN) for another site's."""
    check_own_site(request)
    return origin_of(request)


InWorkspace = Annotated[At, Depends(at)]
SignedInPerson = Annotated[Visitor, Depends(visitor)]
MaybeSignedIn = Annotated[Visitor | None, Depends(visitor_or_none)]
Anybody = Annotated[Actor | Visitor, Depends(bearer_or_visitor)]
FromOwnSite = Annotated[Origin, Depends(from_own_site)]
Here = Annotated[Services, Depends(services_of)]


def _session(request: Request, services: Services) -> Visitor:
    token = session_token(request)
    session = None if token is None else services.accounts.people.session(token)
    if token is None or session is None:
        raise Failure(
            Code.SIGN_IN_REQUIRED,
            "Nobody is signed in here, or the session has ended. Sign in, or send a management key as "
            "'Authorization: Bearer zk_admin_...'.",
        )
    if request.method not in SAFE_METHODS:
        check_own_site(request)
        check_csrf(token, request.headers.get(CSRF_HEADER))
    return Visitor(session=session, token=token, origin=origin_of(request))


def _bearer(request: Request) -> str | None:
    """What `Authorization` holds; None without one, and empty where it is no bearer token."""
    given = request.headers.getlist(_BEARER)
    if not given:
        return None
    scheme, _, token = given[0].partition(" ")
    return token.strip() if len(given) == 1 and scheme.lower() == "bearer" else ""


def _address(request: Request) -> str | None:
    return None if request.client is None else request.client.host


def _check_parameters(request: Request) -> None:
    """Raises Failure for what no route takes, or this one does not: a misspelt filter would find too much."""
    route = request.scope.get("route")
    assert isinstance(route, APIRoute)
    known = set(_query_names(route.dependant))
    asked = request.query_params.multi_items()
    for name, value in (*request.path_params.items(), *asked):
        if "\0" in value:
            # PostgreSQL keeps none.
            raise Failure(Code.INVALID_REQUEST, f"{name[:100]}: it holds a NUL.", param=name[:100])
    for name, _ in asked:
        if name not in known:
            there = f"It takes {', '.join(sorted(known))}." if known else "It takes none."
            raise Failure(
                Code.INVALID_REQUEST,
                f"{name[:100]!r} is not a parameter of this path. {there}",
                param=name[:100],
            )


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for each in dependant.dependencies:
        yield from _query_names(each)
