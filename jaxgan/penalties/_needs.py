"""What a term asks of a view, with words for where it is not there."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.core.penalty import View
from jaxgan.core.typing import Array, Params, PyTree


def entry(view: View, name: str, caller: str) -> Array:
    """An entry of the scene.

    Args:
      view: what the term may look at.
      name: of the entry.
      caller: who needs it, for the message.

    Returns:
      What the scene has under that name.

    Raises:
      ValueError: if it has none.

    Example:
      >>> entry(View({}, abs, {"fake": 1.0}, None), "label", "auxiliary_classifier")
      Traceback (most recent call last):
      ...
      ValueError: auxiliary_classifier needs 'label' in the scene; it has fake
    """
    found = view.scene.get(name)
    if found is None:
        names = ", ".join(sorted(view.scene)) or "nothing"
        raise ValueError(f"{caller} needs {name!r} in the scene; it has {names}")
    return found


def generated(view: View, latent: PyTree, caller: str) -> PyTree:
    """The generator's samples for other latents than the scene's.

    Args:
      view: what the term may look at.
      latent: as the generator takes them.
      caller: who needs them, for the message.

    Returns:
      Samples, with the labels and the noise of the scene's.

    Raises:
      ValueError: if the game has no generator.

    Example:
      >>> generated(View({}, abs, {}, None), 0.0, "path_length")
      Traceback (most recent call last):
      ...
      ValueError: path_length needs a game with a generator
    """
    if view.generator is None:
        raise ValueError(f"{caller} needs a game with a generator")
    return view.generator(latent)


def owned(view: View, player: str, caller: str) -> Params:
    """The parameters that a term's state was made for.

    Args:
      view: what the term may look at.
      player: whose state it is.
      caller: who needs them, for the message.

    Returns:
      That player's parameters.

    Raises:
      ValueError: if the term joins another player's loss.

    Example:
      >>> owned(View({"gen": 1.0}, abs, {}, None, player="gen"), "disc", "historical_averaging")
      Traceback (most recent call last):
      ...
      ValueError: historical_averaging remembers 'disc'; for 'gen' make it with player='gen'
    """
    if view.player != player:
        raise ValueError(
            f"{caller} remembers {player!r}; for {view.player!r} make it with "
            f"player={view.player!r}"
        )
    return view.params[player]


def zero(params: PyTree) -> Array:
    """A zero to start an average from: float32, or as wide as the parameters.

    Args:
      params: any tree.

    Returns:
      A scalar.

    Example:
      >>> zero({"kernel": jnp.ones(2, jnp.bfloat16)}).dtype.name
      'float32'
    """
    is_wide = any(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(params))
    return jnp.zeros((), jnp.float64 if is_wide else jnp.float32)


def moved(mean: Array, value: Array, rate: float) -> Array:
    """An exponential average after one more value.

    mean + rate (value - mean).

    Args:
      mean: so far, a scalar.
      value: the next one, a scalar.
      rate: one minus the decay.

    Returns:
      A scalar like `mean`.

    Example:
      >>> float(moved(jnp.zeros(()), jnp.ones(()), 0.25))
      0.25
    """
    return mean + jnp.asarray(rate, mean.dtype) * (value.astype(mean.dtype) - mean)
