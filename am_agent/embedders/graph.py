"""The packaged model as an ONNX graph: BERT's layers over the weights where they lie. Knows no runtime and no cache."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from am_agent.embedders.minilm import DIMENSION, WEIGHTS
from am_agent.errors import EmbedderUnavailable

VERSION = 1
"""The number of the graph that this file builds: a changed one has another, so that no cache keeps the old one."""

_LAYERS = 6
_HEADS = 12
_EPSILON = 1e-12  # of the layer norms, as in the model's config.json
_OPSET = 20  # the first with Gelu
_FORMAT = 9  # the version of ONNX files that came with it


def build(weights: Path) -> bytes:
    """Build the graph of all-MiniLM-L6-v2, from token ids to unit vectors.

    It holds no weight: each is a reference to its bytes in the file `model.safetensors`, so the graph has some 20 kB.

    Args:
        weights: The model's `model.safetensors`, of which the header is read.

    Returns:
        An ONNX model. Its inputs are `ids`, tokens int64 [texts, length], and `mask`, int64 [texts, length], 1 where
        there is a token and 0 where there is padding; its output is `rows`, float32 [texts, dimension].

    Raises:
        EmbedderUnavailable: The package `onnx` is not installed.

    Source:
        Devlin et al., BERT (2019), section 3; the mean of the tokens is Reimers and Gurevych, Sentence-BERT (2019).
    """
    try:
        import onnx
    except ImportError as error:
        raise EmbedderUnavailable(
            f"the graph of the model is built with a package that is not installed ({error}). "
            'Install it with: pip install "am-agent[onnx]"'
        ) from error

    with weights.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    graph = _Graph()
    for name, tensor in header.items():
        if tensor.get("dtype") == "F32" and not name.startswith("pooler."):
            start, end = tensor["data_offsets"]
            graph.refer(name, tensor["shape"], 8 + size + start, end - start)
    _layers(graph)
    table = ["texts", "length"]
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "all-MiniLM-L6-v2",
            [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT64, table) for name in ("ids", "mask")],
            [onnx.helper.make_tensor_value_info("rows", onnx.TensorProto.FLOAT, ["texts", DIMENSION])],
            graph.tensors,
        ),
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
        ir_version=_FORMAT,
    )
    content: bytes = model.SerializeToString(deterministic=True)
    return content


class _Graph:
    """Nodes and tensors as they are added; a value is known by its name."""

    def __init__(self) -> None:
        import onnx

        self._onnx = onnx
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []

    def refer(self, name: str, shape: list[int], offset: int, length: int) -> None:
        """Add a float32 tensor that lies in the file of the weights."""
        proto = self._onnx.TensorProto
        tensor = proto(name=name, data_type=proto.FLOAT, dims=shape, data_location=proto.EXTERNAL)
        for key, value in {"location": WEIGHTS, "offset": str(offset), "length": str(length)}.items():
            tensor.external_data.add(key=key, value=value)
        self.tensors.append(tensor)

    def constant(self, value: npt.ArrayLike, dtype: npt.DTypeLike = np.int64) -> str:
        """Add a tensor that lies in the graph."""
        name = f"constant.{len(self.tensors)}"
        self.tensors.append(self._onnx.numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def add(self, kind: str, *inputs: str, into: str = "", **attributes: Any) -> str:
        """Add a node, and return its output."""
        output = into or f"value.{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def linear(self, rows: str, name: str) -> str:
        """`rows @ W.T + b`, as torch has its weights."""
        return self.add("Gemm", rows, f"{name}.weight", f"{name}.bias", transB=1)

    def norm(self, rows: str, name: str) -> str:
        """The layer norm of rows."""
        return self.add("LayerNormalization", rows, f"{name}.weight", f"{name}.bias", axis=-1, epsilon=_EPSILON)


def _layers(graph: _Graph) -> None:
    """From `ids` and `mask` to `rows`. Between the layers, all tokens of all texts are the rows of one matrix."""
    add, constant = graph.add, graph.constant
    first, second = constant([0]), constant([1])
    shape = add("Shape", "ids")
    places = add("Slice", "embeddings.position_embeddings.weight", first, add("Gather", shape, second), first)
    kind = add("Gather", "embeddings.token_type_embeddings.weight", constant(0))
    words = add("Gather", "embeddings.word_embeddings.weight", "ids")
    summed = graph.norm(add("Add", add("Add", words, places), kind), "embeddings.LayerNorm")

    matrix = constant([-1, DIMENSION])
    heads = add("Concat", shape, constant([_HEADS, DIMENSION // _HEADS]), axis=0)
    there = add("Cast", "mask", to=int(graph._onnx.TensorProto.FLOAT))
    absent = add("Sub", there, constant(1, np.float32))  # 0 where there is a token, -1 where there is none
    never = add("Mul", absent, constant(np.finfo(np.float32).max, np.float32))
    padding = add("Unsqueeze", never, constant([1, 2]))
    scale = constant((DIMENSION / _HEADS) ** -0.5, np.float32)

    state = add("Reshape", summed, matrix)
    for layer in range(_LAYERS):
        name = f"encoder.layer.{layer}"
        query, key, value = (
            add(
                "Transpose",
                add("Reshape", graph.linear(state, f"{name}.attention.self.{part}"), heads),
                perm=[0, 2, 3, 1] if part == "key" else [0, 2, 1, 3],
            )
            for part in ("query", "key", "value")
        )
        scores = add("Add", add("Mul", add("MatMul", query, key), scale), padding)
        mixed = add("Transpose", add("MatMul", add("Softmax", scores, axis=-1), value), perm=[0, 2, 1, 3])
        attended = graph.linear(add("Reshape", mixed, matrix), f"{name}.attention.output.dense")
        state = graph.norm(add("Add", attended, state), f"{name}.attention.output.LayerNorm")
        inner = add("Gelu", graph.linear(state, f"{name}.intermediate.dense"))
        state = graph.norm(add("Add", graph.linear(inner, f"{name}.output.dense"), state), f"{name}.output.LayerNorm")

    # The mean of the tokens and their sum point to the same side, which is all that is left of them.
    tokens = add("Reshape", state, add("Concat", shape, constant([DIMENSION]), axis=0))
    total = add("ReduceSum", add("Mul", tokens, add("Unsqueeze", there, constant([2]))), second, keepdims=0)
    add("LpNormalization", total, into="rows", axis=-1, p=2)
