"""One stage for each playbook."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.flow.stage import Stage, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncGenerator[Stage]:
    async with staged(tmp_path / "data") as ready:
        yield ready
