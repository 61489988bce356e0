"""Which folders are taken for a model, and which are refused, by name and before anything runs on them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from pipeline.errors import ModelError
from pipeline.models.published.components import folder_digest
from pipeline.models.published.flux import FluxFlow
from pipeline.models.published.folder import load_model
from pipeline.models.published.sd3 import SD3Flow

WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"


@pytest.fixture
def folder(flux_dev_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(flux_dev_folder, tmp_path / "model"))


def set_entry(path: Path, name: str, value: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))


def test_the_index_chooses_the_adapter(sd3_folder: Path, flux_schnell_folder: Path) -> None:
    sd3, flux = load_model(sd3_folder), load_model(str(flux_schnell_folder))

    assert isinstance(sd3, SD3Flow)
    assert isinstance(flux, FluxFlow)
    assert (sd3.name, sd3.latent_multiple) == ("tiny-sd3", 16)
    assert (flux.name, flux.latent_multiple) == ("tiny-flux-schnell", 16)
    assert sd3.digest == folder_digest(sd3_folder) != flux.digest


@pytest.mark.parametrize("kind", ["Flux3DistilledPipeline", "StableDiffusionXLPipeline", None, ["FluxPipeline"]])
def test_other_kinds_are_refused_with_what_is_supported(folder: Path, kind: object) -> None:
    set_entry(folder / "model_index.json", "_class_name", kind)

    with pytest.raises(ModelError, match="supported are StableDiffusion3Pipeline and FluxPipeline"):
        load_model(folder)


def test_no_folder_is_never_taken_for_a_name_on_a_hub(tmp_path: Path) -> None:
    for name in (tmp_path, tmp_path / "absent", "some-owner/some-model"):
        with pytest.raises(ModelError, match="is not a model folder"):
            load_model(name)


@pytest.mark.parametrize("index", ["{", "[]", ""])
def test_a_damaged_index_is_refused(folder: Path, index: str) -> None:
    (folder / "model_index.json").write_text(index)

    with pytest.raises(ModelError, match="model_index"):
        load_model(folder)


@pytest.mark.parametrize("component", ["transformer", "vae", "text_encoder_2", "tokenizer", "scheduler"])
def test_a_missing_component_is_named(folder: Path, component: str) -> None:
    shutil.rmtree(folder / component)

    with pytest.raises(ModelError, match=component):
        load_model(folder)


def test_the_digest_follows_every_byte_of_weights_and_configuration(folder: Path) -> None:
    before = folder_digest(folder)

    (folder / "README.md").write_text("not part of the model")
    assert folder_digest(folder) == before

    raw = bytearray((folder / WEIGHTS).read_bytes())
    raw[-1] ^= 1
    (folder / WEIGHTS).write_bytes(raw)
    other_weights = folder_digest(folder)
    set_entry(folder / "scheduler" / "scheduler_config.json", "shift", 2.0)

    assert len({before, other_weights, folder_digest(folder)}) == 3


def test_an_unexpected_digest_is_refused_before_loading(folder: Path) -> None:
    digest = folder_digest(folder)
    assert load_model(folder, expected_digest=digest.upper()).digest == digest
    (folder / WEIGHTS).write_bytes(b"would not load at all")

    with pytest.raises(ModelError, match=f"expected {digest}"):
        load_model(folder, expected_digest=digest)


@pytest.mark.parametrize("component", ["transformer", "vae", "text_encoder", "text_encoder_2"])
@pytest.mark.parametrize("damage", ["missing", "superfluous", "misshapen", "truncated", "pickled"])
def test_weights_load_strictly(folder: Path, component: str, damage: str) -> None:
    (path,) = (folder / component).glob("*.safetensors")
    weights = load_file(path)
    first = sorted(weights)[0]
    if damage == "missing":
        del weights[first]
    elif damage == "superfluous":
        weights["surprise.weight"] = weights[first].clone()
    elif damage == "misshapen":
        weights[first] = weights[first][..., :1].clone()
    save_file(weights, path, metadata={"format": "pt"})
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-64])
    elif damage == "pickled":
        path.rename(path.with_name("pytorch_model.bin"))

    with pytest.raises(ModelError, match=rf"{component} (cannot be loaded|does not hold this network's weights)"):
        load_model(folder)


def test_a_schedule_without_a_velocity_at_every_sigma_is_refused(folder: Path) -> None:
    set_entry(folder / "scheduler" / "scheduler_config.json", "use_karras_sigmas", True)

    with pytest.raises(ModelError, match="use_karras_sigmas"):
        load_model(folder)


def test_encoders_saved_under_their_older_names_load_the_same(folder: Path) -> None:
    """Published folders hold CLIP as ``text_model.*``; newer transformers write the names without it."""
    path = folder / "text_encoder" / "model.safetensors"
    before = vars(load_model(folder).embed("a red rash."))["pooled"]
    older = {f"text_model.{name}": tensor for name, tensor in load_file(path).items()}
    save_file(older, path, metadata={"format": "pt"})

    after = vars(load_model(folder).embed("a red rash."))["pooled"]

    assert (before == after).all()
