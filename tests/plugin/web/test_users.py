"""The users' file, by hand and by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dicom_io.header import SiteKey, generate_key_file
from plugin.commands.cli import app
from plugin.errors import ConfigurationRefused
from plugin.quarantine import AuditLog
from plugin.web import ROLES, Users
from plugin.web.users import Standing
from tests.plugin.web.state import PASSWORD


@pytest.fixture
def file(tmp_path: Path) -> Path:
    generate_key_file(tmp_path / "site.key")
    path = tmp_path / "twinveil.toml"
    path.write_text('key_file = "site.key"\n')
    return path


def run(file: Path, *words: str, typed: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, ["users", *words, "--config", str(file)], input=typed)
    return result.exit_code, result.output


def test_a_user_is_added_listed_and_removed_and_all_of_it_is_on_record(file: Path) -> None:
    assert run(file, "list") == (0, "there are no users; `twinveil users add` makes one\n")
    assert run(file, "add", "rosa", "--role", "reviewer", "--password-stdin", typed=f"{PASSWORD}\n") == (
        0,
        "rosa is reviewer\n",
    )
    assert run(file, "add", "ada", "--role", "admin", "--by-proxy")[0] == 0
    _, said = run(file, "list", "--json")
    assert json.loads(said) == [
        {"name": "ada", "role": "admin", "password": False},
        {"name": "rosa", "role": "reviewer", "password": True},
    ]
    users = Users(file.parent / "state")
    found = users.verified("rosa", PASSWORD)
    assert found is not None and found.standing is Standing.REVIEWER
    assert users.verified("rosa", PASSWORD + " ") is None
    assert users.verified("ada", "") is None, "who comes by a proxy has no password"
    assert run(file, "remove", "rosa") == (0, "rosa is gone\n")
    assert users.verified("rosa", PASSWORD) is None
    log = AuditLog(file.parent / "state" / "audit.log", SiteKey.from_file(file.parent / "site.key"))
    assert [(line["action"], line["user"]) for line in log.read()] == [
        ("add user", "rosa"), ("add user", "ada"), ("remove user", "rosa"),
    ]  # fmt: skip
    assert PASSWORD not in log.path.read_text()


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (("add", "rosa", "--password-stdin"), "short\n", "12 to 1024"),
        (("add", " rosa", "--by-proxy"), "", "no space at its ends"),
        (("add", "ro\nsa", "--by-proxy"), "", "printable"),
        (("add", "rosa"), "", "--password-stdin"),
        (("remove", "rosa"), "", "there is no user rosa"),
    ],
)
def test_what_makes_no_user_is_refused_and_changes_nothing(
    file: Path, words: tuple[str, ...], typed: str, said: str
) -> None:
    code, output = run(file, *words, typed=typed)
    assert code == 2
    assert said in output
    assert not (file.parent / "state" / "users.json").exists()


def test_nobody_is_added_twice(tmp_path: Path) -> None:
    users = Users(tmp_path)
    users.add("rosa", "viewer", None)
    with pytest.raises(ConfigurationRefused, match="already"):
        users.add("rosa", "admin", PASSWORD)
    assert [(user.name, user.role) for user in users.all()] == [("rosa", "viewer")]


def test_each_role_may_do_what_those_before_may() -> None:
    assert list(ROLES) == ["viewer", "reviewer", "admin"]
    assert sorted(ROLES.values()) == list(ROLES.values())
