"""The API keys of a workspace: issued, found, changed, rotated and revoked."""

from collections.abc import Callable, Mapping

from msgspec import UNSET, Struct
from msgspec.structs import replace

from zai_gateway.accounts import keys, terms
from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.allowlists import canonical_allow, names_models
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.authorization import Deed, forbidden, only_own
from zai_gateway.accounts.choosing import chosen
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.key_limits import KeyLimits, KeySight, seen_key, subject
from zai_gateway.accounts.key_making import KIND, new_key, rotated
from zai_gateway.accounts.records import ApiKey
from zai_gateway.accounts.sights import refuse_unseen
from zai_gateway.accounts.terms import IssuedKey, KeyChanges
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.ids import is_id

_MOST_OVERLAP_MS = 90 * 86_400_000
_RESTORED_WITHIN_MS = 60_000


class KeySearch(Struct, frozen=True, kw_only=True):
    """Which keys are sought: those that match all that is given."""

    text: str | None = None
    """A part of the name or of a tag, or the beginning of the key or the id, without regard to case."""
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

    def __init__(self, desk: Desk, catalogue: Callable[[], Catalogue]) -> None:
        """`catalogue` knows the models' other names."""
        self._desk = desk
        self._catalogue = catalogue
        self._limits = KeyLimits(desk)

    def create(self, actor: Actor, workspace: str, wanted: KeyChanges, *, id: str | None = None) -> IssuedKey:
        """Issues a key of these terms, of which the name must be set.

        One that a member makes is the member's own. `id` is one that the caller made by
        `key_making.new_key_id`: the same wish, sent twice, makes one key, and is refused the second time.
        """
        if id is not None and not is_id(id, KIND):
            raise OperatorError("id: not the id of an API key; load the page again.")
        if wanted.member is UNSET and only_own(actor, Deed.KEY_CREATE):
            wanted = replace(wanted, member=actor.id)
        self._admit_owner(actor, Deed.KEY_CREATE, workspace, wanted)
        self._admit_allowance(actor, workspace, wanted)
        wanted = self._canonical(wanted)
        issued = new_key(workspace, wanted, self._desk.clock.now_ms(), id)
        record = self._desk.record(actor, Deed.KEY_CREATE, workspace, subject(issued.key), None, issued.key)
        budgets = self._limits.changes(actor, issued.key, wanted.limits, {})
        if not self._desk.store.add_key(issued.key, record, budgets):
            # It raises where it is the member who is gone since.
            self._admit_owner(actor, Deed.KEY_CREATE, workspace, wanted)
            raise OperatorError(
                "This API key was issued already, and its secret was shown that once. If nobody has it, "
                "rotate the key to get another."
            )
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

    def names(self, actor: Actor, workspace: str) -> Mapping[str, str]:
        """How those that the actor may list are called, by id; revoked ones among them."""
        owner = actor.id if only_own(actor, Deed.KEY_LIST) else None
        self._desk.admit(actor, Deed.KEY_LIST, workspace, owner=owner)
        return self._desk.store.key_names(workspace, owner)

    def show(self, actor: Actor, workspace: str, ref: str) -> ApiKey:
        """The key with the id `ref`, or of that name; one key that is not revoked wins over revoked ones."""
        return self._found(actor, Deed.KEY_SHOW, workspace, ref)

    def look(self, actor: Actor, workspace: str, ref: str) -> KeySight:
        """As `show`, with its limits by day, week and month."""
        key = self._found(actor, Deed.KEY_SHOW, workspace, ref)
        return seen_key(key, self._limits.standing(key))

    def update(
        self, actor: Actor, workspace: str, ref: str, changes: KeyChanges, *, seen: str | None = None
    ) -> ApiKey:
        """Changes a key and gives it as it is now; a revoked one is refused.

        `seen` is the sight of the key's terms as the caller saw them: where they are others by now, and the
        changes would change them, they are refused.
        """
        changes = self._canonical(changes)

        def attempt() -> ApiKey | None:
            before = self._found(actor, Deed.KEY_UPDATE, workspace, ref)
            _refuse_revoked(before)
            if changes.member is not UNSET:
                self._admit_owner(actor, Deed.KEY_UPDATE, workspace, changes)
            self._admit_allowance(actor, workspace, changes)
            after = terms.changed(before, changes, self._desk.clock.now_ms())
            standing = self._limits.standing(before)
            budgets = self._limits.changes(actor, after, changes.limits, standing)
            if after == before and not budgets:
                return before
            refuse_unseen(seen, seen_key(before, standing).terms, f"The API key {before.name!r}")
            record = self._desk.record(actor, Deed.KEY_UPDATE, workspace, subject(after), before, after)
            told = None if after == before else record
            return after if self._desk.store.replace_key(before, after, told, budgets) else None

        return until_written(attempt)

    def rotate(
        self, actor: Actor, workspace: str, ref: str, overlap_ms: int, *, seen: str | None = None
    ) -> IssuedKey:
        """Gives the key a new secret at once; those before it are valid for `overlap_ms` more at most.

        Its id, its terms and what it spent stay. An overlap of 0 ends every earlier secret now. `seen` is
        the prefix of the secret that is to be followed: where that was rotated out by now, it is refused.
        """
        if not 0 <= overlap_ms <= _MOST_OVERLAP_MS:
            raise OperatorError("overlap: from 0 to 90 days.")
        secret = keys.new_secret()

        def change(key: ApiKey) -> ApiKey:
            _refuse_revoked(key)
            if seen is not None and key.prefix != seen:
                raise OperatorError(
                    f"The API key {key.name!r} was rotated since you saw it: its secret begins with "
                    f"{key.prefix} now. Load the page again to rotate that one."
                )
            now = self._desk.clock.now_ms()
            return rotated(key, secret, now, now + overlap_ms)

        return IssuedKey(key=self._rewritten(actor, Deed.KEY_ROTATE, workspace, ref, change), secret=secret)

    def revoke(self, actor: Actor, workspace: str, ref: str) -> ApiKey:
        """Ends a key at once, and for good after a minute. One that was revoked before keeps its time."""

        def change(key: ApiKey) -> ApiKey:
            return replace(key, revoked_ms=key.revoked_ms or self._desk.clock.now_ms())

        return self._rewritten(actor, Deed.KEY_REVOKE, workspace, ref, change)

    def restore(self, actor: Actor, workspace: str, ref: str) -> ApiKey:
        """Takes back a revocation of at most 60 seconds ago; later it is for good, and refused.

        A key that went with its member stays revoked, and a member takes back its own revocations only.
        """

        def change(key: ApiKey) -> ApiKey:
            if key.revoked_ms is None:
                return key
            if self._desk.clock.now_ms() - key.revoked_ms > _RESTORED_WITHIN_MS:
                raise OperatorError(
                    f"The API key {key.name!r} ({key.id}) was revoked more than "
                    f"{_RESTORED_WITHIN_MS // 1_000} s ago, which is for good; create a new one."
                )
            self._admit_restoring(actor, workspace, key)
            return replace(key, revoked_ms=None)

        return self._rewritten(actor, Deed.KEY_RESTORE, workspace, ref, change)

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

    def canonical_allow(self, patterns: tuple[str, ...]) -> tuple[str, ...]:
        """An allowlist as it is stored: a model that is named by an alias stands there by its own name."""
        return canonical_allow(patterns, self._catalogue()) if names_models(patterns) else patterns

    def _canonical(self, wanted: KeyChanges) -> KeyChanges:
        if wanted.allow is UNSET:
            return wanted
        return replace(wanted, allow=self.canonical_allow(terms.checked_allow(wanted.allow)))

    def _admit_restoring(self, actor: Actor, workspace: str, key: ApiKey) -> None:
        if key.member is not None and not any(
            each.id == key.member and each.removed_ms is None for each in self._desk.store.members(workspace)
        ):
            raise _no_member(key.member)
        if only_own(actor, Deed.KEY_RESTORE):
            search = AuditSearch(workspace=workspace, deed=Deed.KEY_REVOKE, object=key.id, most=1)
            if any(record.actor_id != actor.id for record in self._desk.store.audit(search)):
                raise forbidden()

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


def _matches(key: ApiKey, search: KeySearch, now_ms: int) -> bool:
    text = (search.text or "").strip().lower()
    starts = (key.prefix.lower(), key.id)
    return (
        (
            any(text in said.lower() for said in (key.name, *key.tags))
            or any(start.startswith(text) for start in starts)
        )
        and (search.tag is None or search.tag in key.tags)
        and (search.member is None or search.member == key.member)
        and (search.status is None or search.status == status(key, now_ms))
    )


def _refuse_revoked(key: ApiKey) -> None:
    if key.revoked_ms is not None:
        raise OperatorError(f"The API key {key.name!r} ({key.id}) was revoked; create a new one.")


def _no_member(id: str | None) -> Failure:
    return Failure(Code.NOT_FOUND, f"There is no member {(id or '')[:100]!r} in this workspace.")
