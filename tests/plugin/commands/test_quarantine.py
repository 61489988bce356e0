"""The quarantine at the command line: what a person copies from it is whole, and many are decided as one is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dicom_io.header import SiteKey
from plugin.commands import cli
from plugin.commands.demo_archive import Receiver
from plugin.config import Configuration
from plugin.ledger import Ledger, State
from plugin.node import Node
from plugin.quarantine import Quarantine
from plugin.study import Refusal
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import photograph, save
from tests.plugin.node.test_node import finished, running, send
from tests.plugin.quarantine.test_review import Doubtful

STUDY = "1.2.826.0.1.3680043.8.498.93"
WHO = ("--reviewer", "Dr. Ashdown", "--reason", "looked at it")
HELD = {
    "0a" * 32 + "-" + "1b" * 32: Refusal("gate", "NoFaceFound", "no face found"),
    "0c" * 32 + "-" + "1d" * 32: Refusal("gate", "NoFaceFound", "no face found"),
    "ee" * 32 + "-" + "1f" * 32: Refusal("clean", "TextOnSkin", "2 of 3 finds of text touch skin"),
    "ff" * 32 + "-" + "20" * 32: Refusal("gate", "Rejected", "still the patient"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A node's folder with four entries in quarantine, of which it has no rows."""
    assert CliRunner().invoke(cli.app, ["init", str(tmp_path / "node")]).exit_code == 0
    key = SiteKey.from_file(tmp_path / "node" / "twinveil.key")
    (tmp_path / "node" / "state").mkdir()
    source = save(photograph(STUDY), tmp_path)
    for name, refusal in HELD.items():
        Quarantine(tmp_path / "node" / "state" / "quarantine", key).keep(
            source, name=name, digest=name[:64], study="77", refusal=refusal
        )
    return tmp_path / "node"


@pytest.fixture
def quarantine(folder: Path) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli.app, ["quarantine", *arguments, "--config", str(folder / "twinveil.toml")])

    return run


def names(*numbers: int) -> set[str]:
    return {list(HELD)[number] for number in numbers}


def test_in_a_pipe_and_on_a_narrow_terminal_every_name_is_whole(folder: Path) -> None:
    command = [sys.executable, "-m", "plugin", "quarantine", "list", "--config", str(folder / "twinveil.toml")]
    for environment in ({}, {"COLUMNS": "80"}, {"COLUMNS": "20", "TERM": "dumb"}):
        listed = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environment})
        lines = [line.split() for line in listed.stdout.splitlines()]
        assert lines[0] == ["Entry", "Since", "Stage", "Error"]
        assert {line[0] for line in lines[1:]} == HELD.keys()
        assert {(line[0], line[3]) for line in lines[1:]} == {(name, why.error) for name, why in HELD.items()}


def test_for_programs_it_says_all_that_it_knows(quarantine: Callable[..., Result]) -> None:
    listed = json.loads(quarantine("list", "--json").stdout)
    assert {entry["entry"] for entry in listed} == HELD.keys()
    for entry in listed:
        why = HELD[entry["entry"]]
        assert (entry["stage"], entry["error"], entry["reason"]) == (why.stage, why.error, why.reason)
        assert entry["advice"] == why.advice
        assert (entry["source"], entry["study"], entry["sealed"]) == (entry["entry"][:64], "77", True)
    assert json.loads(quarantine("show", "ff", "--json").stdout)["release"].startswith("never")
    text_alone = json.loads(quarantine("list", "--json", "--error", "TextOnSkin").stdout)
    assert {entry["entry"] for entry in text_alone} == names(2)
    assert json.loads(quarantine("list", "--json", "--stage", "read").stdout) == []


@pytest.mark.parametrize(
    ("chosen", "gone"),
    [
        (("0a", "ee"), (0, 2)),
        (("--error", "NoFaceFound"), (0, 1)),
        (("--stage", "gate"), (0, 1, 3)),
        (("--stage", "gate", "--error", "Rejected"), (3,)),
        (("0a", "ff", "--error", "Rejected"), (3,)),
        (("0a", "0a" * 32), (0,)),
    ],
    ids=["two by name", "by error", "by stage", "by both", "named, and filtered", "one named twice"],
)
def test_several_are_discarded_at_once(
    chosen: tuple[str, ...], gone: tuple[int, ...], quarantine: Callable[..., Result]
) -> None:
    result = quarantine("discard", *chosen, *WHO)
    assert result.exit_code == 0, result.output
    assert result.output.count("gone for good") == len(gone)
    left = {entry["entry"] for entry in json.loads(quarantine("list", "--json").stdout)}
    assert left == HELD.keys() - names(*gone)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ((), "name entries, or choose them by --error or --stage"),
        (("0",), "no entry, or more than one, begins with 0"),
        (("--error", "NoSuchError"), "there is 2 NoFaceFound at gate, 1 Rejected at gate, 1 TextOnSkin at clean"),
        (("ff", "--error", "TextOnSkin"), "nothing that is held back was meant"),
    ],
)
def test_what_is_not_clear_decides_nothing(
    chosen: tuple[str, ...], said: str, quarantine: Callable[..., Result]
) -> None:
    result = quarantine("discard", *chosen, *WHO)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert len(json.loads(quarantine("list", "--json").stdout)) == len(HELD)


def test_one_that_may_not_be_released_does_not_keep_the_others_from_being_told(
    quarantine: Callable[..., Result]
) -> None:
    result = quarantine("release", "--stage", "gate", *WHO)
    assert result.exit_code == 2
    assert result.output.count("is not in this node's ledger") == 2
    assert result.output.count("cannot be released") == 1


def test_a_whole_study_is_released_at_once(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path, key_file: Path
) -> None:
    photographs = [save(photograph(STUDY, number=number), tmp_path / "in") for number in (1, 2, 3)]
    with running(configuration, key, Doubtful()) as node:
        send(node, *photographs)
        wait_for(lambda: finished(node, 3))
        assert node.ledger.counts() == {State.QUARANTINED: 3}
        _configured(tmp_path, key_file, node)
        command = ["quarantine", "release", "--error", "NoFaceFound", *WHO, "--config", str(tmp_path / "twinveil.toml")]
        result = CliRunner().invoke(cli.app, command)
        assert result.exit_code == 0, result.output
        assert result.output.count("goes through the pipeline once more; waived: NoFaceFound") == 3
        wait_for(lambda: Ledger(configuration.state_folder / "twinveil.sqlite").counts() == {State.PURGED: 3})
    assert len(set(receiver.stored)) == 12


def _configured(folder: Path, key_file: Path, node: Node) -> None:
    (folder / "twinveil.toml").write_text(f'state = "{node.quarantine.folder.parent}"\nkey_file = "{key_file}"\n')
