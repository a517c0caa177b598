"""The pictures: no page of a workspace is left out."""

from tests.e2e.console.screenshots import FILLED
from zai_gateway.console.routes import PAGES

NO_PAGES = ("/w/{slug}/tick", "/w/{slug}/models/suggestions")
"""Pieces of pages, which scripts fetch."""


def test_every_page_of_a_workspace_is_taken() -> None:
    pages = {path for path, methods, *_ in PAGES if "GET" in methods and path.startswith("/w/{slug}")}
    screens = {path for path in pages if not path.endswith(".csv")} - set(NO_PAGES)
    assert screens == {path.partition("?")[0] for path in FILLED if path.startswith("/w/")} - {
        "/w/{slug}/nowhere"
    }
