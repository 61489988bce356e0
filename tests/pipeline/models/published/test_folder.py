"""Which folders are taken for a model, and which are refused, by name and before anything runs on them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.errors import ModelError
from pipeline.models import Branch
from pipeline.models.fake import GaussianPrompt
from pipeline.models.published import weights
from pipeline.models.published.flux import FluxFlow
from pipeline.models.published.folder import describe_folder, load_model
from pipeline.models.published.sd3 import SD3Flow
from pipeline.models.published.weights import folder_digest

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


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("Flux3DistilledPipeline", "it is a flow map"),
        ("AnyFlowPipeline", "it is a flow map"),
        ("StableDiffusionXLPipeline", "it predicts noise"),
        ("FluxKontextPipeline", "it wants a second picture"),
        ("NobodysPipeline", "a velocity field is needed"),
        (None, "a velocity field is needed"),
        (["FluxPipeline"], "a velocity field is needed"),
    ],
)
def test_other_kinds_are_refused_by_name_with_what_is_supported(folder: Path, kind: object, why: str) -> None:
    set_entry(folder / "model_index.json", "_class_name", kind)

    for asked in (load_model, describe_folder):
        with pytest.raises(ModelError, match=rf"{why}.*Supported are StableDiffusion3Pipeline, FluxPipeline"):
            asked(folder)


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
    other_schedule = folder_digest(folder)
    set_entry(folder / "model_index.json", "is_distilled", True)

    assert len({before, other_weights, other_schedule, folder_digest(folder)}) == 4


def test_an_unexpected_digest_is_refused_before_loading(folder: Path) -> None:
    digest = folder_digest(folder)
    assert load_model(folder, expected_digest=digest.upper()).digest == digest
    (folder / WEIGHTS).write_bytes(b"would not load at all")

    with pytest.raises(ModelError, match=f"expected {digest}"):
        load_model(folder, expected_digest=digest)


DAMAGES = [
    "missing", "superfluous", "misshapen", "truncated", "pickled", "beside a pickle", "no header", "lost",
]  # fmt: skip


@pytest.mark.parametrize("component", ["transformer", "vae", "text_encoder", "text_encoder_2"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_weights_load_strictly(folder: Path, component: str, damage: str) -> None:
    (path,) = (folder / component).glob("*.safetensors")
    tensors = load_file(path)
    first = sorted(tensors)[0]
    if damage == "missing":
        del tensors[first]
    elif damage == "superfluous":
        tensors["surprise.weight"] = tensors[first].clone()
    elif damage == "misshapen":
        tensors[first] = tensors[first][..., :1].clone()
    save_file(tensors, path, metadata={"format": "pt"})
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-64])
    elif damage == "pickled":
        path.rename(path.with_name("pytorch_model.bin"))
    elif damage == "beside a pickle":
        (path.parent / "pytorch_model.bin").write_bytes(b"")
    elif damage == "no header":
        path.write_bytes(b"PK\x03\x04 is how a pickle of PyTorch begins")
    elif damage == "lost":
        path.unlink()

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


def sharded(folder: Path, component: str) -> Path:
    """The component's weights in two shards and their index, as large models are published; returns the index."""
    (path,) = (folder / component).glob("*.safetensors")
    tensors = load_file(path)
    names = sorted(tensors)
    shards = [path.with_name(f"{path.stem}-0000{number}-of-00002.safetensors") for number in (1, 2)]
    for shard, kept in zip(shards, (names[::2], names[1::2]), strict=True):
        save_file({name: tensors[name] for name in kept}, shard, metadata={"format": "pt"})
    index = path.with_name(path.name + ".index.json")
    places = {name: shards[number % 2].name for number, name in enumerate(names)}
    index.write_text(json.dumps({"metadata": {"total_size": path.stat().st_size}, "weight_map": places}))
    path.unlink()
    return index


@pytest.mark.parametrize("component", ["transformer", "text_encoder_2"])
def test_shards_are_found_by_their_index_and_a_missing_one_is_named(folder: Path, component: str) -> None:
    whole = describe_folder(folder).parameters
    sharded(folder, component)
    assert describe_folder(folder).parameters == whole
    load_model(folder)
    (second,) = (folder / component).glob("*-00002-of-00002.safetensors")
    second.unlink()

    for asked in (load_model, describe_folder):
        with pytest.raises(ModelError, match=rf"{component} cannot be loaded: it lacks {second.name}"):
            asked(folder)


def test_a_shard_outside_the_folder_is_not_followed(folder: Path) -> None:
    index = sharded(folder, "transformer")
    content = json.loads(index.read_text())
    outside = folder.parent / "outside.safetensors"
    shutil.copy(next((folder / "transformer").glob("*.safetensors")), outside)
    content["weight_map"] = dict.fromkeys(content["weight_map"], "../../outside.safetensors")
    index.write_text(json.dumps(content))

    with pytest.raises(ModelError, match="it lacks"):
        load_model(folder)


@pytest.mark.parametrize(
    ("component", "entry"),
    [
        ("transformer", ["diffusers", "UNet2DConditionModel"]),
        ("transformer", ["my_own_code", "FluxTransformer2DModel"]),
        ("scheduler", ["diffusers", "FlowMapEulerDiscreteScheduler"]),
        ("scheduler", ["diffusers", "DDIMScheduler"]),
        ("text_encoder", ["transformers", "AutoModel"]),
    ],
)
def test_a_component_of_an_unknown_class_is_refused_by_name(folder: Path, component: str, entry: list[str]) -> None:
    set_entry(folder / "model_index.json", component, entry)

    for asked in (load_model, describe_folder):
        with pytest.raises(ModelError, match=rf"{component} is a {entry[0]}.{entry[1]}; .* is needed"):
            asked(folder)


def test_a_component_that_is_not_there_is_no_component(folder: Path) -> None:
    set_entry(folder / "model_index.json", "vae", [None, None])

    with pytest.raises(ModelError, match="lacks the component 'vae'"):
        load_model(folder)


@pytest.mark.parametrize("config", ["text_encoder_2/config.json", "tokenizer_2/tokenizer_config.json"])
def test_code_of_a_models_own_is_never_run(folder: Path, config: str) -> None:
    set_entry(folder / config, "auto_map", {"AutoModel": "own.OwnModel", "AutoTokenizer": ["own.Own", None]})
    ((folder / config).parent / "own.py").write_text("raise SystemExit('own code was run')")

    for asked in (load_model, describe_folder):
        with pytest.raises(ModelError, match="auto_map"):
            asked(folder)


def test_too_little_memory_is_said_before_any_weight_is_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = 4 * sum(describe_folder(folder).parameters.values())
    monkeypatch.setattr(weights, "free_memory", lambda device: int(needed * weights.MARGIN) + 1)
    load_model(folder)
    monkeypatch.setattr(weights, "free_memory", lambda device: int(needed * weights.MARGIN) - 1)
    with pytest.raises(ModelError, match=r"needs .* GiB of memory on cpu, .* GiB are free"):
        load_model(folder)
    load_model(folder, encoders=False)
    load_model(folder, precision="bfloat16")


@pytest.mark.parametrize(("device", "said"), [("cuda:99", "there is no cuda:99"), ("gpu", "'gpu' is no device")])
def test_a_device_that_is_not_there_is_named(folder: Path, device: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        load_model(folder, device)


def test_the_free_memory_of_this_machine_is_known() -> None:
    free = weights.free_memory(torch.device("cpu"))

    assert free is not None and 2**20 < free < 2**45


def test_without_its_text_encoders_a_model_knows_what_it_is_told_alone(folder: Path) -> None:
    whole, z = load_model(folder), torch.zeros(1, 4, 4, 4)
    prompts = {"a red rash.": whole.embed("a red rash.")}
    for component in ("text_encoder", "text_encoder_2"):
        next((folder / component).glob("*.safetensors")).unlink()

    frugal = load_model(folder, encoders=False)
    frugal.remember(prompts)

    (ours,), (theirs,) = (
        model.velocities([z], 0.5, [Branch(model.embed("a red rash."), 2.0)]) for model in (frugal, whole)
    )
    assert torch.equal(ours, theirs)
    with pytest.raises(ModelError, match=r"no embedding of 'no rash\.' in its bank"):
        frugal.embed("no rash.")
    with pytest.raises(ModelError, match="FluxPrompt is needed"):
        frugal.remember({"other": GaussianPrompt(0.0)})


def test_facts_are_read_from_headers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_model(folder)
    facts = describe_folder(folder)

    assert facts.family == "FLUX.1"
    assert facts.parameters["transformer"] == sum(each.numel() for each in loaded._transformer.parameters())
    assert facts.size == sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    assert (facts.variant, facts.licence) == (None, "unknown: read what came with it")
    assert facts.digest() == loaded.digest


def test_nothing_asks_a_network(tiny_folder: Callable[[str], Path], tmp_path: Path, repository: Path) -> None:
    """One of each family, in a process without any of the libraries' offline settings, where every socket raises."""
    folders = [str(tiny_folder(name)) for name in ("sd3", "flux-dev", "klein", "z-image", "qwen-image", "chroma")]
    code = (
        "import socket, sys\n"
        "def refuse(*args, **kwargs): sys.stderr.write('A SOCKET'); raise OSError('no sockets')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "import torch\n"
        "from pipeline.models import Branch\n"
        "from pipeline.models.published import describe_folder, load_model\n"
        "for folder in sys.argv[1:]:\n"
        "    describe_folder(folder)\n"
        "    model = load_model(folder)\n"
        "    z = model.encode(torch.zeros(1, 3, 32, 32))\n"
        "    model.decode(model.velocities([z], 0.5, [Branch(model.embed('a red rash.'), 2.0)])[0])\n"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "TRANSFORMERS_"))}

    done = subprocess.run(
        [sys.executable, "-c", code, *folders], cwd=repository, capture_output=True, text=True,
        env={**environment, "HF_HOME": str(tmp_path), "PYTHONPATH": str(repository)},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "A SOCKET" not in done.stderr
