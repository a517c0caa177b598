"""Forms: what a browser posted, and what was wrong with it, told beside each field."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from zai_gateway.errors import Code, Failure, OperatorError

_MOST_FIELDS = 1_000
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+([.][0-9]*)?")
_FIELD = re.compile(r"([a-z][a-z, _-]{0,40}): (.+)", re.DOTALL)


class Form:
    """The fields of one form, by name; of a box with several values all of them."""

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    @classmethod
    def read(cls, body: bytes) -> "Form":
        """Reads `application/x-www-form-urlencoded`. Raises Failure (INVALID_REQUEST)."""
        try:
            text = body.decode("utf-8")
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise Failure(
                Code.INVALID_REQUEST,
                f"The form cannot be read: it is not UTF-8, or has more than {_MOST_FIELDS} fields.",
            ) from None
        for name, value in pairs:
            if "\0" in name or "\0" in value:
                # PostgreSQL keeps none.
                raise Failure(Code.INVALID_REQUEST, "The form cannot be read: it holds a NUL.")
        return cls(pairs)

    def text(self, name: str) -> str:
        """The last value, without the spaces around it; empty where there is none."""
        values = self._values.get(name)
        return values[-1].strip() if values else ""

    def secret(self, name: str) -> str:
        """The last value just as it was typed."""
        values = self._values.get(name)
        return values[-1] if values else ""

    def all(self, name: str) -> tuple[str, ...]:
        """Every value, without the spaces around each, none of them empty."""
        return tuple(value.strip() for value in self._values.get(name, ()) if value.strip())

    def has(self, name: str) -> bool:
        """Whether it was posted at all, as a ticked box is."""
        return name in self._values


def number_typed(text: str) -> str:
    """A number as somebody typed it, without a dollar sign and without commas between thousands.

    Any other comma stays, for the reader of the number to refuse: `0,50` is not 50.
    """
    number = text.removeprefix("$").strip()
    return number.replace(",", "") if _THOUSANDS.fullmatch(number) else number


class Problems(dict[str, str]):
    """What is wrong with a form, by the name of the field; under the empty name what is of none."""


def problems_of(trouble: OperatorError | Failure, fields: Mapping[str, str]) -> Problems:
    """`trouble` beside its field; `fields` maps the word that it begins with to the field's name."""
    message = trouble.message if isinstance(trouble, Failure) else str(trouble)
    matched = _FIELD.fullmatch(message)
    if matched is not None and matched[1] in fields:
        said = matched[2]
        return Problems({fields[matched[1]]: said[:1].upper() + said[1:]})
    return Problems({"": message})
