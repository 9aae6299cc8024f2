"""Published weights become ours: which array goes where, and how it is turned around."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from flax import traverse_util

from jaxgan.core.errors import PublishedError
from jaxgan.core.typing import PyTree

Converter = Callable[..., np.ndarray]

Path = tuple[str, ...]
"""Of a leaf in the variables: the collection, the modules from outside in, the name."""


def same(array: np.ndarray) -> np.ndarray:
    """An array as it is: biases, running statistics."""
    return array


class Rule(NamedTuple):
    """Where one published array goes.

    Attributes:
      path: of our leaf, such as `("params", "block_1", "conv_1", "kernel")`.
      convert: (published array, then those of `also`) -> our array.
      also: names of further published arrays that are needed for it.
    """

    path: Path
    convert: Converter = same
    also: tuple[str, ...] = ()


Rules = Mapping[str, Rule | Sequence[Rule]]
"""By published name; an array that two of ours are made of has two rules."""


class Family(NamedTuple):
    """What is known of one author's files.

    Attributes:
      rules: (player, its Flax module) -> rules; the player is `"gen"` or `"disc"`.
      ignored: endings of published names that are no loss, for `convert`.
      inverses: of its own converters, or in place of the usual one, for `publish`.
    """

    rules: Callable[[str, Any], Rules]
    ignored: tuple[str, ...] = (".num_batches_tracked",)
    inverses: Mapping[Converter, Converter] = MappingProxyType({})


def convert(
    state: Mapping[str, np.ndarray],
    rules: Rules,
    template: PyTree,
    ignored: Sequence[str] = (".num_batches_tracked",),
) -> PyTree:
    """Variables of a network, made of published arrays.

    Args:
      state: arrays by published name.
      rules: of that network.
      template: `{"params": ..., "batch_stats": ..., ...}`, of arrays or of anything with `shape`
        and `dtype`: what the network's `init` gives.
      ignored: endings of published names that are no loss.

    Returns:
      NumPy arrays in the structure and the dtypes of `template`.

    Raises:
      PublishedError: naming the first array that is missing, belongs to another network, has
        another shape or is not finite, or the first leaf of ours that no rule makes.

    Example:
      >>> rules = {"l.weight": Rule(("params", "l", "kernel"), dense)}
      >>> template = {"params": {"l": {"kernel": np.zeros((3, 2), np.float32)}}}
      >>> convert({"l.weight": np.ones((2, 3))}, rules, template)["params"]["l"]["kernel"].shape
      (3, 2)
      >>> convert({"l.weight": np.ones((2, 4))}, rules, template)
      Traceback (most recent call last):
      jaxgan.core.errors.PublishedError: l.weight: its shape (2, 4) makes (4, 2); \
params/l/kernel has shape (3, 2)
    """
    leaves = traverse_util.flatten_dict(template)
    made: dict[Path, np.ndarray] = {}
    for name in [*rules, *(name for name in state if not name.endswith(tuple(ignored)))]:
        if name not in rules:
            raise PublishedError(
                f"{name}: of shape {np.shape(state[name])}, it has no place in this network"
            )
        each = rules[name]
        for rule in [each] if isinstance(each, Rule) else each:
            if rule.path not in leaves:
                raise PublishedError(f"{name}: this network has no {_join(rule.path)}")
            leaf = leaves[rule.path]
            for needed in (name, *rule.also):
                if needed not in state:
                    wanted = f"{_join(rule.path)} of shape {leaf.shape}"
                    raise PublishedError(f"{needed}: it is missing; {wanted} needs it")
            arrays = [np.asarray(state[needed]) for needed in (name, *rule.also)]
            made[rule.path] = _checked(name, arrays, rule, leaf.shape).astype(leaf.dtype)
    for path, leaf in leaves.items():
        if path not in made:
            raise PublishedError(
                f"{_join(path)}: of shape {leaf.shape}, no published array makes it"
            )
    return traverse_util.unflatten_dict(made)


def _join(path: Path) -> str:
    return "/".join(path)


def _checked(
    name: str, arrays: Sequence[np.ndarray], rule: Rule, shape: tuple[int, ...]
) -> np.ndarray:
    problem = f"{name}: its shape {arrays[0].shape} makes"
    wanted = f"{_join(rule.path)} has shape {tuple(shape)}"
    try:
        made = np.asarray(rule.convert(*arrays))
    except (ValueError, IndexError) as error:
        raise PublishedError(f"{problem} nothing; {wanted}") from error
    if made.shape != tuple(shape):
        raise PublishedError(f"{problem} {made.shape}; {wanted}")
    if not np.isfinite(made).all():
        raise PublishedError(f"{name}: it has numbers that are not finite")
    return made


# Converters of PyTorch's arrays


def conv(array: np.ndarray) -> np.ndarray:
    """A convolution's kernel: [out, in, h, w] -> [h, w, in, out].

    >>> conv(np.zeros((4, 3, 2, 1))).shape
    (2, 1, 3, 4)
    """
    return array.transpose(2, 3, 1, 0)


def conv_transpose(array: np.ndarray) -> np.ndarray:
    """A transposed convolution's kernel: [in, out, h, w] -> [h, w, out, in], as `ConvTranspose`.

    Both libraries store the kernel of the convolution that is transposed, so nothing is flipped.

    >>> conv_transpose(np.zeros((4, 3, 2, 1))).shape
    (2, 1, 3, 4)
    """
    return array.transpose(2, 3, 1, 0)


def dense(array: np.ndarray) -> np.ndarray:
    """A linear map's kernel: [out, in] -> [in, out].

    >>> dense(np.zeros((4, 3))).shape
    (3, 4)
    """
    return array.transpose(1, 0)


def dense_to_map(height: int, width: int) -> Converter:
    """Of a linear map (kernel or bias) whose output becomes a map: [C, h, w] -> [h, w, C].

    Args:
      height: of the map.
      width: of the map.

    Returns:
      [C h w, in] -> [in, h w C], and [C h w] -> [h w C].

    >>> dense_to_map(2, 1)(np.asarray([0, 1, 10, 11])).tolist()
    [0, 10, 1, 11]
    """

    return partial(to_map, height, width)


def to_map(height: int, width: int, array: np.ndarray) -> np.ndarray:
    """As `dense_to_map`, of one array."""
    maps = array.reshape(-1, height, width, *array.shape[1:])
    flat = np.moveaxis(maps, 0, 2).reshape(array.shape)
    return flat.T


def map_to_dense(height: int, width: int) -> Converter:
    """Of a linear map's kernel whose input was a map: [out, C h w] -> [h w C, out].

    Args:
      height: of the map.
      width: of the map.

    >>> map_to_dense(2, 1)(np.asarray([[0, 1, 10, 11]]))[:, 0].tolist()
    [0, 10, 1, 11]
    """

    def convert(array: np.ndarray) -> np.ndarray:
        maps = array.reshape(len(array), -1, height, width)
        return maps.transpose(2, 3, 1, 0).reshape(-1, len(array))

    return convert


def scalar(array: np.ndarray) -> np.ndarray:
    """One number, whatever its shape was.

    >>> scalar(np.zeros((1, 1))).shape
    ()
    """
    return array.reshape(())


def pointwise(array: np.ndarray) -> np.ndarray:
    """A convolution's kernel of one pixel as a linear map's: [out, in, 1, 1] -> [in, out].

    >>> pointwise(np.zeros((4, 3, 1, 1))).shape
    (3, 4)
    """
    return dense(array[:, :, 0, 0])


def unit(array: np.ndarray) -> np.ndarray:
    """A vector of length one, as a row; one that has it, to rounding, stays as it is.

    >>> unit(np.asarray([3.0, 4.0])).tolist()
    [[0.6, 0.8]]
    """
    row = array.reshape(1, -1)
    length = np.linalg.norm(row.astype(np.float64))
    unit: np.ndarray = row if abs(length - 1) < 1e-6 else row / length.astype(row.dtype)
    return unit


def turned_unit(turn: Converter, array: np.ndarray) -> np.ndarray:
    """A left vector of a power iteration, turned as the bias of its layer is.

    >>> turned_unit(dense_to_map(1, 2), np.asarray([0.0, 0.6, 0.8, 0.0])).tolist()
    [[0.0, 0.8, 0.6, 0.0]]
    """
    return unit(turn(array.reshape(-1)))


def right_vector(u: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The right vector of a power iteration that goes with a left one, as a row: Wᵀ u / ‖Wᵀ u‖.

    Args:
      u: of the outputs' length.
      weight: [out, ...].

    >>> right_vector(np.asarray([0.0, 1.0]), np.asarray([[1.0, 0.0], [3.0, 4.0]])).tolist()
    [[0.6, 0.8]]
    """
    return unit(u.reshape(1, -1) @ weight.reshape(len(weight), -1))


def largest_singular_value(u: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """As spectral normalisation estimates it from a left vector: ‖uᵀ W‖.

    Args:
      u: of the outputs' length.
      weight: [out, ...].

    >>> float(largest_singular_value(np.asarray([0.0, 1.0]), np.diag([3.0, 2.0])))
    2.0
    """
    return np.asarray(np.linalg.norm(unit(u) @ weight.reshape(len(weight), -1)))


def both(
    name: str, path: Path, kernel: Converter = dense, bias: Converter | None = same
) -> dict[str, Rule]:
    """Rules of a layer with a kernel and a bias.

    Args:
      name: of the published layer; it has `.weight` and `.bias`.
      path: of our layer, collection included.
      kernel: converts the weight.
      bias: converts the bias; None if there is none.

    >>> sorted(both("l1", ("params", "dense")))
    ['l1.bias', 'l1.weight']
    """
    rules = {f"{name}.weight": Rule((*path, "kernel"), kernel)}
    return rules if bias is None else {**rules, f"{name}.bias": Rule((*path, "bias"), bias)}


def batch_norm(name: str, path: Path) -> dict[str, Rule]:
    """Rules of PyTorch's batch norm.

    Args:
      name: of the published layer.
      path: of our `nn.BatchNorm`, without a collection.

    >>> sorted(batch_norm("b1", ("norm",)))
    ['b1.bias', 'b1.running_mean', 'b1.running_var', 'b1.weight']
    """
    return {
        f"{name}.weight": Rule(("params", *path, "scale")),
        f"{name}.bias": Rule(("params", *path, "bias")),
        f"{name}.running_mean": Rule(("batch_stats", *path, "mean")),
        f"{name}.running_var": Rule(("batch_stats", *path, "var")),
    }
