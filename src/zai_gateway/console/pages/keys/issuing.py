"""Issuing an API key: the form, and the new key, shown once."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from zai_gateway.accounts.authorization import Deed, forbidden
from zai_gateway.accounts.key_making import new_key_id
from zai_gateway.accounts.terms import IssuedKey, KeyChanges
from zai_gateway.console.forms import Problems, problems_of
from zai_gateway.console.pages.connect import connection
from zai_gateway.console.pages.keys.finding import NOBODYS, owners
from zai_gateway.console.pages.keys.models import by_provider, callable_models
from zai_gateway.console.pages.keys.terms_form import EXPIRIES, FIELDS, May, Reading, Shown, shown_of_form
from zai_gateway.console.visit import Visit
from zai_gateway.errors import Code, Failure, OperatorError


def issue(visit: Visit) -> Response:
    """The form, and what is sent with it."""
    if not visit.may(Deed.KEY_CREATE):
        raise forbidden()
    may = May.of(visit.actor, Deed.KEY_CREATE)
    now = visit.services.clock.now_ms()
    if not visit.posted:
        # Minted with the page, so that the same form makes one key however often it is sent.
        id = new_key_id(now)
        return visit.render("keys/new.html", **form_values(visit, Shown(), may), id=id)
    id = visit.form.text("id")

    def again(problems: Problems) -> Response:
        values = form_values(visit, shown_of_form(visit.form), may, problems)
        return visit.render("keys/new.html", 422, **values, id=id)

    visit.again = again
    reading = Reading(visit.form, may, now)
    wanted = reading.new_key()
    problems = reading.problems
    if not problems:
        answer = _issued(visit, wanted, id)
        if isinstance(answer, Response):
            return answer
        problems = answer
    return again(problems)


def form_values(visit: Visit, shown: Shown, may: May, problems: Problems | None = None) -> Mapping[str, Any]:
    """What the form's template is told."""
    models = callable_models(visit)
    return {
        "shown": shown,
        "problems": problems or Problems(),
        "may": may,
        "models": models,
        "groups": by_provider(models),
        "members": [(NOBODYS, "Nobody: the workspace's own"), *owners(visit).items()] if may.member else [],
        "expiries": EXPIRIES,
    }


def secret_page(visit: Visit, issued: IssuedKey, *, rotated: bool) -> Response:
    """The one page that shows a secret, and how it is used."""
    return visit.render(
        "keys/issued.html",
        key=issued.key,
        secret=issued.secret,
        rotated=rotated,
        connection=connection(visit, issued.secret, issued.key.allow),
        owner=owners(visit).get(issued.key.member or ""),
    )


def terms_problems(trouble: OperatorError | Failure) -> Problems:
    """What is wrong with the terms, beside their fields. Raises Failure where it is not about a field."""
    if isinstance(trouble, Failure):
        if trouble.code is not Code.NOT_FOUND:
            raise trouble
        return Problems({"member": "This member is not in the workspace any more; choose another."})
    return problems_of(trouble, FIELDS)


def _issued(visit: Visit, wanted: KeyChanges, id: str) -> Response | Problems:
    keys = visit.services.accounts.api_keys
    try:
        issued = keys.create(visit.actor, visit.workspace, wanted, id=id)
    except OperatorError as trouble:
        return _made_already(visit, id) or terms_problems(trouble)
    except Failure as failure:
        return terms_problems(failure)
    return secret_page(visit, issued, rotated=False)


def _made_already(visit: Visit, id: str) -> Response | None:
    """The page that says that this very form was sent before; None where it was not."""
    try:
        key = visit.services.accounts.api_keys.show(visit.actor, visit.workspace, id)
    except (Failure, OperatorError):
        return None
    return visit.render("keys/made_already.html", 409, key=key)
