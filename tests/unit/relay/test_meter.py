"""The meter: what an attempt that ended somehow is booked at."""

import json

import pytest
from msgspec.structs import replace

from tests.clocks import HeldClock
from tests.unit.relay.examples import chosen
from zai_gateway.catalogue.bound import Bound
from zai_gateway.catalogue.model import Model
from zai_gateway.relay.meter import Meter
from zai_gateway.spend.ledger import Certainty, Flag
from zai_gateway.spend.store import Granted
from zai_gateway.wire.chat import parse
from zai_gateway.wire.events import Reported
from zai_gateway.wire.usage import Usage

REQUEST = parse(b'{"model":"openai/own","messages":[{"role":"user","content":"Hi"}]}')
UNKNOWN = Model(provider="openai", id="own")
BOUND = Bound(input_pico=0, output_pico=10_000_000, asked=None, most=None, floor=1_024, room=None)


def meter(bound: Bound | None, model: Model = UNKNOWN) -> Meter:
    made = Meter(chosen(model, own=True), bound, REQUEST, HeldClock())
    made.sent = True
    return made


def used(output: int) -> Reported:
    return Reported(Usage(input=0, output=output), None, b"{}")


@pytest.mark.parametrize("bound", [None, BOUND])
def test_without_a_worst_case_an_interrupted_answer_costs_what_was_seen_of_it(bound: Bound | None) -> None:
    interrupted = meter(bound)
    interrupted.saw_content(400_000)
    outcome = interrupted.outcome(Granted((), 1_000, None))
    assert outcome is not None
    assert outcome.cost >= 100_000 * 10_000
    assert (outcome.risk, outcome.certainty) == (0, Certainty.ESTIMATED)


def test_within_a_worst_case_cost_and_risk_are_all_of_it() -> None:
    interrupted = meter(replace(BOUND, asked=1_000))
    interrupted.saw_content(400_000)
    outcome = interrupted.outcome(Granted((), 10_000_000, None))
    assert outcome is not None
    assert (outcome.cost, outcome.risk) == (10_000_000, 0)


def test_more_than_a_clamp_allows_is_an_overrun() -> None:
    billed = meter(BOUND)
    billed.reported, billed.complete = used(4_000), True
    outcome = billed.outcome(Granted((), 10_000_000, 1_000))
    assert outcome is not None
    assert (outcome.cost, outcome.flags) == (40_000_000, (Flag.OVERRUN,))


def test_without_any_limit_nothing_is_overrun() -> None:
    billed = meter(BOUND)
    billed.reported, billed.complete = used(4_000), True
    outcome = billed.outcome(Granted((), 0, None))
    assert outcome is not None
    assert (outcome.cost, outcome.flags) == (40_000_000, ())


def test_an_image_is_estimated_as_an_image_and_not_as_its_bytes() -> None:
    picture = {"url": "data:image/png;base64," + "A" * 400_000}
    message = {"role": "user", "content": [{"type": "image_url", "image_url": picture}]}
    request = parse(json.dumps({"model": "openai/own", "messages": [message]}).encode())
    watched = Meter(chosen(replace(UNKNOWN, image_tokens=1_000), own=True), None, request, HeldClock())
    watched.sent = True
    outcome = watched.outcome(Granted((), 0, None))
    assert outcome is not None
    assert 1_000 * 1_000 <= outcome.cost < 1_100 * 1_000


def test_what_was_refused_or_never_sent_costs_nothing() -> None:
    refused = meter(BOUND)
    refused.refused(400)
    outcome = refused.outcome(Granted((), 5, None))
    assert outcome is not None
    assert (outcome.cost, outcome.risk, outcome.certainty, outcome.flags) == (0, 0, Certainty.EXACT, ())
    unsent = meter(BOUND)
    unsent.sent = False
    assert unsent.outcome(Granted((), 5, None)) is None


def test_what_was_counted_so_far_is_not_what_an_interrupted_answer_cost() -> None:
    interrupted = meter(replace(BOUND, asked=100_000))
    interrupted.saw_content(40)
    interrupted.reported = replace(used(20), final=False)
    outcome = interrupted.outcome(Granted((), 1_000_000_000, None))
    assert outcome is not None
    assert (outcome.cost, outcome.risk) == (20 * 10_000, 1_000_000_000 - 20 * 10_000)
    assert outcome.certainty is Certainty.ESTIMATED


def test_the_last_count_of_an_answer_that_lost_its_end_is_exact() -> None:
    interrupted = meter(replace(BOUND, asked=100_000))
    interrupted.reported = used(20)
    outcome = interrupted.outcome(Granted((), 1_000_000_000, None))
    assert outcome is not None
    assert (outcome.cost, outcome.risk, outcome.certainty) == (20 * 10_000, 0, Certainty.EXACT)
