"""The command that asks whether the books of spend agree, with one another and with a provider's bill."""

from typing import Annotated

import typer

from zai_gateway.care import Finding, Reconciliation, Sums
from zai_gateway.cli.acting import OPERATOR, workspace_of
from zai_gateway.cli.doors import Composition, Place
from zai_gateway.cli.options import AsJson, Data, InWorkspace
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.words import nano, past_ms
from zai_gateway.documents.moments import iso
from zai_gateway.documents.spend import Bill, ReconciliationDocument, bill_document, sums_document
from zai_gateway.errors import OperatorError
from zai_gateway.money import usd


class Reconciling:
    """What an operator asks of the books as they are."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def reconcile(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        *,
        provider: Annotated[
            str | None, typer.Option("--provider", metavar="PROVIDER", help="Whose bill it is.")
        ] = None,
        billed: Annotated[
            int | None,
            typer.Option("--billed", metavar="USD", parser=nano, help="What it billed for that time."),
        ] = None,
        since: Annotated[
            str | None, typer.Option("--since", metavar="TIME", help="Where the bill begins (UTC).")
        ] = None,
        until: Annotated[
            str | None, typer.Option("--until", metavar="TIME", help="Where it ends (UTC); else now.")
        ] = None,
        data: Data = None,
        workspace: InWorkspace = None,
        as_json: AsJson = False,
    ) -> int:
        """Compare the books with one another, and with a bill. Exits with 1 where the books differ."""
        if provider is None and (billed is not None or since is not None or until is not None):
            raise typer.BadParameter("a bill is a provider's: name it.", param_hint="'--provider'")
        if provider is not None and (billed is None or since is None):
            raise typer.BadParameter("it goes with --billed and --since.", param_hint="'--provider'")
        bill = None
        if provider is not None and billed is not None and since is not None:
            bill = self._bill(data, workspace, provider, billed, self._span(since, until))
        found = self._composition.caretaker(data).reconciliation()
        if as_json:
            self._screen.document(
                ReconciliationDocument(
                    holds=found.holds,
                    findings=found.findings,
                    workspaces=tuple(sums_document(each) for each in found.sums),
                    bill=None if bill is None else bill_document(bill),
                )
            )
        else:
            self._tell(found, bill)
        return 0 if found.holds else 1

    def _span(self, since: str, until: str | None) -> tuple[int, int]:
        now = self._composition.clock.now_ms()
        begin = past_ms(since, now)
        return begin, now + 1 if until is None else past_ms(until, now, "--until")

    def _bill(
        self, data: Place | None, workspace: str | None, provider: str, billed: int, span: tuple[int, int]
    ) -> Bill:
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            booked = books.accounts.spend.booked(OPERATOR, place, provider, *span)
            names = {key.provider for key in books.accounts.provider_keys.list(OPERATOR, place)}
        if not booked.attempts and provider not in names:
            there = ", ".join(sorted(names)) or "none"
            raise OperatorError(
                f"provider: nothing is booked of {provider[:100]!r} in that time, and this workspace has no "
                f"key there; it has keys at: {there}."
            )
        return Bill(
            workspace=place,
            provider=provider,
            since_ms=span[0],
            until_ms=span[1],
            billed=billed,
            booked=booked,
        )

    def _tell(self, found: Reconciliation, bill: Bill | None) -> None:
        self._screen.table(("", "check", "found", "what to do"), [_finding(each) for each in found.findings])
        heads = ("workspace", "", "ledger USD>", "leases USD>", "ledger unconfirmed>", "leases unconfirmed>")
        self._screen.table(
            (*heads, "leases in all>", "windows in all>"), [_sums(each) for each in found.sums]
        )
        if bill is None:
            return
        booked = bill.booked
        self._screen.facts(
            [
                ("provider", f"{bill.provider}, {iso(bill.since_ms)} to {iso(bill.until_ms)}"),
                ("billed", f"{usd(bill.billed)} USD"),
                ("booked", f"{usd(booked.cost)} USD, of it written off {usd(booked.written_off)}"),
                ("unconfirmed", f"{usd(booked.risk)} USD; of lost workers {usd(booked.lost)}"),
                ("difference", f"{usd(bill.difference)} USD: {_verdict(bill)}"),
            ]
        )


def _verdict(bill: Bill) -> str:
    if not bill.difference:
        return "the bill is what is booked."
    if bill.within_unconfirmed:
        return "what is unconfirmed can explain it; find it with 'zai admin spend unconfirmed'."
    if bill.difference < 0:
        return (
            "less was billed than booked: a discount or free allowance, or an estimate that was too high "
            "('zai admin spend flagged' lists what was written off)."
        )
    return (
        "more was billed than booked and unconfirmed: requests with this provider's key that did not come "
        "through Z-AI, other prices than the catalogue's ('zai admin price'), or taxes."
    )


def _finding(finding: Finding) -> tuple[str, str, str, str]:
    return finding.grade.value, finding.check, finding.found, finding.do or ""


def _sums(sums: Sums) -> tuple[str, ...]:
    agree = "agrees" if sums.agree else "DIFFERS"
    ledger_and_leases = (usd(sums.cost), usd(sums.spent), usd(sums.risk), usd(sums.at_risk))
    return (sums.name, agree, *ledger_and_leases, usd(sums.granted), usd(sums.committed))
