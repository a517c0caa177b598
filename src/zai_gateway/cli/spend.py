"""Commands on the books of spend: what is unconfirmed, what it turned out to cost, and who holds money."""

from collections.abc import Sequence
from typing import Annotated

import typer

from zai_gateway.accounts.spend_books import WorkerStanding
from zai_gateway.cli.acting import OPERATOR, workspace_of
from zai_gateway.cli.doors import Books, Composition
from zai_gateway.cli.options import AsJson, Data
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.words import nano, past_ms
from zai_gateway.documents.moments import iso
from zai_gateway.documents.spend import (
    flagged_document,
    resolved_document,
    unconfirmed_document,
    worker_document,
)
from zai_gateway.money import usd
from zai_gateway.spend.ledger import Flag

OnlyWorkspace = Annotated[
    str | None,
    typer.Option(
        "--workspace", metavar="WORKSPACE", show_default=False, help="Only of this one: its id, slug or name."
    ),
]
_Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")]
_Flags = Annotated[
    list[Flag] | None,
    typer.Option(
        "--flag", help="Only these; may be given several times.", show_default="overrun and written_off"
    ),
]
_Worker = Annotated[str, typer.Argument(metavar="WORKER", help="Its id.", show_default=False)]


class SpendBooks:
    """What an operator sees of the spend protocol, and does where nobody knows what was spent."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def unconfirmed(
        self,
        data: Data = None,
        workspace: OnlyWorkspace = None,
        limit: _Limit = 100,
        as_json: AsJson = False,
    ) -> None:
        """List what may have been spent and nobody confirmed, the oldest first. The caps count it."""
        with self._composition.books(data) as books:
            place = _only(books, workspace)
            found = books.accounts.spend.unconfirmed(OPERATOR, place, limit)
        if as_json:
            self._screen.document({"unconfirmed": [unconfirmed_document(each) for each in found]})
            return
        rows = [
            (
                *(iso(each.since_ms), each.request, str(each.attempt), each.provider_request_id or ""),
                *(each.key, each.model, usd(each.cost), usd(each.risk), usd(each.estimate)),
            )
            for each in found
        ]
        heads = ("since", "request", "attempt>", "provider's id", "key", "model", "booked USD>")
        self._screen.table((*heads, "unconfirmed USD>", "estimate USD>"), rows)
        if len(found) == limit:
            self._screen.note(f"These are the {limit} oldest; there may be more (--limit).")

    def flagged(
        self,
        *,
        flag: _Flags = None,
        since: Annotated[
            str | None,
            typer.Option("--since", metavar="TIME", help="90m, 12h, 7d or 4w ago, or a date (UTC)."),
        ] = None,
        data: Data = None,
        workspace: OnlyWorkspace = None,
        limit: _Limit = 100,
        as_json: AsJson = False,
    ) -> None:
        """List rows of the ledger to look at, the newest first: overruns, and what was written off."""
        begin = 0 if since is None else past_ms(since, self._composition.clock.now_ms())
        flags = [each.value for each in flag or (Flag.OVERRUN, Flag.WRITTEN_OFF)]
        with self._composition.books(data) as books:
            place = _only(books, workspace)
            found = books.accounts.spend.flagged(OPERATOR, place, flags, begin, limit)
        if as_json:
            self._screen.document({"flagged": [flagged_document(each) for each in found]})
            return
        rows = [
            (
                *(iso(each.at_ms), " ".join(each.flags), each.request, str(each.attempt)),
                *(each.provider_request_id or "", each.key, each.model, usd(each.cost), usd(each.risk)),
            )
            for each in found
        ]
        heads = ("time", "flags", "request", "attempt>", "provider's id", "key", "model")
        self._screen.table((*heads, "booked USD>", "unconfirmed USD>"), rows)

    def resolve(
        self,
        request: Annotated[
            str, typer.Argument(metavar="REQUEST", help="The request's id.", show_default=False)
        ],
        *,
        attempt: Annotated[
            int | None,
            typer.Option("--attempt", min=0, help="Which attempt, where several of it are unconfirmed."),
        ] = None,
        cost: Annotated[
            int | None,
            typer.Option("--cost", metavar="USD", parser=nano, help="All that the provider billed for it."),
        ] = None,
        none: Annotated[bool, typer.Option("--none", help="The provider billed nothing for it.")] = False,
        data: Data = None,
        as_json: AsJson = False,
    ) -> None:
        """Say what an unconfirmed attempt cost: that is booked, and what it did not cost is free again."""
        if (cost is not None) is none:
            raise typer.BadParameter("give either --cost USD, or --none.", param_hint="'--cost'")
        billed = cost or 0
        with self._composition.books(data) as books:
            before = books.accounts.spend.resolve(OPERATOR, None, request, attempt, billed)
        if as_json:
            self._screen.document(resolved_document(before, billed))
            return
        freed = before.cost + before.risk - billed
        self._screen.facts(
            [
                ("request", f"{before.request}, attempt {before.attempt}"),
                ("cost", f"{usd(billed)} USD ({usd(before.cost)} USD were booked before)"),
                ("free again", f"{usd(max(0, freed))} USD"),
            ]
        )
        if freed < 0:
            self._screen.note(
                f"That is {usd(-freed)} USD above the worst case that was held: a provider that exceeds its "
                "bound, or another price than the one in force then."
            )

    def workers(self, data: Data = None, as_json: AsJson = False) -> None:
        """Show every worker on all hosts: what it holds, when it was heard of, and what it says of itself."""
        with self._composition.books(data) as books:
            found = books.accounts.spend.workers(OPERATOR)
        here = self._composition.caretaker(data).living_workers()
        if as_json:
            documents = [worker_document(each, lives_here=each.id in here) for each in found]
            self._screen.document({"workers": documents})
            return
        heads = ("worker", "host", "state", "heard of", "leased USD>", "unconfirmed USD>")
        named = ("grants>", "refusals>", "recalls>", "overruns>", "waiting>", "holds>", "lag s>", "journal>")
        self._screen.table((*heads, *named), [_row(each, each.id in here) for each in found])

    def lost(
        self,
        worker: _Worker,
        force: Annotated[
            bool, typer.Option("--force", help="Even where it seems to live: it begins anew then.")
        ] = False,
        data: Data = None,
        as_json: AsJson = False,
    ) -> None:
        """Give up a worker whose host or disk is gone for good: what it had leased is unconfirmed then."""
        here = self._composition.caretaker(data).living_workers()
        with self._composition.books(data) as books:
            found = books.accounts.spend.lose(OPERATOR, worker, lives_here=worker in here, force=force)
        if as_json:
            self._screen.document(worker_document(found, lives_here=worker in here))
            return
        self._screen.facts(
            [
                ("given up", f"{found.id} on {found.host}, last heard of {iso(found.seen_ms)}"),
                ("unconfirmed now", f"{usd(found.leased)} USD that it had leased"),
            ]
        )
        if not found.leased:
            return
        self._screen.note(
            "The caps count that until somebody says what was spent of it ('zai admin spend unconfirmed' "
            "lists it, 'zai admin spend resolve' says so), or time writes it off."
        )


def _only(books: Books, ref: str | None) -> str | None:
    """The id of the workspace that `--workspace` names; None for every one."""
    return None if ref is None else workspace_of(books, ref)


def _row(worker: WorkerStanding, lives_here: bool) -> Sequence[str]:
    numbers = worker.numbers or {}
    names = ("grants", "refusals", "recalls", "overruns", "waiting", "open_holds")
    said = [str(numbers.get(name, "")) for name in names]
    lag = f"{numbers['flush_lag']:.1f}" if "flush_lag" in numbers else ""
    journal = f"{int(numbers['journal_bytes']) >> 10} KiB" if "journal_bytes" in numbers else ""
    state = f"{worker.state}, here" if lives_here else worker.state
    own = (worker.id, worker.host, state, iso(worker.seen_ms), usd(worker.leased), usd(worker.risk))
    return (*own, *said, lag, journal)
