"""CSV of usage: any reader gets the same cells back, and no spreadsheet a formula."""

import csv
import io
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from zai_gateway.accounts.csv_export import (
    Cell,
    breakdown_csv,
    iso,
    latency_csv,
    line,
    recent_csv,
    timeline_csv,
)
from zai_gateway.accounts.terms import LAST_MS
from zai_gateway.accounts.usage_books import (
    Dimension,
    LatencySlice,
    LedgerLine,
    Percentiles,
    Row,
    Slice,
    Sums,
)
from zai_gateway.wire.usage import Usage

SUMS = Sums(
    requests=1,
    attempts=2,
    usage=Usage(input=3, cache_read=4, output=5),
    cost=1_001,
    risk=-1_999,
    estimated=1,
)
TEXTS = st.text() | st.sampled_from(
    ["=1+1", "-1", "+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "x;=1+1;", "; =1;-", 'a"b', "a,b", ""]
)


def read(lines: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(lines, newline="")))


@given(st.lists(TEXTS | st.integers() | st.none(), min_size=2))
def test_a_reader_gets_the_cells_back_and_no_formula(cells: list[Cell]) -> None:
    written = line(cells)
    assert written.endswith("\r\n")
    (found,) = read(written)
    for cell, back in zip(cells, found, strict=True):
        if isinstance(cell, str):
            # A spreadsheet may begin a cell behind a semicolon, too.
            for part, there in zip(cell.split(";"), back.split(";"), strict=True):
                assert there in {part, f"'{part}"}
                assert not there.lstrip(" \n").startswith(("=", "+", "-", "@", "\t", "\r"))
                assert there == part or part.lstrip(" \n")[0] in "=+-@\t\r"
        else:
            assert back == ("" if cell is None else str(cell))


@given(st.integers(0, LAST_MS))
def test_moments_are_iso_8601_in_utc(ms: int) -> None:
    moment = datetime.fromisoformat(iso(ms))
    assert iso(ms).endswith("Z")
    assert round(moment.timestamp() * 1_000) == ms


def test_a_breakdown() -> None:
    times = Percentiles(p50_ms=7, p95_ms=9, count=1)
    rows = [Row(id="=cmd()", sums=SUMS, first_token=Percentiles(), total=times)]
    head, cells = read("".join(breakdown_csv(rows, Dimension.MODEL)))
    named = dict(zip(head, cells, strict=True))
    assert named["model"] == "'=cmd()"
    # Rounded up, as all money that is shown.
    assert (named["cost_micro_usd"], named["risk_micro_usd"]) == ("2", "-1")
    assert (named["requests"], named["attempts"], named["cache_read_tokens"]) == ("1", "2", "4")
    assert (named["first_token_p50_ms"], named["total_p50_ms"], named["total_p95_ms"]) == ("", "7", "9")


def test_a_timeline_with_ids_and_without() -> None:
    slices = [Slice(start_ms=0, id=id, sums=SUMS) for id in ("key_1", "")]
    head, *rows = read("".join(timeline_csv(slices, Dimension.KEY)))
    assert head[:2] == ["start", "key"]
    assert [row[:2] for row in rows] == [["1970-01-01T00:00:00.000Z", each] for each in ("key_1", "(others)")]
    head, row = read("".join(timeline_csv([Slice(start_ms=1, id=None, sums=SUMS)], None)))
    assert (head[1], row[:2]) == ("requests", ["1970-01-01T00:00:00.001Z", "1"])


def test_keys_have_names_where_they_are_known_and_other_dimensions_none() -> None:
    slices, names = [Slice(start_ms=0, id="key_1", sums=SUMS)], {"key_1": "@name"}
    rows = [
        Row(id=id, sums=SUMS, first_token=Percentiles(), total=Percentiles()) for id in ("key_1", "key_2")
    ]
    head, known, unknown = read("".join(breakdown_csv(rows, Dimension.KEY, names)))
    assert (head[:2], known[1], unknown[1]) == (["key", "key_name"], "'@name", "")
    head, row = read("".join(timeline_csv(slices, Dimension.KEY, names)))
    assert (head[2], row[2]) == ("key_name", "'@name")
    assert "key_name" not in "".join(breakdown_csv(rows, Dimension.MODEL, names))


def test_latencies() -> None:
    taken = Percentiles(p50_ms=7, p95_ms=9, count=3)
    head, row = read("".join(latency_csv([LatencySlice(start_ms=0, first_token=Percentiles(), total=taken)])))
    assert dict(zip(head, row, strict=True)) == {
        "start": "1970-01-01T00:00:00.000Z",
        "answers": "3",
        "first_token_p50_ms": "",
        "first_token_p95_ms": "",
        "total_p50_ms": "7",
        "total_p95_ms": "9",
    }


def test_entries_of_the_ledger() -> None:
    entry = LedgerLine(
        request="req_1",
        attempt=1,
        seq=0,
        key="key_1",
        requested_model="+model",
        answering_model="openai/m",
        provider="openai",
        streamed=True,
        status=0,
        failure=None,
        flags=("interrupted", "overrun"),
        certainty="estimated",
        usage=None,
        cost=5,
        risk=0,
        first_token_ms=None,
        total_ms=12,
        at_ms=1_500,
    )
    head, *rows = read("".join(recent_csv([entry])))
    (named,) = (dict(zip(head, row, strict=True)) for row in rows)
    assert (named["at"], named["requested_model"], named["flags"]) == (
        *("1970-01-01T00:00:01.500Z", "'+model", "interrupted overrun"),
    )
    assert (named["input_tokens"], named["cost_micro_usd"], named["streamed"]) == ("", "1", "yes")
