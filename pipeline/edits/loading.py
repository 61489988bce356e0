"""The configured models, loaded and checked: whatever is wrong with them is said before a study is touched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.edits.edit import EditKnobs
from pipeline.edits.knobs import PublishedKnobs, read_knobs
from pipeline.edits.models import ModelFacts
from pipeline.edits.published import PublishedEdits, PublishedHealer, PublishedSwapper
from pipeline.edits.twins import TwinMaker, load_flow_twin_maker
from pipeline.errors import ModelError
from pipeline.faces import FaceFinder, Recognisers
from pipeline.gate import Calibration, Gate, Policy
from pipeline.vocabulary import Personas, reachable

if TYPE_CHECKING:
    from pipeline.models.published import ModelFacts as FolderFacts

EMBEDDED = "embedded"

NATIVE = 1024
"""Pixels along the sides of the pictures of every published model here whose folder does not say otherwise."""


@dataclass(frozen=True)
class PublishedChoice:
    """A published model's folder and how it is run.

    ``precision`` and what follows it up to ``tiled``: as ``pipeline.models.published.load_model`` takes them.
    ``digest``: what the folder's must be; ``None`` takes any. ``knobs``: a file of `twinveil tune`; ``bank``: one of
    `twinveil models bank`, with which no text encoder is loaded.
    """

    folder: Path
    device: str = "cpu"
    precision: str | None = None
    offload: bool = False
    compiled: bool = False
    tiled: bool = False
    digest: str | None = None
    knobs: Path | None = None
    bank: Path | None = None


@dataclass(frozen=True)
class ModelChoice:
    """Which edits a published model makes; the embedded one makes the others."""

    published: PublishedChoice | None = None
    heals: bool = True
    swaps: bool = True


def load_twin_maker(
    choice: ModelChoice | None = None,
    personas: Personas | None = None,
    policy: Policy | None = None,
    calibration: Calibration | None = None,
) -> TwinMaker:
    """Everything that turns pixels into twins, loaded and checked. ``ModelError`` names what is missing or altered.

    ``personas``: who has become whom; forgotten with the process where none is given.
    """
    chosen = choice or ModelChoice()
    if chosen.published is None:
        return load_flow_twin_maker(personas=personas, policy=policy, calibration=calibration)
    if calibration is not None:  # said in a second, where the weights take minutes
        Gate(FaceFinder(), Recognisers.load(), calibration)
    people = personas or Personas()
    edits = load_published(chosen.published)
    return load_flow_twin_maker(
        personas=people,
        policy=policy,
        calibration=calibration,
        healer=PublishedHealer(edits) if chosen.heals else None,
        swapper=PublishedSwapper(edits, people) if chosen.swaps else None,
    )


def load_published(choice: PublishedChoice) -> PublishedEdits:
    """The model with its knobs. Files are looked at first, weights loaded last; ``ModelError`` as there."""
    from pipeline.models.published import FAMILIES, PromptBank, describe_folder, load_model

    about = describe_folder(choice.folder)
    digest = about.digest()
    if choice.digest is not None and digest != choice.digest.lower():
        raise ModelError(f"{choice.folder} has SHA-256 {digest}, expected {choice.digest}: weights or settings changed")
    knobs = starting_knobs(about) if choice.knobs is None else read_knobs(choice.knobs, digest)
    bank = None
    if choice.bank is not None:
        bank = PromptBank(choice.bank, digest, FAMILIES[about.kind].adapter.prompt_kind)
        bank.require(reachable())
    model = load_model(
        choice.folder, choice.device, choice.precision,
        encoders=bank is None, compiled=choice.compiled, offload=choice.offload, tiled=choice.tiled,
    )  # fmt: skip
    if bank is not None:
        model.remember({"": bank.prompt("")})  # what guidance leads away from
    facts = ModelFacts(_plain(about.folder.resolve().name), _plain(about.licence), about.size, digest)
    return PublishedEdits(model, facts, knobs, None if bank is None else bank.prompt)


def starting_knobs(about: FolderFacts) -> PublishedKnobs:
    """Where a model's tuning begins, and what it runs with until then. Published figures, none measured by us."""
    start = about.start
    edit = EditKnobs(start.sigma_start, start.steps, 1, start.source_scale, start.target_scale)
    return PublishedKnobs(about.side or NATIVE, heal=edit, swap=edit)


def _plain(text: str) -> str:
    """What can stand in a parameter of an algorithm identification, and in a name of ours."""
    allowed = "".join(letter if letter.isascii() and letter.isprintable() else " " for letter in text)
    return " ".join(allowed.replace(",", ";").replace("=", " ").replace("\\", " ").split())[:64]
