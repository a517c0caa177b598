"""What every run obeys: a test that is skipped without having been reviewed fails the run."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _pytest.terminal import TerminalReporter

if TYPE_CHECKING:
    from tests.postgresql.server import PostgresServer

REVIEWED = Path(__file__).with_name("skips.txt")


class SkipReview:
    """Gathers the skips of a run, from all its workers, and holds them against the reviewed ones."""

    def __init__(self, reviewed: frozenset[str]) -> None:
        self._reviewed = reviewed
        self._unreviewed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # An expected failure counts: it is a skip with another name.
        if report.skipped:
            self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._note(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._unreviewed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        if self._unreviewed:
            terminalreporter.section("skips that nobody reviewed (see tests/skips.txt)", red=True)
            for line in sorted(self._unreviewed):
                terminalreporter.line(line)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
        else:
            reason = f"expected to fail: {getattr(report, 'wasxfail', '')}"
        line = f"{report.nodeid} | {reason}"
        if line not in self._reviewed:
            self._unreviewed.add(line)


def pytest_configure(config: pytest.Config) -> None:
    # Only the process that gives the verdict reviews: workers send it their reports.
    if not hasattr(config, "workerinput"):
        lines = REVIEWED.read_text(encoding="utf-8").splitlines()
        config.pluginmanager.register(SkipReview(frozenset(lines)), "skip-review")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    # Two at least, so that no test comes to lean on running alone; few enough for real servers beside them.
    return max(2, min(8, os.cpu_count() or 2))


@pytest.fixture(scope="session")
def postgres() -> "Iterator[PostgresServer]":
    """A PostgreSQL server, started for the first test that asks for one."""
    from tests.postgresql.server import postgres_server  # noqa: PLC0415 -- most runs need none

    with postgres_server() as server:
        yield server
