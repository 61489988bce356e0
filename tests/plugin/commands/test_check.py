"""``twinveil check`` of archives by STOW-RS and of Storage Commitment, before the first study finds out."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from plugin.commands.check import check
from plugin.commands.demo_archive import Receiver
from plugin.commands.exit_status import ExitStatus
from plugin.commands.init import initialise
from plugin.web import Users
from tests.dicom_io.sending.web_archive import web_archive
from tests.plugin.fakes import MirroringTwinMaker


@pytest.fixture
def configuration_file(tmp_path: Path) -> Path:
    path, _ = initialise(tmp_path / "node")
    with path.open("a") as file:
        file.write('\n[[callers]]\nae_title = "CAMERA"\nnetwork = "127.0.0.1"\n')
    return path


def checked(path: Path, more: str) -> tuple[ExitStatus, str]:
    """The status of the command, and what it says without its line breaks."""
    with path.open("a") as file:
        file.write(more)
    console = Console(width=400, record=True)
    with console.capture() as captured:
        status = check(path, lambda configuration: MirroringTwinMaker(), console)
    return status, " ".join(captured.get().split())


@pytest.mark.parametrize(
    ("status", "exits", "says"),
    [
        (400, ExitStatus.RELEASED, "answers, and lets us store"),
        (401, ExitStatus.FAILURE, "it wants to know who we are (401): see the token"),
        (404, ExitStatus.FAILURE, "there is nothing at that address (404): see url"),
        (503, ExitStatus.FAILURE, "it answered 503"),
    ],
)
def test_an_archive_by_stow_is_asked_without_storing(
    configuration_file: Path, status: int, exits: ExitStatus, says: str
) -> None:
    with web_archive((status, b"")) as archive:
        found, said = checked(configuration_file, f'[[destinations]]\nname = "web"\nurl = "{archive.url}"\n')
        assert archive.objects == []
    assert found is exits
    assert says in said


def test_an_archive_by_stow_that_is_not_there_is_named(configuration_file: Path) -> None:
    found, said = checked(configuration_file, '[[destinations]]\nname = "web"\nurl = "http://127.0.0.1:9/studies"\n')
    assert found is ExitStatus.FAILURE
    assert "is it running, and is url right?" in said


def test_an_archive_that_would_not_answer_for_what_it_stores_is_named(
    configuration_file: Path, receiver: Receiver
) -> None:
    section = f'[[destinations]]\nname = "a"\nae_title = "ARCHIVE"\nhost = "127.0.0.1"\nport = {receiver.port}\n'
    found, said = checked(configuration_file, section + "commitment = true\n")
    assert found is ExitStatus.FAILURE
    assert "it takes no Storage Commitment; allow it there" in said


@pytest.mark.parametrize(
    ("token", "exits"), [("short", ExitStatus.USAGE), ("long enough a token", ExitStatus.RELEASED)]
)
def test_a_token_that_nobody_could_be_known_by_is_named(
    configuration_file: Path, receiver: Receiver, token: str, exits: ExitStatus
) -> None:
    (configuration_file.parent / "token").write_text(token)
    text = configuration_file.read_text()
    begin = text.index("[web]")
    section = text[begin:].replace("on = false", "on = true", 1).replace('token_file = ""', 'token_file = "token"', 1)
    configuration_file.write_text(text[:begin] + section)
    archive = f'[[destinations]]\nname = "a"\nae_title = "ARCHIVE"\nhost = "127.0.0.1"\nport = {receiver.port}\n'
    found, said = checked(configuration_file, archive)
    assert found is exits
    assert ("holds no token of 16 characters" in said) == (exits is ExitStatus.USAGE)


def test_a_page_that_nobody_could_use_is_named_and_one_that_somebody_can_is_described(configuration_file: Path) -> None:
    before, page, after = configuration_file.read_text().partition("[page]\n")
    configuration_file.write_text(before + page + after.replace("port = 0\n", "port = 8443\n", 1))
    found, said = checked(configuration_file, "")
    assert found is ExitStatus.USAGE
    assert "there are no users: nobody could sign in" in said
    assert "twinveil users add" in said
    Users(configuration_file.parent / "state").add("vera", "viewer", None)
    _, said = checked(configuration_file, "")
    assert "http://127.0.0.1:8443; users: 1, known by password" in said
