"""From `make run` to a first request that the console shows: every step of a person who has just come."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.e2e.console.browsing import Windows
from tests.e2e.console.site import PASSWORD, Site
from tests.e2e.gateway_process import PATIENCE, GatewayProcess, Operator

ROOT = Path(__file__).parents[3]


class Hand:
    """A person's hand: what it does is counted."""

    def __init__(self) -> None:
        self.clicks = 0
        self.fields = 0
        self._began = time.monotonic()

    def click(self, target: Locator) -> None:
        """One click."""
        self.clicks += 1
        target.click()

    def fill(self, target: Locator, text: str) -> None:
        """One field."""
        self.fields += 1
        target.fill(text)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began


@contextmanager
def made_to_run(operator: Operator) -> Generator[GatewayProcess]:
    """`make run`, as the README has it, on a data directory that is not there yet."""
    # What a changed pyproject.toml has it install first is no line of the gateway's.
    subprocess.run(["make", "--silent", "--directory", str(ROOT), "install"], check=True, capture_output=True)
    options = f"ARGS=--data {operator.data} --port 0 --json"
    environment = {**operator.environment, "PATH": os.environ["PATH"]}
    gateway = GatewayProcess(
        ["make", "--silent", "--directory", str(ROOT), "run", options],
        environment,
        operator.data.with_name("run.log"),
    )
    try:
        assert gateway.base_url
        yield gateway
        # As Ctrl-C would: make waits for what it started.
        for pid in gateway.workers:
            os.kill(pid, signal.SIGTERM)
        gateway.ended()
    finally:
        if gateway.runs:
            gateway.kill()


def pasted(command: str) -> dict[str, Any]:
    """What the terminal says to a command that was copied from a page."""
    done = subprocess.run(
        ["sh", "-c", f"{command} --silent --show-error"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.usefixtures("store_of_the_run")
def test_from_make_run_to_the_first_request(
    browser: Browser, stub_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    operator = Operator(tmp_path / "data", ZAI_ALLOW_PRIVATE_ADDRESSES="yes")
    with made_to_run(operator) as gateway:
        link = Path(gateway.said["kept_setup_link"]).read_text(encoding="ascii").strip()
        windows = Windows(browser, Site(operator, gateway))
        page, hand = windows.blank(), Hand()
        page.goto(link)
        hand.fill(page.get_by_label("Your name"), "Ada")
        hand.fill(page.get_by_label("E-mail"), "ada@example.com")
        hand.fill(page.get_by_label("Password"), PASSWORD)
        hand.click(page.get_by_role("button", name="Make my account"))

        hand.click(page.get_by_role("link", name="Add a provider key"))
        hand.click(page.locator("a[href$='provider=openai']"))
        hand.fill(page.get_by_label("API key"), "sk-upstream-4b1d")
        hand.click(page.get_by_text("Label and address"))
        hand.fill(page.get_by_label("Address"), stub_url)
        hand.click(page.get_by_role("button", name="Add and test"))

        hand.click(page.get_by_role("link", name="Home"))
        expect(page.get_by_text("2 of 4 done")).to_be_visible()
        hand.click(page.get_by_role("link", name="Issue an API key"))
        hand.fill(page.get_by_role("textbox", name="Name", exact=True), "editor")
        hand.click(page.get_by_role("button", name="Issue API key"))
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        hand.click(page.locator(".way:visible [data-copies]"))
        expect(page.locator(".way:visible [data-copies]")).to_have_text("Copied")
        command = page.evaluate("navigator.clipboard.readText()")
        hand.click(page.get_by_label("I have saved this key"))
        hand.click(page.get_by_role("button", name="Done"))
        hand.click(page.get_by_role("link", name="Home"))
        expect(page.get_by_text("3 of 4 done")).to_be_visible()

        said = pasted(command)
        assert said["choices"][0]["message"]["content"]
        expect(page.get_by_text("Your first request is here.")).to_be_visible()
        expect(page.get_by_role("row").filter(has_text="editor")).to_contain_text(said["model"])
        # From nothing to a first answer within a minute, for a hand that takes two seconds for each.
        assert 2 * (hand.clicks + hand.fields) < 60
        with capsys.disabled():
            print(f"\nfirst request: {hand.clicks} clicks, {hand.fields} fields, {hand.seconds:.1f} s")
        windows.close()
