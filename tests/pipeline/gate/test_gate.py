"""Only a finished comparison that finds someone else releases; everything else is rejected or undecided, by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.edits import FaceCrop
from pipeline.errors import ModelError, OutsideDomain, Rejected, Undecided
from pipeline.faces import FaceFinder, Recognisers, similarity
from pipeline.gate import SHIPPED_FOLDER, Calibration, Gate, gate_digests, load_calibration
from pipeline.photograph import Hints, Rgb
from tests.pipeline.gate_fakes import faked, gate_with
from tests.pipeline.rendered_faces import patient, skin, stranger

FACE = Hints(view="face")


def blended(share: float) -> Rgb:
    """The stranger with ``share`` of the patient left in every pixel, eyes on eyes."""
    finder = FaceFinder()
    (first,), (second,) = finder.find(patient()), finder.find(stranger())
    moved = cv2.warpAffine(stranger(), similarity(second.landmarks, first.landmarks), (256, 256))
    return np.rint(share * patient() + (1 - share) * moved.astype(float)).astype(np.uint8)


def inner_face_swapped() -> Rgb:
    """The stranger's eyes, nose and mouth inside the patient's rim: jaw, ears, hairline."""
    finder = FaceFinder()
    (face,) = finder.find(patient())
    crop = FaceCrop.around(face, patient().shape)
    y, x = np.mgrid[: crop.side, : crop.side] / (crop.side / 2) - 1
    inner = np.zeros(patient().shape[:2], np.float32)
    inside = np.s_[max(crop.top, 0) : crop.top + crop.side, max(crop.left, 0) : crop.left + crop.side]
    ellipse = (np.hypot(x / 0.48, y / 0.55) < 1).astype(np.float32)
    inner[inside] = ellipse[max(-crop.top, 0) :, max(-crop.left, 0) :][
        : inner[inside].shape[0], : inner[inside].shape[1]
    ]
    inner = cv2.GaussianBlur(inner, (0, 0), 2)[..., None]
    return np.rint(inner * blended(0).astype(float) + (1 - inner) * patient()).astype(np.uint8)


def test_someone_else_is_released_with_the_figures(gate: Gate) -> None:
    findings = gate.judge(patient(), stranger(), FACE)
    calibration = load_calibration("rendered")
    assert (findings.outcome, findings.faces) == ("released", 1)
    assert findings.sface_cosine is not None
    assert findings.sface_cosine < calibration.sface_cosine
    assert findings.dlib_distance is not None
    assert findings.dlib_distance > calibration.dlib_distance
    assert findings.ncc is not None
    assert findings.ncc < calibration.ncc


@pytest.mark.parametrize(
    "twin",
    [
        patient(),
        cv2.GaussianBlur(patient(), (0, 0), 1.5),
        np.ascontiguousarray(patient()[:, ::-1]),
        blended(0.7),
        blended(0.5),
        inner_face_swapped(),
    ],
    ids=["unchanged", "blurred", "mirrored", "70 %", "50 %", "rim kept"],
)
def test_the_patient_is_rejected_with_the_figures(gate: Gate, twin: Rgb) -> None:
    with pytest.raises(Rejected, match=r"SFace cosine .* dlib distance .* NCC .* 'rendered'"):
        gate.judge(patient(), twin.astype(np.uint8), FACE)


@pytest.mark.parametrize("view", ["face", None])
def test_no_face_where_one_must_be_is_undecided(gate: Gate, view: str | None) -> None:
    with pytest.raises(Undecided, match="no face found"):
        gate.judge(skin(), skin(), Hints(view=view))  # type: ignore[arg-type]


@pytest.mark.parametrize("view", ["close-up", "dermoscopy"])
def test_a_close_up_may_have_no_face(gate: Gate, view: str) -> None:
    findings = gate.judge(skin(), skin(seed=1), Hints(view=view))  # type: ignore[arg-type]
    assert (findings.outcome, findings.faces, findings.sface_cosine) == ("no-face", 0, None)


def test_a_face_in_a_close_up_is_a_face(gate: Gate) -> None:
    with pytest.raises(Rejected):
        gate.judge(patient(), patient(), Hints(view="close-up"))
    assert gate.judge(patient(), stranger(), Hints(view="close-up")).outcome == "released"


def test_a_face_that_appears_vanishes_or_moves_is_undecided(gate: Gate) -> None:
    blank = np.full_like(patient(), 120)
    with pytest.raises(Undecided, match="none was found in the photograph"):
        gate.judge(blank, stranger(), Hints(view="close-up"))
    with pytest.raises(Undecided, match="1 faces in the photograph, 0 in the twin"):
        gate.judge(patient(), blank, FACE)
    left, right = np.full((256, 640, 3), 120, np.uint8), np.full((256, 640, 3), 120, np.uint8)
    left[:, :256], right[:, -256:] = patient(), stranger()
    with pytest.raises(Undecided, match="not found again"):
        gate.judge(left, right, FACE)
    with pytest.raises(Undecided, match="pixels, not the photograph's"):
        gate.judge(patient(), stranger()[:200], FACE)


def test_each_of_several_faces_must_be_someone_else(gate: Gate) -> None:
    both = np.concatenate([patient(), stranger()], axis=1)
    exchanged = np.concatenate([stranger(), patient()], axis=1)
    half = np.concatenate([stranger(), stranger()], axis=1)
    for twin in (both, exchanged, half):
        with pytest.raises(Rejected):
            gate.judge(both, twin, FACE)


def test_a_face_too_small_to_compare_is_undecided(gate: Gate) -> None:
    def distant(rgb: Rgb) -> Rgb:
        frame = np.full((300, 300, 3), 120, np.uint8)
        frame[100:156, 100:156] = cv2.resize(rgb, (56, 56), interpolation=cv2.INTER_AREA)
        return frame

    with pytest.raises(Undecided, match="too small"):
        gate.judge(distant(patient()), distant(stranger()), FACE)


@pytest.mark.parametrize("recogniser", ["sface", "dlib"])
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (float("nan"), "not a number"),
        (float("inf"), "not a number"),
        (MemoryError("in the middle of a comparison"), "the gate failed: MemoryError"),
    ],
    ids=["NaN", "infinite", "crash"],
)
def test_a_recogniser_that_fails_never_releases(
    recognisers: Recognisers, recogniser: str, answer: float | Exception, message: str
) -> None:
    with pytest.raises(Undecided, match=message):
        gate_with(faked(recognisers, recogniser, says=answer)).judge(patient(), stranger(), FACE)


@pytest.mark.parametrize(("recogniser", "score"), [("sface", 0.9), ("dlib", 0.1)])
def test_one_recogniser_alone_can_reject(recognisers: Recognisers, recogniser: str, score: float) -> None:
    with pytest.raises(Rejected):
        gate_with(faked(recognisers, recogniser, says=score)).judge(patient(), stranger(), FACE)


def test_a_face_outside_the_domain_is_held_to_the_stricter_thresholds(
    finder: FaceFinder, recognisers: Recognisers
) -> None:
    rendered = load_calibration("rendered")
    assert rendered.domain is not None
    (face,) = finder.find(patient())
    assert rendered.domain.holds(recognisers.sface.describe(patient(), face))
    nobody_belongs = replace(rendered, domain=replace(rendered.domain, cosine_to_centre=1.0))
    with pytest.raises(Rejected, match=r"passes below 0\.250.*'photographs'"):
        Gate(finder, recognisers, nobody_belongs).judge(patient(), patient(), FACE)
    far_away = np.random.default_rng(0).normal(size=128)
    assert not rendered.domain.holds(far_away)
    assert not rendered.domain.holds(np.full(128, np.nan))


def test_a_face_that_the_model_does_not_know_is_undecided_however_different_its_twin(
    finder: FaceFinder, recognisers: Recognisers
) -> None:
    rendered = load_calibration("rendered")
    assert rendered.domain is not None
    strangest = replace(rendered.domain, cosine_to_centre=1.0)
    assert Gate(finder, recognisers, rendered, knows=rendered.domain).judge(patient(), stranger(), FACE).faces == 1
    with pytest.raises(OutsideDomain, match="unlike all those"):
        Gate(finder, recognisers, rendered, knows=strangest).judge(patient(), stranger(), FACE)
    # A site's own calibration, which holds for every face, changes nothing in what the model knows.
    everybody = replace(rendered, domain=None)
    with pytest.raises(OutsideDomain):
        Gate(finder, recognisers, everybody, knows=strangest).judge(patient(), stranger(), FACE)


def test_the_shipped_calibrations_are_for_the_shipped_recognisers(finder: FaceFinder, recognisers: Recognisers) -> None:
    names = sorted(path.stem for path in SHIPPED_FOLDER.glob("*.toml"))
    assert names == ["photographs", "rendered"]
    for name in names:
        calibration = load_calibration(name)
        assert calibration.name == name
        assert calibration.origin
        assert calibration.digests == gate_digests(finder, recognisers)
    photographs = load_calibration("photographs")
    assert (photographs.sface_cosine, photographs.dlib_distance, photographs.ncc) == (0.25, 0.65, 0.6)
    assert photographs.domain is None


def test_a_calibration_for_another_recogniser_is_refused(finder: FaceFinder, recognisers: Recognisers) -> None:
    rendered = load_calibration("rendered")
    for digests in ({**rendered.digests, "sface": "0" * 64}, {}, {**rendered.digests, "third": "0" * 64}):
        with pytest.raises(ModelError, match="made for another"):
            Gate(finder, recognisers, replace(rendered, digests=digests))
    with pytest.raises(ModelError, match="own domain only"):
        Gate(finder, recognisers, rendered, outside=rendered)


def test_a_calibration_survives_its_file(tmp_path: Path) -> None:
    for name in ("photographs", "rendered"):
        calibration = load_calibration(name)
        calibration.write(tmp_path / "copy.toml")
        assert Calibration.read(tmp_path / "copy.toml") == calibration


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sface_cosine = ", "sface_cosine = nan #"),
        ("sface_cosine = ", "sface_cosine = 7 #"),
        ("ncc = ", "nccc = "),
        ("[thresholds]", "[treshold]"),
        ("name = ", "extra = 1\nname = "),
        ("origin = ", "# "),
        ("[digests]", "[digests"),
    ],
)
def test_a_calibration_that_is_not_understood_is_refused(tmp_path: Path, old: str, new: str) -> None:
    text = (SHIPPED_FOLDER / "photographs.toml").read_text("utf-8")
    assert old in text
    (tmp_path / "bad.toml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ModelError):
        Calibration.read(tmp_path / "bad.toml")
    with pytest.raises(ModelError):
        Calibration.read(tmp_path / "absent.toml")
