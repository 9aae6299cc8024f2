"""What a discriminator returns: logits, or a dict of them and of what its other heads say."""

from __future__ import annotations

from collections.abc import Mapping

from jaxgan.core.typing import Array, PyTree


def logits_of(out: PyTree) -> PyTree:
    """The adversarial part of a discriminator's output.

    A discriminator returns its logits, or a dict that holds them as `logits` beside other heads:
    `features`, `class_logits`, an autoencoder's `code`. An energy is minus a logit.

    Args:
      out: what the discriminator returned.

    Returns:
      The logits of shape [B]; `out` itself where it is no dict with `logits`.

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
