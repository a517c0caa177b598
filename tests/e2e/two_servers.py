"""Two servers, each with its own data directory, on one PostgreSQL; how soon a revocation reaches both."""

import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psycopg
from cryptography.fernet import Fernet

from tests.e2e.gateway_process import GatewayProcess, Operator

_PATIENCE = 60.0


class Two:
    """Two servers, and an operator on the host of each."""

    def __init__(
        self, operators: tuple[Operator, Operator], servers: tuple[GatewayProcess, ...], database: str
    ) -> None:
        self.here, self.there = operators
        self.servers = servers
        self.database = database

    def seconds_until_refused(self) -> float:
        """How long a key, revoked by the operator here, is still taken by the server there.

        From the time that the revocation bears, which is just before its commit, to the first refusal. Until
        then every request has to be served, the first one too.
        """
        made = self.here.admin("key", "create", "to-be-revoked")
        with ThreadPoolExecutor(1) as client:
            refused = client.submit(_first_refusal, self.servers[1], made["key"])
            self.here.admin("key", "revoke", made["id"])
            with psycopg.connect(self.database) as books:
                asked = books.execute("SELECT revoked_ms FROM api_key WHERE id = %s", (made["id"],))
                (revoked_ms,) = asked.fetchone() or (None,)
            assert revoked_ms is not None
            return refused.result() - revoked_ms / 1_000


@contextmanager
def two_servers(folder: Path, database: str, stub_url: str) -> Generator[Two]:
    """Both serve; the provider is the stub."""
    variables = {"ZAI_DATABASE": database, "PROVIDER_KEY_ENCRYPTION_KEY": Fernet.generate_key().decode()}
    here, there = (Operator(folder / name, **variables) for name in ("here", "there"))
    with here.serving() as one, there.serving() as other:
        here.add_openai(stub_url)
        yield Two((here, there), (one, other), database)


def told(seconds: list[float]) -> str:
    """In words for a reader."""
    return (
        f"refused on the other server after: median {median(seconds):.3f} s, max {max(seconds):.3f} s "
        f"({len(seconds)} revocations)"
    )


def _first_refusal(server: GatewayProcess, key: str) -> float:
    """When the key was refused, by the clock that revocations bear too."""
    give_up = time.monotonic() + _PATIENCE
    while (got := server.ask("/models", key)).status != 401:
        assert got.status == 200, got.body
        assert time.monotonic() < give_up, "the revocation did not arrive"
        time.sleep(0.005)
    return time.time()
