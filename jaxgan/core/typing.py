"""Names for the arrays and trees that pass between the parts of jaxgan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

Array = jax.Array
Key = jax.Array
"""A typed PRNG key, as made by `jax.random.key`."""

PyTree = Any
"""Any nesting of dicts, lists and (named) tuples with arrays as leaves."""

Params = PyTree
NetState = PyTree
"""What a player carries besides its parameters: batch statistics, a loss's state, a pool."""

Batch = dict[str, Array]
"""Real data: `{"image": [B, H, W, C] or [B, D], "label": [B]}`. An image may be a tree of such
arrays."""

Scene = dict[str, Any]
"""All that a discriminator looks at: `real`, `fake`, `latent`, labels, pools."""

PlayerTree = dict[str, Any]
"""One entry per player: `{"gen": ..., "disc": ...}`."""

Metrics = dict[str, Array]

Schedule = Callable[[Array], Array | float]
"""A function of a step count, as Optax's schedules are."""

ScalarOrSchedule = float | Schedule
