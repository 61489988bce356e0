"""In which numbers the embedded networks compute: bfloat16 where the processor has instructions for it.

Where it has none, each convolution is computed in float32 and rounded: nine times slower, on a processor with AVX2
alone, than in float32 from the start, and less exact.
"""

from __future__ import annotations

from functools import lru_cache

import torch

_COMPUTES_IN_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")
"""Of ``torch.cpu.get_capabilities``; the last is that of Arm."""


@lru_cache(maxsize=1)
def computes_in_bfloat16() -> bool:
    """Whether this machine's processor does."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in _COMPUTES_IN_BFLOAT16)


def fast_precision() -> torch.autocast:
    """The context in which the embedded networks are evaluated, and taught."""
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=computes_in_bfloat16())
