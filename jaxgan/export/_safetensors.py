"""The weights of a generator as safetensors, which most programs read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import traverse_util

from jaxgan.core.errors import InputError
from jaxgan.core.state import TrainState
from jaxgan.export._generator import Direction, Exported
from jaxgan.pretrained import Published, convert, publish
from jaxgan.transforms import averaged


def generator_variables(state: TrainState, *, direction: Direction = "forward") -> dict[str, Any]:
    """The variables of a generator: its average where one is kept.

    Args:
      state: of one member.
      direction: of a game of two generators, which one.

    Returns:
      `{"params": ..., "batch_stats": ..., ...}`, as its Flax module has them.

    Raises:
      InputError: if the game has no such generator.

    Example:
      >>> import jax.numpy as jnp
      >>> params = {"gen": {"dense": {"kernel": jnp.ones((2, 3))}}}
      >>> state = TrainState(step=jnp.int32(0), key=jax.random.key(0), params=params,
      ...                    net_state={"gen": {"network": {}}})
      >>> jax.tree.map(jnp.shape, generator_variables(state))
      {'params': {'dense': {'kernel': (2, 3)}}}
    """
    params, net_state = averaged(state)
    if "gen" not in params:
        raise InputError(f"the game has no player 'gen'; it has {', '.join(sorted(params))}")
    own, rest = params["gen"], dict(net_state.get("gen", {})).get("network", {})
    if isinstance(own, Mapping) and set(own) == {"forward", "backward"}:
        return {"params": own[direction], **rest[direction]}
    if direction != "forward":
        raise InputError(f"direction is {direction!r}; the game's only generator goes forward")
    return {"params": own, **rest}


def to_safetensors(
    state: TrainState,
    *,
    direction: Direction = "forward",
    published: Published | None = None,
    about: Mapping[str, str] | None = None,
) -> Exported:
    """Writes the weights of a generator: its average where one is kept.

    Args:
      state: of one member.
      direction: of a game of two generators, which one.
      published: where the file is to have the names and layouts of the authors' code, what is known
        of them; otherwise names are paths such as `params/Dense_0/kernel`, layouts are Flax's.
      about: what the file says of itself.

    Returns:
      A safetensors file; arrays of its names, read again, are ours, and `difference` says how well.

    Raises:
      InputError: if the game has no such generator.
      PublishedError: if the authors' code has no place for it.
      ImportError: if safetensors is not installed.

    Example:
      See docs/export.md.
    """
    from safetensors.numpy import load, save

    variables = jax.tree.map(np.asarray, generator_variables(state, direction=direction))
    ours = traverse_util.flatten_dict(variables, sep="/")
    arrays = ours if published is None else publish(variables, published)
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    data = save(arrays, dict(about or {}))
    found = load(data)
    if published is not None:
        again = convert(found, published.rules, variables, published.family.ignored)
        found = traverse_util.flatten_dict(again, sep="/")
    # Where power iterations begin is no weight: published files have it at length one.
    compared = [name for name in ours if not name.startswith("spectral/")]
    gaps = [np.abs(found[name] - ours[name]).max(initial=0.0) for name in compared]
    difference = max(map(float, gaps), default=0.0)
    if difference != 0:
        raise InputError(f"what was exported differs from the weights by {difference:.3g}")
    return Exported(data, {}, difference)
