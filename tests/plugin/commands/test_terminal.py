"""What is written is what was meant, wherever it goes, and nothing that becomes of it harms the work."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from plugin.commands.terminal import Unbreakable, aligned, plain_table, printable, say, terminal

UNTRUSTED = ["[/", "[/x]", "[copy]", "[bold red]", ":skull:", "[link=x:///y]here[/link]", "\\[x]", "{x}", "%s"]
"""What Rich, or anything that formats, might take for its own."""


@pytest.mark.parametrize("text", UNTRUSTED)
def test_no_text_is_markup(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    console = terminal()
    console.print(f"held back: /photos/{text}/one.dcm", soft_wrap=True)
    table = plain_table("Item")
    table.add_row(text)
    console.print(table)
    say(text)
    said = capsys.readouterr().out
    assert said.count(text) == 3


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("photo\udcff.dcm", r"photo\udcff.dcm"),
        ("evil\u202egnp.dcm", r"evil\u202egnp.dcm"),
        ("two\nlines", "two\nlines"),
        ("back\rover", r"back\rover"),
        ("Müller ü 皮膚", "Müller ü 皮膚"),
    ],
)
def test_what_commands_a_terminal_is_shown_as_what_it_is(
    text: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printable(text) == shown
    say(text)
    assert capsys.readouterr().out == f"{shown}\n"


def test_nothing_of_a_table_or_of_aligned_lines_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    long = "0123456789abcdef" * 8
    table = plain_table("Entry", "Since")
    table.add_row(long, "2024")
    terminal().print(table)
    said = capsys.readouterr().out
    assert "…" not in said
    assert "".join(line.split(" ")[0] for line in said.splitlines()[1:]) == long
    assert aligned([("Entry", "Since"), (long, "2024")])[1] == f"{long}  2024"


class Broken(io.StringIO):
    """A stream on which nothing arrives."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def write(self, text: str) -> int:
        raise self._error

    def flush(self) -> None:
        raise self._error


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left"), ValueError("closed file")])
def test_a_stream_that_takes_nothing_is_no_error_of_ours(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(error))
    say("a line")
    terminal().print("another")


def test_letters_that_a_stream_lacks_are_escaped() -> None:
    raw = io.BytesIO()
    stream = Unbreakable(io.TextIOWrapper(raw, encoding="ascii"))
    stream.write("Müller 皮\n")
    stream.flush()
    assert raw.getvalue() == b"M\\xfcller \\u76ae\n"


def test_whoever_stops_reading_changes_no_exit_status(tmp_path: Path) -> None:
    """``twinveil ... | head -1``: the rest goes nowhere, and Python does not complain at its end."""
    program = "from plugin.commands.terminal import say\nfor n in range(20000): say(str(n))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"0\n"
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, b"")


def test_every_command_writes_through_here(repository: Path) -> None:
    """Rich and typer are asked for a console, a table or a line in one place only."""
    elsewhere = [
        f"{path.name}: {name}"
        for path in sorted((repository / "plugin").rglob("*.py"))
        if path.name != "terminal.py"
        for name in ("typer.echo(", "Console(", "Table(", "secho(")
        if name in path.read_text().replace("Console(quiet=True)", "")
    ]
    assert elsewhere == []
