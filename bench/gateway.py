"""The gateway under test: a real `zai serve` on a data directory of its own, set up by `zai admin`."""

import sys
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from bench.contender import Prepared, Target, Upstream
from bench.processes import Launch, free_port, own_environment, run

_ZAI = Path(sys.executable).with_name("zai")
_SETUP_SECONDS = 120.0
_CAP = "1000000"
"""USD: every request is held against it, and none is ever refused."""


class Vendor(Struct, frozen=True, kw_only=True):
    """A provider that the mock plays, and a model of its own."""

    title: str
    provider: str
    base_path: str
    model: str


OPENAI = Vendor(title="OpenAI", provider="openai", base_path="/v1", model="gpt-5.4-mini")
ANTHROPIC = Vendor(title="Anthropic", provider="anthropic", base_path="/v1", model="claude-sonnet-4-5")
GEMINI = Vendor(title="Gemini", provider="gemini", base_path="/v1beta", model="gemini-2.5-flash")


class Gateway:
    """Z-AI as it is delivered, or, without books, its two edges and the relay alone (edges.py).

    `capped`: whether its key has a spend cap. `vendors`: those that it has keys for, all at the mock.
    """

    def __init__(
        self, *, capped: bool = True, books: bool = True, vendors: tuple[Vendor, ...] = (OPENAI,)
    ) -> None:
        self._capped = capped
        self._books = books
        self._vendors = vendors

    def at(self, *vendors: Vendor) -> Self:
        """The same, with keys for these."""
        return type(self)(capped=self._capped, books=self._books, vendors=vendors)

    @property
    def name(self) -> str:
        """As tables call it."""
        return "Z-AI" if self._books else "Z-AI, no store"

    def prepared(self, upstream: Upstream, folder: Path) -> Prepared:
        """With a key of each vendor, for the upstream, and one API key. Raises Unusable."""
        data = folder / "data"
        variables = {"ZAI_PROVIDER_LISTS": "no", "ZAI_ALLOW_PRIVATE_ADDRESSES": "yes"}
        if upstream.certificate is not None:
            variables["SSL_CERT_FILE"] = str(upstream.certificate)

        def admin(*arguments: str, stdin: str = "") -> str:
            command = (_ZAI, "admin", *arguments, "--data", str(data), "--json")
            environment = own_environment(folder, variables)
            return run(command, seconds=_SETUP_SECONDS, environment=environment, stdin=stdin)

        for vendor in self._vendors:
            at = ("--base-url", upstream.origin + vendor.base_path)
            admin("provider", "add", vendor.provider, *at, "--key-stdin", stdin="sk-bench\n")
        cap = ("--spend-cap", _CAP) if self._capped else ()
        key = msgspec.json.decode(admin("key", "create", "bench", *cap))["key"]
        port = free_port()
        return Prepared(
            Launch(
                command=(*self._command(), "--port", str(port), "--data", str(data)),
                port=port,
                folder=folder,
                environment=variables,
            ),
            Target(port=port, headers=(("Authorization", f"Bearer {key}"),), model="openai/gpt-5.4-mini"),
        )

    def _command(self) -> tuple[str, ...]:
        if self._books:
            return (str(_ZAI), "serve", "--log-level", "warning")
        return (sys.executable, str(Path(__file__).with_name("edges.py")))
