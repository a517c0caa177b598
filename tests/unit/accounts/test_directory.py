"""The directory: known callers at once, unknown ones by one question, and the same refusal for all others."""

import asyncio
import shutil
from concurrent.futures import Executor
from pathlib import Path

import pytest

from tests.clocks import HeldClock
from tests.unit.accounts.faltering_store import FalteringStore
from tests.unit.accounts.following import NEVER, answers, refusal, running, until
from tests.unit.accounts.people import OPENAI, OPERATOR, People
from zai_gateway.accounts import keys
from zai_gateway.accounts.directory import Directory
from zai_gateway.errors import Code, StoreUnavailable
from zai_gateway.storage.store import Store


async def test_a_key_known_from_the_start_costs_no_question(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    secret = people.key("ana", cap=5_000_000_000, allow=("demo/*",))
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        caller = await directory.caller(secret)
    assert caller.key.name == "ana"
    assert caller.key.cap == 5_000_000_000
    assert caller.view.workspace.slug == "my-ws"
    assert [key.provider for key in caller.view.provider_keys] == ["demo"]
    assert caller.may_call("demo/echo")
    assert not caller.may_call("openai/gpt-5.4")
    assert store.lookups == []


async def test_every_refusal_reads_the_same(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    revoked, expired = people.key("revoked"), people.key("expired", expires_ms=clock.now_ms() + 1_000)
    people.accounts.api_keys.revoke(OPERATOR, people.workspace, "revoked")
    clock.move(1)
    good = people.key("good")
    wrong = [None, "", "zk_live_", "sk-other", good[:-1], good.upper(), "\udcff", "x" * 100_000]
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        refusals = [await refusal(directory.caller(token)) for token in (*wrong, revoked, expired)]
        assert store.lookups == [], "garbage, or what is known, was asked of the store"
        refusals.append(await refusal(directory.caller(keys.new_secret())))
        assert len(store.lookups) == 1
    assert {
        (one.code, one.message, one.detail, one.param, one.retry_after, one.status) for one in refusals
    } == {(Code.INVALID_API_KEY, refusals[0].message, "Invalid API key", None, None, None)}
    assert refusals[0].message.startswith("Invalid API key.")


async def test_a_key_expires_at_its_moment(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    secret = people.key("ana", expires_ms=clock.now_ms() + 60_000)
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        clock.move(59.999)
        await directory.caller(secret)
        clock.move(0.001)
        assert (await refusal(directory.caller(secret))).code is Code.INVALID_API_KEY


async def test_a_new_key_works_at_once_with_all_that_is_new_around_it(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        people.accounts.provider_keys.add(OPERATOR, people.workspace, OPENAI)
        caller = await directory.caller(people.key("ana"))
        assert [key.provider for key in caller.view.provider_keys] == ["demo", "openai"]


async def test_many_requests_with_one_new_key_ask_once(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        secret = people.key("ana")
        store.gate.clear()
        requests = [asyncio.create_task(directory.caller(secret)) for _ in range(100)]
        await until(store.reading.is_set)
        store.gate.set()
        callers = await asyncio.gather(*requests)
    assert {caller.key.name for caller in callers} == {"ana"}
    assert len(store.lookups) == 1


async def test_a_client_that_leaves_does_not_take_the_question_along(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        secret = people.key("ana")
        store.gate.clear()
        first, second = (asyncio.create_task(directory.caller(secret)) for _ in range(2))
        await until(store.reading.is_set)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        store.gate.set()
        assert (await second).key.name == "ana"
    assert len(store.lookups) == 1


async def test_an_unknown_key_is_remembered_within_bounds(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    strangers = [keys.new_secret() for _ in range(5)]
    directory = Directory(store, clock, executor, poll_every=NEVER, most_unknown=3)
    async with running(directory):
        for stranger in strangers:
            await refusal(directory.caller(stranger))
        assert len(store.lookups) == 5
        for stranger in strangers[2:]:
            await refusal(directory.caller(stranger))
        assert len(store.lookups) == 5, "one of the last three was forgotten"
        await refusal(directory.caller(strangers[0]))
        assert len(store.lookups) == 6, "more than three were remembered"


async def test_any_change_forgets_who_was_unknown(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    stranger = keys.new_secret()
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        await refusal(directory.caller(stranger))
        people.key("somebody else")
        await directory.refresh()
        await refusal(directory.caller(stranger))
        assert len(store.lookups) == 2


async def test_too_many_questions_at_once_are_refused_and_known_keys_are_not(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    known = people.key("ana")
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        store.gate.clear()
        asking = [asyncio.create_task(directory.caller(keys.new_secret())) for _ in range(256)]
        await until(store.reading.is_set)
        assert (await refusal(directory.caller(keys.new_secret()))).code is Code.STORE_UNAVAILABLE
        assert (await directory.caller(known)).key.name == "ana"
        store.gate.set()
        codes = {(await refusal(one)).code for one in asking}
        assert codes == {Code.INVALID_API_KEY}
        assert (await refusal(directory.caller(keys.new_secret()))).code is Code.INVALID_API_KEY


async def test_changes_are_followed_by_the_poll(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    secret = people.key("ana", cap=1)
    async with running(Directory(store, clock, executor, poll_every=0.001)) as directory:
        people.cap("ana", 2)
        async with asyncio.timeout(60):
            while (await directory.caller(secret)).key.cap != 2:
                await asyncio.sleep(0.001)
        people.accounts.api_keys.revoke(OPERATOR, people.workspace, "ana")
        async with asyncio.timeout(60):
            while await answers(directory, secret):
                await asyncio.sleep(0.001)
        assert (await refusal(directory.caller(secret))).code is Code.INVALID_API_KEY
    assert store.lookups == []


async def test_nothing_is_loaded_while_nothing_changes(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        await directory.refresh()
        await directory.refresh()
        assert store.loads == [0]
        people.key("ana")
        await directory.refresh()
        assert store.loads == [0, 1]


async def test_a_key_read_before_its_revocation_does_not_come_back_to_life(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        secret = people.key("ana")
        store.gate.clear()
        request = asyncio.create_task(directory.caller(secret))
        await until(store.reading.is_set)
        people.accounts.api_keys.revoke(OPERATOR, people.workspace, "ana")
        await directory.refresh()
        store.gate.set()
        assert (await refusal(request)).code is Code.INVALID_API_KEY
        assert (await refusal(directory.caller(secret))).code is Code.INVALID_API_KEY


async def test_a_store_that_is_down_stops_only_who_is_unknown(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    known = people.key("ana")
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        unloaded = people.key("ben")
        store.down()
        with pytest.raises(StoreUnavailable):
            await directory.refresh()
        assert not directory.ready
        assert (await directory.caller(known)).key.name == "ana"
        failure = await refusal(directory.caller(unloaded))
        assert failure.code is Code.STORE_UNAVAILABLE
        assert failure.retry_after == 1.0
        assert (await refusal(directory.caller("zk_live_typo"))).code is Code.INVALID_API_KEY
        store.up()
        assert (await directory.caller(unloaded)).key.name == "ben"
        assert directory.ready


@pytest.mark.parametrize("failure", [StoreUnavailable("down"), ValueError("a row that cannot be read")])
async def test_the_poll_outlives_whatever_the_store_does(
    failure: Exception,
    store: FalteringStore,
    clock: HeldClock,
    executor: Executor,
    people: People,
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = people.key("ana")
    async with running(Directory(store, clock, executor, poll_every=0.001)) as directory:
        store.failure = failure
        await until(lambda: not directory.ready)
        polls = store.polls
        await until(lambda: store.polls > polls + 3)
        people.accounts.api_keys.revoke(OPERATOR, people.workspace, "ana")
        assert (await directory.caller(secret)).key.name == "ana"
        store.up()
        await until(lambda: directory.ready)
        assert (await refusal(directory.caller(secret))).code is Code.INVALID_API_KEY
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [f"the store does not answer ({type(failure).__name__}); known keys are served on"]


async def test_a_start_without_a_store_fails_and_may_be_tried_again(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    secret = people.key("ana")
    store.down()
    directory = Directory(store, clock, executor, poll_every=NEVER)
    assert not directory.ready
    with pytest.raises(StoreUnavailable):
        await directory.start()
    assert not directory.ready
    store.up()
    async with running(directory):
        assert directory.ready
        assert (await directory.caller(secret)).key.name == "ana"
    assert not directory.ready


async def test_a_store_put_back_from_a_copy_is_read_anew(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People, tmp_path: Path
) -> None:
    in_the_copy = people.key("in the copy")
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    made_later = people.key("made later")
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        await directory.caller(made_later)
        copy = Store.open(tmp_path / "copy")
        store.inner = copy.accounts
        await directory.refresh()
        assert (await directory.caller(in_the_copy)).key.name == "in the copy"
        assert (await refusal(directory.caller(made_later))).code is Code.INVALID_API_KEY
    copy.close()


async def test_a_workspace_that_is_gone_takes_its_keys_along(
    store: FalteringStore, clock: HeldClock, executor: Executor, people: People
) -> None:
    secret = people.key("ana")
    store.without_workspaces = True
    async with running(Directory(store, clock, executor, poll_every=NEVER)) as directory:
        assert (await refusal(directory.caller(secret))).code is Code.INVALID_API_KEY
