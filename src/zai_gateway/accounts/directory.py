"""The directory: every caller in memory, so that the hot path knows a key without asking the store."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import ParamSpec, TypeVar

from zai_gateway.accounts import keys
from zai_gateway.accounts.caller import Caller, WorkspaceView
from zai_gateway.accounts.last_used import LastUsed
from zai_gateway.accounts.records import ApiKey, ProviderKey
from zai_gateway.accounts.store import Changes, DirectoryStore
from zai_gateway.clock import Clock
from zai_gateway.errors import Code, Failure, StoreUnavailable

P = ParamSpec("P")
Result = TypeVar("Result")

_MOST_LOOKUPS = 256
"""Unknown keys that are asked of the store at one time: garbage must not stand in the way of the poll."""
_MOST_CALLERS = 1_000
"""Callers whose tokens are kept in memory, so that each is not reckoned into its digest again."""
_RETRY_AFTER = 1.0
_NOTE_EVERY_SECONDS = 60.0
"""When the use of keys is written."""
_LOG = logging.getLogger(__name__)


class Directory:
    """Knows callers by the digest of their key, and follows the store's generation.

    `executor` runs the store's blocking calls; `poll_every` and `note_every` (when the use of keys is
    written) are in seconds; `most_unknown` bounds how many keys are remembered as unknown; a caller waits
    `patience` seconds for the store. Belongs to one event loop.
    """

    def __init__(
        self,
        store: DirectoryStore,
        clock: Clock,
        executor: Executor,
        *,
        poll_every: float = 0.25,
        most_unknown: int = 10_000,
        patience: float = 5.0,
    ) -> None:
        self._store = store
        self._clock = clock
        self._executor = executor
        self._poll_every = poll_every
        self._most_unknown = most_unknown
        self._patience = patience
        self._generation: int | None = None
        self._keys: dict[bytes, ApiKey] = {}
        self._callers: dict[str, tuple[bytes, Caller]] = {}
        """The latest callers, by token, with its digest: dropped with whatever changes in the store."""
        self._secrets: dict[str, tuple[bytes, ...]] = {}
        """The digests under which each key, by id, is known."""
        self._used = LastUsed(clock, _NOTE_EVERY_SECONDS)
        self._views: dict[str, WorkspaceView] = {}
        self._unknown: dict[bytes, None] = {}
        self._lookups: dict[bytes, asyncio.Task[bool]] = {}
        self._refreshing = asyncio.Lock()
        self._polling: asyncio.Task[None] | None = None
        self._store_answers = False

    @property
    def ready(self) -> bool:
        """Whether everything was loaded, changes are being followed, and the store answered last time."""
        return self._polling is not None and not self._polling.done() and self._store_answers

    @property
    def generation(self) -> int | None:
        """The store's generation whose changes are all known here; None before the first."""
        return self._generation

    def provider_keys(self) -> tuple[ProviderKey, ...]:
        """Those in use, of every workspace."""
        return tuple(key for view in self._views.values() for key in view.provider_keys)

    async def start(self) -> None:
        """Loads everything and begins to poll. Raises StoreUnavailable, and may then be tried again."""
        await self.refresh()
        self._polling = asyncio.create_task(self._poll(), name="directory poll")

    async def stop(self) -> None:
        """Ends the poll, waits for questions that the store still has, and writes what was used."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.wait((self._polling,))
        if self._lookups:
            await asyncio.wait(self._lookups.values())
        with suppress(Exception):  # it is lost in a crash too, and nothing may keep a worker from its end
            await self._note_use()

    async def caller(self, token: str | None) -> Caller:
        """Who calls with this bearer token.

        Raises Failure: INVALID_API_KEY, in the same words for a key that is missing, malformed, unknown,
        revoked or expired, and STORE_UNAVAILABLE where only the store could tell.
        """
        caller = self.known(token)
        if caller is None and token is not None:
            await self._ask_once(keys.digest(token))
            caller = self.known(token)
        if caller is None:
            raise _refusal()
        return caller

    def known(self, token: str | None) -> Caller | None:
        """Who calls, as far as it is known here; None where only the store can tell.

        Raises Failure: INVALID_API_KEY.
        """
        if token is None:
            raise _refusal()
        known = self._callers.get(token) or self._looked_up(token)
        if known is None:
            return None
        digest, caller = known
        key, now_ms = caller.key, self._clock.now_ms()
        if not key.opens(digest, now_ms):
            raise _refusal()
        self._used.note(key.id, now_ms)
        return caller

    def _looked_up(self, token: str) -> tuple[bytes, Caller] | None:
        digest = keys.digest(token)
        key = self._keys.get(digest)
        if key is None:
            if digest in self._unknown or not keys.well_formed(token):
                raise _refusal()
            return None
        view = self._views.get(key.workspace)
        if view is None:
            raise _refusal()
        if len(self._callers) >= _MOST_CALLERS:
            self._callers.clear()
        known = self._callers[token] = digest, Caller(key=key, view=view)
        return known

    async def provider_key_now(self, key: ProviderKey) -> ProviderKey | None:
        """The provider key as the store has it now; None where it is gone, disabled, or nobody can tell."""
        try:
            await self.refresh()
        except StoreUnavailable:
            return None
        view = self._views.get(key.workspace)
        return next((each for each in view.provider_keys if each.id == key.id), None) if view else None

    async def refresh(self) -> None:
        """Takes over what changed in the store. Raises StoreUnavailable, and keeps what it has."""
        # One at a time: an older answer must never overwrite a newer one.
        async with self._refreshing:
            known = self._generation
            try:
                generation = await self._off_loop(self._store.generation)
                if generation == known:
                    self._store_answers = True
                    return
                # A generation that went back is a store put back from a copy: nothing known of it holds.
                since = 0 if known is None or generation < known else known
                changes = await self._off_loop(self._store.changes, since)
            except Exception:
                self._store_answers = False
                raise
            self._store_answers = True
            self._apply(changes, whole=since == 0)

    def _apply(self, changes: Changes, *, whole: bool) -> None:
        if whole:
            self._keys, self._secrets = {}, {}
        for key in changes.keys:
            for gone in self._secrets.get(key.id, ()):
                self._keys.pop(gone, None)
            digests = (key.digest, *(old.digest for old in key.predecessors))
            self._secrets[key.id] = digests
            self._keys.update(dict.fromkeys(digests, key))
        if whole or changes.workspaces:
            self._views = {view.workspace.id: view for view in changes.workspaces}
        self._unknown.clear()
        self._callers.clear()
        self._generation = changes.generation

    async def _ask_once(self, digest: bytes) -> None:
        lookup = self._lookups.get(digest)
        if lookup is None:
            if len(self._lookups) >= _MOST_LOOKUPS:
                raise _unavailable()
            lookup = asyncio.create_task(self._ask(digest), name="directory lookup")
            self._lookups[digest] = lookup
            lookup.add_done_callback(lambda _: self._lookups.pop(digest))
        # Unlike awaiting it, this leaves the question standing for the others when one client leaves.
        await asyncio.wait((lookup,), timeout=self._patience)
        if not lookup.done() or not lookup.result():
            raise _unavailable()

    async def _ask(self, digest: bytes) -> bool:
        """Asks the store whether it has the key; False where it does not answer."""
        try:
            if await self._off_loop(self._store.key_by_digest, digest) is None:
                self._remember_unknown(digest)
            else:
                # The key alone would not do: its workspace may have a new provider key too, and a row read
                # before a revocation could overwrite the revoked one that the poll has brought since.
                await self.refresh()
        except StoreUnavailable:
            return False
        return True

    def _remember_unknown(self, digest: bytes) -> None:
        if len(self._unknown) >= self._most_unknown:
            del self._unknown[next(iter(self._unknown))]
        self._unknown[digest] = None

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_every)
            answered = self._store_answers
            try:
                await self.refresh()
                if self._used.due():
                    await self._note_use()
            except Exception as error:  # whatever it is: without the poll a revoked key would live for ever
                if answered:
                    # Only its kind: the text of a database's error may hold the values of a row.
                    _LOG.warning(
                        "the store does not answer (%s); known keys are served on", type(error).__name__
                    )
            else:
                if not answered:
                    _LOG.info("the store answers again")

    async def _note_use(self) -> None:
        noted = self._used.take()
        try:
            await self._off_loop(self._store.note_use, noted)
        except Exception:
            self._used.put_back(noted)
            raise

    async def _off_loop(self, call: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: call(*args, **kwargs))


def _refusal() -> Failure:
    return Failure(
        Code.INVALID_API_KEY,
        "Invalid API key. Send one as 'Authorization: Bearer zk_live_...' or 'x-api-key: zk_live_...'; "
        "your workspace's owner can issue one, in the console or with 'zai admin key create NAME'.",
        detail="Invalid API key",
    )


def _unavailable() -> Failure:
    return Failure(
        Code.STORE_UNAVAILABLE,
        "This API key cannot be looked up right now, because the gateway's store is down or busy; try again.",
        retry_after=_RETRY_AFTER,
    )
