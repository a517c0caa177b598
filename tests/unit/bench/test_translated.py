"""The row of translated streams: how each way is asked, and that its figures are not taken for nginx's."""

from functools import partial
from pathlib import Path
from typing import cast

import pytest

from bench.contender import Client, Prepared, Target, Upstream
from bench.figures import Figure, Unit
from bench.processes import Unusable
from bench.programme import TRANSLATED, Row, chosen, measured, programme
from bench.rows import Pair
from bench.stage import Bench, Side
from bench.translated import PASSED, WAYS

NO_BENCH = cast("Bench", None)  # rows are fakes here, or refuse before they start anything


class Named:
    """A contender that is never started."""

    def __init__(self, name: str) -> None:
        self.name = name

    def prepared(self, upstream: Upstream, folder: Path) -> Prepared:
        raise AssertionError


def figures_of(row: str, _bench: Bench, _pair: Pair) -> list[Figure]:
    if row == "stream":
        raise Unusable("no upstream")
    return [Figure(row=row, what="requests", unit=Unit.CPU, subject=(2.0,), control=(1.0,))]


def test_each_way_asks_through_the_same_gateway_in_its_own_protocol() -> None:
    side = Side(None, Target(port=1, headers=(("Authorization", "Bearer x"),)), Path("/nowhere"))
    ways = {way.name: way.through(side).target for way in WAYS}
    assert len(ways) == len(WAYS)
    assert all(target.port == 1 and target.headers[0] == side.target.headers[0] for target in ways.values())
    gemini = ways["Gemini for OpenAI clients"]
    assert (gemini.model, gemini.client.path) == ("gemini/gemini-2.5-flash", "/v1/chat/completions")
    openai = ways["OpenAI for Anthropic clients"]
    assert (openai.model, openai.client.path) == ("openai/gpt-5.4-mini", "/v1/messages")
    assert "anthropic-version: 2023-06-01" in openai.lines
    assert {target.client.ending for target in ways.values()} == {"[DONE]", "message_stop"}


def test_the_end_of_a_stream_is_told_by_a_mark_that_paced_load_can_look_for() -> None:
    # It looks for it byte by byte, and goes back to the first one only.
    assert all(client.ending.count(client.ending[0]) == 1 for client in Client)


def test_what_is_compared_with_a_passed_stream_has_a_table_of_its_own() -> None:
    rows: dict[str, Row] = {name: partial(figures_of, name) for name in ("non-stream", "stream", TRANSLATED)}
    pair = Pair(Named("Z-AI"), Named("nginx"))
    proxied, translated = measured(NO_BENCH, pair, rows, lambda _said: None)
    assert (proxied.control, proxied.failed) == ("nginx", {"stream": "no upstream"})
    assert [figure.row for figure in proxied.figures] == ["non-stream"]
    assert (translated.subject, translated.control, translated.failed) == ("Z-AI", PASSED, {})
    assert [figure.row for figure in translated.figures] == [TRANSLATED]
    only = measured(NO_BENCH, pair, {TRANSLATED: rows[TRANSLATED]}, lambda _said: None)
    assert [each.control for each in only] == [PASSED]


def test_nobody_else_is_set_up_to_translate() -> None:
    row = chosen(programme(print, idle=1, requests=1), [TRANSLATED])[TRANSLATED]
    with pytest.raises(Unusable, match="only Z-AI"):
        row(NO_BENCH, Pair(Named("LiteLLM"), Named("nginx")))
