"""Imported prices: newer data for the catalogue, which the operator brings for every workspace."""

import zlib
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.audit_record import Change, Subject, audit_record
from zai_gateway.accounts.authorization import Deed, require
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.records import ImportedPrices
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.data_file import Table
from zai_gateway.catalogue.imported import MAX_BYTES, imported
from zai_gateway.catalogue.model import Model, Price
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.errors import OperatorError

_ITSELF = Subject("catalogue", "imported_prices", "imported prices")


class ImportChanges(Struct, frozen=True, kw_only=True):
    """What an import changes in what was in force; models by their canonical names."""

    version: str
    dated: date
    added: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]
    dropped: tuple[str, ...]
    """Of the import before, and not of this one: what the release says of them holds again."""


class CatalogueImport:
    """Blocking calls, for the operator alone. Raises as `Accounts` says."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def standing(self, actor: Actor) -> ImportedPrices | None:
        """The import that is kept."""
        require(actor, Deed.CATALOGUE_SHOW, None)
        return self._desk.store.imported_prices()

    def bring(self, actor: Actor, data: bytes, *, dry_run: bool = False) -> ImportChanges:
        """Keeps a data file in the place of any before, and says what changes; `dry_run` only says it.

        Raises OperatorError for what is no data file, and for one that is older than the release's.
        """
        require(actor, Deed.CATALOGUE_IMPORT, None)
        table = imported(data)
        packed = zlib.compress(data)

        def attempt() -> ImportChanges | None:
            before = self._desk.store.imported_prices()
            changes = _changes(before, table)
            if dry_run or (before is not None and before.version == table.version):
                return changes
            now = self._desk.clock.now_ms()
            wanted = ImportedPrices(version=table.version, imported_ms=now, data=packed)
            return changes if self._put(actor, before, wanted) else None

        return until_written(attempt)

    def remove(self, actor: Actor) -> ImportedPrices:
        """Takes the import away, and gives it: what the release says holds again."""
        require(actor, Deed.CATALOGUE_IMPORT, None)

        def attempt() -> ImportedPrices | None:
            before = self._desk.store.imported_prices()
            if before is None:
                raise OperatorError("No prices were imported: those of this release are in force.")
            return before if self._put(actor, before, None) else None

        return until_written(attempt)

    def _put(self, actor: Actor, before: ImportedPrices | None, after: ImportedPrices | None) -> bool:
        changes = {"version": Change(before.version if before else None, after.version if after else None)}
        now = self._desk.clock.now_ms()
        record = audit_record(actor, Deed.CATALOGUE_IMPORT, None, _ITSELF, changes, now)
        return self._desk.store.put_imported_prices(before, after, record)


def unpacked(prices: ImportedPrices) -> Table:
    """The import as the catalogue takes it. Raises OperatorError where this release cannot read it."""
    try:
        return imported(zlib.decompressobj().decompress(prices.data, MAX_BYTES + 1))
    except (zlib.error, OperatorError):
        raise OperatorError(
            f"The imported prices {prices.version} cannot be read by this release; import them again."
        ) from None


def in_force(shelf: Shelf, prices: ImportedPrices | None) -> str | None:
    """Lays the import on the shelf; None takes it away. Gives the sentence that says why it is not laid."""
    try:
        return shelf.lay(None if prices is None else unpacked(prices))
    except OperatorError as trouble:
        shelf.lay(None)
        return str(trouble)


def _changes(before: ImportedPrices | None, table: Table) -> ImportChanges:
    shelf = Shelf(Catalogue.load())
    if (refusal := shelf.lay(table)) is not None:
        raise OperatorError(refusal)
    in_force(shelf, before)
    known = {model.name: model for row in table.models for model in shelf.catalogue.models(row.provider)}
    added: list[str] = []
    changed: list[str] = []
    same: list[str] = []
    for model in table.models:
        seen = known.get(model.name)
        kind = added if seen is None else same if _facts(seen) == _facts(model) else changed
        kind.append(model.name)
    return ImportChanges(
        version=table.version,
        dated=table.date,
        added=tuple(sorted(added)),
        changed=tuple(sorted(changed)),
        same=tuple(sorted(same)),
        dropped=tuple(sorted(_names(before).difference(model.name for model in table.models))),
    )


def _names(prices: ImportedPrices | None) -> set[str]:
    try:
        return set() if prices is None else {model.name for model in unpacked(prices).models}
    except OperatorError:
        return set()


def _facts(model: Model) -> Model:
    """The model without the names of the tables that its prices are from."""
    return replace(
        model,
        price=_unnamed(model.price) if model.price else None,
        later_prices=tuple(map(_unnamed, model.later_prices)),
        earlier_prices=tuple(map(_unnamed, model.earlier_prices)),
    )


def _unnamed(price: Price) -> Price:
    return replace(price, version="", source="")
