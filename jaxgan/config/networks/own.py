"""Networks of people's own code."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.config.networks.base import Data, Role
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.core.network import Network
from jaxgan.models.adapters import from_linen, from_nnx


def own_network(
    make: Callable[..., Any], function: Callable[..., Any], role: Role, data: Data
) -> Network:
    """A `Network` of what a function or a module's class makes.

    Args:
      make: calls it with its options.
      function: what is called: it returns a `Network` or a Linen module; or it asks for `rngs` and
        returns an NNX module.
      role: what networks in its place are given.
      data: what it has to fit.

    Returns:
      The network. In a conditional game it is given labels [B] after its inputs.

    Raises:
      ConfigError: if it makes something else.

    Example:
      >>> data = Data("own", shape=(2,), latent_dim=3)
      >>> from jaxgan.config.networks.base import GENERATOR
      >>> own_network(lambda: nn.Dense(2), nn.Dense, GENERATOR, data).inputs[0].shape
      (1, 3)
    """
    asks = inspect.getattr_static(function, "__init__") if isinstance(function, type) else function
    if "rngs" in inspect.signature(asks).parameters:
        return from_nnx(lambda rngs: make(rngs=rngs))
    made = make()
    if isinstance(made, Network):
        return made
    if not isinstance(made, nn.Module):
        raise ConfigError(bad_value(data.family, made, "a Network or a Flax module"))
    shapes = [jax.ShapeDtypeStruct((1, *shape), jnp.float32) for shape in role.inputs(data)]
    labels = [jax.ShapeDtypeStruct((1,), jnp.int32)] if data.num_classes else []
    return from_linen(made, *shapes, *labels)
