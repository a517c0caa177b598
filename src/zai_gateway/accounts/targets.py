"""The names and targets of virtual models: what they may be, and how a target is spelled."""

import re
from collections.abc import Collection, Sequence

from zai_gateway.accounts import terms
from zai_gateway.accounts.provider_names import known_provider
from zai_gateway.accounts.records import Strategy, Target
from zai_gateway.errors import OperatorError
from zai_gateway.providers import registry

_MOST_TARGETS = 16
_MOST_WEIGHT = 1_000
_LEAST_TIMEOUT_MS = 100
_MOST_TIMEOUT_MS = 600_000
_MOST_SHOWN = 100
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_WEIGHT = re.compile(r"[0-9]{1,9}")
_TIME = re.compile(r"([0-9]{1,9})(ms|s|m)")
_MS_PER = {"ms": 1, "s": 1_000, "m": 60_000}


def checked_virtual_name(text: str, field: str = "name") -> str:
    """A virtual model's name: one word in lower case without a slash, and no vendor's."""
    if not _NAME.fullmatch(text):
        raise OperatorError(
            f"{field}: {text[:_MOST_SHOWN]!r} is not a name of 1 to 64 letters a to z, digits and . _ -, "
            "beginning with a letter or digit, such as fast."
        )
    if registry.provider(text) is not None:
        raise OperatorError(f"{field}: {text!r} is how a provider's models begin; choose another name.")
    return text


def read_target(text: str, field: str = "target") -> Target:
    """A target as it is spelled: `openai/gpt-5.4-mini`, with `,weight=3` and `,timeout=20s` where wanted.

    Times are in `ms`, `s` or `m`. Raises OperatorError, naming `field`.
    """
    model, *parts = text.split(",")
    given: dict[str, str] = {}
    for part in parts:
        name, _, value = part.partition("=")
        if name not in ("weight", "timeout") or name in given:
            raise OperatorError(
                f"{field}: {part[:_MOST_SHOWN]!r} does not belong after a model; a target is spelled "
                "provider/model,weight=3,timeout=20s."
            )
        given[name] = value
    target = Target(model=terms.checked_model(model, field))
    if "weight" in given:
        if not _WEIGHT.fullmatch(given["weight"]):
            raise OperatorError(f"{field}: weight: a whole number from 1 to {_MOST_WEIGHT:,} belongs here.")
        target = Target(model=target.model, weight=int(given["weight"]))
    if "timeout" in given:
        time = _TIME.fullmatch(given["timeout"])
        if time is None:
            raise OperatorError(f"{field}: timeout: a time such as 500ms, 20s or 2m belongs here.")
        timeout_ms = int(time[1]) * _MS_PER[time[2]]
        target = Target(model=target.model, weight=target.weight, timeout_ms=timeout_ms)
    return _checked(target, field)


def spelled(target: Target) -> str:
    """As `read_target` reads it; the same for targets that are the same."""
    weight = "" if target.weight == 1 else f",weight={target.weight}"
    return target.model + weight + ("" if target.timeout_ms is None else f",timeout={duration(target)}")


def duration(target: Target) -> str:
    """Its timeout in words; `none` where it has none."""
    if target.timeout_ms is None:
        return "none"
    seconds, rest = divmod(target.timeout_ms, 1_000)
    return f"{target.timeout_ms}ms" if rest else f"{seconds}s"


def checked_targets(
    targets: Sequence[Target], strategy: Strategy, field: str = "target"
) -> tuple[Target, ...]:
    """From 1 to 16 targets, no two of them the same model; weights only where they are drawn by weight."""
    if not 1 <= len(targets) <= _MOST_TARGETS:
        raise OperatorError(f"{field}: a virtual model has 1 to {_MOST_TARGETS} targets.")
    seen: set[str] = set()
    for target in targets:
        _checked(target, field)
        if target.model in seen:
            raise OperatorError(f"{field}: {target.model!r} stands there more than once.")
        seen.add(target.model)
        if target.weight != 1 and strategy is not Strategy.WEIGHTED:
            raise OperatorError(f"{field}: weight: it counts only where the strategy is weighted.")
    return tuple(targets)


def refuse_unknown_prefix(targets: Sequence[Target], own: Collection[str], field: str = "target") -> None:
    """Raises OperatorError for a model of a provider that is neither a vendor nor among `own`.

    `own` are the prefixes that the workspace's provider keys have.
    """
    for target in targets:
        try:
            known_provider(target.model.partition("/")[0], own)
        except OperatorError as trouble:
            raise OperatorError(f"{field}: {trouble}") from None


def _checked(target: Target, field: str) -> Target:
    terms.checked_model(target.model, field)
    if not 1 <= target.weight <= _MOST_WEIGHT:
        raise OperatorError(f"{field}: weight: a whole number from 1 to {_MOST_WEIGHT:,} belongs here.")
    if target.timeout_ms is not None and not _LEAST_TIMEOUT_MS <= target.timeout_ms <= _MOST_TIMEOUT_MS:
        raise OperatorError(f"{field}: timeout: from 100ms to 600s.")
    return target
