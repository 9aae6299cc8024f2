"""A generator as ONNX, which onnxruntime runs from many languages and in browsers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jaxgan.core.errors import InputError
from jaxgan.core.text import one_line
from jaxgan.export._generator import Exported, Generator
from jaxgan.export.onnx_ops.model import OUTPUT, make_model


def to_onnx(generator: Generator) -> Exported:
    """Exports the generator: its average where one is kept, any batch size, float32.

    What does not depend on the inputs is computed here and is a constant of the file, parameters
    under their own names. Noise that a generator adds to its layers is the same at every call. What
    is exported is run by onnxruntime at two batch sizes, and must equal the generator to 1e-4.

    Args:
      generator: of `make_generator`.

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

    # As onnxruntime multiplies; by default an accelerator leaves out bits of float32.
    with jax.default_matmul_precision("highest"):
        specs = dict(zip(generator.inputs, generator.specs(), strict=True))
        model = make_model(generator.call, generator.state, specs)
        onnx.helper.set_model_props(model, {"num_classes": str(generator.num_classes)})
        try:
            onnx.checker.check_model(model, full_check=True)
            data = model.SerializeToString()
            run = _runner(onnxruntime, data, list(specs))
            return Exported(data, generator.inputs, generator.difference(run))
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"onnxruntime does not run what was exported: {one_line(error)}"
            ) from error


def _runner(onnxruntime: Any, data: bytes, names: Sequence[str]) -> Callable[..., np.ndarray]:
    """(*inputs) -> images, on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])

    def run(*given: np.ndarray) -> np.ndarray:
        found: np.ndarray = session.run([OUTPUT], dict(zip(names, given, strict=True)))[0]
        return found

    return run
