"""Options that several commands share, so that each is spelled and explained once."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        show_default=False,
        help="The data directory; an empty one is initialised. Else ZAI_DATA, or one in your home.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
