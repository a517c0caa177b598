"""The pages of providers: those that a workspace has keys at, in the order in which they are tried."""

from collections.abc import Sequence

from zai_gateway.console.needs import ACT, BOTH, READ, Needs, Page
from zai_gateway.console.pages.providers import adding, every, one

PAGES: Sequence[Page] = (
    ("/w/{slug}/providers", READ, Needs.WORKSPACE, every.providers),
    ("/w/{slug}/providers/new", BOTH, Needs.WORKSPACE, adding.new),
    ("/w/{slug}/providers/{id}", READ, Needs.WORKSPACE, one.provider),
    ("/w/{slug}/providers/{id}/move", ACT, Needs.WORKSPACE, every.move),
    ("/w/{slug}/providers/{id}/switch", ACT, Needs.WORKSPACE, every.switch),
    ("/w/{slug}/providers/{id}/remove", ACT, Needs.WORKSPACE, every.remove),
    ("/w/{slug}/providers/{id}/test", ACT, Needs.WORKSPACE, one.test),
    ("/w/{slug}/providers/{id}/rename", ACT, Needs.WORKSPACE, one.rename),
    ("/w/{slug}/providers/{id}/access", ACT, Needs.WORKSPACE, one.access),
)
