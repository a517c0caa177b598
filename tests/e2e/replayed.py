"""A real gateway before OpenAI, Anthropic and Gemini that give recorded answers again, and what it booked."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.e2e.gateway_process import GatewayProcess, Operator, until
from tests.upstreams.anthropic_stub import anthropic_stub
from tests.upstreams.gemini_stub import gemini_stub
from tests.upstreams.replaying import ReplayingStub, openai_gate
from zai_gateway.catalogue.catalogue import Catalogue

OPENAI = "openai/gpt-4o"
CLAUDE = "anthropic/claude-sonnet-4-6"
GEMINI = "gemini/gemini-3-pro-preview"
SECRETS = {
    "openai": "sk-upstream-openai-71f0",
    "anthropic": "sk-ant-upstream-52c9",
    "gemini": "AIza-upstream-8e13",
}
BUCKETS = ("input", "cache_read", "cache_write", "cache_write_long", "output")
CATALOGUE = Catalogue.load()


class Replayed(Struct, frozen=True):
    """The gateway, its operator, and the three providers behind it."""

    operator: Operator
    gateway: GatewayProcess
    openai: ReplayingStub
    anthropic: ReplayingStub
    gemini: ReplayingStub

    @property
    def origin(self) -> str:
        """What Anthropic's clients call the base URL: it ends before `/v1`."""
        return self.gateway.base_url.removesuffix("/v1")

    def stub(self, model: str) -> ReplayingStub:
        """The provider of a model, or of that name."""
        stubs = {"openai": self.openai, "anthropic": self.anthropic, "gemini": self.gemini}
        return stubs[model.partition("/")[0]]

    def begin(self) -> None:
        """What every test begins with, and ends with too."""
        for stub in (self.openai, self.anthropic, self.gemini):
            stub.begin()

    def entry(self, request: str) -> dict[str, Any]:
        """What the ledger says of a request that had one attempt, by its `x-request-id`."""
        until(1, lambda: len(self._entries(request)))
        return self._entries(request)[0]

    def _entries(self, request: str) -> list[dict[str, Any]]:
        return [row for row in self.operator.rows("ledger") if row["request"] == request]


@contextmanager
def replayed_gateway(folder: Path) -> Generator[Replayed]:
    """A gateway with one provider key for each of the three."""
    operator = Operator(folder / "data")
    with (
        ReplayingStub(openai_gate(SECRETS["openai"])) as openai,
        anthropic_stub(SECRETS["anthropic"]) as anthropic,
        gemini_stub(SECRETS["gemini"]) as gemini,
    ):
        for name, stub in (("openai", openai), ("anthropic", anthropic), ("gemini", gemini)):
            add = ("provider", "add", name, "--key-env", "PROVIDER_KEY", "--base-url", stub.base_url)
            operator.admin(*add, PROVIDER_KEY=SECRETS[name])
        with operator.serving() as gateway:
            yield Replayed(operator, gateway, openai, anthropic, gemini)


def assert_booked(entry: dict[str, Any], buckets: tuple[int, int, int, int, int]) -> None:
    """The entry has exactly these tokens (in the order of BUCKETS) and costs what the catalogue says."""
    assert entry["certainty"] == "exact", entry
    assert tuple(entry[bucket] for bucket in BUCKETS) == buckets
    price = CATALOGUE.model(*entry["answering_model"].split("/", 1)).price
    assert price is not None
    rates = price.tiers["standard"].rates(sum(buckets[:-1]))
    pico = sum(count * getattr(rates, bucket) for bucket, count in zip(BUCKETS, buckets, strict=True))
    assert entry["cost"] == -(-pico // 1_000)
    assert entry["risk"] == 0
