"""Commands on API keys: issue, list, show, rotate and revoke them."""

from typing import Annotated

import typer
from msgspec import UNSET

from zai_gateway.accounts.api_keys import KeySearch
from zai_gateway.accounts.records import NearCap
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.cli.acting import OPERATOR, member_of, workspace_of
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.key_options import (
    Allow,
    AllowUnbounded,
    Expires,
    Fallback,
    KeyRef,
    MemberOption,
    NearCapOption,
    Tags,
)
from zai_gateway.cli.key_options import SpendCap as Cap
from zai_gateway.cli.key_view import KeyView, Status
from zai_gateway.cli.options import AsJson, Data, InWorkspace
from zai_gateway.cli.rate_options import Concurrency, Rpm, Tpm
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.words import future_ms, length_ms


class Keys:
    """What an operator does with API keys."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._view = KeyView(composition, screen)

    def create(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        name: Annotated[str, typer.Argument(metavar="NAME", help="A label.", show_default=False)],
        *,
        data: Data = None,
        workspace: InWorkspace = None,
        spend_cap: Cap = None,
        near_cap: NearCapOption = None,
        allow: Allow = None,
        fallback: Fallback = None,
        allow_unbounded: AllowUnbounded = None,
        rpm: Rpm = None,
        tpm: Tpm = None,
        concurrency: Concurrency = None,
        expires: Expires = None,
        member: MemberOption = None,
        tag: Tags = None,
        as_json: AsJson = False,
    ) -> None:
        """Issue an API key. The key itself is shown this once."""
        now = self._composition.clock.now_ms()
        expires_ms = None if expires is None else future_ms(expires, now)
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            wanted = KeyChanges(
                name=name,
                cap=spend_cap,
                near_cap=near_cap or NearCap.CLAMP,
                allow=tuple(allow or ()),
                fallback=fallback,
                unbounded_allowance=allow_unbounded,
                rpm=rpm,
                tpm=tpm,
                concurrency=concurrency,
                expires_ms=expires_ms,
                member=UNSET if member is None else member_of(books, place, member),
                tags=tuple(tag or ()),
            )
            issued = books.accounts.api_keys.create(OPERATOR, place, wanted)
        self._view.issued(issued, None, as_json)

    def list(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        *,
        data: Data = None,
        workspace: InWorkspace = None,
        search: Annotated[
            str | None, typer.Option("--search", metavar="TEXT", help="A part of the name, or how it begins.")
        ] = None,
        tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="With this tag.")] = None,
        member: MemberOption = None,
        status: Annotated[Status | None, typer.Option("--status", help="In this state only.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """List the API keys with what they spent, revoked ones among them."""
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            wanted = KeySearch(
                text=search,
                tag=tag,
                member=None if member is None else member_of(books, place, member),
                status=None if status is None else status.value,
            )
            told = [
                self._view.document(books, key)
                for key in books.accounts.api_keys.list(OPERATOR, place, wanted)
            ]
        self._view.table(told, as_json)

    def show(
        self, ref: KeyRef, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False
    ) -> None:
        """Show an API key and what it spent."""
        with self._composition.books(data) as books:
            key = books.accounts.api_keys.show(OPERATOR, workspace_of(books, workspace), ref)
            self._view.one(books, key, as_json)

    def rotate(
        self,
        ref: KeyRef,
        *,
        data: Data = None,
        workspace: InWorkspace = None,
        overlap: Annotated[
            int,
            typer.Option(
                "--overlap", parser=length_ms, metavar="TIME", help="How long the old one is valid yet."
            ),
        ] = "24h",  # type: ignore[assignment]  # the parser reads it
        as_json: AsJson = False,
    ) -> None:
        """Give an API key a new secret, which is shown this once; its terms and its spend stay."""
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            issued = books.accounts.api_keys.rotate(OPERATOR, place, ref, overlap)
            self._view.issued(issued, self._view.standing(books, issued.key), as_json)

    def revoke(
        self, ref: KeyRef, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False
    ) -> None:
        """End an API key for good."""
        with self._composition.books(data) as books:
            key = books.accounts.api_keys.revoke(OPERATOR, workspace_of(books, workspace), ref)
            self._view.one(books, key, as_json)
