"""Commands on imported prices: newer data for the whole catalogue, brought without a release."""

from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from zai_gateway.accounts.catalogue_import import ImportChanges, in_force
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.imported import MAX_BYTES
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.cli.acting import OPERATOR
from zai_gateway.cli.doors import Books, Composition
from zai_gateway.cli.options import AsJson, Data
from zai_gateway.cli.screen import Screen
from zai_gateway.documents.moments import iso
from zai_gateway.errors import OperatorError

_MOST_NAMED = 20


class ImportDocument(Struct, frozen=True, kw_only=True):
    """What an import changes, or would change."""

    dry_run: bool
    version: str
    date: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    same: int
    dropped: tuple[str, ...]
    """Of the import before, and not of this one."""


class CatalogueDocument(Struct, frozen=True, kw_only=True):
    """Which data are in force."""

    version: str
    released: str
    """The date of the release's own."""
    imported: str | None
    """The version of what was imported; null where nothing was."""
    imported_at: str | None
    in_force: bool
    """Whether the import is; false where there is none."""
    trouble: str | None
    """Why an import is not in force."""


class PriceImport:
    """What an operator does with the catalogue's prices."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def import_(
        self,
        file: Annotated[
            str | None,
            typer.Argument(metavar="FILE", help="A file of 'make prices'; - is stdin.", show_default=False),
        ] = None,
        *,
        remove: Annotated[bool, typer.Option("--remove", help="Take away what was imported.")] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change.")] = False,
        data: Data = None,
        as_json: AsJson = False,
    ) -> None:
        """Lay newer prices and facts of models over those of this release, in every workspace."""
        if remove == (file is not None) or (remove and dry_run):
            raise typer.BadParameter(
                "give a file, with or without --dry-run, or --remove.", param_hint="FILE"
            )
        with self._composition.books(data) as books:
            if file is None:
                self._removed(books, as_json)
                return
            changes = books.accounts.catalogue_import.bring(OPERATOR, self._bytes(file), dry_run=dry_run)
        if as_json:
            self._screen.document(_document(changes, dry_run=dry_run))
        else:
            self._tell(changes, dry_run=dry_run)

    def catalogue(self, data: Data = None, as_json: AsJson = False) -> None:
        """Show which prices are in force where a workspace has none of its own."""
        with self._composition.books(data) as books:
            document = _in_force(books)
        if as_json:
            self._screen.document(document)
            return
        facts = [("in force", document.version), ("released", document.released)]
        facts.append(("imported", document.imported or "nothing"))
        if document.imported_at:
            facts.append(("imported at", document.imported_at))
        self._screen.facts(facts)
        if document.trouble:
            self._screen.note(document.trouble)

    def _removed(self, books: Books, as_json: bool) -> None:
        gone = books.accounts.catalogue_import.remove(OPERATOR)
        if as_json:
            self._screen.document({"version": gone.version, "removed": True})
        else:
            self._screen.say(f"The import {gone.version} is gone: the prices of this release hold again.")

    def _bytes(self, file: str) -> bytes:
        if file == "-":
            try:
                return self._screen.read(MAX_BYTES).encode()
            except UnicodeError:
                raise OperatorError("FILE: what stands on stdin is not text.") from None
        try:
            with Path(file).open("rb") as opened:
                return opened.read(MAX_BYTES + 1)
        except OSError as trouble:
            raise OperatorError(f"FILE: {file} cannot be read ({trouble.strerror}).") from None

    def _tell(self, changes: ImportChanges, *, dry_run: bool) -> None:
        for what, names in (
            ("added", changes.added),
            ("changed", changes.changed),
            ("no longer imported", changes.dropped),
        ):
            for name in names[:_MOST_NAMED]:
                self._screen.say(f"{what}: {name}")
            if len(names) > _MOST_NAMED:
                self._screen.say(f"{what}: and {len(names) - _MOST_NAMED} more")
        counts = f"{len(changes.added)} added, {len(changes.changed)} changed, {len(changes.same)} the same"
        would = "Nothing was written: " if dry_run else "In force within a second: "
        self._screen.say(f"{would}{changes.version} ({counts}).")


def _document(changes: ImportChanges, *, dry_run: bool) -> ImportDocument:
    return ImportDocument(
        dry_run=dry_run,
        version=changes.version,
        date=changes.dated.isoformat(),
        added=changes.added,
        changed=changes.changed,
        same=len(changes.same),
        dropped=changes.dropped,
    )


def _in_force(books: Books) -> CatalogueDocument:
    released = Catalogue.load()
    shelf = Shelf(released)
    prices = books.accounts.catalogue_import.standing(OPERATOR)
    trouble = in_force(shelf, prices)
    return CatalogueDocument(
        version=shelf.catalogue.version,
        released=released.date.isoformat(),
        imported=None if prices is None else prices.version,
        imported_at=None if prices is None else iso(prices.imported_ms),
        in_force=prices is not None and trouble is None,
        trouble=trouble,
    )
