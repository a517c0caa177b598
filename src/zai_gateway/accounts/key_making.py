"""How an API key is made, and given another secret; nothing is written anywhere."""

from msgspec.structs import replace

from zai_gateway.accounts import keys, terms
from zai_gateway.accounts.records import ApiKey, Predecessor
from zai_gateway.accounts.terms import IssuedKey, KeyChanges
from zai_gateway.errors import OperatorError
from zai_gateway.ids import new_id

KIND = "key"
"""What ids of API keys begin with."""
_MOST_PREDECESSORS = 5


def new_key_id(now_ms: int) -> str:
    """An id for a key that is to be."""
    return new_id(KIND, now_ms)


def new_key(workspace: str, wanted: KeyChanges, now_ms: int, id: str | None = None) -> IssuedKey:
    """A key of these terms with a new secret. Raises OperatorError."""
    secret = keys.new_secret()
    blank = ApiKey(
        id=id or new_key_id(now_ms),
        workspace=workspace,
        name="",
        prefix=keys.prefix(secret),
        digest=keys.digest(secret),
        budget=new_id("budget", now_ms),
        created_ms=now_ms,
    )
    key = terms.changed(blank, wanted, now_ms)
    return IssuedKey(key=replace(key, name=terms.checked_name(key.name)), secret=secret)


def rotated(key: ApiKey, secret: str, now_ms: int, retires_ms: int) -> ApiKey:
    """The key with another secret; those before it retire at `retires_ms` at the latest.

    Raises OperatorError where too many of them would be left.
    """
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
