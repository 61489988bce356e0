"""A network in an ONNX file, opened by onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pipeline.errors import ModelError


class Session:
    """One network, by default on one thread, so that the same pixels give the same bits on every run.

    Whatever it needed for one picture is given back after it: what finding faces alone would keep is as much as
    another photograph of 12 megapixels, for a tenth of its time.

    Numbers too small for a normal float count as 0 while it runs. Where nothing is to be seen networks are full of
    them, and a processor works on each for a hundred times as long: the search for text took 2.5 times as long for the
    same bits.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        """Raises ModelError when onnxruntime does not accept the model."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.set_denormal_as_zero", "1")  # for threads of its own
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Fusing quantise/dequantise pairs would compute in int8; the weights alone are meant to be quantised.
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        try:
            with _denormals_as_zero():  # a process's first session changes the thread that opens it, for good
                self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ModelError(f"onnxruntime does not accept the model: {error}") from error
        self._outputs = [output.name for output in self._session.get_outputs()]

    @property
    def metadata(self) -> Mapping[str, str]:
        """What whoever exported the network wrote beside it."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, **inputs: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Its outputs by name, in its own order. Raises what onnxruntime does."""
        with _denormals_as_zero():
            return dict(zip(self._outputs, self._session.run(None, inputs), strict=True))


@contextmanager
def _denormals_as_zero() -> Iterator[None]:
    """For this thread, which does a share of the work; what else it computes is as it was."""
    from torch import set_flush_denormal  # seconds to import, and nothing needs it that does not run a network

    set_flush_denormal(True)
    try:
        yield
    finally:
        set_flush_denormal(False)
