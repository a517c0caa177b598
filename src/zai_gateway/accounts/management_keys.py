"""The management keys of a workspace: made for some scopes and a time, listed, revoked, and let act."""

from collections.abc import Iterable

from msgspec.structs import replace

from zai_gateway.accounts import keys, terms
from zai_gateway.accounts.actor import Actor, ActorKind, Scope
from zai_gateway.accounts.audit_record import Subject
from zai_gateway.accounts.authorization import ALLOWED, Deed, forbidden, may_grant
from zai_gateway.accounts.choosing import chosen
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.members import present
from zai_gateway.accounts.records import ManagementKey
from zai_gateway.accounts.terms import IssuedManagementKey
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.ids import is_id, new_id

_KIND = "mgmt"


def new_management_key_id(now_ms: int) -> str:
    """An id for a management key that is to be."""
    return new_id(_KIND, now_ms)


class ManagementKeys:
    """Blocking calls. Raises as `Accounts` says."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(
        self,
        actor: Actor,
        workspace: str,
        name: str,
        scopes: Iterable[Scope],
        expires_ms: int,
        *,
        id: str | None = None,
    ) -> IssuedManagementKey:
        """Makes a key that ends at `expires_ms`, in milliseconds since 1970.

        Nobody can give it a scope that reaches further than the actor's own rights (FORBIDDEN), and no
        management key one that outlives itself.

        `id` is one that the caller made by `new_management_key_id`: the same wish, sent twice, makes one key,
        and is refused the second time.
        """
        if id is not None and not is_id(id, _KIND):
            raise OperatorError("id: not the id of a management key; load the page again.")
        self._desk.admit(actor, Deed.MANAGEMENT_KEY_CREATE, workspace)
        granted = tuple(sorted(set(scopes)))
        if not granted:
            raise OperatorError(f"scopes: name at least one of {', '.join(Scope)}.")
        if not all(may_grant(actor, scope) for scope in granted):
            raise forbidden()
        now = self._desk.clock.now_ms()
        secret = keys.new_secret(keys.ADMIN)
        terms.checked_expiry(expires_ms, now)
        if actor.ends_ms is not None and expires_ms > actor.ends_ms:
            raise OperatorError("expires: no later than the management key by which it is made.")
        key = ManagementKey(
            id=id or new_management_key_id(now),
            workspace=workspace,
            name=terms.checked_name(name),
            prefix=keys.prefix(secret),
            digest=keys.digest(secret),
            scopes=granted,
            made_by=actor.member,
            expires_ms=expires_ms,
            created_ms=now,
        )
        record = self._desk.record(actor, Deed.MANAGEMENT_KEY_CREATE, workspace, _subject(key), None, key)
        if not self._desk.store.add_management_key(key, record):
            self._refuse_gone(actor, workspace)
            raise OperatorError(
                "This management key was made already, and its secret was shown that once. If nobody has it, "
                "revoke the key and make another."
            )
        if self._was_overtaken(actor, workspace):
            # Its maker's right ended meanwhile, and whoever ended it could not see this key.
            self.revoke(actor, workspace, key.id)
            raise forbidden()
        return IssuedManagementKey(key=key, secret=secret)

    def list(self, actor: Actor, workspace: str) -> tuple[ManagementKey, ...]:
        """Oldest first, revoked ones among them."""
        self._desk.admit(actor, Deed.MANAGEMENT_KEY_LIST, workspace)
        return self._desk.store.management_keys(workspace)

    def revoke(self, actor: Actor, workspace: str, ref: str) -> ManagementKey:
        """Ends a management key for good; one that was revoked before keeps the time at which it was."""
        self._desk.admit(actor, Deed.MANAGEMENT_KEY_REVOKE, workspace)

        def attempt() -> ManagementKey | None:
            before = chosen(ref, self._desk.store.management_keys(workspace), "management key")
            if before.revoked_ms is not None:
                return before
            after = replace(before, revoked_ms=self._desk.clock.now_ms())
            record = self._desk.record(
                actor, Deed.MANAGEMENT_KEY_REVOKE, workspace, _subject(after), before, after
            )
            return after if self._desk.store.replace_management_key(before, after, record) else None

        return until_written(attempt)

    def _refuse_gone(self, actor: Actor, workspace: str) -> None:
        """Raises Failure (FORBIDDEN) where the member by whom it is made is not there any more."""
        there = {each.id for each in present(self._desk.store.members(workspace))}
        if actor.member is not None and actor.member not in there:
            raise forbidden()

    def _was_overtaken(self, actor: Actor, workspace: str) -> bool:
        """Whether somebody has taken the right to make management keys from the actor by now."""
        makers = ALLOWED[Deed.MANAGEMENT_KEY_CREATE].roles
        lowered = any(
            each.id == actor.member and each.role not in makers
            for each in self._desk.store.members(workspace)
        )
        return lowered or any(
            each.id == actor.id and each.revoked_ms is not None
            for each in self._desk.store.management_keys(workspace)
        )

    def actor(self, token: str, address: str | None) -> Actor:
        """Who acts with this management key, calling from `address`.

        Raises Failure (INVALID_API_KEY), in the same words whatever is wrong with it.
        """
        if keys.well_formed(token, keys.ADMIN):
            key = self._desk.store.management_key_by_digest(keys.digest(token))
            if key is not None and key.revoked_ms is None and self._desk.clock.now_ms() < key.expires_ms:
                return acting(key, address)
        raise Failure(
            Code.INVALID_API_KEY,
            "Invalid management key. Send a valid one as 'Authorization: Bearer zk_admin_...'; an owner or "
            "admin of your workspace can make one.",
            detail="Invalid API key",
        )


def acting(key: ManagementKey, address: str | None) -> Actor:
    """The management key as an actor, calling from `address`."""
    return Actor(
        kind=ActorKind.MANAGEMENT_KEY,
        id=key.id,
        name=key.name,
        workspace=key.workspace,
        scopes=frozenset(key.scopes),
        made_by=key.made_by,
        ends_ms=key.expires_ms,
        address=address,
    )


def _subject(key: ManagementKey) -> Subject:
    return Subject("management_key", key.id, key.name)
