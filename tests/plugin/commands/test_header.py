"""The profile alone: what ``header`` writes, what ``process --explain`` and ``check`` say, and what they never say."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from typer.testing import CliRunner, Result

from plugin.commands import cli
from plugin.config import KEY_VARIABLE
from tests.plugin.fakes import BIRTH_DATE, PATIENT_ID, MirroringTwinMaker, photograph, save

STUDY = "1.2.826.0.1.3680043.8.498.79"


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "load_twins", lambda configuration: MirroringTwinMaker())
    monkeypatch.setattr(cli, "configure_logs", lambda *level, **form: None)
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


def twinveil(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def configured(folder: Path, profile: str, additions: str = "") -> Path:
    path = folder / "twinveil.toml"
    path.write_text(f"[profile]\n{profile}\n")
    (folder / "site.toml").write_text(additions)
    return path


def test_header_writes_the_cleaned_header_without_pixels(tmp_path: Path, key_file: Path) -> None:
    save(photograph(STUDY), tmp_path / "in")
    result = twinveil("header", tmp_path / "in", "--out", tmp_path / "out", "--key", key_file)
    assert result.exit_code == 0, result.output
    (written,) = (tmp_path / "out").rglob("*.dcm")
    clean = pydicom.dcmread(written)
    assert "PixelData" not in clean
    assert (clean.PatientIdentityRemoved, clean.PatientBirthDate) == ("YES", "")
    assert written == tmp_path / "out" / clean.StudyInstanceUID / f"{clean.SOPInstanceUID}.dcm"
    assert PATIENT_ID.encode() not in written.read_bytes()


def test_options_and_generation_come_from_the_configuration(tmp_path: Path, key_file: Path) -> None:
    save(photograph(STUDY), tmp_path / "in")

    def cleaned(profile: str) -> pydicom.Dataset:
        config = configured(tmp_path, profile, 'remove = ["PatientSex"]')
        out = tmp_path / str(abs(hash(profile)))
        assert twinveil("header", tmp_path / "in", "-o", out, "--key", key_file, "-c", config).exit_code == 0
        return pydicom.dcmread(next(out.rglob("*.dcm")))

    plain, chosen = cleaned(""), cleaned('options = ["retain_patient_characteristics"]\nfile = "site.toml"')
    assert "PatientAge" not in plain
    assert (chosen.PatientAge, chosen.PatientSex) == ("063Y", "")
    assert [item.CodeValue for item in chosen.DeidentificationMethodCodeSequence] == ["113100", "113108"]
    assert plain.PatientID == chosen.PatientID != cleaned("key_generation = 2").PatientID


def test_header_says_what_it_held_back(tmp_path: Path, key_file: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("no DICOM at all")
    result = twinveil("header", notes, "--out", tmp_path / "out", "--key", key_file)
    assert result.exit_code == 3
    assert "UnreadableObject" in result.output
    assert not (tmp_path / "out").exists()


def test_explain_tells_each_attribute_and_no_value(tmp_path: Path, key_file: Path) -> None:
    image = photograph(STUDY)
    file = save(image, tmp_path)
    result = twinveil("process", "--explain", file, "--key", key_file)
    assert result.exit_code == 0, result.output
    lines = {line[14:].split()[0]: line for line in result.output.splitlines()}
    assert set(lines) == {element.keyword for element in image if element.keyword != "PixelData"}
    assert lines["PatientAge"].startswith("removed")
    assert "basic profile X" in lines["PatientAge"]
    assert lines["PatientBirthDate"].startswith("emptied")
    assert lines["SOPInstanceUID"].startswith("new UID")
    assert lines["Rows"].startswith("kept")
    told = {str(element.value) for element in image if element.VR in ("PN", "LO", "SH", "UI", "DA", "TM")}
    assert len(told) > 8
    assert not [value for value in told if len(value) > 3 and value in result.output]
    assert BIRTH_DATE not in result.output


def test_process_without_input_says_what_it_needs(key_file: Path) -> None:
    result = twinveil("process", "--key", key_file)
    assert result.exit_code == 2
    assert "--explain" in result.output


def test_check_explains_the_profile(tmp_path: Path, key_file: Path) -> None:
    config = configured(
        tmp_path, 'options = ["retain_uids"]\nfile = "site.toml"', 'remove = ["PatientSex"]\n[replace]\nStudyID = "S"'
    )
    config.write_text(f'key_file = "{key_file.name}"\n' + config.read_text())
    output = " ".join(twinveil("check", "--config", config).output.split())
    for told in ("2026d, 657 rows", "113100, 113110", "retains 60 attributes", "PatientSex (0010,0040)", "StudyID",
                 "generation 1", "fingerprint"):  # fmt: skip
        assert told in output, told


@pytest.mark.parametrize(
    ("profile", "additions", "complaint"),
    [
        ('options = ["retain_all"]', "", "unknown option"),
        ('options = ["retain_longitudinal_full_dates", "retain_longitudinal_modified_dates"]', "", "choose one"),
        ('file = "absent.toml"', "", "cannot be read"),
        ('file = "site.toml"', 'keep = ["PatientAge"]', "retain_patient_characteristics"),
        ("key_generation = 0", "", "profile.key_generation"),
    ],
)
def test_a_profile_that_goes_too_far_is_refused(
    tmp_path: Path, key_file: Path, profile: str, additions: str, complaint: str
) -> None:
    file = save(photograph(STUDY), tmp_path)
    config = configured(tmp_path, profile, additions)
    result = twinveil("header", file, "--out", tmp_path / "out", "--key", key_file, "--config", config)
    assert result.exit_code == 2
    assert complaint in result.output
