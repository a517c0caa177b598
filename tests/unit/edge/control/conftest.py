"""A stage of its own for each test, copied from one that was made once."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.unit.edge.control.stage import Cast, Stage, Template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template(tmp_path_factory.mktemp("control") / "data")


@pytest.fixture
def cast(template: Template) -> Cast:
    return template.cast


@pytest.fixture
def stage(template: Template, tmp_path: Path) -> Generator[Stage]:
    with template.copied(tmp_path) as stage:
        yield stage
