"""Commands on the members of a workspace: add, list, show, change and remove them."""

from typing import Annotated

import typer
from msgspec import UNSET

from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.accounts.records import Member
from zai_gateway.accounts.terms import MOST_NAME
from zai_gateway.cli.acting import OPERATOR, workspace_of
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data, InWorkspace
from zai_gateway.cli.screen import Screen
from zai_gateway.documents.workspaces import member_document

_Ref = Annotated[
    str, typer.Argument(metavar="MEMBER", help="Its id, address or unique name.", show_default=False)
]


class Members:
    """What an operator does with members."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def add(
        self,
        email: Annotated[
            str, typer.Argument(metavar="EMAIL", help="The person's address.", show_default=False)
        ],
        *,
        role: Annotated[Role, typer.Option("--role", help="What the person may do.")] = Role.MEMBER,
        name: Annotated[
            str | None, typer.Option("--name", help="What people call it; else as in the address.")
        ] = None,
        data: Data = None,
        workspace: InWorkspace = None,
        as_json: AsJson = False,
    ) -> None:
        """Add a person to a workspace."""
        shown = email.partition("@")[0][:MOST_NAME] if name is None else name
        with self._composition.books(data) as books:
            added = books.accounts.members.add(OPERATOR, workspace_of(books, workspace), shown, email, role)
        self._one(added, as_json)

    def list(self, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False) -> None:
        """List the members, oldest first."""
        with self._composition.books(data) as books:
            every = books.accounts.members.list(OPERATOR, workspace_of(books, workspace))
        if as_json:
            self._screen.document({"members": [member_document(each) for each in every]})
        else:
            self._table(every)

    def show(
        self, ref: _Ref, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False
    ) -> None:
        """Show a member."""
        with self._composition.books(data) as books:
            found = books.accounts.members.show(OPERATOR, workspace_of(books, workspace), ref)
        self._one(found, as_json)

    def update(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        ref: _Ref,
        *,
        role: Annotated[Role | None, typer.Option("--role", help="What the person may do.")] = None,
        name: Annotated[str | None, typer.Option("--name", help="A new name.")] = None,
        email: Annotated[str | None, typer.Option("--email", help="A new address.")] = None,
        data: Data = None,
        workspace: InWorkspace = None,
        as_json: AsJson = False,
    ) -> None:
        """Change a member. What is not named stays."""
        changes = MemberChanges(
            name=UNSET if name is None else name,
            email=UNSET if email is None else email,
            role=UNSET if role is None else role,
        )
        if changes == MemberChanges():
            raise typer.BadParameter("name what to change, such as --role admin.", param_hint="'MEMBER'")
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            changed = books.accounts.members.update(OPERATOR, place, ref, changes)
        self._one(changed, as_json)

    def remove(
        self, ref: _Ref, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False
    ) -> None:
        """Remove a member, whose own API keys and management keys end with it."""
        with self._composition.books(data) as books:
            removed = books.accounts.members.remove(OPERATOR, workspace_of(books, workspace), ref)
        self._one(removed, as_json)

    def _one(self, member: Member, as_json: bool) -> None:
        if as_json:
            self._screen.document(member_document(member))
        else:
            self._table((member,))

    def _table(self, members: tuple[Member, ...]) -> None:
        told = [member_document(each) for each in members]
        rows = [(each.name, each.email, each.role, each.id, each.removed_at or "no") for each in told]
        self._screen.table(("name", "email", "role", "id", "removed"), rows)
