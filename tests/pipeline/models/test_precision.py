"""The embedded networks compute in bfloat16 where the processor does, and nowhere else; and on one thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from pipeline.models import fast_precision, on_one_thread
from pipeline.models.precision import computes_in_bfloat16


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    computes_in_bfloat16.cache_clear()
    yield
    computes_in_bfloat16.cache_clear()


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({"bf16": True}, torch.bfloat16),
     ({"avx2": True, "avx512_bf16": False}, torch.float32), ({}, torch.float32)],
)  # fmt: skip
def test_the_processor_decides(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)

    with fast_precision():
        product = torch.ones(4, 4) @ torch.ones(4, 4)

    assert product.dtype is dtype


def test_an_edit_computes_on_one_thread_and_what_comes_after_it_on_as_many_as_before() -> None:
    before = torch.get_num_threads()

    with on_one_thread():
        assert torch.get_num_threads() == 1
        with on_one_thread():
            pass
        assert torch.get_num_threads() == 1
    with pytest.raises(ValueError, match="whatever"), on_one_thread():
        raise ValueError("whatever")

    assert torch.get_num_threads() == before
