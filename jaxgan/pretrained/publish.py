"""Our weights under their authors' names: what the rules of a family do, undone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial, reduce
from typing import NamedTuple

import numpy as np
from flax import traverse_util

from jaxgan.core.errors import PublishedError
from jaxgan.core.typing import PyTree
from jaxgan.pretrained import base
from jaxgan.pretrained.base import Converter, Family, Rule, Rules


class Published(NamedTuple):
    """What is known of the authors' names for one network.

    Attributes:
      rules: of that network.
      family: whose rules they are.
    """

    rules: Rules
    family: Family


def publish(variables: PyTree, published: Published) -> dict[str, np.ndarray]:
    """Arrays of a network as its authors name and lay them out, of which `convert` makes ours.

    Args:
      variables: `{"params": ..., "batch_stats": ..., ...}`, of arrays.
      published: what is known of the names.

    Returns:
      Arrays by published name; what their code keeps and never reads is not among them, and so is
      what follows from others.

    Raises:
      PublishedError: if an array has no place there, or there is no way back.

    Example:
      >>> family = Family(lambda player, module: {})
      >>> rules = {"l.weight": Rule(("params", "l", "kernel"), base.dense)}
      >>> ours = {"params": {"l": {"kernel": np.ones((3, 2))}}}
      >>> publish(ours, Published(rules, family))["l.weight"].shape
      (2, 3)
    """
    leaves = traverse_util.flatten_dict(variables)
    made, used = dict[str, np.ndarray](), set()
    for name, each in published.rules.items():
        group = [each] if isinstance(each, Rule) else each
        parts = []
        for rule in group:
            if rule.path not in leaves:
                raise PublishedError(f"{name}: this network has no {'/'.join(rule.path)}")
            used.add(rule.path)
            if not rule.also:
                back = inverse_of(rule.convert, published.family.inverses)
                parts.append(back(np.asarray(leaves[rule.path])))
        if not parts:
            raise PublishedError(f"{name}: it cannot be made of ours")
        made[name] = reduce(np.add, parts)
    if left := sorted("/".join(path) for path in set(leaves) - used):
        raise PublishedError(f"{left[0]}: its authors' code has no place for it")
    return made


def inverse_of(converter: Converter, own: Mapping[Converter, Converter]) -> Converter:
    """What undoes a converter.

    Args:
      converter: of a rule.
      own: inverses of a family, before the usual ones.

    Raises:
      PublishedError: if nothing is known to.

    Example:
      >>> inverse_of(base.conv, {})(np.zeros((2, 1, 3, 4))).shape
      (4, 3, 2, 1)
    """
    if isinstance(converter, partial):
        return partial(inverse_of(converter.func, own), *converter.args)
    known = {**_INVERSES, **own}
    if converter not in known:
        raise PublishedError(f"{getattr(converter, '__name__', converter)}: it cannot be undone")
    return known[converter]


def _to_dense(height: int, width: int, array: np.ndarray) -> np.ndarray:
    flat = array.T
    maps = flat.reshape(height, width, -1, *flat.shape[1:])
    return np.moveaxis(maps, 2, 0).reshape(flat.shape)


_INVERSES: Mapping[Converter, Converter] = {
    base.conv: lambda array: array.transpose(3, 2, 0, 1),
    base.conv_transpose: lambda array: array.transpose(3, 2, 0, 1),
    base.dense: lambda array: array.transpose(1, 0),
    base.pointwise: lambda array: array.transpose(1, 0)[:, :, None, None],
    base.same: base.same,
    base.scalar: base.same,
    base.to_map: _to_dense,
    base.turned_unit: lambda turn, array: inverse_of(turn, {})(array.reshape(-1)),
    base.unit: lambda array: array.reshape(-1),
}
"""Of converters that every family may have."""
