"""Every page of the console: its path, its methods, what it needs, and who makes it."""

from collections.abc import Sequence

from zai_gateway.console.needs import Page
from zai_gateway.console.pages import (
    account,
    audit,
    connect,
    home,
    joining,
    keys,
    members,
    models,
    providers,
    settings,
    sign_in,
    usage,
)

PAGES: Sequence[Page] = (
    *sign_in.PAGES,
    *joining.PAGES,
    *account.PAGES,
    *home.PAGES,
    *connect.PAGES,
    *keys.PAGES,
    *providers.PAGES,
    *models.PAGES,
    *usage.PAGES,
    *members.PAGES,
    *audit.PAGES,
    *settings.PAGES,
)
