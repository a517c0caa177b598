"""One stage for all the bad input of a file, which leaves it as it was."""

from collections.abc import AsyncGenerator, Generator

import pytest
import pytest_asyncio

from tests.flow.refused.shapes import BODY_LIMIT
from tests.flow.stage import Stage, staged
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.settings import Limits


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stage]:
    data = tmp_path_factory.mktemp("bad-input") / "data"
    async with staged(data, Limits(body_bytes=BODY_LIMIT)) as ready:
        yield ready


@pytest.fixture(scope="module")
def key(stage: Stage) -> IssuedKey:
    return stage.key(usd=5)


@pytest.fixture(autouse=True)
def untouched(stage: Stage) -> Generator[None]:
    """Every test leaves it so: nothing went out, nothing was booked, nothing is held."""
    before = len(stage.stub.requests), len(stage.rows("ledger"))
    yield
    assert (len(stage.stub.requests), len(stage.rows("ledger"))) == before
    assert (stage.holds(), stage.spending.numbers().unflushed) == (0, 0)
