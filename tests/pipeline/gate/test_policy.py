"""What is a face and what "no face" means, view by view; a naevus is none, and a header makes no face go away."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dicom_io.reading import read_photograph
from pipeline.errors import FaceDenied, FaceSuspected, NoFaceFound, Rejected, Undecided
from pipeline.faces import Descriptor, FaceFinder, Recognisers
from pipeline.gate import FacePolicy, Gate, Policy, load_calibration
from pipeline.gate.policy import FACELESS, MUCH, SOME
from pipeline.photograph import Hints, Rgb, View
from tests.pipeline.gate_fakes import faked, gate_with
from tests.pipeline.rendered_faces import patient, skin, stranger
from tests.pipeline.text.test_burned_in_text import BY_SKIN_TYPE

DERMOSCOPY, CLOSE_UP, SILENT = Hints(view="dermoscopy"), Hints(view="close-up"), Hints()


@pytest.fixture(scope="module")
def naevus(sample_studies: Path) -> Rgb:
    return read_photograph(sample_studies / "pippa-dermoscopy" / "photograph.dcm").rgb


def disguised(rgb: Rgb) -> dict[str, Rgb]:
    """A face as it may come under the wrong header: turned, dim, blurred, partly covered, cut out."""
    (face,) = FaceFinder().find(rgb)
    height, width = rgb.shape[:2]
    left, top, right, bottom = np.clip(face.box.astype(int), 0, [width, height, width, height])
    lower, half = rgb.copy(), rgb.copy()
    lower[int(face.landmarks[2, 1]) :] = 120
    half[:, : int(face.landmarks[2, 0])] = 120
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 30, 1)
    return {
        "as it is": rgb,
        "turned by 30 degrees": cv2.warpAffine(rgb, turn, (width, height), borderMode=cv2.BORDER_REPLICATE),
        "dim": (rgb * 0.25).astype(np.uint8),
        "blurred": cv2.GaussianBlur(rgb, (0, 0), height / 80),
        "mouth and chin covered": lower,
        "one half covered": half,
        "nothing but the face": np.ascontiguousarray(rgb[top:bottom, left:right]),
    }


def taken_for_faceless(policy: FacePolicy, rgb: Rgb, hints: Hints) -> bool:
    """Neither a face nor a doubt: such a photograph would pass as one without a face."""
    try:
        return not policy.faces(rgb, hints)
    except Undecided:
        return False


@pytest.mark.parametrize("skin_type", [*BY_SKIN_TYPE, "fixture"])
def test_a_face_under_the_header_of_a_dermatoscope_is_still_a_face(
    policy: FacePolicy, sample_studies: Path, skin_type: str
) -> None:
    study = BY_SKIN_TYPE.get(skin_type)
    rgb = read_photograph(sample_studies / study / "photograph.dcm").rgb if study else patient()
    lost = [
        (name, hints.view)
        for name, shown in disguised(rgb).items()
        for hints in (DERMOSCOPY, CLOSE_UP)
        if taken_for_faceless(policy, shown, hints)
    ]
    assert lost == []
    assert policy.faces(rgb, CLOSE_UP)


def test_a_naevus_is_no_face_where_the_header_says_dermoscopy(
    policy: FacePolicy, finder: FaceFinder, naevus: Rgb
) -> None:
    assert finder.find(naevus), "the finder takes it for one, or there is nothing to test"
    assert policy.faces(naevus, DERMOSCOPY) == []
    assert policy.faces(naevus, CLOSE_UP) == []
    assert policy.turned_faces(naevus, DERMOSCOPY) == []
    for hints in (SILENT, Hints(view="face")):
        assert len(policy.faces(naevus, hints)) == 1, "elsewhere nothing is dropped"


def test_the_gate_lets_the_naevus_pass_and_no_face_with_it(
    gate: Gate, finder: FaceFinder, recognisers: Recognisers, naevus: Rgb
) -> None:
    assert gate.judge(naevus, naevus, DERMOSCOPY).outcome == "no-face"
    with pytest.raises(Rejected):
        gate.judge(patient(), patient(), DERMOSCOPY)
    assert gate.judge(patient(), stranger(), DERMOSCOPY).outcome == "released"
    beside = np.concatenate([cv2.resize(patient(), (640, 640)), naevus], axis=1)
    with pytest.raises(Rejected):
        gate.judge(beside, beside, DERMOSCOPY)
    strict = Gate(finder, recognisers, load_calibration("rendered"), policy=Policy(second_look=False))
    with pytest.raises(Undecided):
        strict.judge(naevus, naevus, DERMOSCOPY)


NOTHING, SOMETHING = np.full(128, 0.01), np.full(128, 1.0)


@pytest.fixture
def blind(recognisers: Recognisers) -> Recognisers:
    """Neither of the two sees a face in anything."""
    return faked(faked(recognisers, "sface", sees=NOTHING), "dlib", sees=FaceDenied("none"))


def test_one_witness_is_enough(finder: FaceFinder, blind: Recognisers, naevus: Rgb) -> None:
    assert FacePolicy(finder, blind).faces(naevus, DERMOSCOPY) == []
    assert FacePolicy(finder, blind).faces(patient(), DERMOSCOPY), "the gradients alone"
    assert FacePolicy(finder, faked(blind, "sface", sees=SOMETHING)).faces(naevus, DERMOSCOPY)


def of_evidence(finder: FaceFinder, recognisers: Recognisers, evidence: float) -> FacePolicy:
    """A policy to whose witnesses so much speaks for every detection."""
    policy = FacePolicy(finder, recognisers)
    policy._lookout.evidence = lambda rgb, face: evidence  # type: ignore[method-assign]
    return policy


@pytest.mark.parametrize("turns", [0, 1])
def test_what_some_evidence_speaks_for_is_held_until_a_person_rules_it_out(
    finder: FaceFinder, recognisers: Recognisers, naevus: Rgb, turns: int
) -> None:
    """A naevus would be made a face otherwise, and a profile that the witnesses hardly know would leave."""
    shown = np.ascontiguousarray(np.rot90(naevus, turns))
    some, little = (of_evidence(finder, recognisers, value) for value in (SOME, SOME - 0.1))
    for hints in (DERMOSCOPY, CLOSE_UP):
        with pytest.raises(FaceSuspected, match="turned" if turns else "lets expect none") as held:
            some.faces(shown, hints)
        assert re.search(r"at x \d+ to \d+, y \d+ to \d+ \(detector 0\.\d\d", str(held.value)), "where a reviewer looks"
        assert some.faces(shown, replace(hints, face_ruled_out=True)) == []
        assert little.faces(shown, hints) == []


def test_nobody_s_word_outweighs_much_evidence(finder: FaceFinder, recognisers: Recognisers, naevus: Rgb) -> None:
    much = of_evidence(finder, recognisers, MUCH)
    for hints in (replace(DERMOSCOPY, face_ruled_out=True), replace(CLOSE_UP, face_ruled_out=True)):
        assert len(much.faces(naevus, hints)) == 1
        with pytest.raises(FaceSuspected, match="turned"):
            much.faces(np.ascontiguousarray(np.rot90(naevus)), hints)


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("hints", [Hints(view="face"), SILENT, CLOSE_UP, DERMOSCOPY])
def test_nobody_s_word_lets_a_lying_face_out(policy: FacePolicy, gate: Gate, turns: int, hints: Hints) -> None:
    lying = np.ascontiguousarray(np.rot90(patient(), turns))
    vouched = replace(hints, face_ruled_out=True)
    with pytest.raises(FaceSuspected):
        policy.faces(np.concatenate([patient(), lying], axis=1), vouched)
    with pytest.raises((Undecided, Rejected)):
        gate.judge(lying, lying, vouched)


def test_a_word_on_what_lies_beside_a_face_lets_no_upright_one_out(
    finder: FaceFinder, blind: Recognisers, naevus: Rgb
) -> None:
    """Where the header says face, what the finder finds stays one, whoever else sees it."""
    assert FacePolicy(finder, blind).faces(naevus, Hints(view="face", face_ruled_out=True))
    assert FacePolicy(finder, blind).faces(naevus, Hints(face_ruled_out=True))


@pytest.mark.parametrize(
    ("policy_of_site", "view"), [(Policy(), None), (Policy(), "face"), (Policy(second_look=False), "dermoscopy")]
)
def test_where_every_detection_is_a_face_a_lying_one_stays_held_whoever_rules_it_out(
    blind: Recognisers, finder: FaceFinder, naevus: Rgb, policy_of_site: Policy, view: View | None
) -> None:
    lying = np.ascontiguousarray(np.rot90(naevus))
    assert finder.find(naevus), "turned back it is found"
    assert not finder.find(lying), "and as it lies it is not, or another rule would be tested"
    gate = Gate(finder, blind, load_calibration("rendered"), policy=policy_of_site)
    with pytest.raises(FaceSuspected, match="turned"):
        gate.judge(lying, lying, Hints(view=view, face_ruled_out=True))


@pytest.mark.parametrize("name", ["sface", "dlib"])
@pytest.mark.parametrize("failure", [Undecided("no number"), MemoryError(), np.full(128, np.nan)])
def test_a_witness_that_fails_testifies_to_nothing(
    recognisers: Recognisers, naevus: Rgb, name: str, failure: Exception | Descriptor
) -> None:
    """The gate says that it could not decide, or goes on with a face; never that there was none."""
    with pytest.raises(Undecided):
        gate_with(faked(recognisers, name, sees=failure)).judge(naevus, naevus, DERMOSCOPY)


@pytest.mark.parametrize(
    ("hints", "passes"),
    [
        (Hints(view="face"), False),
        (SILENT, False),
        (CLOSE_UP, True),
        (DERMOSCOPY, True),
        (Hints(view="face", face_ruled_out=True), True),
        (Hints(face_ruled_out=True), True),
    ],
)
def test_what_no_face_means(policy: FacePolicy, gate: Gate, hints: Hints, passes: bool) -> None:
    if passes:
        policy.allow_none(hints)
        assert gate.judge(skin(), skin(), hints).outcome == "no-face"
        return
    with pytest.raises(NoFaceFound, match=f"says {hints.view or 'nothing'} of the view"):
        gate.judge(skin(), skin(), hints)


def test_a_face_ruled_out_by_a_person_is_compared_if_it_is_found(gate: Gate) -> None:
    with pytest.raises(Rejected):
        gate.judge(patient(), patient(), Hints(face_ruled_out=True))


def test_a_site_can_only_be_stricter(finder: FaceFinder, recognisers: Recognisers) -> None:
    strict = FacePolicy(finder, recognisers, Policy(may_lack_face=frozenset({"dermoscopy"})))
    strict.allow_none(DERMOSCOPY)
    with pytest.raises(NoFaceFound):
        strict.allow_none(CLOSE_UP)
    assert set(Policy().may_lack_face) == set(FACELESS)
    for view in ("face", "anything", None):
        with pytest.raises((ValueError, TypeError)):
            Policy(may_lack_face=frozenset({view}))  # type: ignore[arg-type]


@pytest.mark.parametrize("hints", [Hints(view="face"), SILENT, CLOSE_UP, DERMOSCOPY])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_whoever_lies_beside_somebody_upright_is_not_overlooked(policy: FacePolicy, turns: int, hints: Hints) -> None:
    """Otherwise the one would be swapped and the other let out."""
    lying = np.ascontiguousarray(np.rot90(stranger(), turns))
    with pytest.raises(Undecided, match=f"turned by {90 * (4 - turns)} degrees"):
        policy.faces(np.concatenate([patient(), lying], axis=1), hints)
    assert len(policy.faces(np.concatenate([patient(), stranger()], axis=1), hints)) == 2


def test_what_is_hardly_seen_is_undecided_and_never_no_face(
    finder: FaceFinder, recognisers: Recognisers, policy: FacePolicy
) -> None:
    (face,) = finder.find(patient())
    demanding = FacePolicy(FaceFinder(min_score=(face.score + 1) / 2), recognisers)
    for hints in (CLOSE_UP, DERMOSCOPY, SILENT):
        with pytest.raises(Undecided, match="hardly seen"):
            demanding.faces(patient(), hints)
        assert policy.faces(skin(), hints) == []


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_camera_s_orientation_that_nobody_applied_releases_nothing(
    policy: FacePolicy, gate: Gate, turns: int
) -> None:
    """Not even under a close-up's header, where no face need be found. Once it is applied, the face is compared."""
    lying = np.ascontiguousarray(np.rot90(patient(), turns))
    with pytest.raises((Undecided, Rejected)):
        gate.judge(lying, lying, CLOSE_UP)
    applied = np.ascontiguousarray(np.rot90(lying, -turns))
    assert gate.judge(applied, stranger(), CLOSE_UP).outcome == "released"
    assert policy.turned_faces(skin(), CLOSE_UP) == []
