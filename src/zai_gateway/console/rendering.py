"""Rendering: templates, and how amounts, numbers and moments are written in them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from zai_gateway.console.assets import Assets
from zai_gateway.money import NANO_PER_USD, micro_from_nano, usd

_TEMPLATES = Path(__file__).parent / "templates"
_MICRO_PER_CENT = 10_000
_MICRO_PER_USD = 1_000_000


class Renderer:
    """Jinja2 with every value escaped."""

    def __init__(self, assets: Assets) -> None:
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.filters.update(
            usd=shown_usd,
            exact_usd=exact_usd,
            number=shown_number,
            compact=shown_compact,
            when=when,
            day=day,
            ms=shown_ms,
        )
        environment.globals["asset"] = assets.path  # pyright: ignore[reportArgumentType] -- any value may stand there
        self._environment = environment

    def page(self, template: str, values: Mapping[str, Any]) -> str:
        """A page, or a part of one."""
        return self._environment.get_template(template).render(values)


def shown_usd(nano: int) -> str:
    """Nano-USD for the eye: to the cent from 1 USD on, to the hundredth of one from a cent on; rounded up."""
    micro = micro_from_nano(abs(nano))
    sign = "-" if nano < 0 else ""
    if micro >= _MICRO_PER_USD or micro % _MICRO_PER_CENT == 0:
        step, decimals = _MICRO_PER_CENT, 2
    elif micro >= _MICRO_PER_CENT:
        step, decimals = _MICRO_PER_CENT // 100, 4
    else:
        step, decimals = 1, 6
    rounded = -(-micro // step) * step
    whole, _, rest = f"{rounded / _MICRO_PER_USD:,.{decimals}f}".partition(".")
    return f"{sign}${whole}.{rest.rstrip('0'):0<2}"


def exact_usd(nano: int) -> str:
    """Nano-USD to the last digit, as of `money.usd`."""
    whole, _, rest = usd(nano).partition(".")
    return f"{int(whole):,}.{rest}" if abs(nano) >= NANO_PER_USD else f"{whole}.{rest}"


def shown_number(number: int) -> str:
    """With commas between thousands."""
    return f"{number:,}"


def shown_compact(number: int) -> str:
    """Large numbers in thousands, millions or billions."""
    if number >= 1_000_000_000:
        return f"{number / 1_000_000_000:.2f} B"
    if number >= 1_000_000:
        return f"{number / 1_000_000:.2f} M"
    return f"{number / 1_000:.1f} k" if number >= 10_000 else shown_number(number)


def shown_ms(milliseconds: int | None) -> str:
    """A time that was taken, in ms or seconds."""
    if milliseconds is None:
        return "-"
    return f"{milliseconds:,} ms" if milliseconds < 1_000 else f"{milliseconds / 1_000:.1f} s"


def when(moment_ms: int | None, absent: str = "never") -> Markup:
    """A moment as an element that the console's script tells in the reader's own zone; UTC without it."""
    if moment_ms is None:
        return Markup("{}").format(absent)
    moment = datetime.fromtimestamp(moment_ms / 1_000, UTC)
    return Markup('<time datetime="{}" data-moment>{} UTC</time>').format(
        moment.isoformat(timespec="seconds"), moment.strftime("%Y-%m-%d %H:%M")
    )


def day(moment_ms: int) -> str:
    """The UTC day of a moment."""
    return datetime.fromtimestamp(moment_ms / 1_000, UTC).strftime("%Y-%m-%d")
