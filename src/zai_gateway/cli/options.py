"""Options that several commands share, so that each is spelled and explained once."""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from zai_gateway.cli.doors import Place

T = TypeVar("T")

_Directory = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        show_default=False,
        help="The data directory; an empty one is initialised. Else ZAI_DATA, or one in your home.",
    ),
]
_Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        show_default=False,
        help="A PostgreSQL database, instead of the data directory's own. Else ZAI_DATABASE.",
    ),
]
Data = Annotated[Place | None, "--data and --database"]
"""What `placed` makes two options of."""
PrivateAddresses = Annotated[
    bool | None,
    typer.Option(
        "--allow-private-addresses/--no-private-addresses",
        help="Whether users may name private addresses. Else ZAI_ALLOW_PRIVATE_ADDRESSES, or no.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
InWorkspace = Annotated[
    str | None,
    typer.Option(
        "--workspace",
        metavar="WORKSPACE",
        show_default=False,
        help="Its id, slug or name; the oldest one otherwise.",
    ),
]


def placed(command: Callable[..., T]) -> Callable[..., T]:
    """A command that has --data and --database in the place of its one parameter of the type `Data`."""
    signature = inspect.signature(command)
    (name,) = (each.name for each in signature.parameters.values() if each.annotation == Data)

    @wraps(command)
    def with_options(*, data: Path | None = None, database: str | None = None, **options: Any) -> T:
        return command(**options, **{name: Place(data=data, database=database)})

    parameters = list(_parameters(signature))
    with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # what inspect reads
    with_options.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_options


def _parameters(signature: inspect.Signature) -> Iterator[inspect.Parameter]:
    for each in signature.parameters.values():
        if each.annotation == Data:
            yield each.replace(name="data", annotation=_Directory)
            yield each.replace(name="database", annotation=_Database)
        else:
            yield each
