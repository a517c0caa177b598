"""What a vendor says that it billed, in its `usage` object, as money of the books."""

from decimal import ROUND_CEILING, Decimal

from zai_gateway.money import MAX_NANO, NANO_PER_USD
from zai_gateway.wire.usage import Statement
from zai_gateway.wire.values import Json, at_path


def stated_cost(value: Json, statement: Statement | None) -> int | None:
    """Nano-USD that a `usage` object says was billed, rounded up; None where it says nothing of the kind."""
    if statement is None or not isinstance(value, dict):
        return None
    billed = _amount(at_path(value, statement.path))
    if billed is not None and statement.beside and value.get("is_byok") is True:
        beside = _amount(at_path(value, statement.beside))
        billed = None if beside is None else billed + beside
    if billed is None:
        return None
    nano = int((billed * NANO_PER_USD / statement.parts_per_usd).to_integral_value(ROUND_CEILING))
    return nano if nano <= MAX_NANO else None


def _amount(value: Json) -> Decimal | None:
    """A sum of money as it is written: a float would bring dust that rounding up makes a nano-USD of."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_NANO:
        return None
    return Decimal(repr(value))
