"""Networks opened: what is no network, and how numbers too small for a normal float count."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import ModelError
from pipeline.packaged import Session

SMALL = np.full(64, 1e-20, np.float32)
"""Normal, while its square is not."""


def field(number: int, content: bytes | int) -> bytes:
    """One of a protocol buffer's, shorter than 128 bytes."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    return bytes([number << 3 | 2, len(content)]) + content


def squaring() -> bytes:
    """A network in ONNX that gives y = x * x (ModelProto of onnx.proto3)."""
    floats = field(1, field(1, 1) + field(2, field(1, field(1, len(SMALL)))))
    node = field(1, b"x") + field(1, b"x") + field(2, b"y") + field(4, b"Mul")
    x, y = (field(1, name) + field(2, floats) for name in (b"x", b"y"))
    graph = field(1, node) + field(2, b"square") + field(11, x) + field(12, y)
    return field(1, 8) + field(8, field(2, 13)) + field(7, graph)


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_too_small_for_a_normal_float_counts_as_nothing_while_a_network_runs(threads: int) -> None:
    session = Session(squaring(), threads)
    assert session.run(x=np.float32([3.0] * len(SMALL)))["y"][0] == 9
    assert not session.run(x=SMALL)["y"].any()
    assert (SMALL * SMALL).all()


def test_after_a_failure_too_the_thread_computes_as_before() -> None:
    session = Session(squaring())
    with pytest.raises(Exception, match="x"):
        session.run(x=np.zeros((2, 2), np.float32))
    assert (SMALL * SMALL).all()


def test_what_is_no_network_is_refused() -> None:
    for damaged in (squaring()[:-5], b"\xff" * 100, b""):
        with pytest.raises(ModelError):
            Session(damaged)
