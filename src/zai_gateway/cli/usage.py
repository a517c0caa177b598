"""The command that tells what was spent, by key and model."""

from typing import Annotated

import typer

from zai_gateway.cli.acting import OPERATOR, workspace_of
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data, InWorkspace
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.words import past_ms
from zai_gateway.documents.moments import iso, iso_or_none
from zai_gateway.documents.usage import UsageReportDocument, usage_document, usage_total
from zai_gateway.money import usd

_HEADS = (
    "key",
    "model",
    "requests>",
    "input>",
    "cached>",
    "cache writes>",
    "output>",
    "USD>",
    "unconfirmed>",
)


class UsageReport:
    """What an operator reads of the ledger."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def usage(
        self,
        data: Data = None,
        workspace: InWorkspace = None,
        since: Annotated[
            str | None,
            typer.Option("--since", metavar="TIME", help="90m, 12h, 7d or 4w ago, or a date (UTC)."),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Show requests, tokens and money by key and model; by default of all time."""
        now = self._composition.clock.now_ms()
        begin = None if since is None else past_ms(since, now)
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            rows = books.accounts.usage.read(OPERATOR, place, begin or 0, now + 1)
            names = {key.id: key.name for key in books.accounts.api_keys.list(OPERATOR, place)}
        documents = tuple(usage_document(row, names.get(row.key, row.key)) for row in rows)
        total = usage_total(rows)
        if as_json:
            self._screen.document(
                UsageReportDocument(since=iso_or_none(begin), until=iso(now), rows=documents, total=total)
            )
            return
        lines = [
            (
                told.key_name,
                told.model,
                str(told.requests),
                str(told.input_tokens),
                str(told.cache_read_tokens),
                str(told.cache_write_tokens),
                str(told.output_tokens),
                usd(row.cost),
                usd(row.risk),
            )
            for told, row in zip(documents, rows, strict=True)
        ]
        self._screen.table(_HEADS, lines)
        requests = "1 request" if total.requests == 1 else f"{total.requests} requests"
        self._screen.say(f"{requests}, {total.cost_usd} USD.")
