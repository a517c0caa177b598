"""The API keys of a workspace: issued, found, changed, rotated and revoked."""

from collections.abc import Callable

from msgspec import UNSET, Struct
from msgspec.structs import replace

from zai_gateway.accounts import keys, terms
from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.audit_record import Subject
from zai_gateway.accounts.authorization import Deed, only_own
from zai_gateway.accounts.choosing import chosen
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.records import ApiKey, Predecessor
from zai_gateway.accounts.terms import IssuedKey, KeyChanges
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.ids import new_id

_MOST_PREDECESSORS = 5
_MOST_OVERLAP_MS = 90 * 86_400_000


class KeySearch(Struct, frozen=True, kw_only=True):
    """Which keys are sought: those that match all that is given."""

    text: str | None = None
    """A part of the name, or the beginning of the key or the id, without regard to case."""
    tag: str | None = None
    member: str | None = None
    """A member's id."""
    status: str | None = None
    """`active`, `expired` or `revoked`."""


def status(key: ApiKey, now_ms: int) -> str:
    """`active`, `expired` or `revoked`."""
    if key.revoked_ms is not None:
        return "revoked"
    return "expired" if key.expires_ms is not None and key.expires_ms <= now_ms else "active"


class ApiKeys:
    """Blocking calls. A member sees and changes its own keys only. Raises as `Accounts` says."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, actor: Actor, workspace: str, wanted: KeyChanges) -> IssuedKey:
        """Issues a key of these terms, of which the name must be set.

        One that a member makes is the member's own.
        """
        if wanted.member is UNSET and only_own(actor, Deed.KEY_CREATE):
            wanted = replace(wanted, member=actor.id)
        self._admit_owner(actor, Deed.KEY_CREATE, workspace, wanted)
        self._admit_allowance(actor, workspace, wanted)
        issued = new_key(workspace, wanted, self._desk.clock.now_ms())
        record = self._desk.record(actor, Deed.KEY_CREATE, workspace, subject(issued.key), None, issued.key)
        if not self._desk.store.add_key(issued.key, record):
            raise _no_member(issued.key.member)
        return issued

    def list(
        self,
        actor: Actor,
        workspace: str,
        search: KeySearch = KeySearch(),  # noqa: B008 -- it is frozen
    ) -> tuple[ApiKey, ...]:
        """Those that match, oldest first, revoked ones among them."""
        owner = actor.id if only_own(actor, Deed.KEY_LIST) else None
        self._desk.admit(actor, Deed.KEY_LIST, workspace, owner=owner)
        now = self._desk.clock.now_ms()
        return tuple(
            key for key in self._visible(actor, Deed.KEY_LIST, workspace) if _matches(key, search, now)
        )

    def show(self, actor: Actor, workspace: str, ref: str) -> ApiKey:
        """The key with the id `ref`, or of that name; one key that is not revoked wins over revoked ones."""
        return self._found(actor, Deed.KEY_SHOW, workspace, ref)

    def update(self, actor: Actor, workspace: str, ref: str, changes: KeyChanges) -> ApiKey:
        """Changes a key and gives it as it is now; a revoked one is refused."""

        def change(key: ApiKey) -> ApiKey:
            _refuse_revoked(key)
            if changes.member is not UNSET:
                self._admit_owner(actor, Deed.KEY_UPDATE, workspace, changes)
            self._admit_allowance(actor, workspace, changes)
            return terms.changed(key, changes, self._desk.clock.now_ms())

        return self._rewritten(actor, Deed.KEY_UPDATE, workspace, ref, change)

    def rotate(self, actor: Actor, workspace: str, ref: str, overlap_ms: int) -> IssuedKey:
        """Gives the key a new secret at once; those before it are valid for `overlap_ms` more at most.

        Its id, its terms and what it spent stay. An overlap of 0 ends every earlier secret now.
        """
        if not 0 <= overlap_ms <= _MOST_OVERLAP_MS:
            raise OperatorError("overlap: from 0 to 90 days.")
        secret = keys.new_secret()

        def change(key: ApiKey) -> ApiKey:
            _refuse_revoked(key)
            now = self._desk.clock.now_ms()
            return _rotated(key, secret, now, now + overlap_ms)

        return IssuedKey(key=self._rewritten(actor, Deed.KEY_ROTATE, workspace, ref, change), secret=secret)

    def revoke(self, actor: Actor, workspace: str, ref: str) -> ApiKey:
        """Ends a key for good. A key that was revoked before keeps the time at which it was."""

        def change(key: ApiKey) -> ApiKey:
            return replace(key, revoked_ms=key.revoked_ms or self._desk.clock.now_ms())

        return self._rewritten(actor, Deed.KEY_REVOKE, workspace, ref, change)

    def _admit_owner(self, actor: Actor, deed: Deed, workspace: str, wanted: KeyChanges) -> None:
        """Admits the deed to a key of the member that `wanted` names, who has to be there."""
        member = None if wanted.member is UNSET else wanted.member
        self._desk.admit(actor, deed, workspace, owner=member)
        if member is not None and not any(
            each.id == member and each.removed_ms is None for each in self._desk.store.members(workspace)
        ):
            raise _no_member(member)

    def _admit_allowance(self, actor: Actor, workspace: str, wanted: KeyChanges) -> None:
        """Admits giving an allowance; whoever may change the key may take it away."""
        if isinstance(wanted.unbounded_allowance, int):
            self._desk.admit(actor, Deed.ALLOWANCE_CHANGE, workspace)

    def _visible(self, actor: Actor, deed: Deed, workspace: str) -> tuple[ApiKey, ...]:
        every = self._desk.store.keys(workspace)
        if not only_own(actor, deed):
            return every
        return tuple(key for key in every if key.member == actor.id)

    def _found(self, actor: Actor, deed: Deed, workspace: str, ref: str) -> ApiKey:
        owner = actor.id if only_own(actor, deed) else None
        self._desk.admit(actor, deed, workspace, owner=owner)
        # Somebody else's key is not there for a member: nothing about it can be learnt by trying its id.
        every = self._visible(actor, deed, workspace)
        namesakes = tuple(key for key in every if key.name == ref and key.revoked_ms is None)
        if len(namesakes) == 1 and not any(key.id == ref for key in every):
            return namesakes[0]
        return chosen(ref, every, "API key")

    def _rewritten(
        self, actor: Actor, deed: Deed, workspace: str, ref: str, change: Callable[[ApiKey], ApiKey]
    ) -> ApiKey:
        def attempt() -> ApiKey | None:
            before = self._found(actor, deed, workspace, ref)
            after = change(before)
            if after == before:
                return before
            record = self._desk.record(actor, deed, workspace, subject(after), before, after)
            return after if self._desk.store.replace_key(before, after, record) else None

        return until_written(attempt)


def new_key(workspace: str, wanted: KeyChanges, now_ms: int) -> IssuedKey:
    """A key of these terms with a new secret, not written anywhere. Raises OperatorError."""
    secret = keys.new_secret()
    blank = ApiKey(
        id=new_id("key", now_ms),
        workspace=workspace,
        name="",
        prefix=keys.prefix(secret),
        digest=keys.digest(secret),
        budget=new_id("budget", now_ms),
        created_ms=now_ms,
    )
    key = terms.changed(blank, wanted, now_ms)
    return IssuedKey(key=replace(key, name=terms.checked_name(key.name)), secret=secret)


def subject(key: ApiKey) -> Subject:
    """The key as the audit names it."""
    return Subject("api_key", key.id, key.name)


def _rotated(key: ApiKey, secret: str, now_ms: int, retires_ms: int) -> ApiKey:
    old = Predecessor(digest=key.digest, prefix=key.prefix, retires_ms=retires_ms)
    shortened = (
        replace(each, retires_ms=min(each.retires_ms, retires_ms)) for each in (*key.predecessors, old)
    )
    predecessors = tuple(each for each in shortened if each.retires_ms > now_ms)
    if len(predecessors) > _MOST_PREDECESSORS:
        raise OperatorError(
            f"The API key {key.name!r} has {_MOST_PREDECESSORS} earlier secrets that are still valid: "
            "rotate it with a shorter overlap, which ends them sooner."
        )
    return replace(key, digest=keys.digest(secret), prefix=keys.prefix(secret), predecessors=predecessors)


def _matches(key: ApiKey, search: KeySearch, now_ms: int) -> bool:
    text = (search.text or "").strip().lower()
    starts = (key.prefix.lower(), key.id)
    return (
        (text in key.name.lower() or any(start.startswith(text) for start in starts))
        and (search.tag is None or search.tag in key.tags)
        and (search.member is None or search.member == key.member)
        and (search.status is None or search.status == status(key, now_ms))
    )


def _refuse_revoked(key: ApiKey) -> None:
    if key.revoked_ms is not None:
        raise OperatorError(f"The API key {key.name!r} ({key.id}) was revoked; create a new one.")


def _no_member(id: str | None) -> Failure:
    return Failure(Code.NOT_FOUND, f"There is no member {(id or '')[:100]!r} in this workspace.")
