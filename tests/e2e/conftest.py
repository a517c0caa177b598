"""One gateway in front of one stub, for every test that leaves both as they were."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.e2e.gateway_process import GatewayProcess, Operator
from tests.e2e.upstream_process import StubProcess
from tests.upstreams.processes import openai_stub


@pytest.fixture(scope="session")
def stub_url() -> Generator[str]:
    with openai_stub() as base_url:
        yield base_url


@pytest.fixture
def upstream(stub_url: str) -> StubProcess:
    return StubProcess(stub_url)


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory, stub_url: str) -> Operator:
    """The operator of the shared gateway."""
    shared = Operator(tmp_path_factory.mktemp("shared") / "data")
    shared.add_openai(stub_url)
    shared.admin("provider", "add", "custom", "--name", "keyless", "--base-url", stub_url)
    return shared


@pytest.fixture(scope="session")
def gateway(operator: Operator) -> Generator[GatewayProcess]:
    with operator.serving() as running:
        yield running


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory that is still to be made."""
    return tmp_path / "data"
