"""Usage in the console: charts and sums, single requests, what is not certain, and all of it as CSV."""

from collections.abc import Sequence

from zai_gateway.console.needs import ACT, READ, Needs, Page
from zai_gateway.console.pages.usage.exporting import export
from zai_gateway.console.pages.usage.overview import overview
from zai_gateway.console.pages.usage.requests import requests
from zai_gateway.console.pages.usage.unconfirmed import resolve, unconfirmed

PAGES: Sequence[Page] = (
    ("/w/{slug}/usage", READ, Needs.WORKSPACE, overview),
    ("/w/{slug}/usage.csv", READ, Needs.WORKSPACE, export),
    ("/w/{slug}/usage/requests", READ, Needs.WORKSPACE, requests),
    ("/w/{slug}/usage/unconfirmed", READ, Needs.WORKSPACE, unconfirmed),
    ("/w/{slug}/usage/unconfirmed", ACT, Needs.WORKSPACE, resolve),
)
