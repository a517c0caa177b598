"""Commands that look after a data directory: a copy of its books, putting one back, and an examination."""

from pathlib import Path
from typing import Annotated

import typer

from zai_gateway.care import CopiedBooks, Finding, Grade, KeyFit
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data
from zai_gateway.cli.screen import Screen
from zai_gateway.money import micro_from_nano, usd

_KEEP_THE_KEY = (
    "The copy opens no provider key without the encryption key (vault.key, or PROVIDER_KEY_ENCRYPTION_KEY): "
    "keep that too, in another place."
)
_ABOUT_THE_KEY = {
    KeyFit.OPENS: "The encryption key that is here is that of these books.",
    KeyFit.NOTHING_SEALED: "Nothing in these books is encrypted yet.",
    KeyFit.WRONG: "The encryption key that is here is not that of these books: put back the vault.key that "
    "belongs to them, or set PROVIDER_KEY_ENCRYPTION_KEY, before you start the gateway.",
    KeyFit.MISSING: "The encryption key of these books is not here: put back the vault.key that belongs to "
    "them, or set PROVIDER_KEY_ENCRYPTION_KEY, before you start the gateway.",
}


class DirectoryCare:
    """What an operator does so that nothing is lost."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def backup(
        self,
        file: Annotated[
            Path, typer.Argument(metavar="FILE", help="Where to put the copy.", show_default=False)
        ],
        force: Annotated[bool, typer.Option("--force", help="Replace an earlier backup there.")] = False,
        data: Data = None,
        as_json: AsJson = False,
    ) -> None:
        """Copy the books to a file, also while the gateway serves. The encryption key is not in it."""
        copied = self._composition.caretaker(data).back_up(file, force=force)
        if as_json:
            self._screen.document(_copy_document(copied))
            return
        self._screen.facts(_facts(copied))
        self._screen.note(_KEEP_THE_KEY)

    def restore(
        self,
        file: Annotated[Path, typer.Argument(metavar="FILE", help="What 'backup' made.", show_default=False)],
        force: Annotated[bool, typer.Option("--force", help="Replace the database that is there.")] = False,
        data: Data = None,
        as_json: AsJson = False,
    ) -> None:
        """Put the books in a backup back. No gateway may be running on the data directory."""
        restored = self._composition.caretaker(data).restore(file, force=force)
        if as_json:
            document = _copy_document(restored.books)
            self._screen.document(document | {"encryption_key": restored.key.value})
            return
        self._screen.facts(_facts(restored.books))
        self._screen.note(_ABOUT_THE_KEY[restored.key])

    def doctor(self, data: Data = None, as_json: AsJson = False) -> int:
        """Look for what is wrong, and say what to do. Changes nothing; exits with 1 where something fails."""
        findings = self._composition.caretaker(data).findings()
        failed = any(each.grade is Grade.FAIL for each in findings)
        if as_json:
            self._screen.document({"healthy": not failed, "findings": findings})
        else:
            self._screen.table(("", "check", "found", "what to do"), [_row(each) for each in findings])
        return 1 if failed else 0


def _copy_document(copied: CopiedBooks) -> dict[str, object]:
    return {
        "file": str(copied.file),
        "bytes": copied.size,
        "schema": copied.schema,
        "leased_micro_usd": micro_from_nano(copied.leased),
    }


def _facts(copied: CopiedBooks) -> list[tuple[str, str]]:
    return [
        ("file", str(copied.file)),
        ("bytes", str(copied.size)),
        ("schema", copied.schema),
        ("leased", f"{usd(copied.leased)} USD"),
    ]


def _row(finding: Finding) -> tuple[str, str, str, str]:
    return finding.grade.value, finding.check, finding.found, finding.do or ""
