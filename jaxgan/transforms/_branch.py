"""Many futures of one state."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.core.errors import InputError
from jaxgan.core.ranges import Width, checked
from jaxgan.core.state import TrainState, stream
from jaxgan.core.typing import Key
from jaxgan.transforms._seeds import has_members


@checked
def branch(state: TrainState, *, num_futures: Width, key: Key | None = None) -> TrainState:
    """The same state many times, each with other randomness from here on.

    `seeds(algorithm, num_seeds=num_futures).step` goes on from it, in one program: what becomes of
    a training that has come so far, as a distribution rather than as a story. Parameters, moments
    and the step are those of the state in every future; latents, and data that are sampled on the
    device, differ. Batches from the host are the same for all.

    Args:
      state: of a single run.
      num_futures: how many.
      key: of the futures; by default it is made of the state's own, so that a checkpoint has the
        same futures whenever it is asked.

    Returns:
      A state with a leading axis of members on every leaf but `step`, as `seeds` has it.

    Raises:
      ValueError: if `num_futures` is not positive.
      InputError: if the state has members already; take one of them, see `member`.

    Example:
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import dirac
      >>> from jaxgan.optimizers import sgd
      >>> from jaxgan.transforms import seeds
      >>> game = simultaneous(gradient(dirac()), optimizers={"gen": sgd(0.1), "disc": sgd(0.1)})
      >>> state = game.init(jax.random.key(0))
      >>> futures = branch(state, num_futures=3)
      >>> futures.params["gen"].tolist(), futures.key.shape
      ([[1.0], [1.0], [1.0]], (3,))
      >>> later, _ = seeds(game, num_seeds=3).step(futures, {"image": jnp.zeros((4, 1))})
      >>> int(later.step)
      1
    """
    if has_members(state):
        num = state.key.shape[0]
        raise InputError(f"state has {num} members; branch takes one of them, see member")
    base = stream(state.key, "branch") if key is None else key
    keys = jax.vmap(lambda i: jax.random.fold_in(base, i))(jnp.arange(num_futures))
    rest = {name: x for name, x in state._asdict().items() if name not in ("step", "key")}
    many = jax.tree.map(lambda x: jnp.broadcast_to(x, (num_futures, *x.shape)), rest)
    # A copy, so that whoever takes the futures away leaves the state.
    return TrainState(step=jnp.copy(state.step), key=keys, **many)
