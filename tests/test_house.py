"""The rules of the house: who may import whom, how long a module may be, what the tree must not say or depend on."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PACKAGES = ("dicom_io", "pipeline", "plugin")

FORBIDDEN_IMPORTS = {
    "dicom_io": {"torch", "diffusers", "transformers", "onnxruntime", "pipeline", "plugin"},
    "pipeline": {"pydicom", "pynetdicom", "highdicom", "dicom_io", "plugin"},
    "plugin": {"sample_data", "tests"},
}

LONGEST_MODULE = 400
"""Lines. A longer module asks for a missing noun."""

BINARY = {".png", ".dcm", ".jpg", ".safetensors", ".npz", ".onnx", ".pt", ".bin"}


def tracked_files(repository: Path) -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=repository, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    return [repository / name for name in listing.split("\0") if name and (repository / name).is_file()]


def imported_modules(source: str) -> Iterator[tuple[int, str]]:
    """Line and top-level name of everything that ``source`` imports, anywhere in it, also by ``import_module``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.split(".")[0]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value.split(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_import_crosses_a_wall(repository: Path, package: str) -> None:
    modules = sorted((repository / package).rglob("*.py"))
    assert modules, f"{package} holds no module"
    crossings = [
        f"{module.relative_to(repository)}:{line} imports {name}"
        for module in modules
        for line, name in imported_modules(module.read_text())
        if name in FORBIDDEN_IMPORTS[package]
    ]
    assert not crossings


def test_an_import_across_a_wall_would_be_seen() -> None:
    source = "def f():\n    import torch.nn\n    from pipeline.twins import x\n    import_module('plugin.cli')\n"
    assert [name for _, name in imported_modules(source)] == ["torch", "pipeline", "plugin"]


def test_modules_are_short(repository: Path) -> None:
    long = [
        f"{path.relative_to(repository)}: {lines} lines"
        for path in tracked_files(repository)
        if path.suffix == ".py" and (lines := len(path.read_text().splitlines())) > LONGEST_MODULE
    ]
    assert not long


def test_the_tree_names_no_machine(repository: Path) -> None:
    """No home folder, package index or numbered work item of whoever built it: the tree speaks of the product."""
    telling = re.compile(
        r"/(?:home|Users|root)/\w"      # a person's folder
        r"|(?<![\w.])/work/"            # a build machine's folder
        r"|file:/{2,3}\w"               # a local package index
        r"|--?(?:extra-)?index-url"     # any package index
        r"|\bissue #?\d"                # somebody's tracker
    )  # fmt: skip
    found = [
        f"{path.relative_to(repository)}:{number}: {line.strip()[:80]}"
        for path in tracked_files(repository)
        if path.suffix not in BINARY and path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if telling.search(line)
    ]
    assert not found


def closure(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> Iterator[str]:
    """Names of the installed distributions that ``name`` with ``extras`` needs, itself included."""
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    yield name
    for line in requires(name) or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
            try:
                distribution(requirement.name)
            except PackageNotFoundError:
                continue
            yield from closure(requirement.name, frozenset(requirement.extras), seen)


def test_nothing_we_run_on_is_gpl() -> None:
    """The GNU GPL would bind the whole node; the LGPL (psycopg, by way of DBOS) does not."""
    needed = set(closure("twinveil", frozenset({"train"}), set()))
    assert {"torch", "pydicom", "dbos", "anny"} <= needed, "the closure is not complete"
    gpl = []
    for name in needed:
        metadata = distribution(name).metadata
        stated = [metadata.get("License-Expression") or "", (metadata.get("License") or "")[:200]]
        stated += [line for line in metadata.get_all("Classifier") or [] if line.startswith("License")]
        if any(re.search(r"(?<!L)GPL|Affero|General Public License", text) for text in stated) and not any(
            "LGPL" in text or "Lesser" in text for text in stated
        ):
            gpl.append(name)
    assert not gpl
    assert "pylibjpeg-libjpeg" not in needed


def declared(extra: str = "") -> set[str]:
    """Normalised names of our own requirements, those of ``extra`` with them."""
    requirements = [Requirement(line) for line in requires("twinveil") or []]
    return {
        normal(requirement.name)
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra})
    }


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_imported_is_required_by_name(repository: Path, package: str) -> None:
    """Nothing is used that comes along by chance. The renderer and the training may use what ``train`` brings."""
    providers = {**packages_distributions(), "dlib": ["dlib-bin"]}
    undeclared = []
    for module in sorted((repository / package).rglob("*.py")):
        for_training = {"renderer", "training", "evaluation"} & set(module.relative_to(repository).parts)
        available = declared("train") if for_training else declared()
        for line, name in imported_modules(module.read_text()):
            if name in sys.stdlib_module_names or name in PACKAGES:
                continue
            if not {normal(provider) for provider in providers.get(name, [name])} & available:
                undeclared.append(f"{module.relative_to(repository)}:{line} imports {name}")
    assert not undeclared


def test_every_requirement_is_pinned(repository: Path) -> None:
    pins = {
        normal(Requirement(line).name)
        for line in (repository / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    needed = {normal(name) for name in closure("twinveil", frozenset({"test"}), set())}
    assert needed - {"twinveil", "setuptools"} <= pins
