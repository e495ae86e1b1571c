"""ONNX networks of a few hundred bytes, written by hand: the protobuf of https://onnx.ai/onnx/repo-docs/IR.html."""

from __future__ import annotations

FLOAT, INT, INTS = 1, 2, 7


def turn_network(input_name="input_features", shape=(80, 800), *, per_frame: bool = False) -> bytes:
    """A network with the signature of Smart Turn, which gives the sigmoid of the mean of its input: `logits`, shape
    [batch, 1]. `per_frame`: one for each frame instead, shape [batch, 800]."""
    axes = (1,) if per_frame else range(1, 1 + len(shape))
    nodes = (
        _node("ReduceMean", input_name, "mean", _attribute("axes", INTS, *axes)),
        _node("Flatten", "mean", "flat", _attribute("axis", INT, 1)),
        _node("Sigmoid", "flat", "logits"),
    )
    graph = (
        b"".join(_field(1, node) for node in nodes)
        + _field(2, "tiny")
        + _field(11, _tensor(input_name, "batch", *shape))
        + _field(12, _tensor("logits", "batch", "outputs"))
    )
    return _field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13))


def speaker_network(*shape: int | str) -> bytes:
    """A network with the signature of a speaker embedding: `feats` of this shape after the batch -> `embs`, how far
    each feature goes over time."""
    graph = (
        _field(1, _node("ReduceL2", "feats", "embs", _attribute("axes", INTS, 1)))
        + _field(2, "tiny")
        + _field(11, _tensor("feats", "batch", *shape))
        + _field(12, _tensor("embs", "batch", "one", *shape[1:]))
    )
    return _field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13))


def _node(operator: str, taken: str, given: str, attribute: bytes = b"") -> bytes:
    fields = _field(1, taken) + _field(2, given) + _field(4, operator)
    return fields + (_field(5, attribute) if attribute else b"")


def _attribute(name: str, kind: int, *values: int) -> bytes:
    number = 3 if kind == INT else 8
    return _field(1, name) + b"".join(_field(number, value) for value in values) + _field(20, kind)


def _tensor(name: str, *shape: int | str) -> bytes:
    dimensions = (_field(1, size) if isinstance(size, int) else _field(2, size) for size in shape)
    tensor = _field(1, FLOAT) + _field(2, b"".join(_field(1, dimension) for dimension in dimensions))
    return _field(1, name) + _field(2, _field(1, tensor))


def _field(number: int, value: int | str | bytes) -> bytes:
    """A field of a protobuf message: a number, or something with a length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
