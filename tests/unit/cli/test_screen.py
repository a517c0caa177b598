"""The screen: a terminal is kept safe, a file gets what came, and no letter stops anything."""

import io
from pathlib import Path

import pytest

from zai_gateway.cli import welcome
from zai_gateway.cli.screen import NobodyReads, Screen, printable


class TerminalStream(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self) -> bool:
        return True


class ClosedPipe(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, s: str, /) -> int:
        raise BrokenPipeError


def test_an_answer_cannot_steer_a_terminal_and_reaches_a_file_whole() -> None:
    steering = "a\x1b[2J\x07\x9b31m\r\x7fb\tc\nd"
    terminal, file = TerminalStream(), io.StringIO()
    Screen(io.StringIO(), terminal, io.StringIO()).stream(steering)
    Screen(io.StringIO(), file, io.StringIO()).stream(steering)
    assert terminal.getvalue() == "a[2J31mb\tc\nd"
    assert file.getvalue() == steering


@pytest.mark.parametrize("text", ["plain", "Grüße ✓ 世界", "tab\tline\n"])
def test_what_is_harmless_stays(text: str) -> None:
    assert printable(text) == text


def test_tables_and_errors_hold_no_control_characters_and_no_markup() -> None:
    out, err = io.StringIO(), io.StringIO()
    screen = Screen(io.StringIO(), out, err)
    screen.table(("name", "USD>"), [("[red]x[/red]\x1b[2J", "1.00"), ("y" * 300, "20.00")])
    screen.error("first\nsecond\x1b[2J")
    heads, first, second = out.getvalue().splitlines()
    assert (heads.split(), first.split()) == (["name", "USD"], ["[red]x[/red][2J", "1.00"])
    assert second == "y" * 300 + "  20.00"
    assert err.getvalue() == "zai: first second[2J\n"


def test_a_letter_that_the_locale_lacks_is_spelled_out() -> None:
    written = io.BytesIO()
    with io.TextIOWrapper(written, encoding="latin-1", write_through=True) as stream:
        Screen(io.StringIO(), stream, io.StringIO()).stream("Grüße ✓")
        assert written.getvalue() == "Grüße \\u2713".encode("latin-1")


def test_a_closed_pipe_is_told_apart() -> None:
    with pytest.raises(NobodyReads):
        Screen(io.StringIO(), ClosedPipe(), io.StringIO()).say("hello")


def test_only_a_person_at_a_terminal_is_asked() -> None:
    assert Screen(TerminalStream(), io.StringIO(), TerminalStream()).asks()
    assert not Screen(io.StringIO(), io.StringIO(), TerminalStream()).asks()
    assert not Screen(TerminalStream(), io.StringIO(), io.StringIO()).asks()


def test_what_a_start_says_names_this_machine_and_the_public_addresses() -> None:
    arrival = welcome.Arrival(
        base_url="http://127.0.0.1:8011/v1",
        public_urls=welcome.public_urls(" https://llm.example.com ,http://zai/,"),
        data=Path("/data"),
        first_key=None,
        kept=None,
    )
    assert welcome.words(arrival).splitlines()[:4] == [
        "Z-AI answers at http://127.0.0.1:8011/v1 (reference: http://127.0.0.1:8011/docs)",
        "Its clients find it at https://llm.example.com/v1",
        "Its clients find it at http://zai/v1",
        "",
    ]
    assert welcome.public_urls("") == ()
