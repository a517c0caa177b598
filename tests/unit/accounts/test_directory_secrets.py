"""The directory and the secrets of a key: rotated ones until they retire, and when the key was last used."""

from concurrent.futures import Executor

from tests.clocks import HeldClock
from tests.unit.accounts.faltering_store import FalteringStore
from tests.unit.accounts.following import NEVER, refusal, running, until
from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts.directory import Directory
from zai_gateway.accounts.store import AccountStore
from zai_gateway.errors import Code


async def test_a_rotated_secret_opens_its_key_until_it_retires(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    old = people.key("ana")
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        before = await directory.caller(old)
        rotated = people.accounts.api_keys.rotate(OPERATOR, people.workspace, "ana", 60_000)
        # The new one works at once, and brings the news that the old one retires.
        assert (await directory.caller(rotated.secret)).key.id == before.key.id
        clock.move(59.999)
        assert (await directory.caller(old)).key == rotated.key
        clock.move(0.001)
        assert (await refusal(directory.caller(old))).code is Code.INVALID_API_KEY
        assert (await directory.caller(rotated.secret)).key == rotated.key


async def test_a_rotation_without_overlap_ends_every_secret_before_it(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    first = people.key("ana")
    second = people.accounts.api_keys.rotate(OPERATOR, people.workspace, "ana", 86_400_000).secret
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        for secret in (first, second):
            await directory.caller(secret)
        third = people.accounts.api_keys.rotate(OPERATOR, people.workspace, "ana", 0).secret
        await directory.refresh()
        for secret in (first, second):
            assert (await refusal(directory.caller(secret))).code is Code.INVALID_API_KEY
        await directory.caller(third)


async def test_a_rotated_secret_that_nobody_knows_yet_is_found_in_the_store(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        old = people.key("ana")
        people.accounts.api_keys.rotate(OPERATOR, people.workspace, "ana", 60_000)
        assert (await directory.caller(old)).key.name == "ana"


async def test_use_is_written_once_a_minute_for_each_key_and_never_on_the_way(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People, sqlite: AccountStore
) -> None:
    ana, ben = people.issue("ana"), people.issue("ben")
    generation = sqlite.generation()
    async with running(Directory(store, clock, executor, poll_every=0.001)) as directory:
        first = clock.now_ms()
        for _ in range(100):
            await directory.caller(ana.secret)
        polls = store.polls
        await until(lambda: store.polls > polls + 3)
        assert store.noted == []
        clock.move(30)
        await directory.caller(ben.secret)
        clock.move(30)
        await until(lambda: bool(store.noted))
        assert store.noted == [{ana.key.id: first, ben.key.id: first + 30_000}]
        polls = store.polls
        await directory.caller(ana.secret)
        await until(lambda: store.polls > polls + 3)
        assert len(store.noted) == 1
    # What was not due yet is written at the end.
    assert store.noted[1:] == [{ana.key.id: first + 60_000}]
    used = {key.name: key.last_used_ms for key in sqlite.keys(people.workspace)}
    assert used == {"first-key": None, "ana": first + 60_000, "ben": first + 30_000}
    assert sqlite.generation() == generation


async def test_use_that_could_not_be_written_is_written_later(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People, sqlite: AccountStore
) -> None:
    ana = people.issue("ana")
    async with running(Directory(store, clock, executor, poll_every=0.001)) as directory:
        used = clock.now_ms()
        await directory.caller(ana.secret)
        store.down()
        clock.move(60)
        await until(lambda: not directory.ready)
        store.up()
        await until(lambda: bool(store.noted))
    assert {key.id: key.last_used_ms for key in sqlite.keys(people.workspace)}[ana.key.id] == used


def test_use_is_never_written_back_to_an_earlier_time(people: People, sqlite: AccountStore) -> None:
    key = people.issue("ana").key
    for at in (2_000, 1_000):
        sqlite.note_use({key.id: at, "key_unknown": at})
    assert {each.id: each.last_used_ms for each in sqlite.keys(people.workspace)}[key.id] == 2_000
