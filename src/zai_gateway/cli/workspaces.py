"""Commands on workspaces: make, list, limit and rename them."""

from typing import Annotated

import typer

from zai_gateway.accounts.records import Workspace
from zai_gateway.accounts.terms import WorkspaceChanges
from zai_gateway.cli.acting import OPERATOR
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data
from zai_gateway.cli.rate_options import (
    Concurrency,
    NoConcurrency,
    NoRpm,
    NoTpm,
    Rpm,
    Tpm,
    changed_to,
    rates_in_words,
)
from zai_gateway.cli.screen import Screen
from zai_gateway.documents.workspaces import workspace_document

_Ref = Annotated[str, typer.Argument(metavar="WORKSPACE", help="Its id, slug or name.", show_default=False)]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="What people call it.", show_default=False)]


class Workspaces:
    """What an operator does with workspaces."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def create(self, name: _Name, data: Data = None, as_json: AsJson = False) -> None:
        """Make a workspace, with members, keys and providers of its own."""
        with self._composition.books(data) as books:
            made = books.accounts.workspaces.create(OPERATOR, name)
        self._one(made, as_json)

    def list(self, data: Data = None, as_json: AsJson = False) -> None:
        """List the workspaces, oldest first."""
        with self._composition.books(data) as books:
            every = books.accounts.workspaces.list(OPERATOR)
        if as_json:
            self._screen.document({"workspaces": [workspace_document(each) for each in every]})
        else:
            self._table(every)

    def update(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        ref: _Ref,
        *,
        rpm: Rpm = None,
        no_rpm: NoRpm = False,
        tpm: Tpm = None,
        no_tpm: NoTpm = False,
        concurrency: Concurrency = None,
        no_concurrency: NoConcurrency = False,
        data: Data = None,
        as_json: AsJson = False,
    ) -> None:
        """Limit how much all keys of a workspace together may do. What is not named stays."""
        changes = WorkspaceChanges(
            rpm=changed_to(rpm, no_rpm, "--no-rpm"),
            tpm=changed_to(tpm, no_tpm, "--no-tpm"),
            concurrency=changed_to(concurrency, no_concurrency, "--no-concurrency"),
        )
        if changes == WorkspaceChanges():
            raise typer.BadParameter("name what to change, such as --rpm 600.", param_hint="'WORKSPACE'")
        with self._composition.books(data) as books:
            found = books.accounts.workspaces.find(OPERATOR, ref)
            limited = books.accounts.workspaces.update(OPERATOR, found.id, changes)
        self._one(limited, as_json)

    def rename(
        self,
        ref: _Ref,
        *,
        name: Annotated[str, typer.Option("--name", metavar="NAME", help="Its new name.")],
        data: Data = None,
        as_json: AsJson = False,
    ) -> None:
        """Give a workspace another name; its id and slug stay."""
        with self._composition.books(data) as books:
            found = books.accounts.workspaces.find(OPERATOR, ref)
            renamed = books.accounts.workspaces.rename(OPERATOR, found.id, name)
        self._one(renamed, as_json)

    def _one(self, workspace: Workspace, as_json: bool) -> None:
        if as_json:
            self._screen.document(workspace_document(workspace))
        else:
            self._table((workspace,))

    def _table(self, workspaces: tuple[Workspace, ...]) -> None:
        told = [workspace_document(each) for each in workspaces]
        rows = [
            (
                *(each.name, each.slug, each.id),
                rates_in_words(each.rpm, each.tpm, each.concurrency),
                each.created_at,
            )
            for each in told
        ]
        self._screen.table(("name", "slug", "id", "rate limits", "created"), rows)
