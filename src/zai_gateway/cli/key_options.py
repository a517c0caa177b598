"""The options that say what an API key may do, for every command that takes them."""

from typing import Annotated

import typer

from zai_gateway.accounts.records import NearCap
from zai_gateway.cli.words import nano

KeyRef = Annotated[str, typer.Argument(metavar="KEY", help="Its id or unique name.", show_default=False)]
SpendCap = Annotated[
    int | None, typer.Option("--spend-cap", parser=nano, metavar="USD", help="The most it may ever spend.")
]
NearCapOption = Annotated[
    NearCap | None,
    typer.Option("--near-cap", help="Shorten answers to what is left of a budget, or refuse the request."),
]
Allow = Annotated[
    list[str] | None,
    typer.Option("--allow", metavar="PATTERN", help="A model it may call, such as 'openai/*'; repeatable."),
]
Fallback = Annotated[
    str | None,
    typer.Option(
        "--fallback", metavar="MODEL", help="What answers where the model that was asked for fails."
    ),
]
AllowUnbounded = Annotated[
    int | None,
    typer.Option(
        "--allow-unbounded",
        parser=nano,
        metavar="USD",
        help="Let a request use features whose cost nothing bounds, and hold so much for them.",
    ),
]
Expires = Annotated[
    str | None,
    typer.Option("--expires", metavar="TIME", help="90m, 12h, 30d or 4w from now, or a date (UTC)."),
]
MemberOption = Annotated[
    str | None, typer.Option("--member", metavar="MEMBER", help="Whose own it is: an id, address or name.")
]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag; repeatable.")]
