"""API keys of a site: issued and looked up in its books, and what forms of its console carry along."""

import re

from tests.e2e.console.site import Answer, Site
from zai_gateway.accounts.actor import Role, operator
from zai_gateway.accounts.api_keys import KeySearch
from zai_gateway.accounts.records import ApiKey
from zai_gateway.accounts.terms import KeyChanges

OPERATOR = operator()
SECRET = re.compile(r"zk_live_[0-9A-Za-z]{38}")


def issued(site: Site, name: str, workspace: str | None = None, **terms: object) -> ApiKey:
    """A key of these terms, that the operator issued."""
    wanted = KeyChanges(name=name, **terms)  # pyright: ignore[reportArgumentType] -- as the test names them
    with site.accounts() as accounts:
        return accounts.api_keys.create(OPERATOR, workspace or site.workspace.id, wanted).key


def kept(site: Site, id: str) -> ApiKey:
    """The key as it is in the books."""
    with site.accounts() as accounts:
        return accounts.api_keys.show(OPERATOR, site.workspace.id, id)


def named(site: Site, name: str) -> tuple[ApiKey, ...]:
    """The keys with that in their names."""
    with site.accounts() as accounts:
        return accounts.api_keys.list(OPERATOR, site.workspace.id, KeySearch(text=name))


def hidden(page: Answer, name: str) -> str:
    """What a form carries along."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None, page.text
    return found[1]


def newcomer(site: Site, role: Role, name: str) -> tuple[str, str]:
    """A new person's session, and the member that it is."""
    token = site.join(role, site.workspace.id, f"{name.lower()}@example.com", name)
    with site.accounts() as accounts:
        member = accounts.members.show(OPERATOR, site.workspace.id, f"{name.lower()}@example.com")
    return token, member.id
