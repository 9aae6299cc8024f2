"""Latents that take a step towards the discriminator's approval before they are used."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.core.checks import is_zero
from jaxgan.core.game import Game, Played
from jaxgan.core.heads import logits_of
from jaxgan.core.ranges import Fraction, NonNegative, Positive, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, PlayerTree, Scene

_STEP = "logan/step"


@checked
def logan(
    game: Game,
    *,
    alpha: NonNegative = 0.9,
    beta: Positive = 5.0,
    fraction: Fraction = 0.8,
    weight: NonNegative = 300.0,
    bound: Positive = 1.0,
) -> Game:
    r"""LOGAN: in training, latents are first moved by a natural gradient of the discriminator.

    .. math::
        z' = \mathrm{clip}(z + m \, \Delta z, -c, c), \quad
        \Delta z = \frac{\alpha}{\beta + \|g\|^2} g, \quad
        g = \frac{\partial D(G(z))}{\partial z},

    D being the logit, and m, drawn for each example, 1 with the probability `fraction`. Both
    players' losses are those at z', and their gradients go through the step: the discriminator's
    sees how the latents follow it, the generator's how they follow G. Both also get
    w_r E[‖m Δz‖²]. Samples are made without a step.

    The step is that of the empirical Fisher matrix g gᵀ with damping β, so it is at most
    α / (2 √β) long. α and β are the paper's, and so are latents of U(-1, 1), which the clipping
    leaves where they are; of normal ones it cuts the tails. The defaults of `fraction` and `weight`
    are values to start from, not confirmed in the paper.

    Args:
      game: one of latents with a critic, such as a `gan`; put penalties and lookahead around it.
      alpha: α.
      beta: β.
      fraction: of the examples whose latents move.
      weight: w_r.
      bound: c.

    Returns:
      A `Game`, whose scene depends on the discriminator. Each player logs `latent_step`, what the
      regularizer adds to its loss.

    Raises:
      ValueError: for a wrong number or, when played, if the game's scene has no latents.

    Example:
      With G(z) = θ z and D(x) = ψ x the slope is ψ θ = 2, and the step 0.9 · 2 / (5 + 4) = 0.2:

      >>> from jaxgan.core.network import Network
      >>> from jaxgan.games import gan
      >>> gen = Network(init=lambda key: (jnp.ones(()), {}),
      ...               apply=lambda w, state, z, train=True, key=None: (w * z, state))
      >>> disc = Network(init=lambda key: (jnp.full((), 2.0), {}),
      ...                apply=lambda w, state, x, train=True, key=None: (w * x[:, 0], state))
      >>> game = logan(gan(gen, disc, latent=1), fraction=1.0)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> batch = {"image": jnp.zeros((2, 1)), "latent": jnp.asarray([[0.5], [0.9]])}
      >>> scene, _ = game.generate(params, net_state, batch, Context(jax.random.key(0)))
      >>> [round(float(z), 4) for z in scene["latent"][:, 0]]  # the second is clipped
      [0.7, 1.0]

    References:
      Wu et al., 2019 (arXiv:1912.00953), equation 12 and algorithm 1.
    """

    def generate(
        params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        if not context.train:
            return game.generate(params, net_state, batch, context)

        def score(z: Array) -> Array:
            scene, _ = game.generate(params, net_state, {**batch, "latent": z}, context)
            out = game.critic(params, net_state, scene["fake"], scene, context)
            leaves = jax.tree.leaves(logits_of(out))
            return sum((jnp.sum(leaf) for leaf in leaves), jnp.zeros((), z.dtype))

        before, _ = game.generate(params, net_state, batch, context)
        z = before.get("latent")
        if not isinstance(z, jax.Array) or "fake" not in before:
            raise ValueError("logan moves latents; a scene of this game has no array of them")
        slope = jax.grad(score)(z)
        axes = tuple(range(1, z.ndim))
        squares = jnp.sum(slope**2, axis=axes, keepdims=True)
        draws = context.draw("logan", jax.random.uniform, (z.shape[0],))
        is_moved = (draws < fraction).reshape(-1, *(1,) * len(axes))
        step = jnp.where(is_moved, alpha * slope / (beta + squares), 0)
        moved = jnp.clip(z + step, -bound, bound).astype(z.dtype)
        scene, new_state = game.generate(params, net_state, {**batch, "latent": moved}, context)
        return {**scene, _STEP: jnp.sum(step**2, axis=axes)}, new_state

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        values, (new_state, metrics, outputs) = game.losses(params, net_state, scene, context)
        if _STEP in scene:
            length = weight * jnp.mean(scene[_STEP])
            values = {player: value + length for player, value in values.items()}
            metrics = {player: {**own, "latent_step": length} for player, own in metrics.items()}
        return values, (new_state, metrics, outputs)

    is_zero_sum = game.is_zero_sum and is_zero(weight)
    return game._replace(generate=generate, losses=losses, is_zero_sum=is_zero_sum)
