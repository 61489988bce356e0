"""The documentation against the code: generated pages are those of this code, the others name only what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from dicom_io.standard import PHOTOGRAPH_CLASSES, TRANSFER_SYNTAXES
from dicom_io.writing import kinds_that_leave
from plugin import __version__
from plugin.commands.cli import app
from plugin.commands.conformance import ANSWERS, conformance_statement
from plugin.commands.examples import EXAMPLES
from plugin.commands.pages import generated_pages
from plugin.commands.reference import settings_page, walk
from plugin.config import Configuration
from plugin.integrations import INTEGRATIONS
from plugin.ledger import State
from scripts.random_models import RANDOM
from tests.attack.attacks import ATTACKS

COMMANDS = {" ".join(words): command for words, command in walk(typer.main.get_command(app))}


@pytest.mark.parametrize("name", sorted(generated_pages()))
def test_a_generated_page_is_the_one_of_this_code(repository: Path, name: str) -> None:
    written = (repository / "docs" / name).read_text(encoding="utf-8")
    assert written == generated_pages()[name], f"docs/{name} is not up to date: run `make docs`"


def test_conformance_prints_the_statement() -> None:
    result = CliRunner().invoke(app, ["conformance"])
    assert result.exit_code == 0
    assert result.output.rstrip() == conformance_statement().rstrip()


def test_the_statement_names_all_that_is_negotiated() -> None:
    statement = conformance_statement()
    left = {uid for lossless in (True, False) for kind in kinds_that_leave(lossless=lossless) for uid in kind}
    assert not {str(uid) for uid in {*PHOTOGRAPH_CLASSES, *TRANSFER_SYNTAXES}} - set(re.findall(r"[\d.]+\d", statement))
    assert all(uid.name in statement for uid in left)


def test_the_statement_has_every_status_that_is_sent_and_no_other(repository: Path) -> None:
    sources = [path.read_text() for path in (repository / "dicom_io" / "receiving").glob("*.py")]
    used = {name for source in sources for name in re.findall(r"\bStatus\.([A-Z_]+)", source)}
    assert {status.name for status in ANSWERS} == used


def test_every_setting_has_its_line() -> None:
    page = settings_page()
    for name, field in Configuration.model_fields.items():
        if name != "folder":
            assert f"`{name}`" in page or f"[{name}]" in page, name
            assert field.description or field.default.__doc__, name


def documents(repository: Path) -> list[Path]:
    return [*sorted(repository.glob("*.md")), *sorted((repository / "docs").glob("*.md"))]


def test_what_documents_call_a_command_is_one(repository: Path) -> None:
    """`twinveil WORD ...` in code: its words, and every option that follows them."""
    groups = {words.split()[0] for words in COMMANDS if " " in words}
    unknown = []
    for path in documents(repository):
        for call in re.findall(r"(?:`|^    )twinveil +([a-z][^`\n#]*)", path.read_text(), flags=re.MULTILINE):
            words = call.split()
            name = " ".join(words[:2]) if words[0] in groups and len(words) > 1 else words[0]
            if name not in COMMANDS and not (words[0] in groups and len(words) == 1):
                unknown.append(f"{path.name}: twinveil {name}")
                continue
            known = {option for each in getattr(COMMANDS.get(name), "params", []) for option in each.opts}
            unknown += [
                f"{path.name}: twinveil {name} {word}"
                for word in re.findall(r"(?<!\S)--?[a-z][a-z-]*", call)
                if word not in known | {"--help"}
            ]
    assert not unknown


def test_scripts_and_targets_that_documents_name_are_there(repository: Path) -> None:
    """`python -m NAME`, and `make NAME` in code; of ``scripts.random_models`` the models too."""
    targets = set(re.findall(r"^([a-z]+):", (repository / "Makefile").read_text(), flags=re.MULTILINE))
    unknown = []
    for path in documents(repository):
        code = re.findall(r"(?:`|^    )((?:python3? -m|make) [^`\n#]*)", path.read_text(), flags=re.MULTILINE)
        for words in map(str.split, code):
            name = words[2] if words[1] == "-m" else words[1]
            place = repository / name.replace(".", "/")
            modules = (place.with_suffix(".py"), place / "__main__.py")
            there = (
                name in targets if words[0] == "make" else any(map(Path.is_file, modules)) or name in {"venv", "pip"}
            )
            if not there or (name == "scripts.random_models" and words[3] not in RANDOM):
                unknown.append(f"{path.name}: {' '.join(words)}")
    assert not unknown


def test_the_guide_to_larger_models_tells_every_step_and_its_time(repository: Path) -> None:
    """Fetch, check, bank, tune, calibrate, serve: each a row of the table, with a time, and a part of its own."""
    page = (repository / "docs" / "larger-models.md").read_text()
    steps = ("fetch", "check", "bank", "tune", "calibrate", "serve")
    rows = re.findall(r"^\| (\w+) \| (.*`twinveil [^|]*) \| (.*\d.*|minutes.*) \|$", page, re.MULTILINE)
    assert tuple(row[0] for row in rows) == steps
    assert all(re.search(r"minutes|hours", time) for _, _, time in rows)
    assert all(f"\n## {part}\n" in page for part in ("Fetch", "Name it", "Bank", "Tune", "Calibrate"))


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_and_every_option_says_what_it_is_for(command: str) -> None:
    assert COMMANDS[command].help
    assert not [each.name for each in COMMANDS[command].params if each.name != "help" and not each.help]


@pytest.mark.parametrize("command", sorted(EXAMPLES))
def test_an_example_is_of_its_command_and_is_shown_with_its_help(command: str) -> None:
    shown = " ".join(CliRunner().invoke(app, [*command.split(), "--help"]).output.split())
    for example in EXAMPLES[command]:
        words = shlex.split(example.partition(" > ")[0])
        assert " ".join(words[1:]).startswith(command)
        known = {option for each in COMMANDS[command].params for option in each.opts}
        assert {word for word in words if word.startswith("-")} <= known
        assert example.split(" --")[0] in shown


def test_every_command_has_an_example_or_a_page(repository: Path) -> None:
    pages = "".join(path.read_text() for path in documents(repository) if path.name != "commands.md")
    assert not [name for name in COMMANDS if name not in EXAMPLES and f"twinveil {name}" not in pages]


def test_help_has_no_colours_without_a_terminal_and_completion_is_offered() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    assert "\x1b" not in shown
    assert "--install-completion" in shown


def test_documents_name_settings_that_exist(repository: Path) -> None:
    """`section.setting` in code."""
    sections = {
        name: type(field.default).model_fields
        for name, field in Configuration.model_fields.items()
        if hasattr(type(field.default), "model_fields")
    }
    unknown = [
        f"{path.name}: {section}.{setting}"
        for path in documents(repository)
        for section, setting in re.findall(r"`([a-z]+)\.([a-z_]+)(?: = [^`]*)?`", path.read_text())
        if section in sections and setting not in sections[section]
    ]
    assert not unknown


def test_every_state_is_explained(repository: Path) -> None:
    page = (repository / "docs" / "first-hour.md").read_text()
    assert not [state for state in State if f"| `{state}` |" not in page]


def test_every_integration_is_documented(repository: Path) -> None:
    page = (repository / "docs" / "integrations.md").read_text()
    assert not [name for name in INTEGRATIONS if f"`{name}`" not in page]


def test_links_between_documents_lead_somewhere(repository: Path) -> None:
    broken = [
        f"{path.relative_to(repository)}: {target}"
        for path in documents(repository)
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text())
        if not (path.parent / target).exists()
    ]
    assert not broken


def test_the_citation_is_of_this_version(repository: Path) -> None:
    citation = yaml.safe_load((repository / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == __version__
    assert {"message", "title", "authors"} <= citation.keys()


def test_every_attack_is_documented_and_every_documented_one_is_there(repository: Path) -> None:
    page = (repository / "docs" / "security-and-privacy.md").read_text()
    cells = re.findall(r"^\| (`.+?) \|", page.partition("| attack |")[2].partition("\n\n")[0], re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(cells))) == ATTACKS.keys()
