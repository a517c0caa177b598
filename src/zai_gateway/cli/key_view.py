"""How API keys are shown: one, a table of them, or a new secret this once."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from zai_gateway.accounts.records import ApiKey
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.cli.doors import Books, Composition
from zai_gateway.cli.rate_options import rates_in_words
from zai_gateway.cli.screen import Screen
from zai_gateway.documents.keys import KeyDocument, key_document
from zai_gateway.spend.store import Standing


class Status(StrEnum):
    """What can have become of a key."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class KeyView:
    """Shows API keys, as words or as JSON."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def standing(self, books: Books, key: ApiKey) -> Standing | None:
        """Where the key's own total stands; None where nothing was ever held in it."""
        standings = books.spend.standings(key.id, self._composition.clock.now_ms())
        return next((standing for standing in standings if standing.budget.id == key.budget), None)

    def document(self, books: Books, key: ApiKey) -> KeyDocument:
        """The key with what it spent."""
        return key_document(key, self.standing(books, key), self._composition.clock.now_ms())

    def issued(self, issued: IssuedKey, standing: Standing | None, as_json: bool) -> None:
        """A key with its new secret, which alone stands on stdout."""
        told = key_document(issued.key, standing, self._composition.clock.now_ms())
        if as_json:
            fields: dict[str, object] = msgspec.to_builtins(told)
            self._screen.document({"id": told.id, "key": issued.secret, **fields})
            return
        self._screen.say(issued.secret)
        self._screen.note(f"This is the API key {told.name} ({told.id}). It is shown only now: keep it safe.")
        for old in told.retiring:
            self._screen.note(f"{old.prefix}... is valid until {old.retires_at}.")

    def table(self, told: Sequence[KeyDocument], as_json: bool) -> None:
        """Several keys."""
        if as_json:
            self._screen.document({"keys": told})
            return
        self._screen.table(
            (
                "name",
                "key",
                "id",
                "status",
                "spent USD>",
                "cap USD>",
                "allow",
                "tags",
                "last used",
                "expires",
            ),
            [
                (
                    key.name,
                    f"{key.prefix}...",
                    key.id,
                    key.status,
                    key.spend_usd,
                    key.spend_cap_usd or "none",
                    ", ".join(key.allow) or "any",
                    ", ".join(key.tags),
                    key.last_used_at or "never",
                    key.expires_at or "never",
                )
                for key in told
            ],
        )

    def one(self, books: Books, key: ApiKey, as_json: bool) -> None:
        """One key with all that is known of it."""
        told = self.document(books, key)
        if as_json:
            self._screen.document(told)
            return
        self._screen.facts(
            (
                ("id", told.id),
                ("name", told.name),
                ("key", f"{told.prefix}..."),
                ("status", told.status),
                ("spent", f"{told.spend_usd} USD"),
                ("cap", "none" if told.spend_cap_usd is None else f"{told.spend_cap_usd} USD"),
                ("near the cap", told.near_cap),
                ("allow", ", ".join(told.allow) or "any model"),
                ("fallback", told.fallback_model or "none"),
                ("without a bound", _allowance(told)),
                ("rate limits", rates_in_words(told.rpm, told.tpm, told.concurrency)),
                ("member", told.member_id or "none"),
                ("tags", ", ".join(told.tags) or "none"),
                *((f"until {old.retires_at}", f"{old.prefix}...") for old in told.retiring),
                ("last used", told.last_used_at or "never"),
                ("expires", told.expires_at or "never"),
                ("revoked", told.revoked_at or "no"),
                ("created", told.created_at),
            )
        )


def _allowance(told: KeyDocument) -> str:
    if told.unbounded_allowance_usd is None:
        return "refused under a cap"
    return f"allowed, {told.unbounded_allowance_usd} USD held for each request"
