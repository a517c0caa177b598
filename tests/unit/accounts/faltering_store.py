"""A store before a real one, which fails, waits and counts on demand."""

from collections.abc import Mapping
from threading import Event

from zai_gateway.accounts.records import ApiKey
from zai_gateway.accounts.store import Changes, DirectoryStore
from zai_gateway.errors import StoreUnavailable


class FalteringStore:
    """Passes on what a directory asks until `failure` is set; while `gate` is closed, look-ups wait.

    They wait after they have read.
    """

    def __init__(self, inner: DirectoryStore) -> None:
        self.inner = inner
        self.failure: Exception | None = None
        self.gate = Event()
        self.gate.set()
        self.reading = Event()
        """Set while a look-up waits at the gate."""
        self.lookups: list[bytes] = []
        self.polls = 0
        self.loads: list[int] = []
        """The generations after which changes were asked for."""
        self.noted: list[Mapping[str, int]] = []
        self.without_workspaces = False

    def down(self) -> None:
        self.failure = StoreUnavailable("The database does not answer.")

    def up(self) -> None:
        self.failure = None

    def changes(self, since: int) -> Changes:
        self._answer()
        self.loads.append(since)
        changes = self.inner.changes(since)
        return Changes(changes.generation, changes.keys, ()) if self.without_workspaces else changes

    def generation(self) -> int:
        self.polls += 1
        self._answer()
        return self.inner.generation()

    def key_by_digest(self, digest: bytes) -> ApiKey | None:
        self.lookups.append(digest)
        self._answer()
        found = self.inner.key_by_digest(digest)
        if not self.gate.is_set():
            self.reading.set()
            assert self.gate.wait(60)
        return found

    def note_use(self, last_used_ms: Mapping[str, int]) -> None:
        self._answer()
        self.inner.note_use(last_used_ms)
        self.noted.append(last_used_ms)

    def _answer(self) -> None:
        if self.failure is not None:
            raise self.failure
