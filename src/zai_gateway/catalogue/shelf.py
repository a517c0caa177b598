"""The shelf: holds the catalogue in force, which newer data may be laid over while the gateway runs."""

from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.data_file import Table


class Shelf:
    """Whoever serves a request asks for `catalogue` once, and keeps to it until the request has ended."""

    def __init__(self, released: Catalogue) -> None:
        self._released = released
        self._catalogue = released

    @property
    def catalogue(self) -> Catalogue:
        """The one in force."""
        return self._catalogue

    def lay(self, imported: Table | None) -> str | None:
        """Puts imported data over the released, in the place of what was laid before; None takes it away.

        A model that the import names is the import's, whole; the others stay. Returns None where the import
        is in force, or the sentence that says why not: data older than the release's is not laid.
        """
        if imported is None:
            self._catalogue = self._released
            return None
        if imported.date < self._released.date:
            self._catalogue = self._released
            return (
                f"The imported prices of {imported.date} are older than those of this release "
                f"({self._released.date}), so they are not used."
            )
        self._catalogue = self._released.with_table(imported)
        return None
