"""What has to be true of the rollup, and how far behind the ledger it is."""

from sqlalchemy import Connection, and_, func, select

from zai_gateway.care import Finding, doubtful, fine, wrong
from zai_gateway.storage.rollup import progress_of, workspaces
from zai_gateway.storage.rows import total
from zai_gateway.storage.tables import ledger
from zai_gateway.storage.usage_facts import ended_its_request, of_a_key, sums, totals
from zai_gateway.storage.usage_tables import SUMS, rollup_late, usage_rollup

_BEHIND_MS = 3_600_000
_ENTIRE = {"model": "day", "key": "week"}
"""Of two grains that hold everything, the longest span."""


def rollup_findings(connection: Connection) -> tuple[Finding, ...]:
    """Whether the rollup has what the ledger has from before its end, workspace by workspace.

    It reads the ledger once.
    """
    rolled = progress_of(connection).rolled_ms
    differing: list[str] = []
    for place in workspaces(connection):
        right = _of_the_ledger(connection, place, rolled)
        for grain, span in _ENTIRE.items():
            found = _of_the_rollup(connection, place, grain, span)
            names = [name for name, one, other in zip(SUMS, right, found, strict=True) if one != other]
            if names:
                differing.append(f"{', '.join(names)} by {grain} of {place}")
    if not differing:
        return (fine("rollup", "Reports have what the ledger has."), _behind(connection, rolled))
    return (
        wrong(
            "rollup",
            f"Reports differ from the ledger: {'; '.join(differing[:3])}.",
            "the ledger is right, and so are caps: report it with what was found here",
        ),
        _behind(connection, rolled),
    )


def _behind(connection: Connection, rolled: int) -> Finding:
    ends = (
        (
            connection.scalar(
                select(func.min(ledger.c.at_ms)).where(ledger.c.workspace == place, ledger.c.at_ms >= rolled)
            ),
            connection.scalar(select(func.max(ledger.c.at_ms)).where(ledger.c.workspace == place)),
        )
        for place in workspaces(connection)
    )
    behind = max((last - first for first, last in ends if first is not None and last is not None), default=0)
    if behind < _BEHIND_MS:
        return fine("rollup_lag", f"What is not added up for reports yet spans {behind // 1_000} s.")
    return doubtful(
        "rollup_lag",
        f"What is not added up for reports yet spans {behind // _BEHIND_MS} h: they are right, but slow.",
        "wait while a gateway runs: after an upgrade it catches up by itself",
    )


def _of_the_ledger(connection: Connection, place: str, rolled: int) -> list[int]:
    """The sums of all from before then, without what is listed as late."""
    here = and_(ledger.c.workspace == place, ledger.c.at_ms < rolled, of_a_key())
    whole = connection.execute(select(*totals(sums(ended_its_request()))).where(here)).one()
    this = and_(*(rollup_late.c[name] == ledger.c[name] for name in ("request", "attempt", "seq")))
    # Those that were superseded are in the rollup until they are taken out.
    listed = connection.execute(
        select(*totals(sums(ended_its_request())))
        .select_from(rollup_late.join(ledger, this))
        .where(here, ~rollup_late.c.superseded)
    ).one()
    return [one - less for one, less in zip(whole, listed, strict=True)]


def _of_the_rollup(connection: Connection, place: str, grain: str, span: str) -> list[int]:
    of = usage_rollup.c
    columns = (total(of[name]) for name in SUMS)
    here = and_(of.workspace == place, of.grain == grain, of.span == span)
    return list(connection.execute(select(*columns).where(here)).one())
