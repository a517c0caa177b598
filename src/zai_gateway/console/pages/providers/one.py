"""One provider: how it stands, what it lists, and what can be changed of it."""

from threading import BoundedSemaphore

from msgspec import Struct
from starlette.responses import Response

from zai_gateway.accounts.provider_keys import Access
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.console.forms import Problems
from zai_gateway.console.pages.providers.adding import problems_with
from zai_gateway.console.pages.providers.standing import key_of_path, shown
from zai_gateway.console.visit import Visit
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.providers.registry import Auth
from zai_gateway.relay.listing import lists_models

_TESTS = BoundedSemaphore(2)
"""A provider may take half a minute to answer: tests leave threads for the pages of others."""
_TEST_SECONDS = 5.0
_MOST_NAMED = 12
_MOST_LOOKS = 10
"""At what a provider lists: within that time it was asked, or does not answer."""


class Listed(Struct, frozen=True, kw_only=True):
    """What a provider says that it has."""

    state: str
    """`none` where it has no list, `off` where none is asked for, `coming`, `trouble` or `there`."""
    count: int = 0
    names: tuple[str, ...] = ()
    """Some of them."""
    asked_ms: int | None = None
    trouble: str = ""
    look_again: int = 0
    """How many times the page has looked again when it looks next; 0: there is nothing to wait for."""


def provider(visit: Visit) -> Response:
    """The page, or what it lists alone."""
    return _page(visit, key_of_path(visit), part="listed" if visit.is_partial else "one")


def test(visit: Visit) -> Response:
    """Asks the provider whether it takes the key, which costs nothing."""
    key = key_of_path(visit)
    if not _TESTS.acquire(timeout=_TEST_SECONDS):
        raise Failure(Code.RATE_LIMITED, "Other provider keys are being tested. Try again in a moment.")
    try:
        tested = visit.services.accounts.provider_keys.test(
            visit.actor, visit.workspace, key.id, visit.services.probe
        )
    except OperatorError as trouble:
        part = "health" if visit.is_partial else "one"
        return _page(visit, key_of_path(visit), Problems({"": str(trouble)}), part=part)
    finally:
        _TESTS.release()
    if visit.is_partial:
        return _page(visit, tested, part="health")
    return visit.go(visit.path(f"/providers/{key.id}"), f"{key.name} was tested.")


def rename(visit: Visit) -> Response:
    """Gives it another label."""
    key, form = key_of_path(visit), visit.form
    visit.again = lambda problems: _page(visit, key, problems)
    try:
        visit.services.accounts.provider_keys.rename(
            visit.actor, visit.workspace, key.id, form.text("name"), seen=form.text("seen") or None
        )
    except OperatorError as trouble:
        return _page(visit, key_of_path(visit), problems_with(trouble))
    return visit.go(visit.path(f"/providers/{key.id}"), "Its label is changed.")


def access(visit: Visit) -> Response:
    """Gives it another secret, another address, or both."""
    key, form = key_of_path(visit), visit.form
    visit.again = lambda problems: _page(visit, key, problems)
    keys, seen = visit.services.accounts.provider_keys, form.text("seen") or None
    secret, base_url = form.secret("key"), form.text("base_url")
    try:
        if not secret.strip() and base_url == key.base_url:
            raise OperatorError("key: paste the new key.")
        keys.readdress(
            visit.actor, visit.workspace, key.id, Access(base_url=base_url, secret=secret), seen=seen
        )
    except OperatorError as trouble:
        return _page(visit, key_of_path(visit), problems_with(trouble))
    return visit.go(
        visit.path(f"/providers/{key.id}"), "What it is reached with is changed. It is tested now."
    )


def _page(visit: Visit, key: ProviderKey, problems: Problems | None = None, part: str = "one") -> Response:
    form, told = visit.form, shown(visit, key)
    return visit.render(
        f"providers/{part}.html",
        422 if problems else 200,
        part=part,
        key=told,
        listed=_listed(visit, key),
        is_account=told.row.auth is Auth.SERVICE_ACCOUNT,
        # A key without a test is tested by the page as soon as it is there.
        test_now=key.health is None and key.disabled_ms is None and not problems,
        name=form.text("name") if form.has("name") else key.name,
        base_url=form.text("base_url") if form.has("base_url") else key.base_url,
        problems=problems or Problems(),
    )


def _listed(visit: Visit, key: ProviderKey) -> Listed:
    if not lists_models(key):
        return Listed(state="none")
    known = visit.services.listing(key.id)
    asks = visit.services.asks_lists and key.disabled_ms is None
    looked = visit.query("looked")
    again = int(looked) + 1 if len(looked) == 1 and looked.isdecimal() else 1
    again = again if asks and again < _MOST_LOOKS else 0
    if known is None:
        return Listed(state="coming" if visit.services.asks_lists else "off", look_again=again)
    # After a test that went well, it is asked anew where it gave none before.
    well = key.health is None or (key.health.ok and key.health.at_ms > known.fetched_ms)
    names = tuple(f"{key.provider}/{model.id}" for model in known.models[:_MOST_NAMED])
    return Listed(
        state="trouble" if known.trouble else "there",
        count=len(known.models),
        names=names,
        asked_ms=known.fetched_ms,
        trouble=known.trouble or "",
        look_again=again if known.trouble and well else 0,
    )
