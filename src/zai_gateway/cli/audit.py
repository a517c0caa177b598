"""The command that tells who did what to a workspace."""

from typing import Annotated

import typer

from zai_gateway.accounts.audit_record import AuditRecord, AuditSearch
from zai_gateway.cli.acting import OPERATOR, workspace_of
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data, InWorkspace
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.words import past_ms
from zai_gateway.documents.moments import iso
from zai_gateway.documents.workspaces import audit_document


class AuditReport:
    """What an operator reads of the audit."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def list(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        *,
        search: Annotated[
            str | None,
            typer.Option("--search", metavar="TEXT", help="A part of a name or deed; how an id begins."),
        ] = None,
        actor: Annotated[
            str | None, typer.Option("--actor", metavar="ACTOR", help="Who did it: an id or name.")
        ] = None,
        object: Annotated[
            str | None, typer.Option("--object", metavar="OBJECT", help="What it was done to: an id or name.")
        ] = None,
        deed: Annotated[
            str | None, typer.Option("--deed", metavar="DEED", help="What was done, such as key.update.")
        ] = None,
        since: Annotated[
            str | None,
            typer.Option("--since", metavar="TIME", help="90m, 12h, 7d or 4w ago, or a date (UTC)."),
        ] = None,
        limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 100,
        before: Annotated[
            str | None, typer.Option("--before", metavar="ID", help="Older than this record: the next page.")
        ] = None,
        every: Annotated[bool, typer.Option("--every-workspace", help="Of all workspaces.")] = False,
        data: Data = None,
        workspace: InWorkspace = None,
        as_json: AsJson = False,
    ) -> None:
        """List administrative acts, the newest first: who, when, from where, and what changed."""
        if every and workspace is not None:
            raise typer.BadParameter("--workspace was given too.", param_hint="'--every-workspace'")
        wanted = AuditSearch(
            text=search,
            actor=actor,
            object=object,
            deed=deed,
            since_ms=0 if since is None else past_ms(since, self._composition.clock.now_ms()),
            most=limit,
            before=before,
        )
        with self._composition.books(data) as books:
            place = None if every else workspace_of(books, workspace)
            records = books.accounts.audit.list(OPERATOR, place, wanted)
        if as_json:
            self._screen.document({"audit": [audit_document(record) for record in records]})
        else:
            self._table(records)

    def _table(self, records: tuple[AuditRecord, ...]) -> None:
        rows = [
            (
                iso(record.at_ms),
                record.actor_name,
                record.address or "",
                record.deed.value,
                record.object_name,
                record.object_id,
                ", ".join(record.changes),
            )
            for record in records
        ]
        self._screen.table(("time", "who", "from", "deed", "name", "id", "changed"), rows)
