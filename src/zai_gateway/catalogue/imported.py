"""Imported data: checking a data file that an operator brings, in words that name the row and the field."""

import re

import msgspec

from zai_gateway.catalogue.data_file import Table, read
from zai_gateway.errors import OperatorError

MAX_BYTES = 16 * 1024 * 1024

_ROW = re.compile(r"`\$\.models\[(?P<row>\d+)\]\.?(?P<field>[^`]*)`")


def imported(data: bytes) -> Table:
    """The models of the file; it may name any part of the models there are.

    Raises OperatorError for what is not a data file, naming the first row and field at fault.
    """
    if len(data) > MAX_BYTES:
        raise OperatorError(
            f"The price file has {len(data):,} bytes; {MAX_BYTES:,} (16 MiB) is the most. "
            "Leave out the models that you do not use."
        )
    try:
        table = read(data)
    except msgspec.ValidationError as trouble:
        raise OperatorError(f"The price file: {_located(str(trouble), data)}.") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise OperatorError("The price file is not JSON as `make prices` writes it.") from None
    _check_names(table)
    return table


def _located(trouble: str, data: bytes) -> str:
    """What msgspec says, with the model's name beside the number of its row."""
    found = _ROW.search(trouble)
    if found is None:
        return trouble.rstrip(".")
    number = int(found["row"])
    field = found["field"].replace("[...]", ".*") or "the row"
    name = _name(data, number)
    cause = trouble[: found.start()].removesuffix(" - at ")
    return f"models[{number}]{f' ({name})' if name else ''}: {field}: {cause}"


def _name(data: bytes, number: int) -> str | None:
    try:
        rows = msgspec.json.decode(data, type=_Rows).models
        row = msgspec.json.decode(rows[number], type=_Named)
    except msgspec.DecodeError:
        return None
    return f"{row.provider[:32]}/{row.id[:256]}"


def _check_names(table: Table) -> None:
    """Raises OperatorError where two rows have a name in common."""
    owners: dict[tuple[str, str], int] = {}
    for number, model in enumerate(table.models):
        for name in dict.fromkeys((model.id, *model.aliases)):
            first = owners.setdefault((model.provider, name), number)
            if first != number:
                raise OperatorError(
                    f"The price file: models[{number}] ({model.name}): the name {name} is that of "
                    f"models[{first}] ({table.models[first].name}) too."
                )


class _Rows(msgspec.Struct, frozen=True):
    models: list[msgspec.Raw]


class _Named(msgspec.Struct, frozen=True):
    provider: str
    id: str
