"""Folders of tiny pipelines, each made once a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from scripts.random_models import save_random


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of the random pipeline of a name of ``RANDOM``. Not to be changed: copy it first."""
    return cache(lambda name: save_random(name, tmp_path_factory.mktemp("models") / f"tiny-{name}"))


@pytest.fixture(scope="session")
def sd3_folder(tiny_folder: Callable[[str], Path]) -> Path:
    return tiny_folder("sd3")


@pytest.fixture(scope="session")
def sd3_without_t5_folder(tiny_folder: Callable[[str], Path]) -> Path:
    return tiny_folder("sd3-no-t5")


@pytest.fixture(scope="session")
def flux_dev_folder(tiny_folder: Callable[[str], Path]) -> Path:
    return tiny_folder("flux-dev")


@pytest.fixture(scope="session")
def flux_schnell_folder(tiny_folder: Callable[[str], Path]) -> Path:
    return tiny_folder("flux-schnell")
