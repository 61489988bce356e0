"""The embedded model: flows in pixel space, a closed vocabulary, no download.

Its folder (``pipeline/models/embedded_weights``) holds the weights (bf16) of seven networks. Four edit:
``heal.safetensors`` faces, ``skin.safetensors`` skin without a face, ``closer.safetensors`` a photographed face's skin
seen in parts, ``swap.safetensors``. Three say where something is: ``lesions.safetensors`` disease seen through a
dermatoscope, ``face_lesions.safetensors`` on a photographed face, ``marks.safetensors`` what tells who somebody is.
Beside them lie ``portraits.jpg`` (the personas, finer than the network sees them), ``config.json`` with the networks'
sizes, the vocabulary they were trained with, the SHA-256 of each file and the kinds of faces that the model knows, with
what was measured on them, and the model card.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors

from pipeline.errors import ModelError
from pipeline.models.contact_sheet import ContactSheet
from pipeline.models.face_lesions import FaceLesionConfig, FaceLesionNet
from pipeline.models.healing import HealingFlow, HealingNet, Sureness
from pipeline.models.pixel_flow import PixelFlow
from pipeline.models.places import PlaceConfig, PlaceFinder, PlaceNet
from pipeline.models.swapping import SwappingFlow, SwappingNet
from pipeline.models.trunk import NetConfig
from pipeline.vocabulary import FIELDS

FOLDER = Path(__file__).parent / "embedded_weights"
Expert = Literal["heal", "skin", "closer", "swap", "marks", "lesions", "face_lesions"]
EXPERTS: tuple[Expert, ...] = get_args(Expert)
Net = HealingNet | SwappingNet | PlaceNet | FaceLesionNet
CONTACT_SHEET = "portraits.jpg"
_SURENESS: dict[Expert, Sureness] = {
    "skin": Sureness(alone=2.0, beside=0.3),
    "closer": Sureness(slope=3.0, half=0.7, beside=1.0),
}
"""Chosen on photographs for tuning (model card). *skin*: mask IoU on wounds, where it is alone, .455, and .405 with a
slope of 1; on dermoscopic ones .735, and .718 without another network. *closer*: where disease is
the other network says alone, and how sure it must be was chosen; where .003 of the square around 64 faces is called
diseased, painted lesions are found at a mask IoU of .51."""
KNOWABLE = ("rendered", "photographs")
"""Kinds of faces of which a model can say, in its config, that it was measured on them."""


@dataclass(frozen=True, eq=False)
class EmbeddedModel:
    """Experts (as in eDiff-I, arXiv 2211.01324, by edit and view instead of noise), each with its own resolution."""

    healing: HealingFlow
    """Of faces."""
    skin: HealingFlow
    """Of skin without a face."""
    closer: HealingFlow
    """Of the skin of a photographed face, seen in parts."""
    swapping: SwappingFlow
    marks: PlaceFinder
    """Of what tells who somebody is, on skin without a face."""
    lesions: PlaceFinder
    """Of disease on skin seen through a dermatoscope."""
    face_lesions: FaceLesionNet
    """Of disease on a photographed face."""
    digest: str
    """SHA-256 over the SHA-256 of weights, portraits and heads."""
    heads: str | None = None
    """Digest of the composed heads beside the weights, where the config says that the model knows photographs of
    people: it draws those on them. None: it knows rendered faces alone."""
    name: str = PixelFlow.name
    licence: str = "MIT"
    size: int = 0
    """Bytes of all weights on disk."""


def vocabulary() -> dict[str, list[str]]:
    """Fields and words as they are written beside the weights."""
    return {name: list(words) for name, words in FIELDS.items()}


def field_sizes() -> tuple[int, ...]:
    """Words of each field, "unspecified" included."""
    return tuple(len(words) + 1 for words in FIELDS.values())


def save_expert(expert: Expert, net: Net, folder: Path, facts: dict[str, Any]) -> str:
    """Write one network's weights (bf16) and what is to be known of it (recipe, hours); returns the weights' SHA-256.

    What ``folder`` holds of the other experts stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: (value.to(torch.bfloat16) if value.is_floating_point() else value).contiguous()
        for name, value in net.state_dict().items()
    }
    blob = save_safetensors(weights)
    digest = hashlib.sha256(blob).hexdigest()
    (folder / f"{expert}.safetensors").write_bytes(blob)
    path = folder / "config.json"
    config = json.loads(path.read_text()) if path.exists() else {}
    if config.get("vocabulary") != vocabulary():
        config = {"vocabulary": vocabulary(), "experts": {}}
    about: dict[str, Any] = {"net": net.config.as_json(), "sha256": digest, **facts}
    if isinstance(net, SwappingNet) and (large := net.portraits.large) is not None:
        sheet = large if isinstance(large, ContactSheet) else ContactSheet.of(large)
        (folder / CONTACT_SHEET).write_bytes(sheet.content)
        about["portraits_sha256"] = sheet.digest
    config["experts"][expert] = about
    path.write_text(json.dumps(config, indent=1) + "\n")
    return digest


def load_embedded(folder: Path = FOLDER) -> EmbeddedModel:
    """The model of ``folder``. ``ModelError`` if weights are missing, altered, or of another vocabulary."""
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"the embedded model in {folder} cannot be read: {error}") from error
    if config.get("vocabulary") != vocabulary():
        raise ModelError(f"the model in {folder} was trained with another vocabulary")
    experts = config.get("experts", {})
    if sorted(experts) != sorted(EXPERTS):
        raise ModelError(f"the model in {folder} lacks a network: it has {', '.join(sorted(experts)) or 'none'}")
    heads = _heads_of(config)
    digests = [experts[expert].get(name, "") for expert in EXPERTS for name in ("sha256", "portraits_sha256")]
    digests += [heads] if heads is not None else []
    digest = hashlib.sha256(" ".join(digests).encode()).hexdigest()
    healing, skin, closer = (_healing(folder, each, experts[each], digest) for each in ("heal", "skin", "closer"))
    swapping = SwappingNet(NetConfig.from_json(experts["swap"]["net"]))
    _load_weights(swapping, folder / "swap.safetensors", experts["swap"])
    if "portraits_sha256" in experts["swap"]:
        sheet, views = folder / CONTACT_SHEET, swapping.config.views
        swapping.portraits.large = ContactSheet.read(sheet, experts["swap"]["portraits_sha256"], views)
    marks, lesions = (_places(folder, each, experts[each]) for each in ("marks", "lesions"))
    face_lesions = FaceLesionNet(FaceLesionConfig.from_json(experts["face_lesions"]["net"]))
    _load_weights(face_lesions, folder / "face_lesions.safetensors", experts["face_lesions"])
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    swap = SwappingFlow(swapping, digest)
    return EmbeddedModel(healing, skin, closer, swap, marks, lesions, face_lesions, digest, heads, size=size)


def _healing(folder: Path, expert: Expert, about: dict[str, Any], digest: str) -> HealingFlow:
    net = HealingNet(NetConfig.from_json(about["net"]))
    _load_weights(net, folder / f"{expert}.safetensors", about)
    return HealingFlow(net, digest, _SURENESS.get(expert))


def _places(folder: Path, expert: Expert, about: dict[str, Any]) -> PlaceFinder:
    net = PlaceNet(PlaceConfig.from_json(about["net"]))
    _load_weights(net, folder / f"{expert}.safetensors", about)
    return PlaceFinder(net)


def _heads_of(config: dict[str, Any]) -> str | None:
    """What the config says of photographs of people. Of a kind of pictures that nobody has heard of: ``ModelError``."""
    knows = config.get("knows", {})
    if unknown := sorted(set(knows) - set(KNOWABLE)):
        raise ModelError(f"the model says that it knows {', '.join(unknown)}; it can know {', '.join(KNOWABLE)}")
    if "photographs" not in knows:
        return None
    digest = knows["photographs"].get("heads")
    if not isinstance(digest, str):
        raise ModelError("the model says that it knows photographs, but not by which heads")
    return digest


def _load_weights(net: Net, path: Path, about: dict[str, Any]) -> None:
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise ModelError(f"the embedded model in {path.parent} cannot be read: {error}") from error
    digest = hashlib.sha256(blob).hexdigest()
    if digest != about.get("sha256"):
        raise ModelError(f"{path} does not hold the weights of its config.json (SHA-256 {digest[:12]}…)")
    try:
        weights = load_safetensors(blob)
    except SafetensorError as error:
        raise ModelError(f"the weights in {path} are damaged: {error}") from error
    full = {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
    try:
        net.load_state_dict(full)
    except RuntimeError as error:
        raise ModelError(f"the weights in {path} are of another network") from error
