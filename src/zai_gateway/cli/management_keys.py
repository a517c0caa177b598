"""Commands on management keys: make, list and revoke them."""

from typing import Annotated

import msgspec
import typer

from zai_gateway.accounts.actor import Scope
from zai_gateway.accounts.records import ManagementKey
from zai_gateway.cli.acting import OPERATOR, workspace_of
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data, InWorkspace
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.words import future_ms
from zai_gateway.documents.workspaces import management_key_document


class ManagementKeys:
    """What an operator does with management keys."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def create(
        self,
        name: Annotated[str, typer.Argument(metavar="NAME", help="A label.", show_default=False)],
        *,
        scope: Annotated[
            list[Scope], typer.Option("--scope", help="What it may do; repeatable.", show_default=False)
        ],
        expires: Annotated[
            str,
            typer.Option("--expires", metavar="TIME", help="90m, 12h, 30d or 4w from now, or a date (UTC)."),
        ] = "90d",
        data: Data = None,
        workspace: InWorkspace = None,
        as_json: AsJson = False,
    ) -> None:
        """Make a management key. The key itself is shown this once."""
        now = self._composition.clock.now_ms()
        ends = future_ms(expires, now)
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            issued = books.accounts.management_keys.create(OPERATOR, place, name, scope, ends)
        told = management_key_document(issued.key, now)
        if as_json:
            fields: dict[str, object] = msgspec.to_builtins(told)
            self._screen.document({"id": told.id, "key": issued.secret, **fields})
            return
        self._screen.say(issued.secret)
        self._screen.note(
            f"This is the management key {told.name} ({told.id}), until {told.expires_at}. "
            "It is shown only now: keep it safe."
        )

    def list(self, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False) -> None:
        """List the management keys, revoked ones among them."""
        with self._composition.books(data) as books:
            every = books.accounts.management_keys.list(OPERATOR, workspace_of(books, workspace))
        if as_json:
            now = self._composition.clock.now_ms()
            self._screen.document({"management_keys": [management_key_document(key, now) for key in every]})
        else:
            self._table(every)

    def revoke(
        self,
        ref: Annotated[str, typer.Argument(metavar="KEY", help="Its id or unique name.", show_default=False)],
        data: Data = None,
        workspace: InWorkspace = None,
        as_json: AsJson = False,
    ) -> None:
        """End a management key for good."""
        with self._composition.books(data) as books:
            key = books.accounts.management_keys.revoke(OPERATOR, workspace_of(books, workspace), ref)
        if as_json:
            self._screen.document(management_key_document(key, self._composition.clock.now_ms()))
        else:
            self._table((key,))

    def _table(self, keys: tuple[ManagementKey, ...]) -> None:
        now = self._composition.clock.now_ms()
        told = [management_key_document(key, now) for key in keys]
        rows = [
            (key.name, f"{key.prefix}...", key.id, key.status, ", ".join(key.scopes), key.expires_at)
            for key in told
        ]
        self._screen.table(("name", "key", "id", "status", "scopes", "expires"), rows)
