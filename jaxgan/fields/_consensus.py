"""Consensus optimization, and its variants for some of the players."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jaxgan.core.field import Field, Pull, linearize
from jaxgan.core.game import warn_if_detached
from jaxgan.core.ranges import NonNegativeSchedule, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Batch, PlayerTree, PyTree
from jaxgan.fields import trees


@checked
def consensus(
    field: Field,
    *,
    gamma: NonNegativeSchedule = 10.0,
    norms: Mapping[str, Sequence[str]] | None = None,
) -> Field:
    """All players also descend the squared length of the field: ξ + γ Jᵀ ξ.

    Jᵀξ = ∇ ½‖ξ‖², so the players agree to reduce the gradients of all. Near an equilibrium it turns
    an eigenvalue λ of the flow into about λ - γ λλ*, hence rotation into attraction. γ multiplies
    before the optimizer, adaptive or not.

    One-player variants name whose squared gradients a player descends,
    u_i = ξ_i + γ Σ_{j in norms[i]} ∇_i ½‖ξ_j‖²:

    - `{"gen": ("gen", "disc"), "disc": ("gen", "disc")}`: consensus, the default;
    - `{"disc": ("gen",)}`: the smoothing of Mescheder et al., the generator being left alone;
    - `{"gen": ("disc",), "disc": ("gen",)}`: JARE;
    - `{"gen": ("disc",)}`: see `gradient_norm`.

    Args:
      field: such as `gradient(game)`.
      gamma: γ, a number or a schedule of the step.
      norms: for each player that is pulled, whose gradients it makes smaller.

    Returns:
      A `Field`.

    Raises:
      ValueError: if γ is negative or `norms` names a player that is not in the game.

    Example:
      On f = x y consensus adds γ w to the rotation, so the origin attracts:

      >>> import jax
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> field = consensus(gradient(bilinear()), gamma=2.0)
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> pull, _, _ = field.apply(params, (), net_state, {}, Context(jax.random.key(0)))
      >>> pull["gen"].tolist(), pull["disc"].tolist()
      ([3.0], [1.0])

    References:
      Mescheder et al., 2017 (arXiv:1705.10461); JARE: Nie & Patel, 2019 (arXiv:1806.09235).
    """
    warn_if_detached(field.game, "consensus")
    players = field.game.players
    table = dict.fromkeys(players, players) if norms is None else dict(norms)
    named = {name for row in table.items() for name in (row[0], *row[1])}
    if not named <= set(players):
        raise ValueError(
            f"norms names {sorted(named - set(players))}; the game's players are {list(players)}"
        )

    def apply(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        here = linearize(field, params, memory, net_state, batch, context)
        weight = at(gamma, context.step)
        pull = dict(here.pull)
        # Players that share a row share its pullback.
        for row in dict.fromkeys(frozenset(row) for row in table.values()):
            others = [p for p in players if p not in row]
            descent = here.vjp(trees.without(here.pull, others))
            for player in (p for p in table if frozenset(table[p]) == row):
                pull[player] = trees.add(here.pull[player], weight, descent[player])
        return pull, here.memory, here.rest

    return Field(game=field.game, init=field.init, apply=apply)


@checked
def gradient_norm(field: Field, *, eta: NonNegativeSchedule = 0.5) -> Field:
    """The generator also descends the squared gradient of the discriminator: ξ_G + η ∇_θ ‖ξ_D‖².

    It keeps the generator from running into places where the discriminator has much to learn, and
    makes an equilibrium attract wherever the discriminator is locally strictly concave.

    Args:
      field: such as `gradient(game)`.
      eta: η, a number or a schedule of the step.

    Returns:
      A `Field`.

    Raises:
      ValueError: if η is negative or the game has no `gen` and `disc`.

    Example:
      >>> import jax
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> field = gradient_norm(gradient(bilinear()), eta=0.5)
      >>> params, net_state = field.game.init(jax.random.key(0))
      >>> pull, _, _ = field.apply(params, (), net_state, {}, Context(jax.random.key(0)))
      >>> pull["gen"].tolist(), pull["disc"].tolist()
      ([2.0], [-1.0])

    References:
      Nagarajan & Kolter, 2017 (arXiv:1706.04156), section 4.
    """
    doubled = (lambda step: 2.0 * eta(step)) if callable(eta) else 2.0 * eta
    return consensus(field, gamma=doubled, norms={"gen": ("disc",)})
