"""The fields of one entry of a declaration, read one by one and named in every error."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar, cast

from msgspec import UNSET, UnsetType

from zai_gateway.accounts.choosing import suggestion
from zai_gateway.accounts.terms import LAST_MS, checked_rate
from zai_gateway.errors import OperatorError

NONE = "none"
"""What takes a cap, a fallback, an end, a member, an allowance or a limit away: TOML has no null."""

Kind = TypeVar("Kind", bound=StrEnum)
Read = TypeVar("Read")

_MOST_SHOWN = 50
_MOST_DIGITS = 100
"""Before or after the point: far more than any amount has."""


class Fields:
    """One entry: `where` names it in errors, `known` are the fields that it may have.

    Everything raises OperatorError, naming entry and field; a value is repeated only where it is no secret.
    """

    def __init__(self, given: object, where: str, known: tuple[str, ...]) -> None:
        if not isinstance(given, dict):
            raise OperatorError(f"{where} is not a table.")
        self.where = where
        self._given = cast(dict[str, Any], given)
        for name in self._given:
            if name not in known:
                close = suggestion(name, known) or f" There are: {', '.join(known)}."
                raise OperatorError(f"{where}: there is no field {name[:_MOST_SHOWN]!r}.{close}")

    def at(self, field: str) -> str:
        """The field as errors name it."""
        return f"{self.where}: {field}"

    def text(self, field: str) -> str | UnsetType:
        """A string."""
        value = self._given.get(field, UNSET)
        if value is UNSET or isinstance(value, str):
            return value
        raise OperatorError(f"{self.at(field)}: a string belongs here, in quotes.")

    def needed(self, field: str) -> str:
        """A string that has to be there."""
        return self._there(field, self.text(field))

    def entries(self, field: str, heading: str) -> tuple[object, ...] | None:
        """Tables under their own headings; None where there is no such field."""
        value = self._given.get(field)
        if value is None:
            return None
        if not isinstance(value, list):
            raise OperatorError(f"{self.where}: {field} is a list of tables; head each with {heading}.")
        return tuple(cast(list[object], value))

    def none(self, field: str) -> bool:
        """Whether the word `none` stands there."""
        return self._given.get(field) == NONE

    def words(self, field: str) -> tuple[str, ...] | UnsetType:
        """A list of strings."""
        value = self._given.get(field, UNSET)
        if value is UNSET:
            return UNSET
        if not isinstance(value, list):
            raise OperatorError(f"{self.at(field)}: a list of strings belongs here.")
        every = cast(list[object], value)
        if not all(isinstance(each, str) for each in every):
            raise OperatorError(f"{self.at(field)}: a list of strings belongs here.")
        return tuple(str(each) for each in every)

    def choice(self, field: str, kind: type[Kind]) -> Kind | UnsetType:
        """One of the words of `kind`."""
        word = self.text(field)
        if word is UNSET:
            return UNSET
        words = [each.value for each in kind]
        if word not in words:
            raise OperatorError(
                f"{self.at(field)}: {word[:_MOST_SHOWN]!r} is none of {', '.join(words)}."
                f"{suggestion(word, words)}"
            )
        return kind(word)

    def amount(self, field: str, read: Callable[[str, str], int]) -> int | UnsetType:
        """An amount as `read` makes one of its text; a number keeps every digit that was written."""
        value = self._given.get(field, UNSET)
        if value is UNSET:
            return UNSET
        if isinstance(value, str):
            return read(value, self.at(field))
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise OperatorError(f"{self.at(field)}: an amount in USD belongs here, such as 5.00.")
        amount = Decimal(value)
        if amount.is_finite() and abs(amount.adjusted()) > _MOST_DIGITS:
            # Written out, 1e999999999 would fill the memory.
            raise OperatorError(f"{self.at(field)}: it is not an amount in USD that the books can hold.")
        return read(format(amount, "f"), self.at(field))

    def rate(self, field: str) -> int | UnsetType | None:
        """A rate limit; None for `none`."""
        value = self._given.get(field, UNSET)
        if value is UNSET or value == NONE:
            return UNSET if value is UNSET else None
        if isinstance(value, bool) or not isinstance(value, int):
            raise OperatorError(f"{self.at(field)}: a whole number belongs here, such as 60, or {NONE!r}.")
        return checked_rate(value, self.at(field))

    def needed_amount(self, field: str, read: Callable[[str, str], int]) -> int:
        """As `amount`, which has to be there."""
        return self._there(field, self.amount(field, read))

    def moment(self, field: str) -> int | UnsetType | None:
        """A date or a time in milliseconds since 1970, UTC unless it says otherwise; None for `none`."""
        value = self._given.get(field, UNSET)
        if value is UNSET or value == NONE:
            return UNSET if value is UNSET else None
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
            if isinstance(moment, date) and not isinstance(moment, datetime):
                moment = datetime.combine(moment, time.min)
            if isinstance(moment, datetime):
                aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
                if (moment_ms := int(aware.timestamp() * 1_000)) <= LAST_MS:
                    return moment_ms
        except (ValueError, OverflowError):
            pass
        raise OperatorError(
            f"{self.at(field)}: a date belongs here, such as 2030-12-31, or {NONE!r}; a time from now would "
            "be another one at every run."
        )

    def table(self, field: str) -> Mapping[str, object] | UnsetType:
        """A table. What stands here instead may be a secret, and is not repeated."""
        value = self._given.get(field, UNSET)
        if value is UNSET or isinstance(value, dict):
            return cast(Mapping[str, object] | UnsetType, value)
        raise OperatorError(
            f"{self.at(field)}: a secret never stands in this file; say where it is, as "
            '{ env = "VARIABLE" } or { file = "/path" }.'
        )

    def _there(self, field: str, value: Read | UnsetType) -> Read:
        if value is UNSET:
            raise OperatorError(f"{self.at(field)}: it is missing.")
        return cast(Read, value)
