"""The command that brings the books to what one file declares, or shows what it would do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, cast

import typer
from msgspec import Struct

from zai_gateway.accounts import declaration
from zai_gateway.accounts.applying import Applying
from zai_gateway.accounts.audit_record import Change
from zai_gateway.accounts.plan_steps import Action, Verb
from zai_gateway.cli.acting import OPERATOR
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.secret_files import MadeKeys, referred_secrets
from zai_gateway.errors import OperatorError

DIFFERENT = 3
"""The exit code of a dry run that found something to do."""

_MOST_BYTES = 4 * declaration.MOST_CHARACTERS


class ActionDocument(Struct, frozen=True, kw_only=True):
    """One thing that was done, or is to be."""

    action: str
    """`create`, `change` or `remove`."""
    table: str
    workspace: str
    name: str
    changes: Mapping[str, Change]
    """By the fields of the declaration, in its words: amounts in USD."""


class MadeKeyDocument(Struct, frozen=True, kw_only=True):
    """An API key that was made."""

    workspace: str
    name: str
    id: str
    prefix: str
    key: str | None = None
    """The secret, this once; None where it was written to a file."""
    secret_file: str | None = None


class AppliedDocument(Struct, frozen=True, kw_only=True):
    """What came of one run."""

    dry_run: bool
    actions: tuple[ActionDocument, ...]
    keys: tuple[MadeKeyDocument, ...]


class Apply:
    """What an operator does with a declaration."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def apply(
        self,
        file: Annotated[
            Path, typer.Argument(metavar="FILE", help="The declaration, in TOML.", show_default=False)
        ],
        *,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Show what would be done; exit with 3 if anything.")
        ] = False,
        prune: Annotated[
            bool, typer.Option("--prune", help="Also remove what is not declared, of the kinds that are.")
        ] = False,
        data: Data = None,
        as_json: AsJson = False,
    ) -> int:
        """Bring workspaces, members, keys, providers, models, prices and budgets to what a file declares."""
        wanted = declaration.read(_text(file))
        secrets = referred_secrets(wanted, self._composition.secret, file.parent)
        made, done = MadeKeys(file.parent), list[Action]()
        with self._composition.books(data) as books:
            applying = Applying(books.accounts, OPERATOR, secrets)
            actions = applying.plan(wanted, self._composition.clock.now_ms(), prune=prune)
            made.check(actions)
            if dry_run:
                self._tell(actions, made, as_json, dry_run=True)
                return DIFFERENT if actions else 0
            try:
                for action in actions:
                    applying.carry_out(action, made.keeping)
                    done.append(action)
            except BaseException:
                # What was done stands, and nobody can be told later of a secret that was made.
                if done or made.shown:
                    self._tell(done, made, as_json, dry_run=False)
                raise
        self._tell(done, made, as_json, dry_run=False)
        return 0

    def _tell(self, actions: Sequence[Action], made: MadeKeys, as_json: bool, *, dry_run: bool) -> None:
        if as_json:
            self._screen.document(_document(actions, made, dry_run))
            return
        if not actions and not made.shown:
            self._screen.say("Nothing to do: everything is as declared.")
            return
        heads = ("to do" if dry_run else "done", "table", "workspace", "name", "field", "before", "after")
        self._screen.table(heads, [row for action in actions for row in _rows(action)])
        for action, issued in made.shown:
            self._screen.say(f"{action.workspace} / {action.name}: {issued.secret}")
        if made.shown:
            self._screen.note("API keys are shown only now: keep them safe.")
        for action, _, path in made.written:
            self._screen.note(f"The API key {action.name} is in {path}.")


def _document(actions: Sequence[Action], made: MadeKeys, dry_run: bool) -> AppliedDocument:
    shown = tuple(
        MadeKeyDocument(
            workspace=action.workspace,
            name=action.name,
            id=issued.key.id,
            prefix=issued.key.prefix,
            key=issued.secret,
        )
        for action, issued in made.shown
    )
    written = tuple(
        MadeKeyDocument(
            workspace=action.workspace,
            name=action.name,
            id=issued.key.id,
            prefix=issued.key.prefix,
            secret_file=str(path),
        )
        for action, issued, path in made.written
    )
    told = tuple(
        ActionDocument(
            action=action.verb.value,
            table=action.table,
            workspace=action.workspace,
            name=action.name,
            changes=action.changes,
        )
        for action in actions
    )
    return AppliedDocument(dry_run=dry_run, actions=told, keys=(*shown, *written))


def _rows(action: Action) -> list[tuple[str, ...]]:
    first = (action.verb.value, action.table, action.workspace, action.name)
    was, will = action.verb is not Verb.CREATE, action.verb is not Verb.REMOVE
    fields = [
        (field, _words(field, change.before) if was else "", _words(field, change.after) if will else "")
        for field, change in action.changes.items()
    ] or [("", "", "")]
    return [(*(first if number == 0 else ("",) * 4), *field) for number, field in enumerate(fields)]


def _words(field: str, value: object) -> str:
    if isinstance(value, list | tuple):
        value = ", ".join(str(each) for each in cast(Sequence[object], value)) or None
    if value is None:
        return "any" if field == "allow" else "none"
    return str(value)


def _text(file: Path) -> str:
    if file.suffix.lower() in (".yaml", ".yml"):
        raise OperatorError(
            f"{file}: a declaration is TOML, YAML is not read; docs/apply.md shows the shape."
        )
    try:
        with file.open("rb") as opened:
            return opened.read(_MOST_BYTES + 1).decode()
    except OSError as trouble:
        raise OperatorError(f"{file} cannot be read ({trouble.strerror}).") from None
    except UnicodeDecodeError:
        raise OperatorError(f"{file} is not text in UTF-8.") from None
