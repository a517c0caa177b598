"""When a key expires, as people write it."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zai_gateway.accounts.expiry import expiry_ms
from zai_gateway.errors import OperatorError

NOW = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()) * 1_000


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30d", datetime(2026, 3, 31, 12, tzinfo=UTC)),
        ("4w", datetime(2026, 3, 29, 12, tzinfo=UTC)),
        ("12h", datetime(2026, 3, 2, 0, tzinfo=UTC)),
        ("90m", datetime(2026, 3, 1, 13, 30, tzinfo=UTC)),
        (" 1d ", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-03-01T12:00:01", datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)),
        ("2026-03-01T14:30:00+02:00", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
        ("2026-03-01T12:30:00Z", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
    ],
)
def test_times_that_are_understood(text: str, moment: datetime) -> None:
    assert expiry_ms(text, NOW, "--expires") == int(moment.timestamp()) * 1_000


@pytest.mark.parametrize(
    "text", ["", "30", "d", "1y", "-1d", "1.5h", "tomorrow", "2026-13-01", "999999d", "٣d", "1d\x00"]
)
def test_what_is_no_time_names_the_field(text: str) -> None:
    with pytest.raises(OperatorError, match=r"^--expires: .* is neither a time from now \(90m, 12h, 30d"):
        expiry_ms(text, NOW, "--expires")


@pytest.mark.parametrize("text", ["0d", "2026-03-01", "1999-01-01", "2026-03-01T12:00:00Z", "0001-01-01"])
def test_a_key_cannot_expire_before_it_is_made(text: str) -> None:
    with pytest.raises(OperatorError, match=r"^--expires: .* is not in the future"):
        expiry_ms(text, NOW, "--expires")


@given(st.text())
def test_any_text_is_a_moment_or_a_sentence(text: str) -> None:
    with suppress(OperatorError):
        assert expiry_ms(text, NOW, "x") > NOW
