"""How amounts and times are spelled on the command line."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import typer

from zai_gateway.accounts.expiry import expiry_ms, span_ms
from zai_gateway.accounts.records import Target
from zai_gateway.accounts.targets import read_target
from zai_gateway.accounts.terms import LAST_MS
from zai_gateway.errors import OperatorError
from zai_gateway.money import nano_from_usd, pico_per_token

T = TypeVar("T")

_FIELD = "value"


def nano(text: str) -> int:
    """An amount in USD (`5.00`) as nano-USD. Raises typer.BadParameter."""
    return _read(lambda: nano_from_usd(text, _FIELD))


def per_token(text: str) -> int:
    """A price in USD per million tokens (`0.75`) as pico-USD per token. Raises typer.BadParameter."""
    return _read(lambda: pico_per_token(text, _FIELD))


def target(text: str) -> Target:
    """A target of a virtual model (`openai/gpt-5.4-mini,weight=3`). Raises typer.BadParameter."""
    return _read(lambda: read_target(text, _FIELD))


def future_ms(text: str, now_ms: int) -> int:
    """What `--expires` means, in milliseconds since 1970. Raises typer.BadParameter."""
    return _read(lambda: expiry_ms(text, now_ms, _FIELD), "'--expires'")


def past_ms(text: str, now_ms: int, option: str = "--since") -> int:
    """What the option means, in milliseconds since 1970: `7d` ago, or a date. Raises typer.BadParameter."""
    span = span_ms(text)
    try:
        since = _date_ms(text) if span is None else now_ms - span
        if since > LAST_MS:
            raise OverflowError
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text[:40]!r} is neither a time until now (90m, 12h, 7d, 4w) nor a date (2026-01-31).",
            param_hint=f"'{option}'",
        ) from None
    return max(since, 0)


def length_ms(text: str) -> int:
    """A length of time (`90m`, `12h`, `7d`, `4w`, or `0`) in milliseconds. Raises typer.BadParameter."""
    span = 0 if text == "0" else span_ms(text)
    if span is None:
        raise typer.BadParameter(f"{text[:40]!r} is not a length of time, such as 90m, 12h, 7d, 4w or 0.")
    return span


def _date_ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)


def _read(read: Callable[[], T], option: str | None = None) -> T:
    # A value that cannot be read is misuse of the command line (exit code 2), not a refusal (1), and typer
    # names the option by itself.
    try:
        return read()
    except OperatorError as error:
        raise typer.BadParameter(str(error).removeprefix(f"{_FIELD}: "), param_hint=option) from None
