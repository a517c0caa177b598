"""Setting another password: by whoever knows the old one, or by a link that the operator gives."""

from msgspec.structs import replace

from zai_gateway.accounts import sign_in_tries, terms
from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.audit_record import AuditRecord, audit_record, differences
from zai_gateway.accounts.authorization import Deed, require
from zai_gateway.accounts.desk import until_written
from zai_gateway.accounts.identity import IssuedLink, LinkKind, Origin, Person, Session, SignedIn
from zai_gateway.accounts.passwords import checked_password
from zai_gateway.accounts.reception import Reception, no_link, subject
from zai_gateway.accounts.sign_in import SignIn
from zai_gateway.accounts.sign_in_store import Credentials, NewPassword, OneTimeLink
from zai_gateway.errors import Code, Failure, OperatorError


class PasswordChange:
    """Blocking calls. They do, and raise, as those of `People` say."""

    def __init__(self, reception: Reception, sign_in: SignIn) -> None:
        self._reception = reception
        self._store = reception.store
        self._sign_in = sign_in

    def change(self, session: Session, old: str, new: str, address: str | None) -> None:
        """Sets `new` where `old` is the password; the session stays."""
        whose = session.person
        checked = checked_password(new, whose.email, whose.name)
        seen = self._sign_in.proven(whose.id, old, address or session.address)
        if seen is None:
            raise OperatorError("old password: this is not your password.")
        if checked == old:
            raise OperatorError("password: this is the one that you have; choose another.")
        after = self._with(seen, checked)
        password = NewPassword(
            seen=seen,
            after=after,
            keeps=bytes.fromhex(session.id),
            forgives=sign_in_tries.of_email(whose.email),
            at_ms=after.person.password_ms,
        )
        if not self._store.set_password(password, self._records(seen, after, address)):
            raise Failure(
                Code.SIGN_IN_REQUIRED,
                "Your session ended, or your password was changed elsewhere, at this moment: sign in again.",
            )

    def reset_link(self, actor: Actor, email: str) -> IssuedLink:
        """A link for the person with this e-mail, which ends those before it."""
        require(actor, Deed.PERSON_RESET, None)
        email = terms.checked_email(email)
        found = self._store.credentials(email)
        if found is None:
            raise Failure(Code.NOT_FOUND, f"Nobody has an account here with the e-mail {email}.")
        person = found.person
        issued, link = self._reception.new_link(LinkKind.RESET, actor, person=person.id)
        self._store.add_link(link, (), self._records_of_link(actor, person, link))
        return issued

    def reset(self, token: str, password: str, origin: Origin) -> SignedIn:
        """Sets another password by the link, and begins a session."""
        whose = self.whose(self._reception.held(token, LinkKind.RESET)).person
        kept = self._reception.passwords.hashed(checked_password(password, whose.email, whose.name))

        def attempt() -> SignedIn | None:
            link = self._reception.held(token, LinkKind.RESET)
            seen = self.whose(link)
            after = self._dated(seen.person, kept)
            signed_in, session = self._reception.new_session(after.person, origin)
            changed = NewPassword(
                seen=seen,
                after=after,
                begins=session,
                link=link,
                forgives=sign_in_tries.of_email(seen.person.email),
                at_ms=after.person.password_ms,
            )
            records = self._records(seen, after, origin.address)
            return signed_in if self._store.set_password(changed, records) else None

        return until_written(attempt)

    def whose(self, link: OneTimeLink) -> Credentials:
        """Whose password the link sets. Failure NOT_FOUND where there is nobody."""
        found = self._store.credentials_of(link.person or "")
        if found is None:
            raise no_link()
        return found

    def _with(self, seen: Credentials, checked: str) -> Credentials:
        return self._dated(seen.person, self._reception.passwords.hashed(checked))

    def _dated(self, person: Person, hash: str) -> Credentials:
        dated = replace(person, password_ms=self._reception.now_ms())
        return Credentials(person=dated, password=hash)

    def _records(self, seen: Credentials, after: Credentials, address: str | None) -> tuple[AuditRecord, ...]:
        # Of a hash the audit says no more than that it is another: that is when it was set.
        changes = differences(seen.person, after.person)
        return self._reception.records(after.person, Deed.PERSON_PASSWORD, changes, address)

    def _records_of_link(self, actor: Actor, person: Person, link: OneTimeLink) -> tuple[AuditRecord, ...]:
        changes, now = differences(None, link), self._reception.now_ms()
        places = [each.workspace.id for each in self._store.memberships(person.id)] or [None]
        return tuple(
            audit_record(actor, Deed.PERSON_RESET, place, subject(person), changes, now) for place in places
        )
