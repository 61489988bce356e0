"""The face mesh network as ONNX, rebuilt operator by operator from the TensorFlow Lite file that MediaPipe ships.

    python scripts/convert_face_mesh.py face_landmark.tflite pipeline/heads/data/face_mesh.onnx

Needs the packages ``tflite`` (the file's schema) and ``onnx``, neither a dependency of the product. Weights stay the
half floats that they are. Tensors are turned from NHWC to NCHW; the network has no operator beyond those below, and one
that it does not know ends the conversion.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

_TYPES = {0: np.float32, 1: np.float16, 2: np.int32}
_OPERATORS = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
_PADDING = {0: "SAME_UPPER", 1: "VALID"}


def convert(blob: bytes) -> onnx.ModelProto:
    model = tflite.Model.GetRootAsModel(blob, 0)
    graph = model.Subgraphs(0)
    nodes: list[Any] = []
    weights: list[Any] = []
    constant: dict[int, np.ndarray] = {}  # tensors that a DEQUANTIZE makes of stored half floats, and stored ones

    def stored(index: int) -> np.ndarray:
        if index in constant:
            return constant[index]
        tensor = graph.Tensors(index)
        raw = model.Buffers(tensor.Buffer()).DataAsNumpy()
        return np.frombuffer(raw.tobytes(), _TYPES[tensor.Type()]).reshape(tensor.ShapeAsNumpy())

    def weight(name: str, values: np.ndarray) -> str:
        weights.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float16), name + "_half"))
        nodes.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
        return name

    def value(index: int) -> str:
        return "input" if index == graph.InputsAsNumpy()[0] else f"t{index}"

    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = _OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        ins, (out,) = [int(index) for index in operator.InputsAsNumpy()], operator.OutputsAsNumpy()
        table = operator.BuiltinOptions()
        if kind == "DEQUANTIZE":
            constant[int(out)] = stored(ins[0])
        elif kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            options: Any = tflite.Conv2DOptions() if kind == "CONV_2D" else tflite.DepthwiseConv2DOptions()
            options.Init(table.Bytes, table.Pos)
            assert options.FusedActivationFunction() == 0
            kernel = stored(ins[1])
            # OHWI to OIHW; a depthwise kernel is 1HWO and becomes O1HW.
            kernel = kernel.transpose(0, 3, 1, 2) if kind == "CONV_2D" else kernel.transpose(3, 0, 1, 2)
            names = [value(ins[0]), weight(f"w{number}", kernel), weight(f"b{number}", stored(ins[2]))]
            group = 1 if kind == "CONV_2D" else kernel.shape[0]
            strides = [options.StrideH(), options.StrideW()]
            size = list(kernel.shape[2:])
            padding = _PADDING[options.Padding()]
            nodes.append(
                helper.make_node(
                    "Conv", names, [value(out)], kernel_shape=size, strides=strides, group=group, auto_pad=padding
                )
            )
        elif kind == "PRELU":
            slope = stored(ins[1]).reshape(-1, 1, 1)
            nodes.append(helper.make_node("PRelu", [value(ins[0]), weight(f"a{number}", slope)], [value(out)]))
        elif kind == "ADD":
            nodes.append(helper.make_node("Add", [value(index) for index in ins], [value(out)]))
        elif kind == "MAX_POOL_2D":
            pool = tflite.Pool2DOptions()
            pool.Init(table.Bytes, table.Pos)
            size, strides = [pool.FilterHeight(), pool.FilterWidth()], [pool.StrideH(), pool.StrideW()]
            padding = _PADDING[pool.Padding()]
            nodes.append(
                helper.make_node(
                    "MaxPool", [value(ins[0])], [value(out)], kernel_shape=size, strides=strides, auto_pad=padding
                )
            )
        elif kind == "PAD":
            (before, after) = stored(ins[1])[3]  # channels alone
            assert not stored(ins[1])[:3].any()
            weights.append(numpy_helper.from_array(np.array([0, before, 0, 0, 0, after, 0, 0], np.int64), f"p{number}"))
            nodes.append(helper.make_node("Pad", [value(ins[0]), f"p{number}"], [value(out)]))
        else:
            raise SystemExit(f"an operator that this conversion does not know: {kind}")
    shapes = {tuple(graph.Tensors(int(index)).ShapeAsNumpy())[-1]: int(index) for index in graph.OutputsAsNumpy()}
    nodes.append(helper.make_node("Flatten", [value(shapes[1404])], ["points"]))
    nodes.append(helper.make_node("Flatten", [value(shapes[1])], ["score"]))
    outputs = [("points", [1, 1404]), ("score", [1, 1])]
    built = helper.make_graph(
        nodes,
        "face_mesh",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 192, 192])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        weights,
    )
    finished = helper.make_model(built, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(finished, full_check=True)
    return finished


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_bytes(convert(source.read_bytes()).SerializeToString())
