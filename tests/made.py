"""A data directory after its migrations, copied: most tests need not wait for them again."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from zai_gateway.storage.store import Store


def make(data: Path) -> Path:
    """Makes the directory `data` with an empty database in SQLite, at the schema of this release."""
    shutil.copytree(_made().name, data)
    return data


@cache
def _made() -> TemporaryDirectory[str]:
    folder = TemporaryDirectory(prefix="zai-made-")
    Store.open(Path(folder.name)).close()
    return folder
