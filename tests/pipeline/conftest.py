"""The finder, the recognisers and the gate that come with the product, their weights loaded once."""

from __future__ import annotations

import pytest

from pipeline.faces import FaceFinder, Recognisers
from pipeline.gate import FacePolicy, Gate
from tests.pipeline.gate_fakes import gate_with


@pytest.fixture(scope="session")
def finder() -> FaceFinder:
    return FaceFinder()


@pytest.fixture(scope="session")
def recognisers() -> Recognisers:
    return Recognisers.load()


@pytest.fixture(scope="session")
def policy(finder: FaceFinder, recognisers: Recognisers) -> FacePolicy:
    return FacePolicy(finder, recognisers)


@pytest.fixture(scope="session")
def gate(recognisers: Recognisers) -> Gate:
    return gate_with(recognisers)
