"""How the embedded networks compute: on one core, and in bfloat16 where the processor has instructions for it.

Where it has none, each convolution is computed in float32 and rounded: nine times slower, on a processor with AVX2
alone, than in float32 from the start, and less exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def serving() -> Iterator[None]:
    """The context in which a network that is not taught is asked once."""
    with torch.no_grad(), fast_precision(), on_one_thread():
        yield


@contextmanager
def on_one_thread() -> Iterator[None]:
    """The context of a whole edit by the embedded networks, in which torch uses one thread.

    They are hundreds of small operations, after each of which threads wait for each other, spinning. Beside a process
    that keeps one of two cores busy, one look at two pictures of 256 pixels cost 2.6 s of processor time on two threads
    and 0.2 s on one; on idle cores the second thread saves a tenth of a second. And the same picture gives the same
    bits however many cores there are. A larger model computes outside of this, on all of them.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
