"""Photographs that lie on their side, through the whole of ``twinveil process``.

A camera that was held sideways either turns the pixels or writes an orientation into the JPEG frame's EXIF. DICOM knows
no such tag and viewers show the frame as it is, so the tag must neither turn a pixel nor leave; and a face that does
lie must not leave at all, whoever takes its place.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import JPEGBaseline8Bit
from typer.testing import CliRunner, Result

from dicom_io.header import generate_key_file
from dicom_io.leaks.frame_metadata import segments
from dicom_io.reading import read_photograph
from pipeline.disease import Lesion, subtract
from pipeline.edits import TwinMaker, load_twin_maker
from pipeline.faces import Recognisers
from pipeline.gate import Gate
from pipeline.photograph import Findings, Photograph, Rgb, Subtraction, Twins
from plugin.commands import cli
from plugin.commands.exit_status import ExitStatus
from tests.dicom_io.builders import code, photograph, rich_header, write
from tests.pipeline.gate_fakes import gate_with
from tests.pipeline.rendered_faces import patient, stranger

ORIENTATION = 0x0112
FULL_TURN = 4


class PerfectTwinMaker:
    """What a model could do at its best: ``twin`` in the place of whoever comes. The gate is the real one."""

    name, version, digest = "perfect", "0", "cd" * 32
    facts: Mapping[str, str] = MappingProxyType({})

    def __init__(self, gate: Gate, twin: Rgb) -> None:
        self._gate = gate
        self._twin = twin
        self.shown: list[Rgb] = []

    def heal(self, photograph: Photograph) -> Lesion:
        return Lesion.none(photograph.rgb.shape)

    def swap(self, photograph: Photograph, lesion: Lesion, persona_seed: bytes, attempt: int) -> Twins:
        self.shown.append(photograph.rgb)
        return Twins(self._twin, self._twin)

    def judge(self, photograph: Photograph, twins: Twins) -> Findings:
        return self._gate.judge(photograph.rgb, twins.sick, photograph.hints)

    def subtract(self, twins: Twins) -> Subtraction:
        return subtract(twins.sick, twins.healthy, model_pixel=1.0, floor=0.0)


@pytest.fixture(scope="module")
def gate() -> Gate:
    return gate_with(Recognisers.load())


@pytest.fixture(scope="module")
def shipped() -> TwinMaker:
    return load_twin_maker()


def processed(monkeypatch: pytest.MonkeyPatch, twins: TwinMaker, source: Path, out: Path, *more: object) -> Result:
    key = source.with_suffix(".key")
    generate_key_file(key)
    monkeypatch.setattr(cli, "load_twins", lambda configuration, personas=None: twins)
    monkeypatch.setattr(cli, "configure_logs", lambda *level, **form: None)
    arguments = ("process", source, "--out", out, "--key", key, *more)
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def turned(rgb: Rgb, turns: int) -> Rgb:
    """Counter-clockwise by quarter turns."""
    return np.ascontiguousarray(np.rot90(rgb, turns))


def header_of(view: str) -> Dataset:
    """A patient's, that promises a face or a forearm, where no face need be found."""
    header = rich_header()
    if view == "close-up":
        header.BodyPartExamined = "FOREARM"
        header.AnatomicRegionSequence = [code("14975008", "SCT", "Forearm")]
        del header.AdmittingDiagnosesCodeSequence, header.StudyDescription  # rosacea is of faces, whatever else is said
    return header


def refusal_in(out: Path) -> dict[str, str]:
    """Why the one instance was held, after making sure that nothing else lies in ``out``."""
    assert [path.name for path in out.iterdir()] == ["manifest.json"], "no twin, no mask, no overview"
    (entry,) = json.loads((out / "manifest.json").read_text())["instances"]
    assert (entry["outcome"], entry["outputs"]) == ("quarantined", [])
    why: dict[str, str] = entry["why"]
    return why


@pytest.mark.parametrize("view", ["face", "close-up"])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_of_a_face_that_lies_nothing_leaves_even_with_a_perfect_twin(
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turns: int, view: str
) -> None:
    source = write(photograph(header_of(view), turned(patient(), turns)), tmp_path / "lying.dcm")
    assert read_photograph(source).hints.view == view, "or another rule would be tested"
    result = processed(monkeypatch, PerfectTwinMaker(gate, turned(stranger(), turns)), source, tmp_path / "out")
    assert result.exit_code == ExitStatus.QUARANTINED, result.output
    why = refusal_in(tmp_path / "out")
    assert (why["stage"], why["error"]) == ("gate", "FaceSuspected")
    assert f"turned by {90 * (FULL_TURN - turns)} degrees" in why["reason"]


@pytest.mark.parametrize(
    ("study", "view"), [("kwabena-acne", "face"), ("kwabena-acne", "close-up"), ("signe-rosacea", "face")]
)
def test_the_shipped_model_s_operator_is_told_to_turn_it(
    shipped: TwinMaker, sample_studies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, study: str, view: str
) -> None:
    """In the first the finder sees no face at all as it lies, in the second one with its eyes in the wrong places."""
    upright = read_photograph(sample_studies / study / "photograph.dcm").rgb
    source = write(photograph(header_of(view), turned(upright, 1)), tmp_path / "lying.dcm")
    result = processed(monkeypatch, shipped, source, tmp_path / "out")
    assert result.exit_code == ExitStatus.QUARANTINED, result.output
    why = refusal_in(tmp_path / "out")
    assert why["error"] == "FaceSuspected", why
    assert "turned by 270 degrees" in why["reason"]


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_tag_in_the_frame_turns_no_pixel_and_does_not_leave(
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orientation: int, lossless: bool
) -> None:
    upright, other = (np.ascontiguousarray(rgb[:, 8:-24]) for rgb in (patient(), stranger()))
    assert upright.shape[0] != upright.shape[1], "a turned frame would have another shape"
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    dataset = photograph(header_of("face"), upright, JPEGBaseline8Bit, exif=exif.tobytes())
    source = write(dataset, tmp_path / "tagged.dcm")
    assert tag_in(get_frame(pydicom.dcmread(source).PixelData, 0, number_of_frames=1)) == orientation
    config = tmp_path / "node.toml"
    config.write_text(f"[output]\nlossless = {str(lossless).lower()}\n")
    twins = PerfectTwinMaker(gate, other)
    result = processed(monkeypatch, twins, source, tmp_path / "out", "--config", config)
    assert result.exit_code == ExitStatus.RELEASED, result.output
    (shown,) = twins.shown
    assert np.abs(shown.astype(int) - upright).mean() < 4, "what is edited stands as it stood, but for JPEG's loss"
    left = sorted((tmp_path / "out").rglob("*.dcm"))
    assert {path.parent.name for path in left} == {"sick-twin", "healthy-twin", "segmentation"}
    for path in left:
        assert b"Exif" not in path.read_bytes()
        image = pydicom.dcmread(path)
        assert (image.Rows, image.Columns) == upright.shape[:2]
        if path.parent.name == "segmentation":
            continue
        frame = get_frame(image.PixelData, 0, number_of_frames=1)
        assert not [segment.name for segment in segments(frame) if segment.name == "APP1"]
        assert tag_in(frame) is None
        assert np.abs(read_photograph(path).rgb.astype(int) - other).mean() < (1e-9 if lossless else 4)


def tag_in(frame: bytes) -> int | None:
    """The orientation that an image viewer reads in ``frame``."""
    with Image.open(io.BytesIO(frame)) as image:
        return image.getexif().get(ORIENTATION)
