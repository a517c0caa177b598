"""Commands on API keys: issue, list, show, change and revoke them."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

import msgspec
import typer
from msgspec import UNSET, UnsetType

from zai_gateway.accounts.records import ApiKey
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.cli.documents import KeyDocument, key_document
from zai_gateway.cli.doors import Books, Composition
from zai_gateway.cli.options import AsJson, Data
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.words import future_ms, nano

_Ref = Annotated[str, typer.Argument(metavar="KEY", help="Its id or unique name.", show_default=False)]
_Cap = Annotated[
    int | None, typer.Option("--spend-cap", parser=nano, metavar="USD", help="The most it may ever spend.")
]
_Allow = Annotated[
    list[str] | None,
    typer.Option("--allow", metavar="PATTERN", help="A model it may call, such as 'openai/*'; repeatable."),
]
_Fallback = Annotated[
    str | None, typer.Option("--fallback", metavar="MODEL", help="Kept and shown; used by a later release.")
]
_Expires = Annotated[
    str | None,
    typer.Option("--expires", metavar="TIME", help="90m, 12h, 30d or 4w from now, or a date (UTC)."),
]


_T = TypeVar("_T")


class Keys:
    """What an operator does with API keys."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def create(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        name: Annotated[str, typer.Argument(metavar="NAME", help="A label.", show_default=False)],
        *,
        data: Data = None,
        spend_cap: _Cap = None,
        allow: _Allow = None,
        fallback: _Fallback = None,
        expires: _Expires = None,
        as_json: AsJson = False,
    ) -> None:
        """Issue an API key. The key itself is shown this once."""
        now = self._composition.clock.now_ms()
        expires_ms = None if expires is None else future_ms(expires, now)
        with self._composition.books(data) as books:
            issued = books.accounts.create_key(
                books.accounts.the_workspace().id,
                name,
                cap=spend_cap,
                allow=allow or (),
                fallback=fallback,
                expires_ms=expires_ms,
            )
        told = key_document(issued.key, None, now)
        if as_json:
            fields: dict[str, object] = msgspec.to_builtins(told)
            self._screen.document({"id": told.id, "key": issued.secret, **fields})
            return
        self._screen.say(issued.secret)
        self._screen.note(f"This is the API key {told.name} ({told.id}). It is shown only now: keep it safe.")

    def list(self, data: Data = None, as_json: AsJson = False) -> None:
        """List the API keys with what they spent, revoked ones among them."""
        with self._composition.books(data) as books:
            keys = books.accounts.list_keys(books.accounts.the_workspace().id)
            told = [self._told(books, key) for key in keys]
        if as_json:
            self._screen.document({"keys": told})
            return
        self._screen.table(
            ("name", "key", "id", "status", "spent USD>", "cap USD>", "allow", "expires"),
            [
                (
                    key.name,
                    f"{key.prefix}...",
                    key.id,
                    key.status,
                    key.spend_usd,
                    key.spend_cap_usd or "none",
                    ", ".join(key.allow) or "any",
                    key.expires_at or "never",
                )
                for key in told
            ],
        )

    def show(self, ref: _Ref, data: Data = None, as_json: AsJson = False) -> None:
        """Show an API key and what it spent."""
        with self._composition.books(data) as books:
            key = books.accounts.find_key(books.accounts.the_workspace().id, ref)
            self._print(self._told(books, key), as_json)

    def update(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        ref: _Ref,
        *,
        data: Data = None,
        name: Annotated[str | None, typer.Option("--name", help="A new label.")] = None,
        spend_cap: _Cap = None,
        no_spend_cap: Annotated[bool, typer.Option("--no-spend-cap", help="Take the cap away.")] = False,
        allow: _Allow = None,
        allow_any: Annotated[bool, typer.Option("--allow-any", help="Allow every model.")] = False,
        fallback: _Fallback = None,
        no_fallback: Annotated[bool, typer.Option("--no-fallback", help="Take the fallback away.")] = False,
        expires: _Expires = None,
        no_expires: Annotated[bool, typer.Option("--no-expires", help="Let it never expire.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Change an API key. What is not named stays; --allow replaces the whole list."""
        now = self._composition.clock.now_ms()
        expires_ms = None if expires is None else future_ms(expires, now)
        changes = KeyChanges(
            name=UNSET if name is None else name,
            cap=_change(spend_cap, no_spend_cap, "--no-spend-cap"),
            allow=_allowed(allow, allow_any),
            fallback=_change(fallback, no_fallback, "--no-fallback"),
            expires_ms=_change(expires_ms, no_expires, "--no-expires"),
        )
        if changes == KeyChanges():
            raise typer.BadParameter("name what to change, such as --spend-cap 5.00.", param_hint="'KEY'")
        with self._composition.books(data) as books:
            key = books.accounts.update_key(books.accounts.the_workspace().id, ref, changes)
            self._print(self._told(books, key), as_json)

    def revoke(self, ref: _Ref, data: Data = None, as_json: AsJson = False) -> None:
        """End an API key for good."""
        with self._composition.books(data) as books:
            key = books.accounts.revoke_key(books.accounts.the_workspace().id, ref)
            self._print(self._told(books, key), as_json)

    def _told(self, books: Books, key: ApiKey) -> KeyDocument:
        now = self._composition.clock.now_ms()
        standings = books.spend.standings(key.id, now)
        own = next((standing for standing in standings if standing.budget.id == key.budget), None)
        return key_document(key, own, now)

    def _print(self, key: KeyDocument, as_json: bool) -> None:
        if as_json:
            self._screen.document(key)
            return
        self._screen.facts(
            (
                ("id", key.id),
                ("name", key.name),
                ("key", f"{key.prefix}..."),
                ("status", key.status),
                ("spent", f"{key.spend_usd} USD"),
                ("cap", "none" if key.spend_cap_usd is None else f"{key.spend_cap_usd} USD"),
                ("allow", ", ".join(key.allow) or "any model"),
                ("fallback", key.fallback_model or "none"),
                ("expires", key.expires_at or "never"),
                ("revoked", key.revoked_at or "no"),
                ("created", key.created_at),
            )
        )


def _change(value: _T | None, taken_away: bool, option: str) -> _T | UnsetType | None:
    """What an option and its `--no-...` say together; raises typer.BadParameter where both were given."""
    if value is not None and taken_away:
        raise typer.BadParameter("the opposite was given too.", param_hint=f"'{option}'")
    return value if value is not None or taken_away else UNSET


def _allowed(patterns: Sequence[str] | None, every: bool) -> tuple[str, ...] | UnsetType:
    if patterns and every:
        raise typer.BadParameter("--allow was given too.", param_hint="'--allow-any'")
    return tuple(patterns or ()) if patterns or every else UNSET
