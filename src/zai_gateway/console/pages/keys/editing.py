"""Changing the terms of an API key, as they were when the form was made."""

from starlette.responses import Response

from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.key_limits import KeySight
from zai_gateway.accounts.sights import sight
from zai_gateway.console.forms import Problems
from zai_gateway.console.pages.keys.finding import found_key, path_of
from zai_gateway.console.pages.keys.issuing import form_values, terms_problems
from zai_gateway.console.pages.keys.models import callable_models
from zai_gateway.console.pages.keys.terms_form import May, Reading, shown_of_form, shown_of_key
from zai_gateway.console.visit import Visit
from zai_gateway.errors import Failure, OperatorError


def edit(visit: Visit) -> Response:
    """The form, and what is sent with it."""
    found = found_key(visit, Deed.KEY_UPDATE)
    may = May.of(visit.actor, Deed.KEY_UPDATE)
    if not visit.posted:
        if found.key.revoked_ms is not None:
            return visit.go(path_of(visit, found.key.id), "This key is revoked; its terms stay as they were.")
        shown = shown_of_key(found, callable_models(visit))
        values = form_values(visit, shown, may)
        return visit.render("keys/edit.html", **values, key=found.key, seen=sight(found.terms))

    def again(problems: Problems) -> Response:
        values = form_values(visit, shown_of_form(visit.form), may, problems)
        # What the form was made of, not what there is by now: else the next try would overwrite it unseen.
        return visit.render("keys/edit.html", 422, **values, key=found.key, seen=visit.form.text("seen"))

    visit.again = again
    problems = _change(visit, found, may)
    if problems:
        return again(problems)
    return visit.go(path_of(visit, found.key.id), "The key is changed. It holds everywhere in a second.")


def _change(visit: Visit, found: KeySight, may: May) -> Problems:
    reading = Reading(visit.form, may, visit.services.clock.now_ms())
    changes = reading.changes()
    if reading.problems:
        return reading.problems
    try:
        visit.services.accounts.api_keys.update(
            visit.actor, visit.workspace, found.key.id, changes, seen=visit.form.text("seen")
        )
    except (OperatorError, Failure) as trouble:
        return terms_problems(trouble)
    return Problems()
