"""What a discriminator returns: logits, or a dict of them and of what its other heads say."""

from __future__ import annotations

from collections.abc import Mapping

import jax

from jaxgan.core.typing import Array, PyTree


def logits_of(out: PyTree) -> PyTree:
    """The adversarial part of a discriminator's output.

    A discriminator returns its logits, or a dict that holds them as `logits` beside other heads:
    `features`, `class_logits`, an autoencoder's `code`. An energy is minus a logit. One of several
    outputs (scales, an ensemble) returns a tree of logits, for `losses.over_outputs`.

    Args:
      out: what the discriminator returned.

    Returns:
      The logits of shape [B], or a tree of such; `out` itself where it is no dict with `logits`.

    Example:
      >>> import jax.numpy as jnp
      >>> logits_of({"logits": jnp.zeros(2), "features": jnp.ones((2, 3))}).tolist()
      [0.0, 0.0]
    """
    return out["logits"] if isinstance(out, Mapping) and "logits" in out else out


def head_of(out: PyTree, name: str, caller: str) -> Array:
    """One of the discriminator's other heads.

    Args:
      out: what the discriminator returned.
      name: of the head.
      caller: who needs it, for the message.

    Returns:
      What is under that name.

    Raises:
      ValueError: if the discriminator returns no such thing.

    Example:
      >>> head_of({"logits": 0.0}, "features", "feature_matching")
      Traceback (most recent call last):
      ...
      ValueError: feature_matching needs the discriminator's 'features'; it returns logits
    """
    if not isinstance(out, Mapping) or name not in out:
        found = ", ".join(sorted(out)) if isinstance(out, Mapping) else "logits only"
        raise ValueError(f"{caller} needs the discriminator's {name!r}; it returns {found}")
    head: Array = out[name]
    return head


def named_logits(logits: PyTree) -> dict[str, Array]:
    """The arrays of a tree of logits, by name.

    Args:
      logits: such as `{"small": [B], "large": [B]}`, or a tuple.

    Returns:
      Arrays by their keys in the tree, or their numbers; a single one is `0`.

    Example:
      >>> named_logits({"small": 1.0, "large": 2.0}), named_logits((1.0, 2.0)), named_logits(1.0)
      ({'large': 2.0, 'small': 1.0}, {'0': 1.0, '1': 2.0}, {'0': 1.0})
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(logits)
    return {jax.tree_util.keystr(p, simple=True, separator="_") or "0": x for p, x in leaves}


def one_array(logits: PyTree, caller: str) -> Array:
    """The logits of a discriminator of one output.

    Args:
      logits: as `logits_of` returns them.
      caller: who needs them, for the message.

    Returns:
      The logits.

    Raises:
      ValueError: if there are several arrays of them.

    Example:
      >>> one_array({"small": 1.0, "large": 2.0}, "drift")
      Traceback (most recent call last):
      ...
      ValueError: drift needs one array of logits; the discriminator returns large, small: a loss \
of several outputs is over_outputs(loss)
    """
    if not jax.tree_util.all_leaves([logits]):
        raise ValueError(
            f"{caller} needs one array of logits; the discriminator returns "
            f"{', '.join(named_logits(logits))}: a loss of several outputs is over_outputs(loss)"
        )
    array: Array = logits
    return array
