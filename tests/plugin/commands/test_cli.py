"""The commands from outside: exit statuses, what is written, what is said."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import UID, ImplicitVRLittleEndian, SegmentationStorage, VLPhotographicImageStorage
from pynetdicom import AE
from pynetdicom.sop_class import Verification
from typer.testing import CliRunner, Result

from dicom_io.header import Pseudonyms, SiteKey
from pipeline.gate import LabelledFaces, find_calibration
from plugin.commands import cli
from plugin.commands.demo_archive import Receiver
from plugin.config import KEY_VARIABLE, load_configuration
from plugin.quarantine import Quarantine
from plugin.study import Refusal
from tests.pipeline.gate.test_labelled_faces import made_up
from tests.plugin import fakes
from tests.plugin.fakes import MirroringTwinMaker, photograph, save, skin

STUDY = "1.2.826.0.1.3680043.8.498.78"


@pytest.fixture(autouse=True)
def twins(monkeypatch: pytest.MonkeyPatch) -> MirroringTwinMaker:
    twins = MirroringTwinMaker()
    monkeypatch.setattr(cli, "load_twins", lambda configuration, personas=None: twins)
    monkeypatch.setattr(cli, "configure_logs", lambda *level, **form: None)
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    return twins


def twinveil(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    folder = tmp_path / "studies"
    for number in (1, 2):
        save(photograph(f"{STUDY}.{number}", number=number), folder / f"patient-{number}")
        (folder / f"patient-{number}" / "truth.png").write_bytes(b"not a photograph")
    return folder


def test_process_writes_the_tree_the_manifest_and_the_overview(studies: Path, key_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = twinveil("process", studies, "--out", out, "--key", key_file)
    assert result.exit_code == 0, result.output
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["summary"] == {"instances": 2, "released": 2, "quarantined": 0}
    listed = {output["file"] for entry in manifest["instances"] for output in entry["outputs"]}
    assert listed == {path.relative_to(out).as_posix() for path in out.rglob("*.dcm")}
    for path in out.rglob("*.dcm"):
        image = pydicom.dcmread(path)
        assert path == out / image.StudyInstanceUID / path.parent.name / f"{image.SOPInstanceUID}.dcm"
        assert {"sick-twin": "XC", "healthy-twin": "XC", "segmentation": "SEG"}[path.parent.name] == image.Modality
    with Image.open(out / "overview.png") as overview:
        assert overview.width > 3 * overview.height / 2 / 2
        colours = np.asarray(overview.convert("RGB"))
    assert (colours == (0, 230, 230)).all(-1).any(), "the mask is outlined"
    for entry in manifest["instances"]:
        assert set(entry["seconds"]) == {"read", "clean", "heal", "swap", "gate", "subtract", "write", "check"}
        assert entry["gate"]["sface_cosine"] == 0.1
        assert entry["subtraction"]["lesion_class"] == "erythema"


def test_the_manifest_names_nobody(studies: Path, key_file: Path, tmp_path: Path) -> None:
    save(photograph(f"{STUDY}.3", rgb=skin(1)), studies)
    result = twinveil("process", studies, "--out", tmp_path / "out", "--key", key_file)
    assert result.exit_code == 3
    manifest = (tmp_path / "out" / "manifest.json").read_text()
    sources = [pydicom.dcmread(path) for path in studies.rglob("*.dcm")]
    values = {str(source[name].value) for source in sources for name in (
        "PatientName", "PatientID", "PatientBirthDate", "StudyInstanceUID", "SOPInstanceUID", "AccessionNumber",
        "InstitutionName", "ReferringPhysicianName", "StudyDate",
    )}  # fmt: skip
    assert len(values) > 8
    assert not [value for value in values if value in manifest]
    # Whoever has the key finds an instance again.
    pseudonyms = Pseudonyms(SiteKey.from_file(key_file))
    digests = {entry["source"] for entry in json.loads(manifest)["instances"]}
    assert digests == {pseudonyms.source_digest(source.SOPInstanceUID) for source in sources}


def test_the_same_key_gives_the_same_uids_and_another_key_others(studies: Path, key_file: Path, tmp_path: Path) -> None:
    def uids(out: str, key: Path) -> set[str]:
        assert twinveil("process", studies, "--out", tmp_path / out, "--key", key).exit_code == 0
        return {path.name for path in (tmp_path / out).rglob("*.dcm")}

    other = tmp_path / "other.key"
    other.write_bytes(os.urandom(32))
    other.chmod(0o600)
    assert uids("first", key_file) == uids("second", key_file)
    assert not uids("first", key_file) & uids("third", other)


def test_process_leaves_its_input_alone_and_says_what_it_held_back(
    studies: Path, key_file: Path, tmp_path: Path
) -> None:
    spoilt = save(photograph(f"{STUDY}.3", rgb=skin(1)), studies)
    notes = studies / "notes.txt"
    notes.write_text("not DICOM at all")
    before = {path: path.read_bytes() for path in studies.rglob("*") if path.is_file()}
    result = twinveil("process", studies, notes, "--out", tmp_path / "out", "--key", key_file)
    assert result.exit_code == 3
    assert f"{spoilt}: UnusablePhotograph" in result.output
    assert f"{notes}: UnreadableObject" in result.output
    assert {path: path.read_bytes() for path in studies.rglob("*") if path.is_file()} == before
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["summary"] == {"instances": 4, "released": 2, "quarantined": 2}


def test_when_everything_is_refused_there_is_no_overview(
    studies: Path, key_file: Path, tmp_path: Path, twins: MirroringTwinMaker
) -> None:
    twins.refusals = 3
    assert twinveil("process", studies, "--out", tmp_path / "out", "--key", key_file).exit_code == 3
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["manifest.json"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda key: key.unlink(), "No such file"),
        (lambda key: key.write_bytes(b"k" * 64), "key"),
        (lambda key: key.chmod(0o644), "chmod 600"),
    ],
)
def test_process_without_a_good_key_is_refused(studies: Path, key_file: Path, tmp_path: Path, spoil, said: str) -> None:
    spoil(key_file)
    result = twinveil("process", studies, "--out", tmp_path / "out", "--key", key_file)
    assert result.exit_code == 2
    assert said in result.output


def test_without_any_key_the_error_says_how_to_get_one(studies: Path, tmp_path: Path) -> None:
    result = twinveil("process", studies, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert KEY_VARIABLE in result.output
    assert "twinveil init" in result.output


def test_the_key_of_the_environment_is_taken(
    studies: Path, key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, str(key_file))
    assert twinveil("process", studies, "--out", tmp_path / "out").exit_code == 0


def test_bad_usage_is_status_2(tmp_path: Path, key_file: Path) -> None:
    assert twinveil("process").exit_code == 2
    assert twinveil("process", tmp_path / "absent", "--out", tmp_path, "--key", key_file).exit_code == 2
    assert twinveil("serve", "--config", tmp_path / "absent.toml").exit_code == 2
    assert twinveil("nonsense").exit_code == 2


def test_init_writes_a_configuration_that_loads_and_a_key_that_is_good(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    assert twinveil("init", folder).exit_code == 0
    configuration = load_configuration(folder / "twinveil.toml")
    assert configuration.callers == ()
    SiteKey.from_file(configuration.key_path)
    assert (folder / "twinveil.key").stat().st_mode & 0o777 == 0o600
    kept = (folder / "twinveil.key").read_bytes()
    again = twinveil("init", folder)
    assert again.exit_code == 2
    assert "kept" in again.output
    assert (folder / "twinveil.key").read_bytes() == kept


@pytest.fixture
def node_folder(tmp_path: Path, receiver: Receiver) -> Iterator[Path]:
    folder = tmp_path / "node"
    assert twinveil("init", folder).exit_code == 0
    with (folder / "twinveil.toml").open("a") as file:
        file.write('\n[[callers]]\nae_title = "CAMERA"\nnetwork = "127.0.0.1"\n')
        file.write('[[destinations]]\nname = "archive"\nae_title = "ARCHIVE"\nhost = "127.0.0.1"\n')
        file.write(f"port = {receiver.port}\n")
    return folder


def test_check_is_content_with_a_good_node(node_folder: Path) -> None:
    result = twinveil("check", "--config", node_folder / "twinveil.toml")
    assert result.exit_code == 0, result.output
    assert "answers C-ECHO" in result.output
    assert "no syslog server" in result.output


def test_check_finds_a_silent_destination_and_a_lost_key(node_folder: Path, receiver: Receiver) -> None:
    configuration = node_folder / "twinveil.toml"
    text = configuration.read_text().replace(f"port = {receiver.port}\n", "port = 1\n")
    for setting, value in (('\nhost = ""\n', '\nhost = "127.0.0.1"\n'), ('"tls"\n', '"tcp"\n'), ("= 6514", "= 1")):
        assert text.count(setting) == 1
        text = text.replace(setting, value)
    configuration.write_text(text)
    silent = twinveil("check", "--config", configuration)
    assert silent.exit_code == 1
    assert "failed" in silent.output
    assert "messages would wait on disk" in " ".join(silent.output.split())
    (node_folder / "twinveil.key").unlink()
    assert twinveil("check", "--config", configuration).exit_code == 2


def test_check_says_what_to_do_about_each_item_that_failed(node_folder: Path) -> None:
    configuration = node_folder / "twinveil.toml"
    text = configuration.read_text()
    configuration.write_text(text[: text.rindex("[[callers]]")])
    (node_folder / "twinveil.key").unlink()
    result = twinveil("check", "--json", "--config", configuration)
    assert result.exit_code == 2
    items = {each["item"]: each for each in json.loads(result.output)}
    assert {"callers", "key", "destinations"} <= {name for name, each in items.items() if not each["ok"]}
    assert all(bool(each["fix"]) != each["ok"] for each in items.values())
    shown = twinveil("check", "--config", configuration).output
    assert "\x1b" not in shown
    assert "List each sender under [[callers]]" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("taken", "refused"),
    [(VLPhotographicImageStorage, "Segmentation Storage"), (SegmentationStorage, "VL Photographic Image Storage")],
)
def test_check_tells_of_what_a_destination_would_refuse_before_the_first_study(
    node_folder: Path, receiver: Receiver, taken: UID, refused: str
) -> None:
    archive = AE(ae_title="ARCHIVE")
    archive.add_supported_context(Verification)
    archive.add_supported_context(taken, [ImplicitVRLittleEndian])
    server = archive.start_server(("127.0.0.1", 0), block=False)
    configuration = node_folder / "twinveil.toml"
    port = server.server_address[1]
    configuration.write_text(configuration.read_text().replace(f"port = {receiver.port}\n", f"port = {port}\n"))
    try:
        result = twinveil("check", "--config", configuration)
    finally:
        server.shutdown()
    said = " ".join(result.output.split())
    assert result.exit_code == 1
    assert f"answers C-ECHO and takes {taken.name} in Implicit VR Little Endian. It would refuse" in said
    assert refused in said.partition("It would refuse")[2]
    assert "allow it there" in said


def test_quarantine_is_listed_shown_and_discarded(node_folder: Path, tmp_path: Path) -> None:
    configuration = ("--config", node_folder / "twinveil.toml")
    empty = twinveil("quarantine", "list", *configuration)
    assert (empty.exit_code, empty.output.strip()) == (0, "nothing is held back")
    source = save(photograph(STUDY), tmp_path)
    refusal = Refusal("gate", "Rejected", "still the patient: SFace cosine 0.700")
    (node_folder / "state").mkdir()
    Quarantine(node_folder / "state" / "quarantine", SiteKey.from_file(node_folder / "twinveil.key")).keep(
        source, name="0123abcd-ef", digest="0123abcd", study="77", refusal=refusal
    )
    listed = twinveil("quarantine", "list", *configuration)
    assert "0123abcd-ef" in listed.output
    assert "Rejected" in listed.output
    shown = twinveil("quarantine", "show", "0123", *configuration)
    assert shown.exit_code == 0
    assert "still the patient: SFace cosine 0.700" in shown.output
    assert "release   never" in shown.output
    assert twinveil("quarantine", "show", "ff", *configuration).exit_code == 2
    decided = ("0123", "--reviewer", "Dr. Ashdown", "--reason", "looked at it", *configuration)
    refused = twinveil("quarantine", "release", *decided)
    assert (refused.exit_code, "cannot be released" in refused.output) == (2, True)
    assert twinveil("quarantine", "discard", "0123", *configuration).exit_code == 2, "without a name and a reason"
    discarded = twinveil("quarantine", "discard", *decided)
    assert (discarded.exit_code, "gone for good" in discarded.output) == (0, True)
    assert twinveil("quarantine", "list", *configuration).output.strip() == "nothing is held back"


def test_calibrate_says_what_it_lacks_writes_a_file_and_replaces_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person in ("first", "second"):
        (tmp_path / "people" / person).mkdir(parents=True)
    told = ("--name", "clinic", "--origin", "two empty folders")
    few = twinveil("calibrate", tmp_path / "people", "--out", tmp_path / "new.toml", *told)
    assert (few.exit_code, "at least 20 are needed" in few.output) == (2, True)
    assert not (tmp_path / "new.toml").exists()
    (tmp_path / "old.toml").write_text("thresholds")
    kept = twinveil("calibrate", tmp_path / "people", "--out", tmp_path / "old.toml", *told)
    assert (kept.exit_code, "exists and is kept" in kept.output) == (2, True)
    assert (tmp_path / "old.toml").read_text() == "thresholds"
    monkeypatch.setattr(LabelledFaces, "of", lambda *_: made_up())
    made = twinveil("calibrate", tmp_path / "people", "--out", tmp_path / "new.toml", *told)
    assert made.exit_code == 0, made.output
    assert "sface_tar_at_far_1e3" in made.output
    read = find_calibration("new.toml", tmp_path)
    assert (read.name, read.origin, read.domain) == ("clinic", "two empty folders", None)
    assert read.digests == find_calibration("rendered", tmp_path).digests
    assert read.roc["dlib"]
    absent = twinveil("calibrate", tmp_path / "absent", "--out", tmp_path / "newer.toml", *told)
    assert (absent.exit_code, "is no folder" in absent.output) == (2, True)
    assert twinveil("calibrate", tmp_path / "people").exit_code == 2


def test_demo_shows_what_an_archive_received(studies: Path, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    result = twinveil("demo", "--out", out, "--samples", studies)
    assert result.exit_code == 0, result.output
    assert len(list(out.rglob("*.dcm"))) == 8
    assert (out / "overview.png").is_file()
    assert str(out / "overview.png") in result.output
    # Once more: a new key makes new studies, and the old ones are gone.
    assert twinveil("demo", "--out", out, "--samples", studies).exit_code == 0
    assert len(list(out.rglob("*.dcm"))) == 8
    left = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert fakes.PATIENT_ID.encode() not in left


def test_demo_without_samples_says_so(tmp_path: Path) -> None:
    result = twinveil("demo", "--out", tmp_path / "demo", "--samples", tmp_path / "absent")
    assert result.exit_code == 2
    assert "--samples" in result.output


def test_train_hands_its_options_to_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline import training
    from pipeline.models import FOLDER

    plans: list[training.Plan] = []
    monkeypatch.setattr(training, "train", lambda plan, say: plans.append(plan) or say("rendering"))
    features = tmp_path / "heal.safetensors"
    arguments = ["--work", str(tmp_path), "--images", "16", "--begin-with", str(features), "--faces", "5"]
    result = twinveil("train", "swap", *arguments)
    assert (result.exit_code, result.output.strip()) == (0, "rendering")
    assert plans == [training.Plan("swap", tmp_path, FOLDER, faces=5, images=16, begin_with=features)]
    assert twinveil("train", "paint").exit_code == 2
