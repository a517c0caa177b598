"""The settings of a workspace in the console: its name and limits, its management keys, and the gateway."""

from collections.abc import Sequence

from zai_gateway.console.needs import ACT, BOTH, READ, Needs, Page
from zai_gateway.console.pages.settings import general, management_keys

PAGES: Sequence[Page] = (
    ("/w/{slug}/settings", READ, Needs.WORKSPACE, general.settings),
    ("/w/{slug}/settings/name", ACT, Needs.WORKSPACE, general.rename),
    ("/w/{slug}/settings/rates", ACT, Needs.WORKSPACE, general.limit_rates),
    ("/w/{slug}/settings/management-keys/new", BOTH, Needs.WORKSPACE, management_keys.new),
    ("/w/{slug}/settings/management-keys/{id}/revoke", ACT, Needs.WORKSPACE, management_keys.revoke),
)
