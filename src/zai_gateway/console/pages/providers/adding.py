"""Adding a provider: choosing the vendor, then giving what it needs."""

from collections.abc import Sequence

from msgspec import Struct
from starlette.responses import Response

from zai_gateway.accounts.authorization import Deed, forbidden
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.provider_names import known_provider
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.console.forms import Problems, problems_of
from zai_gateway.console.visit import Visit
from zai_gateway.errors import OperatorError
from zai_gateway.ids import new_id
from zai_gateway.providers.own_machines import CUSTOM
from zai_gateway.providers.registry import Auth, Provider
from zai_gateway.providers.rows import HOSTS, MAKERS, OWN

_FIELDS = {"base URL": "base_url", "key": "key", "name": "name", "provider": "provider"}
_GROUPS = (
    ("Makers of models", MAKERS),
    ("Hosts of many models", HOSTS),
    ("Your own machines, and any other endpoint", OWN),
)


class Choice(Struct, frozen=True, kw_only=True):
    """A vendor that can be added."""

    row: Provider
    hint: str
    standing: int
    """Keys at it that the workspace has already."""


def new(visit: Visit) -> Response:
    """The choice of a vendor, its form, and what is sent with it."""
    if not visit.may(Deed.PROVIDER_KEY_ADD):
        raise forbidden()
    every = visit.services.accounts.provider_keys.list(visit.actor, visit.workspace)
    chosen = visit.form.text("provider") or visit.query("provider")
    if not chosen:
        return _choice(visit, every)
    row = known_provider(chosen, {key.provider for key in every})
    if visit.request.method == "POST":
        return _add(visit, row, every)
    return _form(visit, row, new_id("pkey", visit.services.clock.now_ms()), Problems())


def _choice(visit: Visit, every: Sequence[ProviderKey]) -> Response:
    sought = visit.query("search")
    having = [key.provider for key in every]

    def choices(rows: Sequence[Provider]) -> list[Choice]:
        return [
            Choice(row=row, hint=_hint(visit, row), standing=having.count(row.name))
            for row in rows
            if sought.lower() in f"{row.title} {row.name}".lower()
        ]

    groups = [(title, choices(rows)) for title, rows in _GROUPS]
    return visit.render(
        "providers/choices.html" if visit.is_partial else "providers/choose.html",
        groups=[(title, found) for title, found in groups if found],
        search=sought,
    )


def _hint(visit: Visit, row: Provider) -> str:
    """In a few words what one gets."""
    if row is CUSTOM:
        return "Anything that speaks OpenAI's API"
    known = len(visit.services.shelf.catalogue.models(row.name))
    if known:
        return f"{known} models" if known > 1 else "1 model"
    return "Your own models" if row.local else "Models as it lists them"


def _add(visit: Visit, row: Provider, every: Sequence[ProviderKey]) -> Response:
    form, keys = visit.form, visit.services.accounts.provider_keys
    id = form.text("id")
    visit.again = lambda problems: _form(visit, row, id, problems)
    if any(key.id == id for key in every):
        # The same form once more: a double click, or a page that was gone back to.
        return visit.go(visit.path(f"/providers/{id}"), "This provider was added already.")
    wanted = NewProviderKey(
        provider=row.name,
        secret=form.secret("key"),
        name=form.text("name") or None,
        base_url=form.text("base_url") or None,
        id=id,
    )
    try:
        added = keys.add(visit.actor, visit.workspace, wanted)
    except OperatorError as trouble:
        return _form(visit, row, id, problems_with(trouble))
    untested = "" if added.sealed or not row.takes_key else " without a key"
    return visit.go(visit.path(f"/providers/{added.id}"), f"{added.name} is added{untested}.")


def _form(visit: Visit, row: Provider, id: str, problems: Problems) -> Response:
    form = visit.form
    return visit.render(
        "providers/new.html",
        422 if problems else 200,
        row=row,
        id=id,
        is_custom=row.name == CUSTOM.name,
        is_account=row.auth is Auth.SERVICE_ACCOUNT,
        name=form.text("name"),
        base_url=form.text("base_url"),
        problems=problems,
    )


def problems_with(trouble: OperatorError) -> Problems:
    """What is wrong, beside the field that it is wrong with."""
    found = problems_of(trouble, _FIELDS)
    said = found.get("", "")
    # What is wrong with a secret begins with its provider, and stands in no field's words.
    return Problems({"key": said}) if said.startswith("The key ") else found
