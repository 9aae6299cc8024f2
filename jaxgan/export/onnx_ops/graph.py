"""An ONNX graph under construction, and the values that its nodes compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

OPSET = 18
"""The operators' version: the first with all that is used, which onnxruntime-web reads too."""

Dim = Any
"""A size: an int, or a multiple of the batch size as JAX writes it."""


@dataclass(frozen=True, eq=False)
class Value:
    """An array: of a node, of an input, or a constant.

    Attributes:
      shape: its sizes; 1 where it only stands for more, as in broadcasting.
      dtype: of its elements.
      name: in the graph; of a constant, what it is called if it gets there.
      const: the array, where it is known; None otherwise.
    """

    shape: tuple[Dim, ...]
    dtype: Any
    name: str = ""
    const: Any = None


class Unsupported(Exception):
    """What cannot be written as ONNX, and why."""


@dataclass(eq=False)
class Graph:
    """Nodes and initializers, in order.

    Attributes:
      batch: the symbol of the batch size.
      batch_source: the input whose first axis it is.
      nodes: as `onnx.helper.make_node` makes them.
      initializers: constants by name.
    """

    batch: Dim
    batch_source: str
    nodes: list[Any] = field(default_factory=list)
    initializers: dict[str, np.ndarray] = field(default_factory=dict)
    _known: dict[Any, str] = field(default_factory=dict)
    _kept: list[Value] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)
    _num_names: dict[str, int] = field(default_factory=dict)

    def fresh(self, hint: str) -> str:
        """A name that nothing has: the hint, numbered where it is taken."""
        name = hint
        while name in self._names:
            self._num_names[hint] = self._num_names.get(hint, 0) + 1
            name = f"{hint}_{self._num_names[hint]}"
        self._names.add(name)
        return name

    def add(self, op: str, *inputs: str, num_outputs: int = 1, **attributes: Any) -> Any:
        """Appends a node; returns the name of its output, or the list of several."""
        from onnx import helper

        names = [self.fresh(op) for _ in range(num_outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, names[0], **attributes))
        return names if num_outputs > 1 else names[0]

    def ints(self, numbers: Sequence[int]) -> str:
        """The name of a constant vector of int64, such as axes."""
        key = ("ints", *map(int, numbers))
        if key not in self._known:
            self._known[key] = self.constant(np.asarray(key[1:], np.int64), "ints")
        return self._known[key]

    def constant(self, array: np.ndarray, hint: str) -> str:
        """Appends an initializer and returns its name."""
        name = self.fresh(hint or "constant")
        self.initializers[name] = np.asarray(array, order="C")
        return name

    def use(self, value: Value) -> str:
        """The name of a value in the graph, which a constant gets when it is first used."""
        if value.const is None:
            return value.name
        if id(value) not in self._known:
            self._kept.append(value)  # so that its id stays its own
            self._known[id(value)] = self.constant(np.asarray(value.const), value.name)
        return self._known[id(value)]

    def full(self, value: Value, shape: Sequence[Dim]) -> str:
        """The name of a value at its whole shape, broadcast where that is not yet so."""
        if value.shape == tuple(shape):
            return self.use(value)
        if value.const is not None and is_static(shape):
            array = np.broadcast_to(np.asarray(value.const), tuple(shape))
            return self.constant(array, value.name)
        return str(self.add("Expand", self.use(value), self.shape(shape)))

    def shape(self, dims: Sequence[Dim]) -> str:
        """The name of a shape as a vector, computed from the inputs' where it depends on them."""
        if is_static(dims):
            return self.ints(dims)
        parts = [self.ints([dim]) if is_static([dim]) else self.size(dim) for dim in dims]
        return str(self.add("Concat", *parts, axis=0)) if len(parts) > 1 else parts[0]

    def size(self, dim: Dim) -> str:
        """The name of one size that depends on the batch, as a vector of one number."""
        factor = multiple_of(dim, self.batch)
        key = ("size", factor)
        if key not in self._known:
            if factor == 1:
                made = self.add("Shape", self.batch_source, start=0, end=1)
            else:
                made = self.add("Mul", self.size(self.batch), self.ints([factor]))
            self._known[key] = made
        return self._known[key]

    def prune(self, output: str) -> None:
        """Removes what the output does not depend on."""
        needed, kept = {output}, []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input)
        self.nodes[:] = kept[::-1]
        for name in set(self.initializers) - needed:
            del self.initializers[name]


@dataclass(frozen=True)
class Call:
    """One equation of a jaxpr.

    Attributes:
      params: of the primitive.
      ins: shapes and dtypes of its arguments.
      outs: shapes and dtypes of what it gives.
    """

    params: Mapping[str, Any]
    ins: Sequence[Any]
    outs: Sequence[Any]

    @property
    def out(self) -> Any:
        """Shape and dtype of the first that it gives."""
        return self.outs[0]


Row = Callable[[Graph, Sequence[Value], Call], Any]
"""Emits the nodes of one primitive and returns the Value that it gives, or a list of several."""


def is_static(shape: Sequence[Dim]) -> bool:
    """Whether all sizes are numbers.

    >>> is_static((2, 3))
    True
    """
    return all(isinstance(dim, (int, np.integer)) for dim in shape)


def multiple_of(dim: Dim, batch: Dim) -> int:
    """How many times the batch size a size is.

    Args:
      dim: as JAX writes it.
      batch: the symbol.

    Raises:
      Unsupported: if it is no multiple.

    >>> from jax import export
    >>> (b,) = export.symbolic_shape("b")
    >>> multiple_of(6 * b, b)
    6
    """
    factor = dim // batch
    if not isinstance(factor, int) or dim != factor * batch:
        raise Unsupported(f"the size {dim}; it must be a multiple of the batch size")
    return factor


def broadcast_shapes(*shapes: Sequence[Dim]) -> tuple[Dim, ...]:
    """The shape of an elementwise operation, of shapes of one rank.

    >>> broadcast_shapes((1, 3), (2, 1))
    (2, 3)
    """
    return tuple(next((d for d in dims if not is_one(d)), 1) for dims in zip(*shapes, strict=True))


def is_one(dim: Dim) -> bool:
    """Whether a size is the number 1."""
    return isinstance(dim, (int, np.integer)) and dim == 1


def onnx_type(dtype: Any) -> int:
    """ONNX's number of a dtype.

    Raises:
      Unsupported: if onnxruntime does not compute with it.

    >>> onnx_type(np.float32)
    1
    """
    from onnx import helper

    name = np.dtype(dtype).name if isinstance(dtype, type) else str(dtype)
    if name not in DTYPES:
        raise Unsupported(f"the dtype {dtype}; it must be of {', '.join(DTYPES)}")
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


DTYPES = ("bool", "float16", "float32", "float64", "int32", "int64", "uint32", "uint64", "uint8")


def require(params: Mapping[str, Any], **expected: Any) -> None:
    """Raises unless a primitive's parameters are those that can be written.

    Args:
      params: of the primitive.
      expected: what each has to be.

    Raises:
      Unsupported: naming the first that is another.

    >>> require({"dimensions": None}, dimensions=None)
    """
    for name, value in expected.items():
        if params[name] != value:
            raise Unsupported(f"{name}={params[name]}; it must be {value}")


def product(shape: Sequence[Dim]) -> Dim:
    """The number of elements of a shape.

    >>> product((2, 3)), product(())
    (6, 1)
    """
    total: Dim = 1
    for dim in shape:
        total = total * dim
    return total
