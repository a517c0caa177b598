"""What befalls a journal while its worker is dead: a torn end, another boot, or the loss of it all."""

import os
from pathlib import Path

from msgspec.structs import replace

from zai_gateway.spend.records import Header, Record, Settled, framed, records


class DeadJournal:
    """The file of a worker that was killed."""

    def __init__(self, data: Path) -> None:
        """There must be one alone."""
        (self._file,) = (data / "workers").glob("*.journal")

    @property
    def worker(self) -> str:
        """Whose it is."""
        return self._file.stem

    def tear(self) -> None:
        """Takes the end of the last record, which is a settlement: a kill in the middle of a write."""
        written = self._records()
        assert isinstance(written[-1], Settled)
        data = b"".join(map(framed, written))
        self._write(data[:-5])

    def boot_anew(self) -> None:
        """The machine was started again since."""
        header, *rest = self._records()
        assert isinstance(header, Header)
        self._write(b"".join(map(framed, (replace(header, boot="another"), *rest))))

    def lose(self) -> None:
        """Deletes it."""
        self._file.unlink()

    def _records(self) -> list[Record]:
        return list(records(self._file.read_bytes()))

    def _write(self, data: bytes) -> None:
        """In place: a journal that was copied is not the worker's own."""
        size = self._file.stat().st_size
        with self._file.open("r+b") as file:
            file.write(data.ljust(size, b"\0"))
            file.flush()
            os.fsync(file.fileno())
