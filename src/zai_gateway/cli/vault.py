"""Commands on the vault, which encrypts provider keys."""

from typing import Annotated

import typer
from msgspec import Struct

from zai_gateway.accounts.records import ProviderKey
from zai_gateway.accounts.rotation import Rotated
from zai_gateway.cli.acting import OPERATOR
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data
from zai_gateway.cli.screen import Screen


class SecretDocument(Struct, frozen=True, kw_only=True):
    """A provider key that a rotation met, in any workspace."""

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

    def _tell(self, rotated: Rotated, dry_run: bool) -> None:
        done = "would be encrypted" if dry_run else "encrypted"
        self._screen.say(f"{len(rotated.sealed)} {done} anew, {rotated.current} under the first key already.")
        if rotated.unreadable:
            self._screen.say(
                f"{len(rotated.unreadable)} do not open and stay as they are; remove and add them again:"
            )
            self._screen.table(
                ("workspace", "provider", "name", "id"),
                [(key.workspace, key.provider, key.name, key.id) for key in rotated.unreadable],
            )


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
