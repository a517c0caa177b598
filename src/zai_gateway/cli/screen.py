"""The screen: what commands put on stdout (one JSON document, or tables and words) and say on stderr."""

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TextIO

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

WIDE = 400
"""Columns that a table may have: an id that a narrow terminal breaks by itself can still be copied whole."""

_MOST_ANSWER = 1_000


class NobodyReads(Exception):
    """Stdout was closed by its reader, as `| head` does."""


class Screen:
    """The three streams of a command. Colour goes to a terminal only, and never where NO_COLOR is set."""

    def __init__(
        self, stdin: TextIO | None = None, stdout: TextIO | None = None, stderr: TextIO | None = None
    ) -> None:
        self._stdin = stdin or sys.stdin
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr

    @property
    def stderr(self) -> TextIO:
        """Where a question to a person is put."""
        return self._stderr

    def asks(self) -> bool:
        """Whether there is a person at a terminal to ask."""
        return self._stdin.isatty() and self._stderr.isatty()

    def ask(self, question: str) -> str:
        """What a person at the terminal answers, without the end of the line."""
        self._stderr.write(question)
        self._stderr.flush()
        return self._stdin.readline(_MOST_ANSWER).strip()

    def read(self, limit: int) -> str:
        """Stdin to its end, or `limit` + 1 characters of it: the one too many tells that it is too long."""
        return self._stdin.read(limit + 1)

    def document(self, value: object) -> None:
        """The one JSON document of a command: a Struct, or plain JSON values."""
        self.raw(msgspec.json.encode(value))

    def raw(self, text: bytes) -> None:
        """JSON that is already encoded, laid out for reading; every number keeps its digits."""
        self._write(msgspec.json.format(text, indent=2).decode() + "\n")

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Rows under their heads; a head that ends in `>` is set to the right, as numbers are."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for head in heads:
            right = head.endswith(">")
            table.add_column(head.rstrip(">"), justify="right" if right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        self._render(table)

    def facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Names and values of one thing, one to a line."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold")
        grid.add_column(overflow="fold")
        for name, value in facts:
            grid.add_row(Text(name), Text(printable(value)))
        self._render(grid)

    def say(self, line: str) -> None:
        """A line of words on stdout."""
        self._write(printable(line) + "\n")

    def stream(self, text: str) -> None:
        """A piece of an answer on stdout, seen at once: as it is for a file, harmless for a terminal."""
        self._write(printable(text) if self._stdout.isatty() else text)
        self.flush()

    def note(self, sentence: str) -> None:
        """A remark on stderr, out of the way of whoever reads stdout."""
        self.flush()
        self._stderr.write(printable(sentence).replace("\n", " ") + "\n")
        self._stderr.flush()

    def error(self, sentence: str) -> None:
        """What went wrong, on stderr."""
        self.note(f"zai: {sentence}")

    def flush(self) -> None:
        """Sends what is buffered. Raises NobodyReads, as everything does that writes to stdout."""
        try:
            self._stdout.flush()
        except BrokenPipeError:
            raise NobodyReads from None

    def abandon(self) -> None:
        """Lets what is still buffered go nowhere, so that the interpreter's own last flush stays quiet."""
        with contextlib.suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stdout.fileno())

    def _write(self, text: str) -> None:
        try:
            self._stdout.write(_spelled(text, self._stdout.encoding))
        except BrokenPipeError:
            raise NobodyReads from None

    def _render(self, shape: RenderableType) -> None:
        console = Console(
            file=self._stdout,
            width=WIDE,
            highlight=False,
            markup=False,
            emoji=False,
        )
        # Rich ends the process by itself where a pipe is closed: it only draws here, and does not write.
        with console.capture() as drawn:
            console.print(shape)
        self._write("".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines()))


def _spelled(text: str, encoding: str | None) -> str:
    # An old locale may lack a letter of an answer: better to show its number than to stop.
    return text.encode(encoding, "backslashreplace").decode(encoding) if encoding else text


def printable(text: str) -> str:
    """`text` without the control characters by which a model's answer could steer a terminal."""
    return text.translate(_HARMLESS)


_HARMLESS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
