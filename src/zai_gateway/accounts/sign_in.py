"""Signing in and out with an e-mail and a password, and what goes on with a session."""

from contextlib import suppress

from zai_gateway.accounts import sign_in_tries, terms
from zai_gateway.accounts.audit_record import Change
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.desk import until_written
from zai_gateway.accounts.identity import Origin, Session, SignedIn
from zai_gateway.accounts.reception import Reception, digest_of, invalid_credentials
from zai_gateway.accounts.sign_in_store import Credentials
from zai_gateway.errors import OperatorError, StoreUnavailable

_IDLE_MS = 7 * 86_400_000
_SEEN_EVERY_MS = 300_000


class SignIn:
    """Blocking calls. They do, and raise, as those of `People` say."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._store = reception.store

    def sign_in(self, email: str, password: str, origin: Origin) -> SignedIn:
        """Begins a session. A try is counted before it is made, so that none slips in beside others."""
        try:
            known_as = terms.checked_email(email)
        except OperatorError:
            known_as = None
        charged = self.charge(known_as, origin.address)
        passwords = self._reception.passwords

        def attempt() -> SignedIn | None:
            found = None if known_as is None else self._store.credentials(known_as)
            if not passwords.opens(None if found is None else found.password, password) or found is None:
                raise invalid_credentials()
            kept = passwords.hashed(password) if passwords.is_outdated(found.password) else found.password
            signed_in, session = self._reception.new_session(found.person, origin)
            changes = {"session": Change(None, signed_in.session.id[:8])}
            records = self._reception.records(found.person, Deed.PERSON_SIGN_IN, changes, origin.address)
            return signed_in if self._store.begin_session(found, kept, session, charged, records) else None

        return until_written(attempt)

    def charge(self, email: str | None, address: str | None) -> tuple[str, ...]:
        """Counts a try at a password, and gives the ids that it counts under. Failure RATE_LIMITED."""
        allowances = sign_in_tries.allowances(email, address)
        wait_ms = self._store.charge_tries(allowances, self._reception.now_ms())
        if wait_ms > 0:
            raise sign_in_tries.too_many(wait_ms)
        return tuple(allowances)

    def proven(self, person: str, password: str, address: str | None) -> Credentials | None:
        """Who the person is, where this is its password; a try that counts as one to sign in does."""
        found = self._store.credentials_of(person)
        if found is None:
            return None
        self.charge(found.person.email, address)
        return found if self._reception.passwords.opens(found.password, password) else None

    def session(self, token: str) -> Session | None:
        """The session, and every five minutes a note that it was seen."""
        digest = digest_of(token)
        found = None if digest is None else self._store.session(digest)
        now = self._reception.now_ms()
        if digest is None or found is None or not _goes_on(found, now):
            return None
        if now - found.seen_ms >= _SEEN_EVERY_MS:
            # A page need not fail because the store cannot be written to.
            with suppress(StoreUnavailable):
                self._store.note_seen(digest, now)
        return found

    def sessions(self, person: str) -> tuple[Session, ...]:
        """Those that go on."""
        now = self._reception.now_ms()
        return tuple(each for each in self._store.sessions(person) if _goes_on(each, now))

    def sign_out(self, token: str) -> None:
        """Ends the session."""
        digest = digest_of(token)
        if digest is not None:
            self._store.end_session(digest)

    def sign_out_everywhere(self, person: str, address: str | None) -> int:
        """Ends every session; the record tells how many went on."""
        found = self._store.person(person)
        if found is None:
            return 0
        changes = {"sessions": Change(len(self.sessions(person)), 0)}
        records = self._reception.records(found, Deed.PERSON_SIGN_OUT, changes, address)
        return self._store.end_sessions(person, records)


def _goes_on(session: Session, now_ms: int) -> bool:
    return now_ms < session.ends_ms and now_ms - session.seen_ms < _IDLE_MS
