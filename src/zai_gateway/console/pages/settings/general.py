"""The settings of a workspace: its name, its rate limits, its management keys, and what runs here."""

from msgspec import Struct
from starlette.responses import Response

from zai_gateway import __version__
from zai_gateway.accounts.authorization import Deed, allowed, forbidden
from zai_gateway.accounts.records import ManagementKey
from zai_gateway.accounts.sights import sight
from zai_gateway.accounts.terms import WorkspaceChanges
from zai_gateway.console.forms import Problems, number_typed, problems_of
from zai_gateway.console.visit import Visit
from zai_gateway.errors import OperatorError

RATES = (
    ("rpm", "Requests a minute"),
    ("tpm", "Tokens a minute"),
    ("concurrency", "Requests at once"),
)
_MOST_DIGITS = 16
_STATES = {"active": ("Active", "good"), "expired": ("Expired", "warn"), "revoked": ("Revoked", "")}


class ShownKey(Struct, frozen=True, kw_only=True):
    """A management key as the page shows it."""

    key: ManagementKey
    state: str
    badge: tuple[str, str]
    maker: str


def settings(visit: Visit) -> Response:
    """The page."""
    return _page(visit, Problems())


def rename(visit: Visit) -> Response:
    """Gives the workspace another name."""
    if not visit.may(Deed.WORKSPACE_RENAME):
        raise forbidden()
    form = visit.form
    try:
        visit.services.accounts.workspaces.rename(
            visit.actor, visit.workspace, form.text("name"), seen=form.text("seen")
        )
    except OperatorError as trouble:
        return _page(visit, problems_of(trouble, {"name": "name"}))
    return visit.go(visit.path("/settings"), "The workspace has another name. Its slug stays.")


def limit_rates(visit: Visit) -> Response:
    """Sets the rate limits that hold for all its keys together."""
    if not visit.may(Deed.WORKSPACE_UPDATE):
        raise forbidden()
    form, problems = visit.form, Problems()
    wanted = {name: _whole(form.text(name), name, problems) for name, _ in RATES}
    if not problems:
        try:
            visit.services.accounts.workspaces.update(
                visit.actor, visit.workspace, WorkspaceChanges(**wanted), seen=form.text("seen")
            )
        except OperatorError as trouble:
            problems = problems_of(trouble, {name: name for name, _ in RATES})
    if problems:
        return _page(visit, problems)
    return visit.go(visit.path("/settings"), "The rate limits are set. They hold everywhere in a second.")


def _whole(text: str, name: str, problems: Problems) -> int | None:
    text = number_typed(text)
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS:
        problems[name] = "A whole number belongs here, such as 600; or nothing for no limit."
        return None
    return int(text)


def _page(visit: Visit, problems: Problems) -> Response:
    form, here = visit.form, visit.membership.workspace
    rates = {name: getattr(here, name) for name, _ in RATES}
    posted = any(form.has(name) for name in rates)
    return visit.render(
        "settings/settings.html",
        422 if problems else 200,
        problems=problems,
        here=here,
        name=form.text("name") if form.has("name") else here.name,
        # What the form was made of, not what there is by now: else the next try would overwrite it unseen.
        seen=form.text("seen") or sight(here),
        rates=[
            (
                name,
                label,
                rates[name],
                form.text(name) if posted else "" if rates[name] is None else str(rates[name]),
            )
            for name, label in RATES
        ],
        keys=_keys(visit) if allowed(visit.actor, Deed.MANAGEMENT_KEY_LIST) else None,
        version=__version__,
        public_url=visit.services.public_url,
        root=visit.base_url.removesuffix("/v1"),
    )


def _keys(visit: Visit) -> list[ShownKey]:
    """Those that work first, then the newest first."""
    accounts, now = visit.services.accounts, visit.services.clock.now_ms()
    names = {each.id: each.name for each in accounts.members.list(visit.actor, visit.workspace)}
    shown: list[ShownKey] = []
    for key in accounts.management_keys.list(visit.actor, visit.workspace):
        state = "revoked" if key.revoked_ms is not None else "active" if key.expires_ms > now else "expired"
        maker = "the operator" if key.made_by is None else names.get(key.made_by, "a former member")
        shown.append(ShownKey(key=key, state=state, badge=_STATES[state], maker=maker))
    return sorted(shown, key=lambda each: (each.state != "active", -each.key.created_ms))
