"""Standing statistics: batch norm's averages over many batches of one generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp

from jaxgan.core.errors import bad_value
from jaxgan.core.game import Game
from jaxgan.core.network import BATCH_STATS
from jaxgan.core.state import Context, TrainState, stream
from jaxgan.core.typing import Array, Key, PyTree
from jaxgan.transforms import averaged


def standing_statistics(
    key: Key,
    game: Game,
    state: TrainState,
    element_spec: Mapping[str, jax.ShapeDtypeStruct],
    *,
    num_batches: int = 16,
    batch_size: int = 256,
    num_classes: int | None = None,
    player: str = "gen",
) -> TrainState:
    r"""A state whose batch statistics are those of the generator as it is, not of its past.

    .. math:: \bar\mu = \frac1n \sum_{i=1}^n \mu(B_i), \quad
       \bar\sigma^2 = \frac1n \sum_{i=1}^n \sigma^2(B_i)

    over n batches of new samples of the averaged generator, where one is kept, or of the live one.
    Averages of weights and running averages of statistics do not quite belong together, and neither
    do running averages and a generator that has just moved.

    What a layer keeps is r' = m r + (1 - m) s with its own momentum m; playing a batch from r = 0
    and from r = 1 gives m, and s. So it is for layers that keep such averages and do not use them
    in training: `nn.BatchNorm`, and those made of it.

    Args:
      key: of latents and labels.
      game: the game, whose generator makes `fake`.
      state: a training state of one member.
      element_spec: shape and dtype of one real example.
      num_batches: n.
      batch_size: samples of a batch.
      num_classes: of a conditional game, whose labels are then drawn uniformly.
      player: whose statistics.

    Returns:
      The state with other statistics of that player: of its average where one is kept.

    Raises:
      ValueError: if a number is not positive, or the player has no batch statistics.

    Example:
      >>> import flax.linen as nn
      >>> from jaxgan import from_linen, gan
      >>> class Gen(nn.Module):
      ...     @nn.compact
      ...     def __call__(self, z, train=True):
      ...         return nn.BatchNorm(not train, use_scale=False, use_bias=False)(z + 3)
      >>> network = from_linen(Gen(), jnp.zeros((1, 1)))
      >>> game = gan(network, network, latent=1)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> state = TrainState(step=jnp.int32(0), key=jax.random.key(0), params=params,
      ...                    net_state=net_state)
      >>> spec = {"image": jax.ShapeDtypeStruct((1,), jnp.float32)}
      >>> state = standing_statistics(jax.random.key(1), game, state, spec)
      >>> stats = state.net_state["gen"]["network"]["batch_stats"]["BatchNorm_0"]
      >>> round(float(stats["mean"][0])), round(float(stats["var"][0]))
      (3, 1)

    References:
      Brock et al., 2019 (arXiv:1809.11096), section 3 and appendix C.
    """
    for name, value in (("num_batches", num_batches), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(bad_value(name, value, "at least 1"))
    params, net_state = averaged(state)
    own = net_state[player]
    if not _statistics(own):
        raise ValueError(f"standing statistics: player {player!r} has no batch statistics")

    @jax.jit
    def play(params: PyTree, net_state: PyTree, key: Key, start: Array) -> list[Array]:
        """The player's statistics after one batch, before which all were `start`."""
        statistics = [jnp.full_like(leaf, start) for leaf in _statistics(net_state[player])]
        before = {**net_state, player: _with_statistics(net_state[player], statistics)}
        batch = {
            name: jnp.zeros((batch_size, *spec.shape), spec.dtype)
            for name, spec in element_spec.items()
        }
        if num_classes:
            labels = stream(key, "standing/label")
            batch["label"] = jax.random.randint(labels, (batch_size,), 0, num_classes)
        _, after = game.generate(params, before, batch, Context(key, step=state.step))
        return _statistics(after[player])

    keys = [stream(key, "standing", i) for i in range(num_batches)]
    first, shifted = (play(params, net_state, keys[0], jnp.float32(r)) for r in (0, 1))
    totals = first
    for one in keys[1:]:
        batch = play(params, net_state, one, jnp.float32(0))
        totals = [total + part for total, part in zip(totals, batch, strict=True)]
    # The second play, less the first, is the momentum: the batch is the same.
    means = [
        total / (num_batches * (1 - (r1 - r0)))
        for total, r0, r1 in zip(totals, first, shifted, strict=True)
    ]
    new = _with_statistics(own, means)
    if player in state.ema:
        return state._replace(ema={**state.ema, player: {**state.ema[player], "net_state": new}})
    return state._replace(net_state={**state.net_state, player: new})


def _is_statistic(path: tuple[jax.tree_util.KeyEntry, ...]) -> bool:
    return any(isinstance(e, jax.tree_util.DictKey) and e.key == BATCH_STATS for e in path)


def _statistics(tree: PyTree) -> list[Array]:
    return [leaf for path, leaf in jax.tree.leaves_with_path(tree) if _is_statistic(path)]


def _with_statistics(tree: PyTree, statistics: Sequence[Array]) -> PyTree:
    rest = iter(statistics)
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: next(rest) if _is_statistic(path) else leaf, tree
    )
