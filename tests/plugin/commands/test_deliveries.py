"""The commands for destinations, status and what is gone, from outside: exit statuses and what is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dicom_io.header import SiteKey
from plugin.commands.cli import app
from plugin.config import load_configuration
from plugin.quarantine import AuditLog

WHO = ("--reviewer", "Dr. Marigold Ashdown", "--reason", "it was taken out of service")


@pytest.fixture
def config(tmp_path: Path, key_file: Path) -> Path:
    path = tmp_path / "twinveil.toml"
    path.write_text(
        f'key_file = "{key_file}"\n[[destinations]]\nname = "archive"\nae_title = "ARCHIVE"\n'
        'host = "127.0.0.1"\nport = 4242\n'
    )
    return path


def twinveil(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_status_is_for_people_and_for_programs(config: Path) -> None:
    words = twinveil("status", "--config", config)
    assert words.exit_code == 0, words.output
    assert "archive" in words.output
    figures = json.loads(twinveil("status", "--json", "--config", config).output)
    assert set(figures) == {
        "instances", "studies", "destinations", "quarantine", "free_bytes", "kept_free_bytes", "alarms",
    }  # fmt: skip
    assert figures["destinations"][0]["name"] == "archive"


def test_a_pause_is_seen_and_ended(config: Path) -> None:
    def paused() -> bool:
        return bool(json.loads(twinveil("status", "--json", "--config", config).output)["destinations"][0]["paused"])

    assert twinveil("destinations", "pause", "archive", "--config", config).exit_code == 0
    assert paused()
    assert twinveil("destinations", "retry", "archive", "--config", config).exit_code == 0
    assert paused(), "to be tried at once is not to be resumed"
    assert twinveil("destinations", "resume", "archive", "--config", config).exit_code == 0
    assert not paused()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("destinations", "pause", "elsewhere"), "no destination is called elsewhere; known are archive"),
        (("destinations", "rename", "archive", "elsewhere", *WHO), "elsewhere is not a configured destination"),
        (("destinations", "give-up", "archive", "--reviewer", " ", "--reason", "x"), "a name and a reason are needed"),
        (("reprocess", "abc", *WHO), "at least 8 characters"),
        (("reprocess", "0123456789", *WHO), "nothing that begins with 0123456789 is gone"),
    ],
)
def test_what_cannot_be_meant_is_bad_usage_and_says_so(config: Path, arguments: tuple[str, ...], said: str) -> None:
    result = twinveil(*arguments, "--config", config)
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.output.split())


def test_what_ends_the_waiting_is_on_record(config: Path) -> None:
    result = twinveil("destinations", "give-up", "archive", "--config", config, *WHO)
    assert (result.exit_code, result.output) == (0, "0 objects will not go to archive\n")
    configuration = load_configuration(config)
    (line,) = AuditLog(configuration.state_folder / "audit.log", SiteKey.from_file(configuration.key_path)).read()
    assert (line["action"], line["destination"], line["job"]) == ("give up deliveries", "archive", "all")
