"""Files that are not taken, consoles that break, names that mislead: the manifest accounts for every input."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dicom_io.header import SiteKey
from pipeline.photograph import Photograph
from pipeline.text import BurnedInText
from plugin.commands import process as module
from plugin.commands.process import process
from plugin.commands.terminal import terminal
from plugin.config import Configuration
from plugin.study import ADVICE, Outcome
from tests.plugin.commands.test_terminal import UNTRUSTED, Broken
from tests.plugin.fakes import PATIENT_NAME, MirroringTwinMaker, photograph, save, skin

STUDY = "1.2.826.0.1.3680043.8.498.92"


class NoText:
    """The search for text takes seconds, and is not what these tests are about."""

    def examine(self, *_: object, **__: object) -> BurnedInText:
        return BurnedInText()


@pytest.fixture
def run(tmp_path: Path, key: SiteKey, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Outcome]]:
    """``process`` on the files that are named, into ``tmp_path / "out"``."""
    monkeypatch.setattr(module, "load_text_remover", NoText)

    def of(*inputs: Path, twins: MirroringTwinMaker | None = None, console: Console | None = None) -> list[Outcome]:
        configuration = Configuration(folder=tmp_path)
        console = console or terminal(stderr=True)
        return process(inputs, tmp_path / "out", configuration, key, twins or MirroringTwinMaker(), console)

    return of


def manifest_in(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "out" / "manifest.json").read_text()))


@pytest.mark.parametrize("name", [*UNTRUSTED, "a\x1b[2Jb", "café \udcff"])
def test_a_name_that_looks_like_markup_is_told_as_it_is(
    name: str, run: Callable[..., list[Outcome]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in" / name
    too_small = save(photograph(STUDY, rgb=skin(1)), folder)
    (outcome,) = run(tmp_path / "in")
    said = capsys.readouterr().err
    assert outcome.refusal is not None
    assert f"{too_small.name}: UnusablePhotograph: 1 x 1 pixels" in said
    assert ADVICE["UnusablePhotograph"] in said
    if name in UNTRUSTED:
        assert str(too_small) in said
    assert manifest_in(tmp_path)["summary"]["quarantined"] == 1


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left"), ValueError("closed file")])
def test_a_console_that_breaks_costs_neither_results_nor_manifest(
    error: Exception, run: Callable[..., list[Outcome]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(photograph(STUDY), tmp_path / "in")
    save(photograph(f"{STUDY}.2", rgb=skin(1)), tmp_path / "in")
    monkeypatch.setattr(sys, "stderr", Broken(error))
    outcomes = run(tmp_path / "in")
    assert sorted(outcome.refusal is None for outcome in outcomes) == [False, True]
    assert manifest_in(tmp_path)["summary"] == {"instances": 2, "released": 1, "quarantined": 1}


@pytest.mark.parametrize("fatal", [KeyboardInterrupt, MemoryError, SystemExit])
def test_a_run_that_is_cut_off_leaves_a_manifest_of_what_was_done(
    fatal: type[BaseException], run: Callable[..., list[Outcome]], tmp_path: Path
) -> None:
    class CutOff(MirroringTwinMaker):
        studies = 0

        def heal(self, photograph: Photograph) -> Any:
            self.studies += 1
            if self.studies == 2:
                raise fatal
            return super().heal(photograph)

    for number in (1, 2):
        save(photograph(f"{STUDY}.{number}", number=number), tmp_path / "in")
    if fatal is MemoryError:  # an error of one photograph, which is held back for it
        assert sorted(outcome.refusal is None for outcome in run(tmp_path / "in", twins=CutOff())) == [False, True]
    else:
        with pytest.raises(fatal):
            run(tmp_path / "in", twins=CutOff())
    assert manifest_in(tmp_path)["summary"]["released"] == 1


def test_what_is_no_dicom_file_is_held_or_passed_over_and_named(
    run: Callable[..., list[Outcome]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    whole = save(photograph(STUDY, rgb=skin(1)), folder)
    (folder / "no preamble").write_bytes(whole.read_bytes()[132:])
    (folder / "truth.png").write_bytes(b"\x89PNG")
    (folder / "second-copy.dcm").write_bytes(whole.read_bytes())
    run(folder)
    said = capsys.readouterr().err
    assert f"held back: {folder / 'no preamble'}: UnreadableObject: the file has no file meta information" in said
    assert f"passed over: {folder / 'truth.png'}: it is no DICOM file" in said
    assert "passed over: " in said and "the same instance was given twice" in said
    manifest = manifest_in(tmp_path)
    assert manifest["summary"] == {"instances": 2, "released": 0, "quarantined": 2}
    assert sorted(other["why"] for other in manifest["passed_over"]) == [
        "it is no DICOM file", "the same instance was given twice",
    ]  # fmt: skip
    named = [entry["source"] for entry in (*manifest["instances"], *manifest["passed_over"])]
    assert len(set(named)) == len(named) == 4
    assert not [name for name in ("truth", "second-copy", "no preamble", str(folder)) if name in json.dumps(manifest)]


def test_two_damaged_files_of_one_name_are_two(run: Callable[..., list[Outcome]], tmp_path: Path) -> None:
    for patient in ("a", "b"):
        (tmp_path / "in" / patient).mkdir(parents=True)
        (tmp_path / "in" / patient / "photo.dcm").write_bytes(patient.encode())
    run(tmp_path / "in")
    assert len({entry["source"] for entry in manifest_in(tmp_path)["instances"]}) == 2


def test_a_file_that_may_not_be_read_is_held_back_and_the_others_go_on(
    run: Callable[..., list[Outcome]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = save(photograph(STUDY), tmp_path / "in")
    save(photograph(f"{STUDY}.2", rgb=skin(1)), tmp_path / "in")
    really = Path.open

    def open_but(self: Path, *arguments: Any, **named: Any) -> Any:
        if self == closed:  # root may read whatever the mode says
            raise PermissionError(13, os.strerror(13), str(self))
        return really(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", open_but)
    reasons = {outcome.refusal.error: outcome.refusal.reason for outcome in run(tmp_path / "in") if outcome.refusal}
    assert reasons.keys() == {"UnreadableObject", "UnusablePhotograph"}
    assert reasons["UnreadableObject"].startswith("the file cannot be copied: it may not be read or written here")


def test_an_error_that_nobody_foresaw_is_told_in_words_and_quotes_nothing(
    run: Callable[..., list[Outcome]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(method: str, attempt: int) -> None:
        raise KeyError(PATIENT_NAME)

    save(photograph(STUDY), tmp_path / "in")
    (outcome,) = run(tmp_path / "in", twins=MirroringTwinMaker(on_call=crash))
    assert outcome.refusal is not None
    assert (outcome.refusal.stage, outcome.refusal.error) == ("heal", "Unforeseen")
    assert outcome.refusal.reason.startswith("nobody foresaw what went wrong in this step: something that is needed is")
    assert "(KeyError), at test_process.py:" in outcome.refusal.reason
    said = capsys.readouterr().err + json.dumps(manifest_in(tmp_path))
    assert PATIENT_NAME not in said
    assert manifest_in(tmp_path)["instances"][0]["why"]["advice"] == ADVICE["Unforeseen"]
