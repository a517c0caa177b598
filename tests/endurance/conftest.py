"""What takes minutes: only a run that names this folder runs it (`pytest -s tests/endurance`)."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.e2e.upstream_process import StubProcess
from tests.upstreams.processes import openai_stub


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # None leaves the decision to others; here nobody else has one.
    named = any(Path(__file__).parent.name in Path(argument).parts for argument in config.args)
    return None if named or not collection_path.name.startswith("test_") else True


@pytest.fixture
def upstream() -> Generator[StubProcess]:
    """A provider of this test's own: what it was asked is what it bills."""
    with openai_stub() as base_url:
        yield StubProcess(base_url)
