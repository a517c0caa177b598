"""The members of a workspace in the console: the list, one member, invitations, and what they may spend."""

from collections.abc import Sequence

from zai_gateway.console.needs import ACT, BOTH, READ, Needs, Page
from zai_gateway.console.pages.members import budgets, every, inviting, one

PAGES: Sequence[Page] = (
    ("/w/{slug}/members", READ, Needs.WORKSPACE, every.members),
    ("/w/{slug}/members/new", BOTH, Needs.WORKSPACE, inviting.new),
    ("/w/{slug}/members/budgets", READ, Needs.WORKSPACE, budgets.budgets),
    ("/w/{slug}/members/budgets/set", BOTH, Needs.WORKSPACE, budgets.put),
    ("/w/{slug}/members/budgets/remove", ACT, Needs.WORKSPACE, budgets.remove),
    ("/w/{slug}/members/{id}", READ, Needs.WORKSPACE, one.member),
    ("/w/{slug}/members/{id}/edit", ACT, Needs.WORKSPACE, one.edit),
    ("/w/{slug}/members/{id}/link", ACT, Needs.WORKSPACE, inviting.link),
    ("/w/{slug}/members/{id}/remove", ACT, Needs.WORKSPACE, one.remove),
)
