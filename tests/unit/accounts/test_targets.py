"""Targets of virtual models: their spelling, and what may stand there."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zai_gateway.accounts.records import Strategy, Target
from zai_gateway.accounts.targets import (
    checked_targets,
    checked_virtual_name,
    duration,
    read_target,
    refuse_unknown_prefix,
    spelled,
)
from zai_gateway.errors import OperatorError

ONE = Target(model="openai/m")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("openai/m", ONE),
        ("openrouter/meta/llama:free", Target(model="openrouter/meta/llama:free")),
        ("openai/m,weight=3", Target(model="openai/m", weight=3)),
        ("openai/m,timeout=20s,weight=1000", Target(model="openai/m", weight=1_000, timeout_ms=20_000)),
        ("openai/m,timeout=100ms", Target(model="openai/m", timeout_ms=100)),
        ("openai/m,timeout=10m", Target(model="openai/m", timeout_ms=600_000)),
    ],
)
def test_a_target_is_read(text: str, target: Target) -> None:
    assert read_target(text) == target


@given(weight=st.integers(1, 1_000), timeout_ms=st.none() | st.integers(100, 600_000))
def test_what_is_spelled_is_read_as_it_was(weight: int, timeout_ms: int | None) -> None:
    target = Target(model="openai/m", weight=weight, timeout_ms=timeout_ms)
    assert read_target(spelled(target)) == target


def test_times_are_told_in_the_shortest_way_that_is_exact() -> None:
    times = [duration(Target(model="openai/m", timeout_ms=ms)) for ms in (None, 100, 2_000, 2_001, 60_000)]
    assert times == ["none", "100ms", "2s", "2001ms", "60s"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is not a model's name"),
        ("fast", "'fast' is not a model's name"),
        ("openai/a model", "is not a model's name"),
        ("openai/m,", "'' does not belong after a model"),
        ("openai/m,weigth=3", "'weigth=3' does not belong after a model"),
        ("openai/m,weight=1,weight=2", "'weight=2' does not belong after a model"),
        ("openai/m,weight=0", "weight: a whole number from 1 to 1,000"),
        ("openai/m,weight=1001", "weight: a whole number from 1 to 1,000"),
        ("openai/m,weight=1.5", "weight: a whole number from 1 to 1,000"),
        ("openai/m,weight=٣", "weight: a whole number from 1 to 1,000"),
        ("openai/m,weight=" + "9" * 5_000, "weight: a whole number from 1 to 1,000"),
        ("openai/m,timeout=20", "timeout: a time such as"),
        ("openai/m,timeout=-1s", "timeout: a time such as"),
        ("openai/m,timeout=99ms", "timeout: from 100ms to 600s"),
        ("openai/m,timeout=601s", "timeout: from 100ms to 600s"),
        ("openai/m,timeout=999999999m", "timeout: from 100ms to 600s"),
    ],
)
def test_what_is_no_target_is_one_sentence_that_names_the_field(text: str, said: str) -> None:
    with pytest.raises(OperatorError) as refused:
        read_target(text, "key 'x': targets")
    assert str(refused.value).startswith("key 'x': targets: ")
    assert said in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("name", ["fast", "a", "0", "gpt-5.4_mini.x", "a" * 64])
def test_a_name_is_one_small_word(name: str) -> None:
    assert checked_virtual_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "Fast", "fast/er", "a b", "-a", ".a", "a" * 65, "café", "fast\n", "openai", "demo", "custom"]
)
def test_a_name_that_could_be_mistaken_is_refused(name: str) -> None:
    with pytest.raises(OperatorError, match=r"^name: "):
        checked_virtual_name(name)


def test_several_targets_are_one_to_sixteen_different_models() -> None:
    many = [Target(model=f"openai/m{number}") for number in range(17)]
    assert checked_targets(many[:16], Strategy.ORDERED) == tuple(many[:16])
    heavy = Target(model="openai/m", weight=2)
    assert checked_targets([heavy], Strategy.WEIGHTED) == (heavy,)
    wrong: list[Callable[[], object]] = [
        lambda: checked_targets([], Strategy.ORDERED),
        lambda: checked_targets(many, Strategy.ORDERED),
        lambda: checked_targets([ONE, Target(model="openai/m", timeout_ms=100)], Strategy.ORDERED),
        lambda: checked_targets([heavy], Strategy.ORDERED),
        lambda: checked_targets([Target(model="openai/m", weight=0)], Strategy.WEIGHTED),
        lambda: checked_targets([Target(model="openai/m", timeout_ms=99)], Strategy.WEIGHTED),
        lambda: checked_targets([Target(model="fast")], Strategy.ORDERED),
    ]
    for check in wrong:
        with pytest.raises(OperatorError, match=r"^target: "):
            check()


def test_a_prefix_is_a_vendor_s_or_the_workspace_s_own() -> None:
    refuse_unknown_prefix([ONE, Target(model="mybox/m")], {"mybox"})
    with pytest.raises(OperatorError, match=r"^target: .*'mybx'.* Did you mean mybox\?"):
        refuse_unknown_prefix([Target(model="mybx/m")], {"mybox"})
