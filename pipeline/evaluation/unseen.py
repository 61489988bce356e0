"""Patients to be judged by: rendered from seeds beyond training's and validation's, each with its truth."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.photograph import Hints, Photograph, Rgb
from pipeline.renderer import RenderedPatient, Renderer
from pipeline.vocabulary import FIRST_PERSONA_SEED, PERSONAS

FIRST_SEED = 1_000_000
"""Training takes faces below 400,000 and validation those from 800,000 on."""
LATER, LATER_SCENES = 2, 50_000_000
"""Later visits of each patient, and where their scenes begin."""
OUTPUT = 384
"""Pixels a side."""
_AGES = {"adolescent": 16, "young adult": 27, "middle-aged": 48, "elderly": 72}


@dataclass(frozen=True)
class Unseen:
    """A face or a close-up of skin whose lesion can be seen, as a header and a photograph tell of it, and the truth."""

    seed: int
    rendered: RenderedPatient

    @property
    def photograph(self) -> Photograph:
        """With what a header tells: view, sex, age, and the kind of the lesion."""
        return Photograph(self.rendered.photograph, self._hints(self.rendered.description.lesion))

    @property
    def healthy(self) -> Photograph:
        """The same without the lesion, of which the header then says nothing."""
        return Photograph(self.rendered.healthy_twin, self._hints(None))

    def _hints(self, lesion: str | None) -> Hints:
        """A header tells sex and age of skin too, though the skin does not."""
        shown = self.rendered.description
        return Hints(
            view=shown.view,  # type: ignore[arg-type]  # the renderer's words are the vocabulary's
            sex="male" if shown.sex == "male" else "female",
            age_years=_AGES[shown.age or "middle-aged"],
            lesion=lesion,  # type: ignore[arg-type]
        )


@dataclass(frozen=True)
class UnseenPatient(Unseen):
    """One patient by the face, and what else the scorecard shows of them."""

    distractors: NDArray[np.bool_]
    """Lips, brows, glasses and jewellery."""
    later: tuple[Rgb, ...]
    """The same patient and disease at later visits: pose, expression, light and clothes differ."""
    skin: Unseen | None = None
    """A close-up of somebody's skin, no one's face."""

    @property
    def visits(self) -> list[Photograph]:
        """The later visits, with what a header tells."""
        return [Photograph(rgb, self.photograph.hints) for rgb in self.later]

    @property
    def persona_seed(self) -> bytes:
        """What an HMAC under a site's key is to a real patient."""
        return hashlib.sha256(f"unseen patient {self.seed}".encode()).digest()


def photographed_once(renderer: Renderer, seed: int) -> UnseenPatient | None:
    """The patient of ``seed`` without later visits and with no distractors marked, or None where the lesion cannot be
    seen: a fifth of the rendering, for figures that need no more."""
    rendered = renderer.patient(seed, output=OUTPUT)
    return UnseenPatient(seed, rendered, np.zeros((OUTPUT, OUTPUT), bool), ()) if rendered.visible else None


def unseen_patient(renderer: Renderer, seed: int) -> UnseenPatient | None:
    """The patient of ``seed``, or None where the lesion cannot be seen."""
    once = photographed_once(renderer, seed)
    if once is None:
        return None
    later = [renderer.patient(seed, scene=LATER_SCENES + 10 * seed + visit, output=OUTPUT) for visit in range(LATER)]
    marked = renderer.distractors(seed, output=OUTPUT)
    patch = renderer.close_up(seed, dermoscopy=seed % 3 == 0, output=OUTPUT)
    skin = Unseen(seed, patch) if patch.visible else None
    return replace(once, distractors=marked, later=tuple(visit.photograph for visit in later), skin=skin)


def true_swap(renderer: Renderer, patient: UnseenPatient, persona: str) -> RenderedPatient:
    """What a perfect swap of ``patient`` gives, with its own truth: the disease is the patient's, the face is not."""
    return renderer.disguised(patient.seed, FIRST_PERSONA_SEED + PERSONAS.index(persona), output=OUTPUT)
