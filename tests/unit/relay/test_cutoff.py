"""A cut-off: it ends its own block when its time is over, and takes no other cancellation for its own."""

import asyncio

import pytest

from zai_gateway.relay.cutoff import Cutoff


async def test_a_block_in_time_is_not_disturbed() -> None:
    with Cutoff() as cutoff:
        cutoff.after(60)
        await asyncio.sleep(0)
    assert not cutoff.fell
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_block_that_takes_too_long_ends_without_an_error() -> None:
    with Cutoff() as cutoff:
        cutoff.after(0)
        await asyncio.Event().wait()
    assert cutoff.fell
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)  # the task is as good as before


async def test_what_was_lifted_does_not_fall() -> None:
    with Cutoff() as cutoff:
        cutoff.after(0)
        cutoff.lift()
        await asyncio.sleep(0.01)
    assert not cutoff.fell


async def test_a_time_is_put_in_the_place_of_the_one_before() -> None:
    with Cutoff() as cutoff:
        cutoff.after(0)
        cutoff.after(60)
        await asyncio.sleep(0.01)
    assert not cutoff.fell


async def test_only_the_cutoff_whose_time_is_over_says_that_it_fell() -> None:
    inner = Cutoff()
    with Cutoff() as outer:
        with inner:
            outer.after(0)
            inner.after(60)
            await asyncio.Event().wait()
        pytest.fail("the inner block took the outer one's cancellation for its own")
    assert (outer.fell, inner.fell) == (True, False)


async def test_two_that_fall_together_both_end_their_blocks() -> None:
    with Cutoff() as outer, Cutoff() as inner:
        outer.after(0)
        inner.after(0)
        await asyncio.Event().wait()
    assert outer.fell


async def test_a_cancellation_from_elsewhere_is_heard() -> None:
    async def work(both: bool) -> None:
        with Cutoff() as cutoff:
            if both:
                cutoff.after(0)
            waiting.set()
            await asyncio.Event().wait()

    for both in (False, True):
        waiting = asyncio.Event()
        task = asyncio.create_task(work(both))
        await waiting.wait()
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()


async def test_errors_pass() -> None:
    with pytest.raises(KeyError), Cutoff():
        raise KeyError
