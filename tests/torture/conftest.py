"""How long a torture lasts, and what every one of them needs: a bank, and places for gateways to stand on."""

from collections.abc import Generator
from pathlib import Path

import pytest
from msgspec import Struct

from tests.torture.places import Place, on_postgresql, on_sqlite
from tests.torture.teller import Teller, bank


class Form(Struct, frozen=True):
    """The short form, which every run of the tests has, or the full one, of `make torture`."""

    full: bool

    def of(self, short: int, full: int) -> int:
        """How many rounds, or seconds."""
        return full if self.full else short


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--torture",
        choices=("short", "full"),
        default="short",
        help="how long each torture lasts: full takes minutes",
    )


@pytest.fixture(scope="session")
def form(request: pytest.FixtureRequest) -> Form:
    # A run that does not name this folder never heard of the option.
    return Form(full=request.config.getoption("torture", "short") == "full")


@pytest.fixture
def teller() -> Generator[Teller]:
    with bank() as teller:
        yield teller


@pytest.fixture(params=("sqlite", "postgresql"))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Place]:
    """Books of the test's own."""
    if request.param == "sqlite":
        with on_sqlite(tmp_path) as made:
            yield made
    else:
        with on_postgresql(tmp_path, request.getfixturevalue("postgres")) as made:
            yield made
