"""kill -9 at every point of a request: the cap holds, and no answer that was seen is lost or booked twice."""

import os
import signal

import pytest

from tests.torture.conftest import Form
from tests.torture.customers import TOKENS, Customers, Seen, customers
from tests.torture.door import DOOR_MODEL, SilentDoor, silent_door
from tests.torture.fleet import Gateway
from tests.torture.orders import MODEL, Order
from tests.torture.places import Place
from tests.torture.points import PER_POINT, UNCERTAIN, Point, Scene, Standing
from tests.torture.spending import nano, spend_the_rest
from tests.torture.teller import Teller

CAP = 4 * TOKENS
HALF = TOKENS // 2
SHORT_ROUNDS, FULL_ROUNDS = 2, 25
"""Of each test on each store: one worker is killed, and all are, in turn."""
MANY = 8


class Killing:
    """Two gateways on one host, which are killed again and again."""

    def __init__(self, place: Place, scene: Scene, *options: str) -> None:
        self._place = place
        self._scene = scene
        self._options = options
        self._gateways = [self._started(), self._started()]
        self.seen: list[Seen] = []

    async def round(self, number: int, bills: int, *, everybody: bool) -> Standing:
        """Kills while requests stand at every point, and lets the living finish what the dead began."""
        scene, place = self._scene, self._place
        victims = self._gateways if everybody else self._gateways[:1]
        standing = Standing(scene, str(number), scene.books.new_keys(len(Point), CAP), bills)
        await standing.begin([each.base_url for each in victims])
        with place.stopped():
            self.seen += await standing.write()
            for victim in victims:
                victim.kill()
        self.seen += await standing.seen(Point.FLUSHED)
        if everybody:
            self._gateways = [self._started(), self._started()]
        else:
            # The one that lives finds out by itself.
            for point in Point:
                await scene.books.until_booked(standing.keys[point], PER_POINT)
            self._gateways = [self._gateways[1], self._started()]
        await standing.bill()
        return standing

    async def resolve(self, standing: Standing, point: Point) -> None:
        """What nobody knows counts whole; once it is said what it cost, all the rest can be spent."""
        books, key = self._scene.books, standing.keys[point]
        risks = sorted((each["cost"], each["risk"]) for each in books.entries(key))
        left = (0, nano(TOKENS)) if point in UNCERTAIN else (nano(standing.billed(point)), 0)
        assert risks == [left] * PER_POINT, point
        assert await self.spend(standing, point, 0) <= nano(CAP)
        books.resolve(key, nano(standing.billed(point)))
        assert books.unconfirmed(key) == []
        # Of what was held for them, all that they did not cost can be spent again.
        freed = PER_POINT * (TOKENS - standing.billed(point)) if point in UNCERTAIN else 0
        assert await self.spend(standing, point, freed // TOKENS) == nano(CAP), point

    async def spend(self, standing: Standing, point: Point, least: int) -> int:
        """Spends what the cap leaves; gives what the bank has billed then, in nano-USD."""
        account, key = standing.account(point), standing.keys[point]
        door = self._gateways[0].base_url
        self.seen += await spend_the_rest(self._scene.customers, door, key.secret, account, least)
        return (await self._scene.teller.until_all_billed(account)).billed

    def end(self) -> None:
        """Both end in order, and the books are right."""
        for gateway in self._gateways:
            gateway.stop()
        self._scene.books.check(self.seen)

    def _started(self) -> Gateway:
        return self._place.host.start(*self._options)


@pytest.fixture
def rounds(form: Form) -> range:
    return range(form.of(SHORT_ROUNDS, FULL_ROUNDS))


async def test_what_a_killed_worker_leaves_counts_until_it_is_resolved(
    place: Place, teller: Teller, rounds: range
) -> None:
    async with silent_door() as door, customers() as crowd:
        scene = _scene(place, teller, door, crowd)
        killing = Killing(place, scene)
        for number in rounds:
            standing = await killing.round(number, HALF, everybody=number % 2 == 1)
            for point in Point:
                await killing.resolve(standing, point)
            scene.books.check(killing.seen)
        killing.end()


async def test_what_all_workers_of_gateways_leave_that_are_killed_at_once(
    place: Place, teller: Teller, form: Form
) -> None:
    async with silent_door() as door, customers() as crowd:
        scene = _scene(place, teller, door, crowd)
        killing = Killing(place, scene, "--workers", "2")
        for number in range(form.of(1, 5)):
            standing = await killing.round(number, HALF, everybody=True)
            for point in Point:
                await killing.resolve(standing, point)
            scene.books.check(killing.seen)
        killing.end()


async def test_no_more_than_what_was_written_off_passes_the_cap(
    place: Place, teller: Teller, rounds: range
) -> None:
    place.host.set(ZAI_ASSUME_AFTER="1s")
    async with silent_door() as door, customers() as crowd:
        scene = _scene(place, teller, door, crowd)
        killing = Killing(place, scene)
        for number in rounds:
            standing = await killing.round(number, TOKENS, everybody=number % 2 == 1)
            for point in Point:
                key = standing.keys[point]
                rows = 2 * PER_POINT if point in UNCERTAIN else PER_POINT
                await scene.books.until_booked(key, rows)
                written_off = scene.books.written_off(key)
                assert (written_off > 0) is (point in UNCERTAIN)
                billed = await killing.spend(standing, point, 0)
                assert billed - nano(CAP) <= written_off
            scene.books.check(killing.seen)
        killing.end()


async def test_of_several_workers_of_one_gateway_one_is_killed_and_replaced(
    place: Place, teller: Teller, rounds: range
) -> None:
    async with silent_door() as door, customers() as crowd:
        scene = _scene(place, teller, door, crowd)
        gateway = place.host.start("--workers", "2")
        seen: list[Seen] = []
        for number in rounds:
            (key,) = scene.books.new_keys(1, MANY * TOKENS)
            account = f"several {number}"
            orders = [Order(tag=f"{account} {n}", account=account, gate=account) for n in range(MANY)]
            asked = [crowd.begin(gateway.base_url, key.secret, order) for order in orders]
            await teller.until_arrived(account, MANY)
            os.kill(gateway.workers[number % 2], signal.SIGKILL)
            teller.open(account)
            these = [await each.seen() for each in asked]
            await scene.books.until_booked(key, MANY)
            left = scene.books.unconfirmed(key)
            assert len(left) == sum(not each.whole for each in these)
            assert {each.risk for each in left} <= {nano(TOKENS)}
            assert (await crowd.ask(gateway.base_url, key.secret, orders[0])).status == 402
            scene.books.resolve(key, nano(TOKENS))
            assert (await teller.until_all_billed(account)).billed == nano(MANY * TOKENS)
            seen += these
            await scene.books.until(lambda: len(gateway.workers) == 2, "a new worker process")
        gateway.stop()
        scene.books.check(seen)


def _scene(place: Place, teller: Teller, door: SilentDoor, crowd: Customers) -> Scene:
    books = place.host.books
    books.provide(MODEL, teller.base_url)
    books.provide(DOOR_MODEL, door.base_url)
    return Scene(teller=teller, door=door, customers=crowd, books=books)
