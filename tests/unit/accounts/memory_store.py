"""An account store in memory that fails, waits and counts on demand, as a real one does not."""

from collections.abc import Sequence
from threading import Event, Lock

from msgspec.structs import replace

from zai_gateway.accounts.caller import WorkspaceView
from zai_gateway.accounts.records import ApiKey, PriceOverride, ProviderKey, Workspace
from zai_gateway.accounts.store import Changes
from zai_gateway.errors import StoreUnavailable


class MemoryStore:
    """Answers like a store until `failure` is set; while `gate` is closed, look-ups wait after reading."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.gate = Event()
        self.gate.set()
        self.reading = Event()
        """Set while a look-up waits at the gate."""
        self.lookups: list[bytes] = []
        self.polls = 0
        self.loads: list[int] = []
        """The generations after which changes were asked for."""
        self._lock = Lock()
        self._generation = 0
        self._workspaces: list[Workspace] = []
        self._keys: dict[str, tuple[int, ApiKey]] = {}
        self._provider_keys: list[ProviderKey] = []
        self._prices: dict[tuple[str, str], PriceOverride] = {}
        self._canary: bytes | None = None

    def down(self) -> None:
        self.failure = StoreUnavailable("The database does not answer.")

    def up(self) -> None:
        self.failure = None

    def put_back(self, generation: int) -> None:
        """Takes the keys back to what they were at `generation`, as a restored copy would be."""
        self._keys = {id: row for id, row in self._keys.items() if row[0] <= generation}
        self._generation = generation

    def first_start(self, workspace: Workspace, provider_keys: Sequence[ProviderKey], key: ApiKey) -> bool:
        with self._lock:
            if self._workspaces:
                return False
            self._workspaces.append(workspace)
            self._provider_keys.extend(provider_keys)
            self._write(key)
            return True

    def changes(self, since: int) -> Changes:
        self._answer()
        self.loads.append(since)
        with self._lock:
            if since == self._generation:
                return Changes(self._generation, (), ())
            keys = tuple(key for changed, key in self._keys.values() if changed > since)
            return Changes(self._generation, keys, tuple(self._view(one) for one in self._workspaces))

    def generation(self) -> int:
        self.polls += 1
        self._answer()
        return self._generation

    def key_by_digest(self, digest: bytes) -> ApiKey | None:
        self.lookups.append(digest)
        self._answer()
        with self._lock:
            found = next((key for _, key in self._keys.values() if key.digest == digest), None)
        if not self.gate.is_set():
            self.reading.set()
            assert self.gate.wait(30)
        return found

    def workspaces(self) -> tuple[Workspace, ...]:
        self._answer()
        return tuple(self._workspaces)

    def keys(self, workspace: str) -> tuple[ApiKey, ...]:
        return tuple(key for _, key in self._keys.values() if key.workspace == workspace)

    def add_key(self, key: ApiKey) -> None:
        with self._lock:
            self._write(key)

    def replace_key(self, key: ApiKey) -> None:
        with self._lock:
            standing = self._keys[key.id][1].revoked_ms
            self._write(key if standing is None else replace(key, revoked_ms=standing))

    def provider_keys(self, workspace: str) -> tuple[ProviderKey, ...]:
        return tuple(key for key in self._provider_keys if key.workspace == workspace)

    def add_provider_key(self, key: ProviderKey) -> None:
        with self._lock:
            self._provider_keys.append(key)
            self._generation += 1

    def remove_provider_key(self, id: str) -> None:
        with self._lock:
            self._provider_keys = [key for key in self._provider_keys if key.id != id]
            self._generation += 1

    def prices(self, workspace: str) -> tuple[PriceOverride, ...]:
        return tuple(price for (owner, _), price in self._prices.items() if owner == workspace)

    def set_price(self, workspace: str, price: PriceOverride) -> None:
        with self._lock:
            self._prices[workspace, price.model] = price
            self._generation += 1

    def remove_price(self, workspace: str, model: str) -> bool:
        with self._lock:
            self._generation += 1
            return self._prices.pop((workspace, model), None) is not None

    def canary(self) -> bytes | None:
        return self._canary

    def set_canary(self, sealed: bytes) -> bytes:
        with self._lock:
            self._canary = self._canary or sealed
            return self._canary

    def _answer(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _write(self, key: ApiKey) -> None:
        self._generation += 1
        self._keys[key.id] = (self._generation, key)

    def _view(self, workspace: Workspace) -> WorkspaceView:
        return WorkspaceView(
            workspace=workspace,
            provider_keys=self.provider_keys(workspace.id),
            prices={price.model: price for price in self.prices(workspace.id)},
        )
