"""A generator as ONNX, which onnxruntime runs from many languages and in browsers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxgan.core.errors import InputError
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState
from jaxgan.export._generator import (
    Direction,
    ElementShapes,
    Exported,
    Generator,
    make_generator,
)
from jaxgan.export.onnx_ops.convert import constant, convert
from jaxgan.export.onnx_ops.graph import OPSET, Dim, Graph, Value, onnx_type
from jaxgan.version import __version__

OUTPUT = "image"


def to_onnx(
    game: Game,
    state: TrainState,
    element_spec: ElementShapes,
    *,
    latent_dim: int | None,
    num_classes: int | None = None,
    direction: Direction = "forward",
) -> Exported:
    """Exports the generator: its average where one is kept, any batch size, float32.

    What does not depend on the inputs is computed here and is a constant of the file, parameters
    under their own names. Noise that a generator adds to its layers is part of the file, the same at
    every call. What is exported is run by onnxruntime at two batch sizes, and must equal the
    generator to 1e-4.

    Args:
      game: whose generator it is.
      state: of one member.
      element_spec: shape and dtype of one real example.
      latent_dim: of its latents, of whatever distribution; None of a generator that makes images of
        images.
      num_classes: of a conditional game.
      direction: of a game of two such generators: `forward` makes images of sources.

    Returns:
      An ONNX model of opset 18, with its inputs and how far it was from the generator.

    Raises:
      InputError: naming the first primitive that cannot be written, or if what was exported is not
        equal to the generator.
      ImportError: if onnx or onnxruntime is not installed.

    Example:
      See docs/export.md.
    """
    import onnx
    import onnxruntime

    generator = make_generator(
        game,
        state,
        element_spec,
        latent_dim=latent_dim,
        num_classes=num_classes,
        direction=direction,
    )
    model = _model(generator)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"onnxruntime does not run what was exported: {reason}") from error

    def run(*given: np.ndarray) -> Any:
        return session.run([OUTPUT], dict(zip(generator.inputs, given, strict=True)))[0]

    return Exported(data, generator.inputs, generator.difference(run))


def _model(generator: Generator) -> Any:
    from onnx import helper

    specs = generator.specs()
    closed = jax.make_jaxpr(generator.call)(generator.state, *specs)
    graph = Graph(batch=specs[0].shape[0], batch_source=next(iter(generator.inputs)))
    leaves = jax.tree.leaves_with_path(generator.state)
    state = [constant(leaf, _name(path)) for path, leaf in leaves]
    inputs = [
        Value(tuple(spec.shape), spec.dtype, graph.fresh(name))
        for name, spec in zip(generator.inputs, specs, strict=True)
    ]
    output = graph.fresh(OUTPUT)
    consts = [constant(const, "constant") for const in closed.consts]
    (made,) = convert(graph, closed.jaxpr, consts, [*state, *inputs])
    shape = closed.out_avals[0].shape
    graph.nodes.append(helper.make_node("Identity", [graph.full(made, shape)], [output], output))
    graph.prune(output)
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "generator",
            [_info(v.name, v.shape, v.dtype) for v in inputs],
            [_info(output, shape, made.dtype)],
            [_tensor(name, array) for name, array in graph.initializers.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=helper.find_min_ir_version_for([helper.make_opsetid("", OPSET)]),
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
