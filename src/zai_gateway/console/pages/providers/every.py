"""The list of a workspace's providers, and what is done to one of them from it."""

from starlette.responses import Response

from zai_gateway.console.forms import Problems
from zai_gateway.console.pages.providers.standing import key_of_path, shown
from zai_gateway.console.visit import Visit
from zai_gateway.errors import OperatorError


def providers(visit: Visit) -> Response:
    """The list, in the order in which they are tried."""
    return _page(visit)


def move(visit: Visit) -> Response:
    """Moves one up or down, in the order that the page showed."""
    form, key = visit.form, key_of_path(visit)
    seen = tuple(form.text("order").split(","))
    up = form.text("way") == "up"
    try:
        visit.services.accounts.provider_keys.step(visit.actor, visit.workspace, key.id, up=up, seen=seen)
    except OperatorError as trouble:
        return _page(visit, Problems({"": str(trouble)}))
    if visit.is_partial:
        return _page(visit, moved=(key.id, up))
    return visit.go(visit.path("/providers"), f"{key.name} is tried {'earlier' if up else 'later'} now.")


def switch(visit: Visit) -> Response:
    """Enables or disables one."""
    form, key = visit.form, key_of_path(visit)
    enabled = form.text("enabled") == "yes"
    try:
        visit.services.accounts.provider_keys.switch(
            visit.actor, visit.workspace, key.id, enabled=enabled, seen=form.text("seen") or None
        )
    except OperatorError as trouble:
        return _page(visit, Problems({"": str(trouble)}))
    said = "enabled: requests use it" if enabled else "disabled: no request uses it"
    return visit.go(_back(visit, key.id), f"{key.name} is {said}.")


def remove(visit: Visit) -> Response:
    """Forgets one, with its secret."""
    form, key = visit.form, key_of_path(visit)
    try:
        visit.services.accounts.provider_keys.remove(
            visit.actor, visit.workspace, key.id, seen=form.text("seen") or None
        )
    except OperatorError as trouble:
        return _page(visit, Problems({"": str(trouble)}))
    return visit.go(visit.path("/providers"), f"{key.name} is removed, and its key forgotten.")


def _back(visit: Visit, id: str) -> str:
    return visit.path(f"/providers/{id}" if visit.form.text("from") == "one" else "/providers")


def _page(visit: Visit, problems: Problems | None = None, moved: tuple[str, bool] = ("", False)) -> Response:
    every = visit.services.accounts.provider_keys.list(visit.actor, visit.workspace)
    return visit.render(
        "providers/list.html" if visit.is_partial else "providers/every.html",
        422 if problems else 200,
        keys=[shown(visit, key) for key in every],
        order=",".join(key.id for key in every),
        problems=problems or Problems(),
        moved=moved,
    )
