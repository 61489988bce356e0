"""Small corrections to ONNX files that onnxruntime will not run as published, made on the protocol buffer itself.

The zoo's block-quantised files need three: weights declared as graph inputs are taken for arguments; a DequantizeLinear
with one scale for the whole tensor names a block size, which the operator's reference text reserves for blocked
scales; and a fixed input size forbids an image pyramid. The weights' bytes pass through untouched.

Field numbers are those of onnx.proto3 (ONNX 1.16): ModelProto.graph 7; GraphProto.node 1, initializer 5, input 11,
output 12; NodeProto.input 1, op_type 4, attribute 5; AttributeProto.name 1; TensorProto.dims 1, name 8;
ValueInfoProto.name 1, type 2; TypeProto.tensor_type 1; Tensor.elem_type 1, shape 2; TensorShapeProto.dim 1;
Dimension.dim_value 1, dim_param 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pipeline.errors import ModelError

Dimensions = Sequence[int | str]
"""A tensor's shape; a name stands for any length."""

_FLOAT = 1  # TensorProto.DataType


class _Field(NamedTuple):
    number: int
    value: int | bytes
    raw: bytes


def with_only_inputs(model: bytes, names: Sequence[str]) -> bytes:
    """The model with every graph input dropped that is not named: initialisers become constants again."""
    return _edit_graph(model, lambda field: b"" if field.number == 11 and _name(field) not in names else field.raw)


def with_shapes(model: bytes, shapes: Mapping[str, Dimensions]) -> bytes:
    """The model with the declared shapes of the named float inputs and outputs replaced."""

    def edit(field: _Field) -> bytes:
        if field.number in (11, 12) and _name(field) in shapes:
            return _block(field.number, _value_info(_name(field), shapes[_name(field)]))
        return field.raw

    return _edit_graph(model, edit)


def without_idle_block_sizes(model: bytes) -> bytes:
    """The model with block size and axis dropped from each DequantizeLinear that has a single scale."""
    single = {
        name
        for field in _fields(_graph(model))
        if field.number == 5
        for name, dims in [_tensor(field)]
        if math.prod(dims) == 1 and len(dims) <= 1
    }

    def edit(field: _Field) -> bytes:
        if field.number != 1:
            return field.raw
        parts = list(_fields(_bytes(field)))
        operator = next(_bytes(part) for part in parts if part.number == 4)
        inputs = [_bytes(part) for part in parts if part.number == 1]
        if operator != b"DequantizeLinear" or inputs[1] not in single:
            return field.raw
        return _block(1, b"".join(part.raw for part in parts if part.number != 5))

    return _edit_graph(model, edit)


def _edit_graph(model: bytes, edit: Callable[[_Field], bytes]) -> bytes:
    graph = b"".join(edit(field) for field in _fields(_graph(model)))
    return b"".join(_block(7, graph) if field.number == 7 else field.raw for field in _fields(model))


def _graph(model: bytes) -> bytes:
    for field in _fields(model):
        if field.number == 7:
            return _bytes(field)
    raise ModelError("not an ONNX model: it has no graph")


def _name(field: _Field) -> str:
    return next((_bytes(part).decode() for part in _fields(_bytes(field)) if part.number == 1), "")


def _tensor(field: _Field) -> tuple[bytes, list[int]]:
    parts = list(_fields(_bytes(field)))
    dims = [part.value for part in parts if part.number == 1 and isinstance(part.value, int)]
    return next((_bytes(part) for part in parts if part.number == 8), b""), dims


def _value_info(name: str, dimensions: Dimensions) -> bytes:
    shape = b"".join(
        _block(1, _varint(1 << 3) + _varint(length) if isinstance(length, int) else _block(2, length.encode()))
        for length in dimensions
    )
    tensor = _varint(1 << 3) + _varint(_FLOAT) + _block(2, shape)
    return _block(1, name.encode()) + _block(2, _block(1, tensor))


def _bytes(field: _Field) -> bytes:
    if not isinstance(field.value, bytes):
        raise ModelError("not an ONNX model: a message was expected")
    return field.value


def _fields(message: bytes) -> Iterator[_Field]:
    position = 0
    while position < len(message):
        start = position
        key, position = _read_varint(message, position)
        value: int | bytes
        if key & 7 == 0:
            value, position = _read_varint(message, position)
        else:
            if key & 7 == 2:
                length, position = _read_varint(message, position)
            elif key & 7 in (1, 5):
                length = 8 if key & 7 == 1 else 4
            else:
                raise ModelError("not an ONNX model: unknown wire type")
            value, position = message[position : position + length], position + length
        if position > len(message):
            raise ModelError("the ONNX model is truncated")
        yield _Field(key >> 3, value, message[start:position])


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(message) and shift < 64:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ModelError("the ONNX model is truncated")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def _block(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content
