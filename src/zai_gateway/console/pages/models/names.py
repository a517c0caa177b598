"""The names of models that a workspace defines for itself, each for one model or several."""

from collections.abc import Sequence

from msgspec import Struct
from starlette.responses import Response

from zai_gateway.accounts.authorization import Deed, forbidden
from zai_gateway.accounts.records import Strategy, Target, VirtualModel
from zai_gateway.accounts.sights import NOTHING, sight
from zai_gateway.accounts.targets import duration, read_target
from zai_gateway.accounts.virtual_models import Meaning
from zai_gateway.console.forms import Form, Problems, problems_of
from zai_gateway.console.pages.models.every import counts
from zai_gateway.console.pages.models.offering import Offering
from zai_gateway.console.visit import Visit
from zai_gateway.errors import OperatorError

_MOST_TARGETS = 16
_LEAST_ROWS = 3
_MORE_ROWS = 2


class TargetRow(Struct, frozen=True, kw_only=True):
    """A target as it stands in the form."""

    model: str = ""
    weight: str = ""
    timeout: str = ""


class ShownName(Struct, frozen=True, kw_only=True):
    """A name, and what it stands for."""

    model: VirtualModel
    sight: str
    reachable: frozenset[str]
    """Targets whose provider is here, and in use."""


def names(visit: Visit) -> Response:
    """The table."""
    return _table(visit)


def _table(visit: Visit, problems: Problems | None = None) -> Response:
    offering = Offering(visit)
    prefixes = set(offering.providers)
    every = visit.services.accounts.virtual_models.list(visit.actor, visit.workspace)
    return visit.render(
        "models/names.html",
        422 if problems else 200,
        names=[
            ShownName(
                model=each,
                sight=sight(each),
                reachable=frozenset(
                    target.model for target in each.targets if target.model.partition("/")[0] in prefixes
                ),
            )
            for each in every
        ],
        counts=counts(offering),
        problems=problems or Problems(),
    )


def edit(visit: Visit) -> Response:
    """The form of one, old or new, and what is sent with it."""
    if not visit.may(Deed.VIRTUAL_MODEL_SET):
        raise forbidden()
    if visit.request.method == "POST":
        return _set(visit)
    name = visit.query("name")
    if not name:
        return _form(visit, "", NOTHING, _filled([]))
    standing = visit.services.accounts.virtual_models.show(visit.actor, visit.workspace, name)
    rows = [
        TargetRow(
            model=target.model,
            weight=str(target.weight) if target.weight != 1 else "",
            timeout=duration(target) if target.timeout_ms is not None else "",
        )
        for target in standing.targets
    ]
    return _form(visit, name, sight(standing), _filled(rows), strategy=standing.strategy)


def remove(visit: Visit) -> Response:
    """Takes one away."""
    form, name = visit.form, visit.form.text("name")
    try:
        visit.services.accounts.virtual_models.remove(
            visit.actor, visit.workspace, name, seen=form.text("seen") or None
        )
    except OperatorError as trouble:
        return _table(visit, Problems({"": str(trouble)}))
    return visit.go(visit.path("/models/names"), f"{name} is no model of its own any more.")


def _set(visit: Visit) -> Response:
    form = visit.form
    name, seen = form.text("name"), form.text("seen")
    strategy = Strategy.WEIGHTED if form.text("strategy") == Strategy.WEIGHTED else Strategy.ORDERED
    rows = _rows(form)
    if form.has("more"):
        more = min(_count(form) + _MORE_ROWS, _MOST_TARGETS)
        wider = [*rows, *[TargetRow()] * (more - len(rows))]
        return _form(visit, name, seen, wider, strategy=strategy)

    def again(problems: Problems) -> Response:
        return _form(visit, name, seen, _filled(rows), strategy=strategy, problems=problems)

    visit.again = again
    problems = Problems()
    try:
        targets = _targets(rows, strategy, problems)
        if not problems:
            meaning = Meaning(name=name, strategy=strategy, targets=targets)
            visit.services.accounts.virtual_models.define(visit.actor, visit.workspace, meaning, seen=seen)
    except OperatorError as trouble:
        problems = problems_of(trouble, {"name": "name"})
    if problems:
        return again(problems)
    return visit.go(visit.path("/models/names"), f"{name} can be called as a model now.")


def _count(form: Form) -> int:
    """How many rows the page had."""
    count = form.text("rows")
    return int(count) if count.isdecimal() and len(count) <= len(str(_MOST_TARGETS)) else _LEAST_ROWS


def _rows(form: Form) -> list[TargetRow]:
    """What was typed, empty rows between left in place."""
    rows = [
        TargetRow(
            model=form.text(f"model-{n}"), weight=form.text(f"weight-{n}"), timeout=form.text(f"timeout-{n}")
        )
        for n in range(1, _MOST_TARGETS + 1)
    ]
    while rows and rows[-1] == TargetRow():
        rows.pop()
    return rows


def _targets(rows: Sequence[TargetRow], strategy: Strategy, problems: Problems) -> tuple[Target, ...]:
    """The targets of the rows that are filled in; what is wrong with one goes to `problems`."""
    targets: list[Target] = []
    for number, row in enumerate(rows, 1):
        if row == TargetRow():
            continue
        weight = f",weight={row.weight}" if row.weight and strategy is Strategy.WEIGHTED else ""
        timeout = f",timeout={row.timeout}" if row.timeout else ""
        try:
            targets.append(read_target(row.model + weight + timeout))
        except OperatorError as trouble:
            problems[f"model-{number}"] = str(trouble).removeprefix("target: ")
    return tuple(targets)


def _filled(rows: Sequence[TargetRow]) -> list[TargetRow]:
    """With empty rows to fill in."""
    blank = max(_LEAST_ROWS - len(rows), 1 if len(rows) < _MOST_TARGETS else 0)
    return [*rows, *[TargetRow()] * blank]


def _form(
    visit: Visit,
    name: str,
    seen: str,
    rows: Sequence[TargetRow],
    strategy: Strategy = Strategy.ORDERED,
    problems: Problems | None = None,
) -> Response:
    return visit.render(
        "models/name.html",
        422 if problems else 200,
        name=name,
        seen=seen,
        is_new=seen == NOTHING,
        rows=rows,
        may_add=len(rows) < _MOST_TARGETS,
        strategy=strategy.value,
        problems=problems or Problems(),
    )
