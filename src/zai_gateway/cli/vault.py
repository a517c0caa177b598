"""Commands on the vault, which encrypts provider keys."""

from collections.abc import Sequence
from typing import Annotated

import typer
from msgspec import Struct

from zai_gateway.accounts.records import ProviderKey
from zai_gateway.accounts.rotation import Rotated
from zai_gateway.cli.acting import OPERATOR
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data
from zai_gateway.cli.screen import Screen
from zai_gateway.errors import OperatorError


class SecretDocument(Struct, frozen=True, kw_only=True):
    """A provider key that a rotation or a reset met, in any workspace."""

    id: str
    workspace_id: str
    provider: str
    name: str


class RotationDocument(Struct, frozen=True, kw_only=True):
    """What a rotation did, or would do."""

    dry_run: bool
    new_key: bool
    """Whether a new key was made for the key file."""
    rotated: tuple[SecretDocument, ...]
    current: int
    """Secrets that were under the first key already."""
    unreadable: tuple[SecretDocument, ...]


class VaultCommands:
    """What an operator does with the vault."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def rotate(
        self,
        data: Data = None,
        new_key: Annotated[
            bool, typer.Option("--new-key", help="Make a new key in vault.key first, and drop the old one.")
        ] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Encrypt every provider key anew, under the first key of the vault, while the gateway runs."""
        with self._composition.books(data) as books:
            rotated = books.accounts.vault.rotate(OPERATOR, new_key=new_key, dry_run=dry_run)
        if as_json:
            self._screen.document(_document(rotated, dry_run))
        else:
            self._tell(rotated, dry_run)

    def reset(
        self,
        *,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
        data: Data = None,
        as_json: AsJson = False,
    ) -> None:
        """Begin anew where the encryption key is lost for good: forget every provider key's secret."""
        if not yes:
            self._confirm()
        with self._composition.books_without_key(data) as books:
            forgotten = books.accounts.vault_reset.reset(OPERATOR)
        if as_json:
            self._screen.document({"without_secret": [_secret(key) for key in forgotten]})
            return
        self._screen.say(f"Provider keys without a secret now: {len(forgotten)}.")
        if forgotten:
            self._table(forgotten)
            self._screen.note("Give each its secret again: zai admin provider renew KEY --workspace ID")

    def _confirm(self) -> None:
        if not self._screen.asks():
            raise typer.BadParameter("no terminal to ask at: give --yes to confirm.", param_hint="'--yes'")
        self._screen.note(
            "This forgets the secret of every provider key in every workspace, for good: a key that turns up "
            "later opens nothing. Stop every gateway first. API keys, budgets and the ledger stay."
        )
        if self._screen.ask("Type reset to go on: ") != "reset":
            raise OperatorError("Nothing was changed.")

    def _tell(self, rotated: Rotated, dry_run: bool) -> None:
        done = "would be encrypted" if dry_run else "encrypted"
        self._screen.say(f"{len(rotated.sealed)} {done} anew, {rotated.current} under the first key already.")
        if rotated.unreadable:
            self._screen.say("These do not open and stay as they are; give each again with 'provider renew':")
            self._table(rotated.unreadable)

    def _table(self, keys: Sequence[ProviderKey]) -> None:
        rows = [(key.workspace, key.provider, key.name, key.id) for key in keys]
        self._screen.table(("workspace", "provider", "name", "id"), rows)


def _document(rotated: Rotated, dry_run: bool) -> RotationDocument:
    return RotationDocument(
        dry_run=dry_run,
        new_key=rotated.new_key,
        rotated=tuple(_secret(key) for key in rotated.sealed),
        current=rotated.current,
        unreadable=tuple(_secret(key) for key in rotated.unreadable),
    )


def _secret(key: ProviderKey) -> SecretDocument:
    return SecretDocument(id=key.id, workspace_id=key.workspace, provider=key.provider, name=key.name)
