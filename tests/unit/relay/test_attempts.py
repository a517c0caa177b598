"""Attempts: which failure leads on, which is told, and what of a failed attempt the client ever sees."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from tests.clocks import HeldClock
from tests.unit.relay.examples import chosen
from tests.unit.relay.parts import SeenReply, write
from zai_gateway.catalogue.model import Model
from zai_gateway.errors import Code, Failure, StoreUnavailable
from zai_gateway.relay.attempts import Attempts, Patience
from zai_gateway.relay.key_health import KeyHealth
from zai_gateway.relay.routing import Origin, Route
from zai_gateway.relay.setbacks import Cause, Setback
from zai_gateway.relay.streaming import StreamWriter
from zai_gateway.wire.sse import KEEP_ALIVE

Outcome = Setback | Failure | StoreUnavailable | bool


def to(name: str, *, key: str = "pkey_1", origin: Origin = Origin.NAMED) -> Route:
    made = chosen(Model(provider="openai", id=name))
    return replace(made, provider_key=replace(made.provider_key, id=key), origin=origin)


A = to("a")
A_AGAIN = to("a", key="pkey_2")
B = to("b", origin=Origin.BACKUP)
C = to("c", origin=Origin.BACKUP)


def setback(
    cause: Cause = Cause.PROVIDER,
    message: str = "It broke.",
    *,
    definite: bool = True,
    wait: float | None = None,
    status: int = 500,
) -> Setback:
    code = Code.UPSTREAM_RATE_LIMITED if cause is Cause.LIMITED else Code.UPSTREAM_FAILED
    return Setback(Failure(code, message, retry_after=wait), cause, status, definite=definite)


def no_money() -> Failure:
    return Failure(Code.SPEND_CAP_REACHED, "No money.")


class Played:
    """A walk over routes, each of whose attempts comes to what it is told."""

    def __init__(self, *outcomes: Outcome, retries: int = 0, streamed: bool = True) -> None:
        self.outcomes = list(outcomes)
        self.made: list[tuple[str, str, int]] = []
        self.reply = SeenReply()
        self.clock = HeldClock()
        self.health = KeyHealth(self.clock, lambda _route, _why: None)
        self.writer = StreamWriter(self.reply, streamed=streamed)
        patience = Patience(retries=retries, first_wait=0.001, longest_wait=0.01)
        self.attempts = Attempts(self.health, patience, lambda: 0.5)

    async def attempt(self, route: Route, number: int) -> bool:
        self.made.append((route.model.id, route.provider_key.id, number))
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, bool):
            return outcome
        raise outcome

    async def over(self, *routes: Route) -> "Played":
        await self.attempts.walk(routes, self.attempt, self.reply, self.writer)
        assert self.outcomes == []
        return self

    async def failing_over(self, *routes: Route) -> Failure:
        with pytest.raises(Failure) as caught:
            await self.over(*routes)
        assert self.outcomes == []
        return caught.value

    def tried(self) -> list[str]:
        return [model for model, _, _ in self.made]


async def test_the_next_is_tried_until_one_answers() -> None:
    played = await Played(setback(), setback(definite=False), True).over(A, A_AGAIN, B, C)
    assert played.made == [("a", "pkey_1", 1), ("a", "pkey_2", 2), ("b", "pkey_1", 3)]


async def test_a_request_that_is_at_fault_itself_is_not_tried_elsewhere() -> None:
    failure = await Played(setback(Cause.REQUEST, "Too long.", status=400)).failing_over(A, A_AGAIN, B)
    assert failure.message == "Too long."


async def test_a_stand_in_that_refuses_the_request_leads_to_the_next() -> None:
    played = await Played(setback(), setback(Cause.REQUEST, status=404), True).over(A, B, C)
    assert played.tried() == ["a", "b", "c"]


@pytest.mark.parametrize("outcome", [True, False])
async def test_after_an_answer_nothing_is_tried_however_it_ended(outcome: bool) -> None:
    assert (await Played(outcome, retries=3).over(A, B)).tried() == ["a"]


async def test_nothing_stands_in_for_what_there_is_no_money_for() -> None:
    played = Played(no_money(), no_money())
    assert (await played.failing_over(A, A_AGAIN, B)).code is Code.SPEND_CAP_REACHED
    assert played.tried() == ["a", "a"]


async def test_a_stand_in_without_money_is_left_out() -> None:
    assert (await Played(setback(), no_money(), True).over(A, B, C)).tried() == ["a", "b", "c"]
    failure = await Played(setback(), no_money()).failing_over(A, B)
    assert failure.message == "It broke."


async def test_what_is_left_out_has_no_number() -> None:
    played = await Played(setback(), no_money(), True).over(A, B, C)
    assert [number for _, _, number in played.made] == [1, 2, 2]
    unread = setback(Cause.KEY)
    unread.made = False
    played = await Played(unread, True).over(A, A_AGAIN)
    assert [number for _, _, number in played.made] == [1, 1]


async def test_a_store_that_does_not_answer_ends_the_walk() -> None:
    with pytest.raises(StoreUnavailable):
        await Played(StoreUnavailable()).over(A, B)
    failure = await Played(setback(), StoreUnavailable(), retries=2).failing_over(A, B, C)
    assert failure.message == "It broke."


async def test_a_client_that_left_between_attempts_ends_the_walk() -> None:
    played = Played(setback(), retries=2)

    async def leave(route: Route, number: int) -> bool:
        played.reply.gone = True
        return await played.attempt(route, number)

    await played.attempts.walk([A, B], leave, played.reply, played.writer)
    assert (played.tried(), played.reply.started) == (["a"], False)


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ((setback(message="first"), setback(message="second")), "first"),
        ((setback(Cause.KEY, "refused"), setback(message="passing")), "passing"),
        ((setback(Cause.KEY, "refused"), setback(Cause.LIMITED, "limited", wait=7)), "limited"),
        ((setback(message="passing"), setback(Cause.REQUEST, "mend this", status=400)), "mend this"),
    ],
)
async def test_the_most_telling_failure_is_told_and_the_others_in_a_few_words(
    outcomes: Sequence[Setback], told: str
) -> None:
    failure = await Played(*outcomes).failing_over(A, A_AGAIN)
    assert failure.message.startswith(f"{told} (further attempts failed too: openai/a: ")
    assert failure.detail == failure.message


async def test_what_was_asked_for_is_told_before_what_stood_in_for_it() -> None:
    failure = await Played(setback(Cause.KEY, "refused"), setback(message="passing")).failing_over(A, B)
    assert failure.message.startswith("refused (")


async def test_the_reference_s_words_stay_in_the_detail() -> None:
    limited = setback(Cause.LIMITED, "Slow down.")
    limited.failure.detail = "Rate limit exceeded"
    failure = await Played(limited, setback()).failing_over(A, B)
    assert failure.detail == "Rate limit exceeded"
    assert "It broke." in failure.message


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_same_is_tried_again_where_there_is_no_other_way(streamed: bool) -> None:
    played = await Played(setback(), True, retries=1, streamed=streamed).over(A)
    assert played.made == [("a", "pkey_1", 1), ("a", "pkey_1", 2)]


async def test_only_what_certainly_cost_nothing_and_may_pass_is_tried_again() -> None:
    first = (setback(definite=False), setback(Cause.KEY), setback())
    played = await Played(*first, True, retries=1).over(A, A_AGAIN, B)
    assert played.tried() == ["a", "a", "b", "b"]


async def test_the_latest_failure_of_a_route_is_told_once() -> None:
    outcomes = (
        setback(Cause.LIMITED, "limited", wait=0.001),
        setback(Cause.LIMITED, "still limited", wait=60),
    )
    failure = await Played(*outcomes, retries=2).failing_over(A)
    assert (failure.message, failure.retry_after) == ("still limited", 60)


async def test_who_asks_to_wait_for_long_is_not_waited_for() -> None:
    failure = await Played(setback(Cause.LIMITED, wait=60), retries=3).failing_over(A)
    assert failure.retry_after == 60


async def test_only_those_whose_wait_is_over_are_tried_again() -> None:
    first = (setback(Cause.LIMITED, wait=60), setback(Cause.LIMITED, wait=0.002))
    assert (await Played(*first, True, retries=1).over(A, B)).tried() == ["a", "b", "b"]


async def test_a_client_that_leaves_while_the_next_try_is_waited_for_ends_the_wait() -> None:
    played = Played(setback(Cause.LIMITED, wait=3_600), retries=1)
    played.attempts = Attempts(played.health, Patience(longest_wait=4_000), lambda: 0.5)
    walking = asyncio.create_task(played.over(A))
    while played.reply.callback is None:
        await asyncio.sleep(0)
    played.reply.leave()
    await walking
    assert played.tried() == ["a"]


async def test_a_wait_is_filled_with_comments_on_a_stream_only() -> None:
    played = Played(setback(Cause.LIMITED, wait=3_600), retries=1)
    played.attempts = Attempts(played.health, Patience(longest_wait=4_000), lambda: 0.5)
    played.writer = StreamWriter(played.reply, head_seconds=0, silence_seconds=60)
    walking = asyncio.create_task(played.over(A))
    while not played.reply.written:
        await asyncio.sleep(0)
    assert played.reply.written == [KEEP_ALIVE]
    played.reply.leave()
    await walking


class Spoken(Played):
    """Its attempts keep the connection alive, and send a role before they fail."""

    async def attempt(self, route: Route, number: int) -> bool:
        notices = [("x-zai-model", route.model.name)]
        self.writer.begin(notices, ())
        await self._until_heard()
        await write(self.writer, f"role of {route.model.id}".encode(), has_content=False)
        if await super().attempt(route, number):
            await write(self.writer, b"word", has_content=True)
        return True

    async def _until_heard(self) -> None:
        while not self.reply.written:
            await asyncio.sleep(0)


def spoken(*outcomes: Outcome) -> Spoken:
    played = Spoken(*outcomes)
    played.writer = StreamWriter(played.reply, head_seconds=0, silence_seconds=60)
    return played


async def test_comments_that_keep_the_connection_alive_do_not_end_failover() -> None:
    played = await spoken(setback(), True).over(A, B)
    assert played.reply.written == [KEEP_ALIVE, b"role of bword"]
    # Which model would answer was not known when the status went out.
    assert all(name != "x-zai-model" for name, _ in played.reply.headers)


async def test_where_all_fail_a_stream_that_has_begun_ends_with_an_error_and_no_role() -> None:
    played = await spoken(setback(), setback()).over(A, B)
    assert played.reply.finished
    comment, last = played.reply.written
    assert comment == KEEP_ALIVE
    assert last.startswith(b'data: {"error":{"message":"It broke. (further attempts')
    assert b"role" not in last


async def test_where_the_store_stops_a_stream_that_has_begun_ends_with_an_error() -> None:
    # Its client was kept in line for so long that it heard a comment meanwhile.
    played = await spoken(StoreUnavailable()).over(A)
    assert played.reply.finished
    comment, last = played.reply.written
    assert comment == KEEP_ALIVE
    assert b'"code":"store_unavailable"' in last


async def test_an_answer_that_broke_off_says_nothing_good_of_its_key() -> None:
    for whole, rests in ((True, False), (False, True)):
        played = Played(whole)
        for _ in range(3):
            played.health.failed(A, setback())
        played.clock.move(1)
        await played.over(A)
        # A further failure is the first of a row only where the row had ended.
        played.health.failed(A, setback())
        assert played.health.rests("pkey_1", "openai/a") is rests


async def test_a_stand_in_without_money_keeps_nobody_from_what_was_asked_for() -> None:
    # What was asked for rests, so that it comes last.
    played = await Played(no_money(), no_money(), True).over(B, C, A)
    assert played.tried()[-1] == "a"
