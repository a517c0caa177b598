"""The options that limit what a key or a workspace does in a minute and at once, and how that is shown."""

from typing import Annotated, TypeVar

import typer
from msgspec import UNSET, UnsetType

T = TypeVar("T")

Rpm = Annotated[
    int | None, typer.Option("--rpm", min=1, metavar="N", help="The most requests that begin in a minute.")
]
NoRpm = Annotated[bool, typer.Option("--no-rpm", help="Take that limit away.")]
Tpm = Annotated[
    int | None, typer.Option("--tpm", min=1, metavar="N", help="The most tokens, in and out, in a minute.")
]
NoTpm = Annotated[bool, typer.Option("--no-tpm", help="Take that limit away.")]
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", min=1, metavar="N", help="The most requests at once.")
]
NoConcurrency = Annotated[bool, typer.Option("--no-concurrency", help="Take that limit away.")]


def changed_to(value: T | None, taken_away: bool, option: str) -> T | UnsetType | None:
    """What an option and its `--no-...` say together; raises typer.BadParameter where both were given."""
    if value is not None and taken_away:
        raise typer.BadParameter("the opposite was given too.", param_hint=f"'{option}'")
    return value if value is not None or taken_away else UNSET


def rates_in_words(rpm: int | None, tpm: int | None, concurrency: int | None) -> str:
    """The limits as people read them."""
    said = (
        f"{limit:,} {unit}"
        for limit, unit in ((rpm, "requests/min"), (tpm, "tokens/min"), (concurrency, "at once"))
        if limit is not None
    )
    return ", ".join(said) or "none"
