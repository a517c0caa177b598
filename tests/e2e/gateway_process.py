"""A gateway as its operator runs it: a real `zai serve` on a data directory, and `zai` commands beside it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from functools import cached_property
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.flow.stage import Got
from tests.postgresql.books import books_for, rows_of
from zai_gateway.accounts.vault import ENCRYPTION_KEY
from zai_gateway.spend.journal import recovered
from zai_gateway.spend.records import Held, records

T = TypeVar("T")

ZAI = Path(sys.executable).with_name("zai")
PATIENCE = 60.0
"""Seconds after which a process has failed: no test waits for them while all is well."""


def until(wanted: T, seen: Callable[[], T]) -> None:
    """Waits until `seen` is what is wanted: an answer goes out before the store has what it cost."""
    give_up = time.monotonic() + PATIENCE
    while (now := seen()) != wanted:
        assert time.monotonic() < give_up, f"{now!r} is not {wanted!r}"
        time.sleep(0.02)


class GatewayProcess:
    """A `zai serve` that was started; what goes wrong with it is in its log."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=environment)

    @cached_property
    def said(self) -> dict[str, Any]:
        """What it told of itself when it began to answer."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the gateway did not start:\n{self.log.read_text()}"
        return json.loads(line)

    @property
    def base_url(self) -> str:
        """Where it answers: ends in `/v1`."""
        return self.said["base_url"]

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of the process that was started."""
        return self._process.pid

    @property
    def workers(self) -> list[int]:
        """The ids of its worker processes."""
        own = self._process.pid
        return [int(id) for id in Path(f"/proc/{own}/task/{own}/children").read_text().split()]

    def ask(self, path: str, key: str, body: object = None) -> Got:
        """A POST of `body`, or a GET without one; its whole answer. A `bytes` body goes out as it is."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        address = urlsplit(self.base_url)
        connection = HTTPConnection(address.netloc, timeout=PATIENCE)
        with closing(connection):
            connection.request("GET" if data is None else "POST", address.path + path, data, headers)
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Got(answer.status, named, answer.read())

    def terminate(self) -> None:
        """Asks it to end in order (SIGTERM)."""
        self._process.terminate()

    def ended(self, code: int = 0) -> None:
        """Waits for its end, which must be in order, and looks through its log."""
        ended_with = self._process.wait(PATIENCE)
        self._close()
        log = self.log.read_text()
        assert ended_with == code, log
        assert "Traceback" not in log, log
        assert "zk_live_" not in log

    def stop(self) -> None:
        """Ends it in order."""
        self.terminate()
        self.ended()

    def kill(self) -> None:
        """Ends it with no chance to do anything (SIGKILL)."""
        self._process.kill()
        self._process.wait(PATIENCE)
        self._close()

    def _close(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()


class Operator:
    """Someone who runs `zai` on one data directory, with nothing of the tester's own settings."""

    def __init__(self, data: Path, **variables: str) -> None:
        self.data = data
        own = {"HOME": str(data.parent), "PATH": os.defpath, "LANG": "C.UTF-8", "ZAI_PROVIDER_LISTS": "no"}
        books = books_for(data, migrated=False)
        if f"{ENCRYPTION_KEY}_FILE" in variables:
            books.pop(ENCRYPTION_KEY, None)
        self.environment = own | books | variables
        self._keys: dict[tuple[str, ...], str] = {}

    def zai(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Any `zai` command, run to its end."""
        return subprocess.run(
            [ZAI, *arguments],
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )

    def admin(self, *arguments: str, **variables: str) -> Any:
        """What a `zai admin` command answers, which must succeed."""
        ran = self.zai("admin", *arguments, "--data", str(self.data), "--json", **variables)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def add_openai(self, base_url: str, secret: str = "sk-upstream-4b1d") -> None:
        """A provider key for OpenAI, at another address."""
        add = ("provider", "add", "openai", "--key-env", "OPENAI_API_KEY", "--base-url", base_url)
        self.admin(*add, OPENAI_API_KEY=secret)

    def new_key(self, *options: str) -> str:
        """An API key that was just made with these options of `zai admin key create`."""
        return self.admin("key", "create", f"key-{len(self._keys)}-{os.urandom(4).hex()}", *options)["key"]

    def key(self, *options: str) -> str:
        """The same, but one key for all who ask for the same options."""
        if options not in self._keys:
            self._keys[options] = self.new_key(*options)
        return self._keys[options]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table, as the store keeps it."""
        return rows_of(table, self.data, self.environment.get("ZAI_DATABASE"))

    def ledger(self, number: int) -> list[dict[str, Any]]:
        """The ledger's rows, once there are as many."""
        until(number, lambda: len(self.rows("ledger")))
        return self.rows("ledger")

    @property
    def journals(self) -> list[Path]:
        """Those of workers that live, or that nobody adopted."""
        return sorted((self.data / "workers").glob("*.journal"))

    def open_holds(self) -> list[Held]:
        """What is held, as the journals have it."""
        return [held for file in self.journals for held in recovered(records(file.read_bytes())).open]

    def unspent(self) -> int:
        """What is leased and neither spent nor at risk, in nano-USD."""
        return sum(row["granted"] - row["spent"] - row["risk"] for row in self.rows("lease"))

    def started(self, *options: str) -> GatewayProcess:
        """A `zai serve`, which the caller ends."""
        serve = [str(ZAI), "serve", "--port", "0", "--json", "--data", str(self.data), *options]
        log = self.data.with_name(f"{self.data.name}-{os.urandom(4).hex()}.log")
        return GatewayProcess(serve, self.environment, log)

    @contextmanager
    def serving(self, *options: str) -> Generator[GatewayProcess]:
        """A `zai serve` that answers, and ends in order where the caller did not end it."""
        gateway = self.started(*options)
        try:
            assert gateway.base_url
            yield gateway
            if gateway.runs:
                gateway.stop()
        finally:
            if gateway.runs:
                gateway.kill()
