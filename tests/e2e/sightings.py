"""The search for canaries: every file of a folder, every value of its database, every spelling of a text."""

import base64
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote


def forms(canary: str) -> Iterator[bytes]:
    """The spellings in which a text could stand: as it is, escaped, encoded, in base64 at any offset."""
    text = canary.encode()
    yield from (text, json.dumps(canary)[1:-1].encode(), quote(canary).encode(), text.hex().encode())
    yield from (repr(canary)[1:-1].encode(), repr(text)[2:-1].encode(), canary.encode("utf-16-le"))
    for offset in range(3):
        whole = base64.b64encode(b"\x00" * offset + text)
        # The first and the last characters mix with what stands beside the text.
        inner = whole[4 if offset else 0 : -4]
        yield from (inner, inner.translate(bytes.maketrans(b"+/", b"-_")))


def sightings(folder: Path, canaries: Mapping[str, str], exempt: Mapping[str, str]) -> set[str]:
    """Where a canary stands in any file, as `file: canary`; an exempt file may hold its own."""
    paths = sorted(each for each in folder.rglob("*") if each.is_file())
    contents = {path: path.read_bytes() for path in paths}
    found: set[str] = set()
    for path, content in contents.items():
        whole = content + (_texts(contents, path) if path.name == "zai.db" else b"")
        for name, canary in canaries.items():
            if exempt.get(path.name) != name and any(form in whole for form in forms(canary)):
                found.add(f"{path.relative_to(folder)}: {name}")
    return found


def _texts(contents: Mapping[Path, bytes], database: Path) -> bytes:
    """Every value of every table: a long one may be spread over pages that do not lie together.

    Read from a copy, since whoever opens a database tidies up what a killed process left.
    """
    with TemporaryDirectory() as folder:
        for ending in ("", "-wal"):
            original = database.with_name(database.name + ending)
            (Path(folder) / original.name).write_bytes(contents.get(original, b""))
        with closing(sqlite3.connect(Path(folder) / database.name)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            rows = [row for (table,) in tables for row in connection.execute(f'SELECT * FROM "{table}"')]
    values = (value for row in rows for value in row)
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)
