"""Management keys: made for some scopes and a time, shown once, and revoked."""

from collections.abc import Sequence

from msgspec import Struct
from starlette.responses import Response

from zai_gateway.accounts.actor import Scope
from zai_gateway.accounts.authorization import Deed, forbidden, may_grant
from zai_gateway.accounts.expiry import expiry_ms
from zai_gateway.accounts.management_keys import new_management_key_id
from zai_gateway.console.forms import Problems, problems_of
from zai_gateway.console.pages.keys.terms_form import EXPIRIES, ON_A_DAY
from zai_gateway.console.visit import Visit
from zai_gateway.errors import Code, Failure, OperatorError

AREAS: Sequence[tuple[str, Scope | None, Scope | None]] = (
    ("API keys", Scope.KEYS_READ, Scope.KEYS_WRITE),
    ("Members and invitations", Scope.MEMBERS_READ, Scope.MEMBERS_WRITE),
    ("Budgets", Scope.BUDGETS_READ, Scope.BUDGETS_WRITE),
    ("Provider keys", Scope.PROVIDER_KEYS_READ, Scope.PROVIDER_KEYS_WRITE),
    ("Names of models", Scope.MODELS_READ, Scope.MODELS_WRITE),
    ("Prices", Scope.PRICES_READ, Scope.PRICES_WRITE),
    ("Usage", Scope.USAGE_READ, None),
    ("Audit log", Scope.AUDIT_READ, None),
    ("Workspace", Scope.WORKSPACES_READ, Scope.WORKSPACES_WRITE),
    ("Management keys", Scope.MANAGEMENT_KEYS_READ, Scope.MANAGEMENT_KEYS_WRITE),
)
"""What may be read, and changed."""
_EXPIRIES = tuple(each for each in EXPIRIES if each[0])
_FIELDS = {"name": "name", "scopes": "scopes", "expires": "expires"}
_DAY_MS = 86_400_000


class ShownExpiry(Struct, frozen=True):
    """What is typed of when it ends."""

    expires: str
    expires_on: str = ""


def new(visit: Visit) -> Response:
    """The form, and what is sent with it."""
    if not visit.may(Deed.MANAGEMENT_KEY_CREATE):
        raise forbidden()
    form, now = visit.form, visit.services.clock.now_ms()
    if not visit.posted:
        # Minted with the page, so that the same form makes one key however often it is sent.
        return _form(visit, new_management_key_id(now), Problems())
    id, chosen = form.text("id"), [Scope(each) for each in form.all("scope") if each in set(Scope)]
    if not chosen:
        return _form(visit, id, Problems({"scopes": "Choose what it may do: one of them at least."}))
    try:
        ends = expiry_ms(form.text("expires"), now, "expires") if _is_span(visit) else _end_of_day(visit, now)
        issued = visit.services.accounts.management_keys.create(
            visit.actor, visit.workspace, form.text("name"), chosen, ends, id=id
        )
    except OperatorError as trouble:
        return _made_already(visit, id) or _form(visit, id, problems_of(trouble, _FIELDS))
    return visit.render("settings/made.html", key=issued.key, secret=issued.secret, areas=AREAS)


def revoke(visit: Visit) -> Response:
    """Ends one for good."""
    if not visit.may(Deed.MANAGEMENT_KEY_REVOKE):
        raise forbidden()
    keys, id = visit.services.accounts.management_keys, visit.request.path_params["id"]
    key = next((each for each in keys.list(visit.actor, visit.workspace) if each.id == id), None)
    if key is None:
        raise Failure(Code.NOT_FOUND, "There is no such management key in this workspace.")
    keys.revoke(visit.actor, visit.workspace, key.id)
    return visit.go(visit.path("/settings"), f"{key.name} is revoked.")


def _is_span(visit: Visit) -> bool:
    return visit.form.text("expires") != ON_A_DAY


def _end_of_day(visit: Visit, now_ms: int) -> int:
    """To the end of the day that was chosen: a date means its first moment."""
    return expiry_ms(visit.form.text("expires_on"), now_ms - _DAY_MS, "expires") + _DAY_MS


def _made_already(visit: Visit, id: str) -> Response | None:
    """The page that says that this very form was sent before; None where it was not."""
    every = visit.services.accounts.management_keys.list(visit.actor, visit.workspace)
    key = next((each for each in every if each.id == id), None)
    return None if key is None else visit.render("settings/made_already.html", 409, key=key)


def _form(visit: Visit, id: str, problems: Problems) -> Response:
    form = visit.form
    return visit.render(
        "settings/new_key.html",
        422 if problems else 200,
        problems=problems,
        id=id,
        name=form.text("name"),
        areas=AREAS,
        chosen=frozenset(form.all("scope")),
        grantable=frozenset(scope for scope in Scope if may_grant(visit.actor, scope)),
        shown=ShownExpiry(form.text("expires") or "90d", form.text("expires_on")),
        expiries=_EXPIRIES,
    )
