"""A browser in front of a real gateway, with somebody signed in."""

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.console.browsing import Windows, launched
from tests.e2e.console.site import Site
from tests.e2e.console.watching import Axe, check_accessible
from tests.e2e.gateway_process import Operator
from zai_gateway.accounts.actor import Role


# For each module, and not for the whole run: while Playwright runs, no test with a loop of its own can.
@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """Chromium, without a screen."""
    with sync_playwright() as playwright, launched(playwright) as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, stub_url: str) -> Generator[Site]:
    """A gateway of the module's own, with an owner; others sign up when they are first asked for."""
    operator = Operator(tmp_path_factory.mktemp("site") / "data", ZAI_ALLOW_PRIVATE_ADDRESSES="yes")
    operator.add_openai(stub_url)
    with operator.serving() as gateway:
        made = Site(operator, gateway)
        made.token(Role.OWNER)
        yield made
        # A defect is answered with a page, and may not be what a test looks at.
        assert " ERROR " not in gateway.log.read_text()


@pytest.fixture
def windows(browser: Browser, site: Site) -> Generator[Windows]:
    """Opens windows for whoever it is told; none of them may have complained in the end."""
    opened = Windows(browser, site)
    yield opened
    opened.close()


@pytest.fixture
def console(windows: Windows) -> Page:
    """The owner's window, at home."""
    return windows.of(Role.OWNER)


@pytest.fixture
def axe() -> Axe:
    """Fails where axe-core finds anything on a page, light or dark, on a desk or on a phone."""
    return check_accessible
