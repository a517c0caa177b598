"""Commands on workspaces: make, list and rename them."""

from typing import Annotated

import typer

from zai_gateway.accounts.records import Workspace
from zai_gateway.cli.account_documents import workspace_document
from zai_gateway.cli.acting import OPERATOR
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data
from zai_gateway.cli.screen import Screen

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

    def rename(
        self,
        ref: Annotated[
            str, typer.Argument(metavar="WORKSPACE", help="Its id, slug or name.", show_default=False)
        ],
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
        rows = [(each.name, each.slug, each.id, each.created_at) for each in told]
        self._screen.table(("name", "slug", "id", "created"), rows)
