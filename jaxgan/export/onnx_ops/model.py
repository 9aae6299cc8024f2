"""A traceable function as an ONNX model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxgan.core.errors import InputError
from jaxgan.core.text import one_line
from jaxgan.core.typing import PyTree
from jaxgan.export.onnx_ops.convert import constant, convert
from jaxgan.export.onnx_ops.graph import OPSET, Dim, Graph, Unsupported, Value, onnx_type
from jaxgan.version import __version__

OUTPUT = "images"
"""The name of what a model gives."""


def make_model(
    call: Callable[..., Any], state: PyTree, specs: Mapping[str, jax.ShapeDtypeStruct]
) -> Any:
    """Traces a function and writes it as ONNX; what does not depend on the inputs is constant.

    Args:
      call: (state, *inputs) -> an array.
      state: of arrays, which get the names of their paths.
      specs: of the inputs, by name; the first's first axis is the batch, of a symbolic size where
        it may be any.

    Returns:
      An `onnx.ModelProto`.

    Raises:
      InputError: naming the first primitive that cannot be written, and where it is from, or what
        needs a batch of one size.

    Example:
      >>> spec = {"x": jax.ShapeDtypeStruct((3,), np.float32)}
      >>> model = make_model(lambda w, x: w * x + 1.0, np.float32(2.0), spec)
      >>> [node.op_type for node in model.graph.node]
      ['Mul', 'Add', 'Identity']
    """
    from onnx import helper

    try:
        closed = jax.make_jaxpr(call)(state, *specs.values())
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"the generator cannot be exported: {one_line(error)}") from error
    source, spec = next(iter(specs.items()))
    graph = Graph(spec.shape[0] if spec.shape else 1, source)
    leaves = [constant(leaf, _name(path)) for path, leaf in jax.tree.leaves_with_path(state)]
    inputs = [
        Value(tuple(spec.shape), spec.dtype, graph.fresh(name)) for name, spec in specs.items()
    ]
    output = graph.fresh(OUTPUT)
    consts = [constant(const, "constant") for const in closed.consts]
    (made,) = convert(graph, closed.jaxpr, consts, [*leaves, *inputs])
    (aval,) = closed.out_avals
    try:
        whole = graph.full(made, aval.shape)
    except Unsupported as error:
        raise InputError(f"onnx cannot have {error}") from error
    graph.nodes.append(helper.make_node("Identity", [whole], [output], output))
    graph.prune(output)
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "generator",
            [_info(value.name, value.shape, value.dtype) for value in inputs],
            [_info(output, aval.shape, made.dtype)],
            [_tensor(name, array) for name, array in graph.initializers.items()],
        ),
        opset_imports=[opset],
        ir_version=helper.find_min_ir_version_for([opset]),
        producer_name="jaxgan",
        producer_version=__version__,
    )


def _name(path: Sequence[Any]) -> str:
    """Of an array of the generator, as the file of its weights has it; longer of others'."""
    words = "/".join(re.findall(r"[\w.]+", jax.tree_util.keystr(tuple(path)))).lstrip(".")
    return re.sub(r"^params/gen/", "params/", re.sub(r"^net_state/gen/network/", "", words))


def _info(name: str, shape: Sequence[Dim], dtype: Any) -> Any:
    from onnx import helper

    sizes = [dim if isinstance(dim, int) else str(dim) for dim in shape]
    return helper.make_tensor_value_info(name, onnx_type(dtype), sizes)


def _tensor(name: str, array: np.ndarray) -> Any:
    from onnx import numpy_helper

    onnx_type(array.dtype)
    return numpy_helper.from_array(array, name)
