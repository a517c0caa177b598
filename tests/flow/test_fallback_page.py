"""The page on fallback says what the playbooks assert."""

from tests.flow.failover_table import TABLE, printed
from tests.house.tree import ROOT
from tests.upstreams.failing import Fault
from zai_gateway.relay import key_health
from zai_gateway.relay.attempts import Patience
from zai_gateway.settings import Limits
from zai_gateway.wire.parameters import MOST_MODELS

PAGE = (ROOT / "docs" / "fallback.md").read_text(encoding="utf-8")


def test_it_prints_the_table_of_failures() -> None:
    assert {told.fault for told in TABLE} == set(Fault)
    assert "\n".join(printed()) in PAGE


def test_its_figures_are_those_in_force() -> None:
    limits, patience = Limits(), Patience()
    for told in (
        f"rests for {key_health.AFTER_LIMIT_SECONDS:g} s",
        f"at most {key_health.LONGEST_SECONDS:g} s",
        f"After {key_health.AFTER_FAILURES} failures in a row",
        f"it rests for {key_health.AFTER_FAILURES_SECONDS:g} s",
        f"up to {MOST_MODELS} names",
        f"after about {limits.retry_seconds:g} s",
        f"more than {patience.longest_wait:g} s",
    ):
        assert told in PAGE, told
    assert limits.retries == patience.retries == 1
