"""The gateway on large books, with somebody at its console: one `zai serve`, and who signed in to it."""

import shutil
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

from bench.console_books import Scale, make_books, roll_up
from bench.contender import Prepared, Upstream
from bench.gateway import Gateway
from bench.processes import Unusable
from bench.stage import Bench, Side
from bench.visitor import Visitor
from zai_gateway.clock import SystemClock
from zai_gateway.settings import Environment
from zai_gateway.storage.bootstrap import open_database
from zai_gateway.storage.rollup import SqlRollup

_AT_ONCE = 20_000
_LINK = "setup-link"


class Administered:
    """Z-AI on a copy of the books in the directory `books`; else it is the one that other rows measure."""

    name = "Z-AI"

    def __init__(self, books: Path) -> None:
        self._books = books

    def prepared(self, upstream: Upstream, folder: Path) -> Prepared:
        """With a provider key for the upstream and an API key beside those of the books. Raises Unusable."""
        shutil.copytree(self._books, folder / "data")
        return Gateway().prepared(upstream, folder)


@contextmanager
def visited(bench: Bench, books: Path, upstream: Upstream) -> Generator[tuple[Side, Visitor]]:
    """The gateway, and the owner of its books at its console. Raises Unusable."""
    with bench.standing(Administered(books), upstream) as side:
        link = side.folder / "data" / _LINK
        if not link.exists():
            raise Unusable("the books have an owner already: make new ones with bench.console_books")
        with closing(Visitor.first(side.target.port, link.read_text(encoding="ascii").strip())) as visitor:
            yield side, visitor


def written(folder: Path, scale: Scale, say: Callable[[str], None]) -> Path:
    """New books of that scale, with their rollup, in a directory under `folder`."""
    books = folder / "books"
    say(f"{scale.keys:,} keys and {scale.entries:,} ledger entries are written, which takes minutes ...")
    make_books(books, scale)
    with closing(open_database(books, address=Environment().database)) as database:
        roll_up(SqlRollup(database, _AT_ONCE), SystemClock().now_ms())
    return books
