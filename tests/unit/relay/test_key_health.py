"""The health of provider keys, by a clock that a test holds."""

import json

import pytest
from msgspec.structs import replace

from tests.clocks import HeldClock
from tests.unit.relay.examples import chosen
from zai_gateway.catalogue.model import Model
from zai_gateway.dialects.gemini.problem import decode_error
from zai_gateway.errors import Code, Failure
from zai_gateway.relay.key_health import KeyHealth
from zai_gateway.relay.routing import Route
from zai_gateway.relay.setbacks import Cause, Setback, refused
from zai_gateway.wire.events import UpstreamProblem


class Ward:
    """A few provider keys under watch."""

    def __init__(self) -> None:
        self.clock = HeldClock()
        self.refused: list[tuple[str, str]] = []
        self.health = KeyHealth(self.clock, self._refused)

    def _refused(self, route: Route, why: str) -> None:
        self.refused.append((route.provider_key.id, why))

    def fail(self, route: Route, cause: Cause, *, status: int = 0, wait: float | None = None) -> None:
        failure = Failure(Code.UPSTREAM_FAILED, "It broke.", retry_after=wait)
        self.health.failed(route, Setback(failure, cause, status, definite=True))

    def answer(self, route: Route, began: float | None = None) -> None:
        self.health.well(route, self.health.now() if began is None else began)

    def rests(self, route: Route) -> bool:
        return self.health.rests(route.provider_key.id, route.model.name)

    def rests_for(self, route: Route, seconds: float) -> bool:
        """Whether it rests up to this moment and no longer."""
        self.clock.move(seconds - 0.001)
        before = self.rests(route)
        self.clock.move(0.001)
        return before and not self.rests(route)


def of(key: str, model: str = "a") -> Route:
    made = chosen(Model(provider="openai", id=model))
    return replace(made, provider_key=replace(made.provider_key, id=key))


ONE = of("one")


@pytest.fixture
def ward() -> Ward:
    return Ward()


@pytest.mark.parametrize(
    ("wait", "seconds"), [(7.0, 7.0), (None, 10.0), (0.5, 0.5), (3_600.0, 300.0), (float("inf"), 300.0)]
)
def test_a_rate_limit_rests_for_as_long_as_the_provider_says(
    ward: Ward, wait: float | None, seconds: float
) -> None:
    ward.fail(ONE, Cause.LIMITED, status=429, wait=wait)
    assert ward.rests_for(ONE, seconds)


@pytest.mark.parametrize("wait", [0.0, -1.0, float("nan")])
def test_a_rate_limit_that_is_over_needs_no_rest(ward: Ward, wait: float) -> None:
    ward.fail(ONE, Cause.LIMITED, status=429, wait=wait)
    assert not ward.rests(ONE)


def test_a_rate_limit_is_of_one_key_and_one_model(ward: Ward) -> None:
    ward.fail(ONE, Cause.LIMITED, status=429)
    assert ward.rests(ONE)
    assert not ward.rests(of("one", "b"))
    assert not ward.rests(of("two"))


def test_a_later_limit_does_not_shorten_the_rest(ward: Ward) -> None:
    ward.fail(ONE, Cause.LIMITED, status=429, wait=60)
    ward.fail(ONE, Cause.LIMITED, status=429)
    assert ward.rests_for(ONE, 60)


def test_three_failures_in_a_row_rest_for_every_model(ward: Ward) -> None:
    for model in ("a", "b"):
        ward.fail(of("one", model), Cause.PROVIDER)
        assert not ward.rests(ONE)
    ward.fail(ONE, Cause.PROVIDER)
    assert ward.rests(of("one", "c"))
    assert not ward.rests(of("two"))
    assert ward.rests_for(ONE, 30)


def test_an_answer_ends_the_row(ward: Ward) -> None:
    for _ in range(5):
        ward.fail(ONE, Cause.PROVIDER)
        ward.fail(ONE, Cause.PROVIDER)
        ward.answer(ONE)
    assert not ward.rests(ONE)


def test_after_a_rest_one_failure_is_enough(ward: Ward) -> None:
    for _ in range(3):
        ward.fail(ONE, Cause.PROVIDER)
    ward.clock.move(31)
    assert not ward.rests(ONE)
    ward.fail(ONE, Cause.PROVIDER)
    assert ward.rests(ONE)


def test_an_answer_to_a_later_request_ends_a_rest(ward: Ward) -> None:
    ward.fail(ONE, Cause.LIMITED, status=429, wait=60)
    ward.clock.move(1)
    ward.answer(ONE)
    assert not ward.rests(ONE)


def test_an_answer_that_was_under_way_does_not(ward: Ward) -> None:
    began = ward.health.now()
    ward.clock.move(1)
    ward.fail(ONE, Cause.LIMITED, status=429, wait=60)
    ward.clock.move(1)
    ward.answer(ONE, began)
    assert ward.rests(ONE)


@pytest.mark.parametrize(("status", "other_models"), [(401, True), (402, True), (403, False), (0, True)])
def test_a_key_that_is_not_taken_rests(ward: Ward, status: int, other_models: bool) -> None:
    ward.fail(ONE, Cause.KEY, status=status)
    assert ward.rests(of("one", "b")) is other_models
    assert ward.rests_for(ONE, 30)


def test_a_401_is_told(ward: Ward) -> None:
    for status in (402, 403, 0, 401):
        ward.fail(ONE, Cause.KEY, status=status)
    assert ward.refused == [("one", "It broke.")]


def test_what_the_provider_means_counts_not_the_status_that_it_says_it_with(ward: Ward) -> None:
    body = {
        "code": 400,
        "message": "API key not valid. Please pass a valid API key.",
        "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
    }
    problem = decode_error(400, {}, json.dumps({"error": body}).encode())
    setback = refused(problem, "Google", "secret", 400, definite=True)
    assert (setback.cause, setback.status, setback.repeatable) == (Cause.KEY, 400, False)
    assert (setback.failure.code, setback.failure.status) == (Code.UPSTREAM_FAILED, None)
    ward.health.failed(ONE, setback)
    assert ward.rests(of("one", "b"))
    assert ward.refused == [("one", "Google: API key not valid. Please pass a valid API key.")]


def test_a_403_that_comes_with_another_status_rests_for_its_model_alone(ward: Ward) -> None:
    problem = UpstreamProblem(status=403, message="No.")
    ward.health.failed(ONE, refused(problem, "Google", "secret", 200, definite=False))
    assert ward.rests(ONE)
    assert not ward.rests(of("one", "b"))


def test_what_is_kept_is_bounded(ward: Ward) -> None:
    for number in range(10_100):
        ward.fail(of("one", f"m{number}"), Cause.LIMITED, status=429, wait=60)
        ward.fail(of(f"key{number}"), Cause.PROVIDER)
    assert sum(ward.rests(of("one", f"m{number}")) for number in range(10_100)) <= 10_000
    assert ward.rests(of("one", "m10099"))
