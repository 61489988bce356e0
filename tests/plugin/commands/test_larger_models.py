"""Larger models from outside, with tiny random ones: listed, banked, tuned, demonstrated, refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner, Result

from pipeline.edits import EditKnobs, PublishedKnobs, load_published, write_knobs
from pipeline.gate import load_calibration
from pipeline.models.published import VARIANTS, describe_folder, weights
from plugin.commands import cli
from plugin.commands.model_choice import choice_of
from plugin.config import load_configuration
from scripts.random_models import RANDOM, save_random
from tests.pipeline.rendered_faces import patient
from tests.plugin.fakes import skin

QUICK = PublishedKnobs(64, heal=EditKnobs(0.6, 2, 1, 1.0, 2.0), swap=EditKnobs(0.8, 2, 1, 1.0, 2.0))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return cache(lambda name: save_random(name, tmp_path_factory.mktemp("models") / f"tiny-{name}"))


@pytest.fixture(autouse=True)
def _logs_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "configure_logs", lambda *level, **form: None)


def twinveil(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments], env={"COLUMNS": "400"})


def knobs_for(folder: Path, path: Path) -> Path:
    write_knobs(path, QUICK, describe_folder(folder).digest(), "a test")
    return path


def test_what_is_supported_is_listed_with_how_to_get_it() -> None:
    shown = twinveil("models")
    assert shown.exit_code == 0
    for variant in VARIANTS:
        assert variant.name in shown.output and f"hf download {variant.repository} " in shown.output
    listed = json.loads(twinveil("models", "--json").output)
    assert [each["name"] for each in listed["models"]] == [variant.name for variant in VARIANTS]
    assert all(each["licence"] and each["memory_gib"]["bfloat16"] > 0 and each["fetch"] for each in listed["models"])
    assert "Flux3DistilledPipeline" in listed["refused"]


@pytest.fixture
def sample(tmp_path: Path, sample_studies: Path) -> Callable[..., Path]:
    def of(*names: str) -> Path:
        for name in names:
            shutil.copytree(sample_studies / name, tmp_path / "samples" / name)
        return tmp_path / "samples"

    return of


def released_by(manifest: dict) -> list[dict]:  # type: ignore[type-arg]
    return [entry for entry in manifest["instances"] if entry["outcome"] == "released"]


OTHERS = ["sd3", "flux-dev", "flux-schnell", "klein", "z-image", "z-image-turbo", "qwen-image", "chroma"]
"""Pipelines that two tests of the whole way leave out: all of them, by `make models`."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "banked"),
    [
        ("sd3-no-t5", True),
        ("klein-base", False),
        *(pytest.param(each, False, marks=pytest.mark.many) for each in OTHERS),
    ],
)
def test_the_whole_way_with_a_larger_model(
    name: str, banked: bool, tiny: Callable[[str], Path], sample: Callable[..., Path], tmp_path: Path
) -> None:
    """Its pictures are noise, so faces are held; what leaves of skin alone are valid objects that name the model."""
    folder = tiny(name)
    arguments = ["--model", folder, "--knobs", knobs_for(folder, tmp_path / "knobs.toml")]
    if banked:
        bank = tmp_path / "bank.safetensors"
        made = twinveil("models", "bank", "--model", folder, "--out", bank)
        assert made.exit_code == 0, made.output
        arguments += ["--bank", bank]
    samples = sample("anselm-forearm", "signe-rosacea") if banked else sample("anselm-forearm")
    shown = twinveil("demo", "--out", tmp_path / "out", "--samples", samples, *arguments)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    (entry,) = released_by(manifest)
    digest = describe_folder(folder).digest()
    assert manifest["model"]["name"] == f"tiny-{name}" and manifest["model"]["digest"] == digest
    segment = next(output for output in entry["outputs"] if output["role"] == "segmentation")
    written = pydicom.dcmread(tmp_path / "out" / segment["file"])
    (item,) = written.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
    assert digest in item.AlgorithmParameters and "swap=tiny-" in item.AlgorithmParameters
    held = [entry["why"]["error"] for entry in manifest["instances"] if entry["outcome"] == "quarantined"]
    assert held in ([], ["Rejected"], ["Undecided"], ["FaceDenied"], ["FaceSuspected"]), shown.output
    assert len(held) == len(manifest["instances"]) - 1


def test_every_random_model_but_the_one_that_is_timed_goes_the_whole_way() -> None:
    assert {*OTHERS, "sd3-no-t5", "klein-base"} == RANDOM.keys() - {"sd3-mid"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edit", "other", "study"), [("heal", "swap", "anselm-forearm"), ("swap", "heal", "signe-rosacea")]
)
def test_one_edit_is_a_larger_models_and_the_other_the_embedded_ones(
    edit: str, other: str, study: str, tiny: Callable[[str], Path], sample: Callable[..., Path], tmp_path: Path
) -> None:
    folder, out = tiny("klein"), tmp_path / "out"
    knobs = knobs_for(folder, tmp_path / "knobs.toml")
    path = configured(tmp_path, folder, knobs=str(knobs), **{other: "embedded"})

    shown = twinveil("process", sample(study), "--out", out, "--config", path)

    manifest = json.loads((out / "manifest.json").read_text())
    (entry,) = manifest["instances"]
    names = {"heal": "twinveil-embedded", "swap": "twinveil-embedded", edit: "tiny-klein"}
    assert manifest["model"]["name"] == f"{names['swap']} + {names['heal']}"
    assert [manifest["model"]["facts"][each].split(";")[0] for each in ("heal", "swap")] == list(names.values())
    if edit == "heal":
        assert entry["outcome"] == "released", shown.output
    else:
        assert entry["why"]["error"] in ("Rejected", "Undecided", "FaceDenied"), "noise is in the place of the face"


@pytest.mark.slow
def test_a_larger_model_is_measured_on_photographs_too(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    Image.fromarray(skin(64)).save(tmp_path / "photographs" / "arm.png")
    folder, out = tiny("klein"), tmp_path / "out"
    asked = ["evaluate", "--photographs", tmp_path / "photographs", "--view", "close-up", "--out", out]

    shown = twinveil(*asked, "--model", folder, "--knobs", knobs_for(folder, tmp_path / "knobs.toml"))

    assert shown.exit_code == 0, shown.output
    card = json.loads((out / "scorecard.json").read_text())
    assert card["conditions"]["model"].startswith("tiny-klein, ")
    assert card["figures"]["photo_seconds"]["value"] > 0 or card["figures"]["photo_release_rate"]["value"] == 0
    refused = twinveil(*asked, "--knobs", tmp_path / "knobs.toml")
    assert refused.exit_code == 2 and "for a larger model" in refused.output


def test_tuned_knobs_are_what_a_service_runs_with(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    photographs, out = tmp_path / "photographs", tmp_path / "tuned.toml"
    photographs.mkdir()
    rgb = skin(64)
    Image.fromarray(rgb).save(photographs / "arm.png")
    Image.fromarray((rgb[..., 0].astype(int) - rgb[..., 1] > 80).astype(np.uint8) * 255).save(
        photographs / "arm_mask.png"
    )
    Image.fromarray(patient()).save(photographs / "head.png")
    (photographs / "index.csv").write_text("file,view\narm,close-up\nhead,face\n")
    folder = tiny("sd3")
    arguments = [
        "--model",
        folder,
        "--photographs",
        photographs,
        "--out",
        out,
        "--side",
        32,
        "--candidates",
        1,
        "--rounds",
        1,
    ]
    shown = twinveil("tune", *arguments)
    assert shown.exit_code == 0, shown.output
    with Image.open(out.with_suffix(".png")) as picture:
        assert picture.size[0] > 600
    assert out.with_suffix(".png").stat().st_mode & 0o077 == 0, "it shows patients"
    (tmp_path / "twinveil.toml").write_text(f'[model]\nname = "{folder}"\nknobs = "tuned.toml"\n')
    edits = load_published(choice_of(load_configuration(tmp_path / "twinveil.toml")).published)  # type: ignore[arg-type]
    assert edits.knobs.side == 32
    assert f"steps = {edits.knobs.heal.steps}" in out.read_text()
    again = twinveil("tune", *arguments)
    assert again.exit_code == 2 and "exists and is kept" in again.output


def configured(tmp_path: Path, folder: Path, **settings: object) -> Path:
    """A configuration with which nothing is wrong but the model."""
    assert twinveil("init", tmp_path / "site").exit_code == 0
    path = tmp_path / "site" / "twinveil.toml"
    lines = [f"{name} = {json.dumps(value)}" for name, value in {"name": str(folder), **settings}.items()]
    path.write_text(
        'key_file = "twinveil.key"\n[listener]\nport = 0\n[limits]\nmin_free_bytes = 0\n[model]\n' + "\n".join(lines)
    )
    return path


DAMAGES = {
    "a missing shard": "lacks",
    "another hash": "expected",
    "a pickle": "may run code",
    "an unknown class": "Supported are",
    "too little memory": "of memory",
    "a calibration of another recogniser": "calibrate again",
    "a card that is not there": "there is no cuda:99",
    "a bank of another model": "another model",
    "knobs of another model": "another model",
}


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_wrong_is_said_before_a_study_is_touched(
    damage: str, command: str, tiny: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny("sd3"), folder)
    transformer = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    settings: dict[str, object] = {}
    if damage == "a missing shard":
        index = {"metadata": {}, "weight_map": dict.fromkeys(load_file(transformer), "diffusion-1.safetensors")}
        transformer.unlink()
        (transformer.parent / f"{transformer.name}.index.json").write_text(json.dumps(index))
    elif damage == "another hash":
        settings["sha256"] = "ab" * 32
    elif damage == "a pickle":
        (transformer.parent / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04.")
    elif damage == "an unknown class":
        index = json.loads((folder / "model_index.json").read_text())
        (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": "WanPipeline"}))
    elif damage == "too little memory":
        monkeypatch.setattr(weights, "free_memory", lambda device: 1000)
    elif damage == "a card that is not there":
        settings["device"] = "cuda:99"
    elif damage == "a bank of another model":
        save_file({"x": load_file(transformer).popitem()[1]}, tmp_path / "bank", metadata={"model": "cd" * 32})
        settings["bank"] = str(tmp_path / "bank")
    elif damage == "knobs of another model":
        write_knobs(tmp_path / "knobs.toml", QUICK, "cd" * 32, "")
        settings["knobs"] = str(tmp_path / "knobs.toml")
    path = configured(tmp_path, folder, **settings)
    if damage == "a calibration of another recogniser":
        load_calibration("photographs").write(tmp_path / "ours.toml")
        text = (tmp_path / "ours.toml").read_text()
        (tmp_path / "ours.toml").write_text(re.sub('(?m)^sface = ".*"$', f'sface = "{"0" * 64}"', text))
        path.write_text(path.read_text() + f'\n[policy]\ncalibration = "{tmp_path / "ours.toml"}"\n')
    shown = twinveil(command, "--config", path)
    assert shown.exit_code == 2, shown.output
    assert DAMAGES[damage] in " ".join(shown.output.split())


def test_check_shows_licence_size_and_hash(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tiny("sd3")
    shown = " ".join(twinveil("check", "--config", configured(tmp_path, folder, swap="embedded")).output.split())
    about = describe_folder(folder)
    assert f"tiny-sd3; unknown: read what came with it; {about.size} bytes; SHA-256 {about.digest()}" in shown
    assert "twinveil-embedded; MIT;" in shown
    assert "which nobody measured" in shown


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('heal = "/models/a"\nswap = "/models/b"', "two larger models"),
        ('bank = "bank.safetensors"', "only a larger model"),
        ('device = "cuda"', "runs on the CPU"),
        ('name = "/models/a"\nsha256 = "short"', "sha256"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(tmp_path: Path, settings: str, said: str) -> None:
    (tmp_path / "twinveil.toml").write_text(f"[model]\n{settings}\n")
    shown = twinveil("check", "--config", tmp_path / "twinveil.toml")
    assert shown.exit_code == 2
    assert said in " ".join(shown.output.split())


def test_either_edit_can_be_a_larger_models(tmp_path: Path) -> None:
    for settings, heals, swaps in (
        ('name = "m"', True, True), ('swap = "m"', False, True), ('name = "m"\nswap = "embedded"', True, False),
    ):  # fmt: skip
        (tmp_path / "twinveil.toml").write_text(f"[model]\n{settings}\n")
        choice = choice_of(load_configuration(tmp_path / "twinveil.toml"))
        assert choice.published is not None and choice.published.folder == tmp_path / "m"
        assert (choice.heals, choice.swaps) == (heals, swaps)
