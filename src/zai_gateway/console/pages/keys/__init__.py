"""API keys in the console: the list, one key, and how keys are issued, changed, rotated and revoked."""

from collections.abc import Sequence

from zai_gateway.console.needs import ACT, BOTH, READ, Needs, Page
from zai_gateway.console.pages.keys.detail import detail
from zai_gateway.console.pages.keys.editing import edit
from zai_gateway.console.pages.keys.ending import restore, revoke
from zai_gateway.console.pages.keys.issuing import issue
from zai_gateway.console.pages.keys.listing import listing
from zai_gateway.console.pages.keys.rotating import rotate

PAGES: Sequence[Page] = (
    ("/w/{slug}/keys", READ, Needs.WORKSPACE, listing),
    ("/w/{slug}/keys/new", BOTH, Needs.WORKSPACE, issue),
    ("/w/{slug}/keys/{key}", READ, Needs.WORKSPACE, detail),
    ("/w/{slug}/keys/{key}/edit", BOTH, Needs.WORKSPACE, edit),
    ("/w/{slug}/keys/{key}/rotate", BOTH, Needs.WORKSPACE, rotate),
    ("/w/{slug}/keys/{key}/revoke", ACT, Needs.WORKSPACE, revoke),
    ("/w/{slug}/keys/{key}/restore", ACT, Needs.WORKSPACE, restore),
)
