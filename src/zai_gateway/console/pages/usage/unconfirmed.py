"""What is not certain: money that is pending or unconfirmed, flagged entries, and saying what one cost."""

from collections.abc import Sequence

from starlette.responses import Response

from zai_gateway.accounts.authorization import Deed, allowed, forbidden
from zai_gateway.accounts.spend_books import FlaggedEntry, UnconfirmedAttempt
from zai_gateway.accounts.usage_books import DAY_MS, UsageQuery
from zai_gateway.console.forms import Problems, number_typed, problems_of
from zai_gateway.console.pages.usage.asking import key_names
from zai_gateway.console.pages.usage.words import FLAGS, MEANINGS
from zai_gateway.console.visit import Visit
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.money import nano_from_usd, usd

_MOST = 100
_MOST_SOUGHT = 1_000
_DAYS = 30
_FLAGGED_DAYS = 7
"""As far back as flagged entries are sought: they have no index of their own."""

_GRAVE = ("overrun", "written_off")
_CHOICES = (("", "Overrun or written off"), *((flag, flag.replace("_", " ").capitalize()) for flag in FLAGS))


def unconfirmed(visit: Visit) -> Response:
    """The page."""
    return _page(visit, {})


def resolve(visit: Visit) -> Response:
    """Books what an attempt cost, by its provider's bill; as it was when the form was made, or not at all."""
    if not visit.may(Deed.SPEND_RESOLVE):
        raise forbidden()
    form, path = visit.form, visit.path("/usage/unconfirmed")
    request, attempt = form.text("request"), form.text("attempt")
    found = _sought(visit, request, attempt)
    if found is None:
        return visit.go(
            path, "Nothing of it is unconfirmed any more: it was confirmed or written off before."
        )
    if form.text("seen") != seen_of(found):
        said = "It changed since you saw it; look at its amounts again."
        return _page(visit, {_place(found): Problems({"cost": said})}, typed=form.text("cost"))
    try:
        cost = 0 if form.has("nothing") else nano_from_usd(number_typed(form.text("cost")), "cost")
        visit.services.accounts.spend.resolve(
            visit.actor, visit.workspace, found.request, found.attempt, cost
        )
    except OperatorError as trouble:
        return _page(visit, {_place(found): problems_of(trouble, {"cost": "cost"})}, typed=form.text("cost"))
    except Failure as failure:
        if failure.code is not Code.NOT_FOUND:
            raise
        return visit.go(path, "Somebody confirmed it at the same moment; nothing was booked twice.")
    return visit.go(path, f"Booked: it cost {usd(cost)} USD, and nothing of it is unconfirmed any more.")


def seen_of(attempt: UnconfirmedAttempt) -> str:
    """What its form carries along, so that nothing else is booked than what was seen."""
    return f"{attempt.cost}:{attempt.risk}"


def _page(visit: Visit, problems: dict[str, Problems], typed: str = "") -> Response:
    usage, now = visit.services.accounts.usage, visit.services.clock.now_ms()
    late = UsageQuery(since_ms=now - now % DAY_MS - (_DAYS - 1) * DAY_MS, until_ms=now + 1)
    sums = usage.totals(visit.actor, visit.workspace, late).sums
    sees, asked = allowed(visit.actor, Deed.SPEND_READ), visit.query("flag")
    flag = asked if asked in FLAGS else ""
    return visit.render(
        "usage/unconfirmed.html",
        422 if problems else 200,
        pending=usage.pending(visit.actor, visit.workspace),
        sums=sums,
        days=_DAYS,
        sees=sees,
        attempts=visit.services.accounts.spend.unconfirmed(visit.actor, visit.workspace, _MOST)
        if sees
        else (),
        # There is no index of them: without a flag the sums say whether there is any to look for.
        flagged=_flagged(visit, now, flag) if sees and (flag or sums.overruns or sums.written_off) else (),
        flag=flag,
        flags=_CHOICES,
        flagged_days=_FLAGGED_DAYS,
        most=_MOST,
        names=key_names(visit),
        meanings=MEANINGS,
        seen_of=seen_of,
        place_of=_place,
        problems=problems,
        typed=typed,
    )


def _flagged(visit: Visit, now_ms: int, flag: str) -> Sequence[FlaggedEntry]:
    flags = (flag,) if flag else _GRAVE
    since = now_ms - _FLAGGED_DAYS * DAY_MS
    return visit.services.accounts.spend.flagged(visit.actor, visit.workspace, flags, since, _MOST)


def _sought(visit: Visit, request: str, attempt: str) -> UnconfirmedAttempt | None:
    every = visit.services.accounts.spend.unconfirmed(visit.actor, visit.workspace, _MOST_SOUGHT)
    return next((each for each in every if (each.request, str(each.attempt)) == (request, attempt)), None)


def _place(attempt: UnconfirmedAttempt) -> str:
    return f"{attempt.request}/{attempt.attempt}"
