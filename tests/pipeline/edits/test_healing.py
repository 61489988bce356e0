"""A photographed face is looked at in parts, where its skin is bare; a rendered one as a whole."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from pipeline.edits import EditKnobs, FaceCrop, load_flow_twin_maker
from pipeline.edits.healing import FACE_SIDE, EmbeddedHealer
from pipeline.edits.models import Square
from pipeline.faces import FaceFinder
from pipeline.heads import FaceMesh
from pipeline.heads.topology import LEFT_EYE, OUTER_LIPS
from pipeline.models import (
    EmbeddedModel,
    HealingFlow,
    HealingNet,
    HealingPrompt,
    NetConfig,
    PlaceConfig,
    PlaceFinder,
    PlaceNet,
    SwappingFlow,
    SwappingNet,
    field_sizes,
)
from pipeline.models.healing import Found, Healing, Sureness, in_colours_of
from pipeline.photograph import Hints, Photograph, Rgb, View
from pipeline.vocabulary import FIELDS, ClinicalPrompt, token_of
from tests.pipeline.edits.photographed import TakenForPhotographs, untrained_face_lesions
from tests.pipeline.rendered_faces import patient, skin

SEEN = ClinicalPrompt({"view": "face"})
CHEEK, LESION = 425, list(FIELDS).index("lesion")


def untrained(side: int) -> HealingFlow:
    """Changes nothing."""
    torch.manual_seed(0)
    net = HealingNet(NetConfig(field_sizes(), side, channels=(8, 8, 8), width=32, heads=2, layers=1))
    return HealingFlow(net, "untrained")


class Darkening(HealingFlow):
    """Takes everything that is to be healthy for too light."""

    def clean(self, z: torch.Tensor, sigma: torch.Tensor, prompts: list[HealingPrompt]) -> torch.Tensor:
        shades = [0.2 * (prompt.tokens[LESION] == token_of("lesion", "healthy")) for prompt in prompts]
        photographs = [prompt.photograph - shade for prompt, shade in zip(prompts, shades, strict=True)]
        return torch.cat(photographs).clamp(-1, 1)


@pytest.fixture(scope="module")
def healer() -> EmbeddedHealer:
    """Whose network of parts darkens, and whose others change nothing."""
    whole, closer = untrained(256), Darkening(untrained(192).net, "darkening")
    swapping = SwappingNet(NetConfig(field_sizes(), channels=(8, 8), width=32, heads=2, layers=1, views=1))
    places, swap = PlaceFinder(PlaceNet(PlaceConfig())), SwappingFlow(swapping, "untrained")
    model = EmbeddedModel(whole, whole, closer, swap, places, places, untrained_face_lesions(), "none")
    return EmbeddedHealer(model, EditKnobs(1.0, 1))


def face_square(side: int) -> tuple[Rgb, np.ndarray]:
    (face,) = FaceFinder().find(patient())
    crop = FaceCrop.around(face, patient().shape)
    return crop.take(patient(), side), crop.within(face.landmarks, side)


def test_only_the_bare_skin_of_a_photographed_face_is_changed_by_the_network_of_parts(healer: EmbeddedHealer) -> None:
    rgb, landmarks = face_square(FACE_SIDE)
    ((shown, healed),) = healer.heal([Square(rgb, SEEN, of_face=True, landmarks=landmarks)])
    assert np.array_equal(shown, rgb)
    change = np.abs(healed.astype(int) - rgb).max(-1)
    points = FaceMesh().points(rgb, landmarks)

    def at(place: np.ndarray) -> int:
        x, y = np.rint(place[:2]).astype(int)
        return int(change[y, x])

    assert at(points[CHEEK]) > 4
    assert at(points[list(LEFT_EYE)].mean(0)) == at(points[list(OUTER_LIPS)].mean(0)) == 0
    assert change[:, :30].max() == change[:, -30:].max() == 0


@pytest.mark.parametrize("of_face", [True, False])
def test_a_rendered_face_and_skin_alone_are_not_shown_to_it(healer: EmbeddedHealer, of_face: bool) -> None:
    rgb, _ = face_square(healer.side(300, of_face=of_face))
    ((_, healed),) = healer.heal([Square(rgb, SEEN, of_face=of_face)])
    assert np.abs(healed.astype(int) - rgb).max() <= 1


class Asked(PlaceFinder):
    """Finds nothing and counts how often it was asked."""

    times = 0

    def logits(self, planes: torch.Tensor) -> torch.Tensor:
        self.times += 1
        return super().logits(planes)


@pytest.mark.parametrize(("view", "times"), [("dermoscopy", 1), ("close-up", 0)])
def test_a_second_network_is_asked_where_disease_is_through_a_dermatoscope(
    healer: EmbeddedHealer, view: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(PlaceNet(PlaceConfig()))
    monkeypatch.setattr(healer, "_model", replace(healer._model, lesions=asked))
    healer.heal([Square(skin(256, 256), ClinicalPrompt({"view": view}), of_face=False)])
    assert asked.times == times


def test_what_another_network_found_counts_beside_what_the_healing_one_says() -> None:
    share = torch.tensor([0.0, 0.0, 4.0])[:, None, None, None]
    found = [None, *(Found(torch.full((1, 1, 1, 1), logit)) for logit in (4.0, -4.0))]
    alone, both, neither = Sureness(beside=0.25).of(share, found).flatten().tolist()
    assert alone == 0.5
    assert both == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert neither == pytest.approx(1 / (1 + np.exp(-2.0)))


@pytest.mark.parametrize(("share", "own"), [(3.0, True), (-3.0, False)])
def test_of_colours_another_network_has_its_say_where_the_healing_one_is_not_sure(share: float, own: bool) -> None:
    healing = Healing(torch.full((3, 1, 1, 1), share), torch.full((3, 3, 1, 1), 0.5), torch.full((3, 3, 1, 1), 0.2))
    logits = torch.zeros(1, 1, 1, 1)
    found = [None, Found(logits), Found(logits, torch.full((1, 3, 1, 1), -1.5))]
    mixed = in_colours_of(healing, found)
    assert mixed.gain[:, 0].flatten().tolist() == [0.5, 0.5, 0.5 if own else -1.5]
    assert mixed.added[:, 0].flatten().tolist() == pytest.approx([0.2, 0.2, 0.2 if own else 0.0])
    assert mixed.share is healing.share


@pytest.mark.parametrize(("gain", "seen"), [(-0.06, -0.12), (0.01, 0.03), (0.0, 0.0), (0.3, 0.3)])
def test_what_it_would_change_faintly_is_changed_plainly_but_no_more_than_three_times_as_much(
    gain: float, seen: float
) -> None:
    nowhere = Healing(torch.full((1, 1, 1, 1), -9.0), torch.zeros(1, 3, 1, 1), torch.zeros(1, 3, 1, 1))
    found = Found(torch.zeros(1, 1, 1, 1), torch.full((1, 3, 1, 1), gain))
    assert in_colours_of(nowhere, [found]).gain.flatten().tolist() == pytest.approx([seen] * 3)


def test_where_the_mesh_sees_no_face_nothing_is_changed_closely(healer: EmbeddedHealer) -> None:
    rgb = np.asarray(cv2.resize(skin(256, 256), (FACE_SIDE, FACE_SIDE)), np.uint8)
    landmarks = np.array([[200.0, 200], [300, 200], [250, 250], [210, 320], [290, 320]])
    ((_, healed),) = healer.heal([Square(rgb, SEEN, of_face=True, landmarks=landmarks)])
    assert np.abs(healed.astype(int) - rgb).max() <= 1


class Noting:
    """A healer that heals nothing and remembers what it was shown."""

    def __init__(self, healer: EmbeddedHealer) -> None:
        self.facts, self.side, self.precise, self.shown = healer.facts, healer.side, healer.precise, list[Square]()

    def heal(self, squares: list[Square]) -> list[tuple[Rgb, Rgb]]:
        self.shown += squares
        return [(square.rgb, square.rgb) for square in squares]


@pytest.mark.parametrize(("photographed", "side"), [(False, 256), (True, FACE_SIDE)])
def test_whether_a_face_was_photographed_decides_how_closely_it_is_looked_at(
    healer: EmbeddedHealer, photographed: bool, side: int
) -> None:
    maker = load_flow_twin_maker()
    maker._healer = noting = Noting(healer)
    if photographed:
        maker.__class__ = TakenForPhotographs
    maker.heal(Photograph(patient(), Hints(view="face")))
    (square,) = noting.shown
    assert square.rgb.shape == (side, side, 3)
    assert (square.landmarks is not None) == photographed
    if square.landmarks is not None:
        np.testing.assert_allclose(square.landmarks, face_square(side)[1], atol=0.01)


class Lightening(Noting):
    """Takes two dark spots off: one in the middle, and a larger one at the border."""

    def heal(self, squares: list[Square]) -> list[tuple[Rgb, Rgb]]:
        return [(square.rgb, np.maximum(square.rgb, np.uint8(150))) for square in squares]


@pytest.mark.parametrize(("view", "beside"), [("dermoscopy", False), ("close-up", True)])
def test_through_a_dermatoscope_the_lesion_in_the_middle_alone_is_the_disease(
    healer: EmbeddedHealer, view: View, beside: bool
) -> None:
    rgb = np.full((256, 256, 3), 180, np.uint8)
    cv2.circle(rgb, (128, 128), 20, (60, 60, 60), -1)
    cv2.circle(rgb, (40, 40), 30, (60, 60, 60), -1)
    maker = load_flow_twin_maker(healer=Lightening(healer))
    change = maker.heal(Photograph(rgb, Hints(view=view))).change
    assert change[128, 128].any()
    assert change[40, 40].any() == beside


class TakingTwoOff(Noting):
    """Makes two spots of a photographed face's square lighter, one of them plainly and one a little."""

    PLAIN, FAINT = (150, 350), (370, 350)

    def heal(self, squares: list[Square]) -> list[tuple[Rgb, Rgb]]:
        return [(square.rgb, self._without(square.rgb)) for square in squares]

    def _without(self, rgb: Rgb) -> Rgb:
        lighter = np.zeros(rgb.shape[:2], np.uint8)
        cv2.circle(lighter, self.PLAIN, 50, 45, -1)
        cv2.circle(lighter, self.FAINT, 30, 16, -1)
        return np.asarray(cv2.add(rgb, cv2.merge([lighter] * 3)), np.uint8)


@pytest.mark.parametrize("precise", [True, False])
def test_a_faint_lesion_beside_a_plain_one_counts_where_nothing_but_disease_is_altered(
    healer: EmbeddedHealer, precise: bool
) -> None:
    taking = TakingTwoOff(healer)
    taking.precise = precise
    maker = load_flow_twin_maker(healer=taking)
    maker.__class__ = TakenForPhotographs
    photograph = patient()
    change = maker.heal(Photograph(photograph, Hints(view="face"))).change
    (face,) = FaceFinder().find(photograph)
    crop = FaceCrop.around(face, photograph.shape)

    def is_disease(place: tuple[int, int]) -> bool:
        x, y = (round(at * crop.side / FACE_SIDE) for at in place)
        return bool(change[crop.top + y, crop.left + x].any())

    assert is_disease(TakingTwoOff.PLAIN)
    assert is_disease(TakingTwoOff.FAINT) == precise
