"""Commands on provider keys that are there: their order, whether they are used, and whether they work."""

from typing import Annotated

import typer

from zai_gateway.accounts.records import ProviderKey
from zai_gateway.cli.acting import OPERATOR, workspace_of
from zai_gateway.cli.doors import Books, Composition
from zai_gateway.cli.options import AsJson, Data, InWorkspace, PrivateAddresses
from zai_gateway.cli.provider_view import show_provider_keys
from zai_gateway.cli.screen import Screen

Ref = Annotated[str, typer.Argument(metavar="KEY", help="Its id or unique name.", show_default=False)]


class ProviderOrder:
    """What an operator does with provider keys that are there."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def move(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        ref: Ref,
        *,
        first: Annotated[bool, typer.Option("--first", help="Before all others.")] = False,
        last: Annotated[bool, typer.Option("--last", help="After all others.")] = False,
        before: Annotated[
            str | None, typer.Option("--before", metavar="KEY", help="Before this one.")
        ] = None,
        data: Data = None,
        workspace: InWorkspace = None,
        as_json: AsJson = False,
    ) -> None:
        """Change the order in which provider keys are tried, and show it."""
        if (first, last, before is not None).count(True) != 1:
            raise typer.BadParameter("give one of --first, --last and --before.", param_hint="'--first'")
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            books.accounts.provider_keys.move(OPERATOR, place, ref, before=before, first=first)
            keys = books.accounts.provider_keys.list(OPERATOR, place)
            show_provider_keys(self._screen, books, keys, as_json)

    def enable(
        self, ref: Ref, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False
    ) -> None:
        """Let requests use a provider key again."""
        with self._composition.books(data) as books:
            self._switched(books, workspace, ref, True, as_json)

    def disable(
        self, ref: Ref, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False
    ) -> None:
        """Keep requests from a provider key, which keeps its place."""
        with self._composition.books(data) as books:
            self._switched(books, workspace, ref, False, as_json)

    def test(
        self,
        ref: Ref,
        *,
        data: Data = None,
        workspace: InWorkspace = None,
        allow_private_addresses: PrivateAddresses = None,
        as_json: AsJson = False,
    ) -> int:
        """Ask the provider whether it takes the key, which costs nothing. Exits with 1 where it does not."""
        with self._composition.books(data) as books:
            place, probe = workspace_of(books, workspace), self._composition.probe(allow_private_addresses)
            key = books.accounts.provider_keys.test(OPERATOR, place, ref, probe)
            self._one(books, key, as_json)
        return 0 if key.health is not None and key.health.ok else 1

    def _switched(self, books: Books, workspace: str | None, ref: str, enabled: bool, as_json: bool) -> None:
        place = workspace_of(books, workspace)
        self._one(books, books.accounts.provider_keys.switch(OPERATOR, place, ref, enabled=enabled), as_json)

    def _one(self, books: Books, key: ProviderKey, as_json: bool) -> None:
        show_provider_keys(self._screen, books, key, as_json)
