"""What every run obeys: the store that was chosen, and that a skip which nobody reviewed fails the run."""

import os
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _pytest.terminal import TerminalReporter
from hypothesis import HealthCheck, settings

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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--store",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="what gateways keep their books in: tests with both run on the chosen one only",
    )


def pytest_configure(config: pytest.Config) -> None:
    # How busy the machine is decides no test. The rest stays as Hypothesis has it, here or for CI.
    settings.register_profile(
        "untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("untimed")
    config.addinivalue_line(
        "markers", "sqlite(reason): about SQLite's files by its nature, so skipped on another store"
    )
    # Only the process that gives the verdict reviews: workers send it their reports.
    if not hasattr(config, "workerinput"):
        lines = REVIEWED.read_text(encoding="utf-8").splitlines()
        config.pluginmanager.register(SkipReview(frozenset(lines)), "skip-review")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("store") == "sqlite":
        return
    config.hook.pytest_deselected(items=[item for item in items if _has_a_twin(item)])
    items[:] = [item for item in items if not _has_a_twin(item)]
    for item in items:
        if (mark := item.get_closest_marker("sqlite")) is not None:
            item.add_marker(pytest.mark.skip(reason=mark.args[0]))


def _has_a_twin(item: pytest.Item) -> bool:
    """Whether it is the SQLite run of a test that is run on PostgreSQL too, by a parameter of its own."""
    callspec: object = getattr(item, "callspec", None)
    parameters: Mapping[str, object] = getattr(callspec, "params", {})
    return any(isinstance(each, str) and each.startswith("sqlite") for each in parameters.values())


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    # More than there are cores: tests wait for processes a good part of the time. Two at least, so that none
    # comes to lean on running alone; few enough for real servers beside them.
    cores = os.cpu_count() or 1
    return max(2, min(8, cores + cores // 2))


@pytest.fixture(scope="session")
def postgres() -> "Iterator[PostgresServer]":
    """A PostgreSQL server, started for the first test that asks for one."""
    from tests.postgresql.server import postgres_server  # noqa: PLC0415 -- most runs need none

    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def store_of_the_run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Keeps the books of gateways where `--store` says."""
    if request.config.getoption("store") == "sqlite":
        yield
        return
    from tests.postgresql.books import run_on  # noqa: PLC0415 -- most runs need none

    with run_on(request.getfixturevalue("postgres"), tmp_path_factory.mktemp("books")):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    ended = yield
    if isinstance(item, pytest.Function) and item.config.getoption("store") != "sqlite":
        from tests.postgresql.books import drop_books  # noqa: PLC0415 -- most runs need none

        # Each takes megabytes.
        if isinstance(folder := item.funcargs.get("tmp_path"), Path):
            drop_books(folder)
    return ended
