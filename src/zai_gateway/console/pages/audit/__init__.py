"""The audit log in the console: what was done to a workspace, in words, and as a file."""

from collections.abc import Sequence

from zai_gateway.console.needs import READ, Needs, Page
from zai_gateway.console.pages.audit.download import download
from zai_gateway.console.pages.audit.listing import log

PAGES: Sequence[Page] = (
    ("/w/{slug}/audit", READ, Needs.WORKSPACE, log),
    ("/w/{slug}/audit.csv", READ, Needs.WORKSPACE, download),
)
