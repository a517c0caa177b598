"""The command that changes the terms of an API key."""

from collections.abc import Sequence
from typing import Annotated

import typer
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

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
from zai_gateway.cli.key_view import KeyView
from zai_gateway.cli.options import AsJson, Data, InWorkspace
from zai_gateway.cli.rate_options import (
    Concurrency,
    NoConcurrency,
    NoRpm,
    NoTpm,
    Rpm,
    Tpm,
    changed_to,
)
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.words import future_ms


class KeyUpdate:
    """How an operator changes an API key."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._view = KeyView(composition, screen)

    def update(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        ref: KeyRef,
        *,
        data: Data = None,
        workspace: InWorkspace = None,
        name: Annotated[str | None, typer.Option("--name", help="A new label.")] = None,
        spend_cap: Cap = None,
        no_spend_cap: Annotated[bool, typer.Option("--no-spend-cap", help="Take the cap away.")] = False,
        near_cap: NearCapOption = None,
        allow: Allow = None,
        allow_any: Annotated[bool, typer.Option("--allow-any", help="Allow every model.")] = False,
        fallback: Fallback = None,
        no_fallback: Annotated[bool, typer.Option("--no-fallback", help="Take the fallback away.")] = False,
        allow_unbounded: AllowUnbounded = None,
        no_unbounded: Annotated[
            bool, typer.Option("--no-unbounded", help="Refuse what nothing bounds, as a cap does.")
        ] = False,
        rpm: Rpm = None,
        no_rpm: NoRpm = False,
        tpm: Tpm = None,
        no_tpm: NoTpm = False,
        concurrency: Concurrency = None,
        no_concurrency: NoConcurrency = False,
        expires: Expires = None,
        no_expires: Annotated[bool, typer.Option("--no-expires", help="Let it never expire.")] = False,
        member: MemberOption = None,
        no_member: Annotated[bool, typer.Option("--no-member", help="Let it be nobody's own.")] = False,
        tag: Tags = None,
        no_tags: Annotated[bool, typer.Option("--no-tags", help="Take every tag away.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Change an API key. What is not named stays; --allow and --tag replace the whole list."""
        now = self._composition.clock.now_ms()
        expires_ms = None if expires is None else future_ms(expires, now)
        whose = changed_to(member, no_member, "--no-member")
        changes = KeyChanges(
            name=UNSET if name is None else name,
            cap=changed_to(spend_cap, no_spend_cap, "--no-spend-cap"),
            near_cap=UNSET if near_cap is None else near_cap,
            allow=_several(allow, allow_any, "--allow-any"),
            fallback=changed_to(fallback, no_fallback, "--no-fallback"),
            unbounded_allowance=changed_to(allow_unbounded, no_unbounded, "--no-unbounded"),
            rpm=changed_to(rpm, no_rpm, "--no-rpm"),
            tpm=changed_to(tpm, no_tpm, "--no-tpm"),
            concurrency=changed_to(concurrency, no_concurrency, "--no-concurrency"),
            expires_ms=changed_to(expires_ms, no_expires, "--no-expires"),
            tags=_several(tag, no_tags, "--no-tags"),
            member=whose,
        )
        if changes == KeyChanges():
            raise typer.BadParameter("name what to change, such as --spend-cap 5.00.", param_hint="'KEY'")
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            if isinstance(whose, str):
                changes = replace(changes, member=member_of(books, place, whose))
            key = books.accounts.api_keys.update(OPERATOR, place, ref, changes)
            self._view.one(books, key, as_json)


def _several(values: Sequence[str] | None, none: bool, option: str) -> tuple[str, ...] | UnsetType:
    """The same of an option that may be given several times, and of the one that empties its list."""
    if values and none:
        raise typer.BadParameter("the opposite was given too.", param_hint=f"'{option}'")
    return tuple(values or ()) if values or none else UNSET
