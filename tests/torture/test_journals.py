"""Journals that are torn, lost, of another boot, or on a full disk: the cap holds for all that."""

import asyncio
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import Struct

from tests.postgresql.server import PostgresServer
from tests.torture.customers import TOKENS, customers
from tests.torture.journals import DeadJournal
from tests.torture.orders import MODEL, Order
from tests.torture.places import Place, on_postgresql
from tests.torture.spending import nano, spend_the_rest
from tests.torture.teller import Teller

CAP = 4 * TOKENS
HALF = TOKENS // 2
CROWD = 600
"""More than there is room for in a journal that cannot grow: each keeps room for its settlement."""


class Damage(Struct, frozen=True, kw_only=True):
    """What befalls the journal of a worker that was killed with a settlement and a hold in it."""

    done: Callable[[DeadJournal], None]
    unconfirmed: tuple[int, ...]
    """What nobody knows the cost of then, in tokens."""
    each_cost: int
    """What each of them turns out to have cost."""
    keeps_settlement: bool = False


DAMAGES = {
    "torn": Damage(done=DeadJournal.tear, unconfirmed=(TOKENS, TOKENS), each_cost=HALF),
    "another boot": Damage(
        done=DeadJournal.boot_anew, unconfirmed=(TOKENS + HALF,), each_cost=HALF, keeps_settlement=True
    ),
    "lost": Damage(done=DeadJournal.lose, unconfirmed=(2 * TOKENS,), each_cost=2 * HALF),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_what_a_journal_does_not_say_counts_as_spent(place: Place, teller: Teller, damage: str) -> None:
    told, books = DAMAGES[damage], place.host.books
    books.provide(MODEL, teller.base_url)
    (key,) = books.new_keys(1, CAP)
    gateway = place.host.start()
    async with customers() as crowd:
        orders = [Order(tag=gate, account=key.id, bills=HALF, gate=gate) for gate in ("open", "settled")]
        asked = [crowd.begin(gateway.base_url, key.secret, order) for order in orders]
        await teller.until_arrived(key.id, len(asked))
        with place.stopped():
            teller.open("settled")
            settled = await asked[1].seen()
            assert settled.whole
            gateway.kill()
        journal = DeadJournal(place.host.data)
        told.done(journal)
        teller.open("open")
        await asked[0].seen()
        gateway = place.host.start()
        if damage == "lost" and place.shared:
            # It may be on a disk that comes back: only an operator knows.
            books.lose(journal.worker)
        assert sorted(each.risk for each in books.unconfirmed(key)) == [nano(n) for n in told.unconfirmed]
        rest = await spend_the_rest(crowd, gateway.base_url, key.secret, key.id)
        assert (await teller.until_all_billed(key.id)).billed <= nano(CAP)
        books.check([*rest, *([settled] if told.keeps_settlement else [])])
        books.resolve(key, nano(told.each_cost))
        await spend_the_rest(crowd, gateway.base_url, key.secret, key.id, 1)
        assert (await teller.until_all_billed(key.id)).billed == nano(CAP)
    gateway.stop()
    books.check(rest)


async def test_a_full_disk_admits_nothing_that_it_has_no_room_to_settle(
    tmp_path: Path, postgres: PostgresServer, teller: Teller
) -> None:
    with on_postgresql(tmp_path, postgres) as place:
        books = place.host.books
        books.provide(MODEL, teller.base_url)
        (key,) = books.new_keys(1, 2 * CROWD * TOKENS)
        gateway = place.host.start()
        (journal,) = (place.host.data / "workers").glob("*.journal")
        full = journal.stat().st_size
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (full, full))
        async with customers() as crowd:
            asked = [
                crowd.begin(gateway.base_url, key.secret, Order(tag=str(n), account=key.id, gate="later"))
                for n in range(CROWD)
            ]
            refused = 0
            while refused + (arrived := teller.account(key.id).arrived) < CROWD:
                await asyncio.sleep(0.05)
                refused = sum(each.is_over for each in asked)
            assert refused > 0
            assert arrived > 0
            teller.open("later")
            seen = [await each.seen() for each in asked]
            assert [each.status for each in seen if not each.whole] == [503] * refused
            # There is room again.
            again = await crowd.ask(gateway.base_url, key.secret, Order(tag="again", account=key.id))
            assert again.whole
        gateway.stop()
        books.check([*seen, again])
        assert len(books.entries(key)) == arrived + 1
