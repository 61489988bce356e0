"""The rules of the house: doors, how long a module may be, what the tree must not say or depend on.

Which house and which room may import which is held by the contracts in ``pyproject.toml`` (``lint-imports``).
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PACKAGES = ("dicom_io", "pipeline", "plugin")

BY_NAME = "(by its name)"

LONGEST_MODULE = 400
"""Lines. A longer module asks for a missing noun."""

BINARY = {".png", ".dcm", ".jpg", ".safetensors", ".npz", ".onnx", ".pt", ".bin"}


def tracked_files(repository: Path) -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=repository, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    return [repository / name for name in listing.split("\0") if name and (repository / name).is_file()]


def imports(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, module and name (empty: the module itself) of all that ``source`` imports, also by ``import_module``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ""
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                yield node.lineno, node.module, alias.name
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value, BY_NAME


def module_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def past_the_door(importer: str, module: str, name: str, modules: set[str]) -> bool:
    """Whether ``importer`` takes ``name`` out of a module inside a room that it is not in itself.

    ``modules``: all of ours; a package is one that others begin with. The houses themselves have no door.
    """
    target = f"{module}.{name}" if f"{module}.{name}" in modules else module
    if target not in modules or any(other.startswith(f"{target}.") for other in modules):
        return False  # not ours, or a door
    room = target.rpartition(".")[0]
    return "." in room and not f"{importer}.".startswith(f"{room}.")


@pytest.fixture(scope="module")
def sources(repository: Path) -> dict[str, str]:
    """The source of every module of the three houses, by its name."""
    paths = [path for package in PACKAGES for path in sorted((repository / package).rglob("*.py"))]
    return {module_name(path.relative_to(repository)): path.read_text() for path in paths}


def test_nobody_imports_deeper_than_the_door(repository: Path, sources: dict[str, str]) -> None:
    """A room hands on, in its ``__init__``, what others use of it. Tests alone may look inside."""
    outside = [path for folder in ("scripts", "sample_data") for path in sorted((repository / folder).rglob("*.py"))]
    importers = sources | {module_name(path.relative_to(repository)): path.read_text() for path in outside}
    assert {"scripts.bench", "dicom_io.reading.photograph"} <= importers.keys()
    deeper = [
        f"{importer}:{line} imports {module}"
        for importer, source in importers.items()
        for line, module, name in imports(source)
        if past_the_door(importer, module, name, set(sources))
    ]
    assert not deeper


def test_an_import_past_the_door_would_be_seen(sources: dict[str, str]) -> None:
    modules = set(sources)
    assert past_the_door("plugin.node.jobs", "pipeline.gate.policy", "Policy", modules)
    assert past_the_door("plugin.node.jobs", "pipeline.gate", "policy", modules)
    assert past_the_door("pipeline.gate.gate", "pipeline.faces.finder", "", modules)
    assert past_the_door("pipeline.models.base", "pipeline.models.published.folder", "load_model", modules)
    assert not past_the_door("plugin.node.jobs", "pipeline.gate", "Policy", modules)
    assert not past_the_door("pipeline.gate.gate", "pipeline.gate.policy", "Policy", modules)
    assert not past_the_door("pipeline.models.published.sd3", "pipeline.models.base", "Branch", modules)
    assert not past_the_door("plugin.node.jobs", "plugin.errors", "NodeBusy", modules)


def test_nothing_is_imported_by_its_name(sources: dict[str, str]) -> None:
    """``lint-imports`` reads import statements alone: an ``import_module`` could cross any wall unseen."""
    assert [name for _, _, name in imports("import_module('plugin.errors')\n__import__('torch.nn')\n")] == [BY_NAME] * 2
    assert not [module for module, source in sources.items() for _, _, name in imports(source) if name == BY_NAME]


def test_every_room_has_a_door(sources: dict[str, str]) -> None:
    """It says what the room is for, and none of the names that it hands on hides one of its modules."""
    rooms = {module.rpartition(".")[0] for module in sources} - {"", *PACKAGES, "dicom_io.standard.data"}
    assert {"dicom_io.reading", "pipeline.models.published", "plugin.quarantine"} <= rooms
    for room in rooms:
        door = ast.parse(sources[room])
        assert ast.get_docstring(door), room
        handed_on = importlib.import_module(room).__all__
        assert handed_on and len(set(handed_on)) == len(handed_on), room
        assert not {f"{room}.{name}" for name in handed_on} & sources.keys(), room


def test_tests_mirror_the_rooms(repository: Path, sources: dict[str, str]) -> None:
    for package in PACKAGES:
        for path in sorted((repository / "tests" / package).rglob("test_*.py")):
            assert module_name(path.parent.relative_to(repository / "tests")) in sources, path


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
    """Nothing is used that comes along by chance. The renderer and the training may use what ``train`` brings, one
    module of the large models what ``quantised`` does: it says so where that is missing."""
    providers = {**packages_distributions(), "dlib": ["dlib-bin"]}
    undeclared = []
    for module in sorted((repository / package).rglob("*.py")):
        for_training = {"renderer", "training", "evaluation"} & set(module.relative_to(repository).parts)
        available = declared("train") if for_training else declared()
        if module.name == "quantising.py":
            available = available | declared("quantised")
        for line, imported, _ in imports(module.read_text()):
            name = imported.split(".")[0]
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
