"""A store that is locked, hangs or refuses under load: nobody is called a stranger, and nothing is lost."""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from math import inf
from pathlib import Path

import pytest
from msgspec import Struct

from tests.torture.conftest import Form
from tests.torture.customers import TOKENS, customers
from tests.torture.orders import MODEL
from tests.torture.places import Place, on_postgresql, on_sqlite
from tests.torture.spending import nano, spend_the_rest
from tests.torture.teller import Teller
from tests.torture.traffic import STRANGER, Traffic

SHORT_SECONDS, FULL_SECONDS = 3, 30
HEALTHY_SECONDS = 5.0
WARM_SECONDS = 10.0
"""For so long a key that is in use is served from what is leased, whenever the store stops."""
STILL_SECONDS = 1.5
"""Without traffic, so that no commit is under way when the store stops: its reply would be in doubt, and then
nothing is admitted (docs/spend.md).
"""
WIDE = 1_000_000 * TOKENS
TIGHT = 4 * TOKENS


class Trouble(Struct, frozen=True):
    """A place, and what befalls its store."""

    place: Place
    begins: Callable[[], AbstractContextManager[None]]


@pytest.fixture(params=("locked", "hanging", "refusing"))
def trouble(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Trouble]:
    if request.param == "locked":
        with on_sqlite(tmp_path) as place:
            yield Trouble(place, place.stopped)
    else:
        with on_postgresql(tmp_path, request.getfixturevalue("postgres")) as place:
            yield Trouble(place, place.stopped if request.param == "hanging" else place.refusing)


async def test_a_store_that_stops_makes_nobody_a_stranger_or_poor(
    trouble: Trouble, teller: Teller, form: Form
) -> None:
    books = trouble.place.host.books
    books.provide(MODEL, teller.base_url)
    warm, tight = books.new_keys(1, WIDE)[0], books.new_keys(1, TIGHT)[0]
    gateway = trouble.place.host.start()
    async with customers() as crowd:
        traffic = Traffic(crowd, gateway.base_url)
        for _ in range(TIGHT // TOKENS):
            assert (await traffic.ask(tight)).whole
        await traffic.flow(HEALTHY_SECONDS, [warm])
        await asyncio.sleep(STILL_SECONDS)
        with trouble.begins():
            stopped = time.monotonic()
            told = await traffic.flow(form.of(SHORT_SECONDS, FULL_SECONDS), [warm, tight], strangers=True)
        await traffic.until_served(warm)
        for each in told:
            # Whether a stranger is one, only the store can say.
            allowed = (401, 503) if each.order.account == STRANGER else (200, 503)
            assert each.status in allowed, each
        refused = [each.began for each in told if each.order.account == warm.id and not each.whole]
        print(f"a warm key was refused first after {min(refused, default=inf) - stopped:.1f} s")
        assert min(refused, default=inf) >= stopped + WARM_SECONDS
        rest = await spend_the_rest(crowd, gateway.base_url, tight.secret, tight.id)
        assert (await teller.until_all_billed(tight.id)).billed > nano(TIGHT - TOKENS)
        billed = (await teller.until_all_billed(warm.id)).billed
    gateway.stop()
    books.check([*traffic.seen, *rest])
    assert sum(entry["cost"] for entry in books.entries(warm)) == billed
