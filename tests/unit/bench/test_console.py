"""The console's benchmark: which paths are asked, what is heaviest, and what is done beside streams."""

import os
import threading
from http.client import HTTPResponse
from io import BytesIO

import pytest

from bench.beside import over_and_over
from bench.figures import Figure, Rounds, Sample, Spread, Unit
from bench.processes import Cores, Unusable
from bench.screens import filled, heaviest, pages, reports
from bench.visitor import session_of

IDS = {
    "slug": "acme",
    "workspace": "ws_1",
    "key": "key_1",
    "member": "mem_1",
    "model": "openai/gpt",
    "providers/id": "pkey_1",
    "members/id": "mem_1",
}


def sample(p99: float) -> Sample:
    return Sample(count=100, seconds=2.0, cpu=1.0, p50=p99 / 2, p99=p99)


def shown(row: str, name: str, *milliseconds: float) -> Figure:
    return Figure(row=row, what=name, unit=Unit.MILLISECONDS, subject=milliseconds)


def test_an_id_stands_for_what_it_is_called_or_what_it_follows() -> None:
    assert filled("/w/{slug}/keys/{key}/edit", IDS) == "/w/acme/keys/key_1/edit"
    assert filled("/w/{slug}/providers/{id}", IDS) == "/w/acme/providers/pkey_1"
    assert filled("/w/{slug}/members/{id}", IDS) == "/w/acme/members/mem_1"
    assert filled("/w/{slug}/models/one?model={model}", IDS) == "/w/acme/models/one?model=openai/gpt"
    assert filled("/api/x/{key:path}", IDS) == "/api/x/key_1"


def test_a_path_with_a_place_for_which_nothing_stands_is_not_asked() -> None:
    assert filled("/w/{slug}/invitations/{id}", IDS) is None


def test_every_page_and_report_of_a_workspace_is_asked() -> None:
    asked = pages(IDS)
    assert asked["/w/{slug}"] == "/w/acme"
    assert asked["/w/{slug}/keys/{key}/rotate"] == "/w/acme/keys/key_1/rotate"
    assert "/w/{slug}/keys/{key}/revoke" not in asked
    assert reports(IDS)["/api/workspaces/{workspace}/usage/totals"] == "/api/workspaces/ws_1/usage/totals"


def test_the_heaviest_page_is_that_of_the_highest_median() -> None:
    found = [
        shown("pages", "/w/{slug}", 40.0, 41.0, 42.0),
        shown("pages", "/w/{slug}/keys", 10.0, 11.0, 900.0),
        shown("reports", "/api/workspaces/{workspace}/keys", 80.0),
    ]
    assert heaviest(found).what == "/w/{slug}"
    with pytest.raises(Unusable, match="no page was measured"):
        heaviest(found[2:])


def test_a_chunk_on_its_way_is_compared_with_and_without() -> None:
    rounds = Rounds(row="streams", subject=(sample(700.0),), control=(sample(350.0),))
    compared = {each.what: each.ratio for each in rounds.of_chunks_beside()}
    assert compared["a chunk on its way, p99"] == Spread(2.0, 2.0, 2.0)
    assert compared["core in use"] is None


def test_it_is_done_over_and_over_on_one_core_until_the_end() -> None:
    core, often, cores = Cores.found().load, threading.Event(), set[frozenset[int]]()

    def done() -> None:
        cores.add(frozenset(os.sched_getaffinity(0)))
        if len(counted) > 2:
            often.set()
        counted.append(1)

    counted: list[int] = []
    with over_and_over(done, core) as times:
        assert often.wait(60)
    assert cores == {frozenset({core})}
    assert times.count == len(counted)
    assert not times.trouble


def test_what_fails_beside_is_told_and_not_done_again() -> None:
    asked: list[int] = []

    def fails() -> None:
        asked.append(1)
        raise Unusable("answered with 500")

    with over_and_over(fails, Cores.found().load) as times:
        pass
    assert (times.trouble, times.count, asked) == ("answered with 500", 0, [1])


class Received(BytesIO):
    """A socket that only has to be read."""

    def makefile(self, *_: object) -> "Received":
        return self


def answer(*headers: str) -> HTTPResponse:
    lines = "".join(f"{line}\r\n" for line in headers)
    found = HTTPResponse(Received(f"HTTP/1.1 303 See Other\r\n{lines}\r\n".encode()))  # pyright: ignore[reportArgumentType] -- it makes a file of it, which is all
    found.begin()
    return found


def test_a_session_is_what_the_cookie_says() -> None:
    assert session_of(answer("Set-Cookie: zai_theme=dark", "Set-Cookie: zai_session=abc; Path=/")) == "abc"
    with pytest.raises(Unusable, match="no session"):
        session_of(answer("Set-Cookie: zai_session=; Path=/"))
