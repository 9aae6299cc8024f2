"""Steps of a Runge-Kutta method along a field."""

from __future__ import annotations

from typing import Literal

from jaxgan.core.errors import bad_value
from jaxgan.core.field import Field, Pull, linearize
from jaxgan.core.game import warn_if_detached
from jaxgan.core.ranges import NonNegativeSchedule, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Batch, PlayerTree, PyTree
from jaxgan.fields import trees

STAGES: dict[int, tuple[tuple[float, ...], tuple[float, ...]]] = {
    2: ((1.0,), (1 / 2, 1 / 2)),
    4: ((1 / 2, 1 / 2, 1.0), (1 / 6, 1 / 3, 1 / 3, 1 / 6)),
}
"""By order: how far along the last slope each further slope is taken, and their weights."""


@checked
def runge_kutta(
    field: Field,
    *,
    step_size: NonNegativeSchedule,
    order: Literal[2, 4] = 4,
    moves: Literal["together", "apart"] = "together",
    gen_norm: NonNegativeSchedule = 0.0,
) -> Field:
    r"""The mean slope of a Runge-Kutta step of dw/dt = -ξ(w), to be played by descent of that step.

    Heun's method for the order 2, the classical one for 4:

    .. math:: \tfrac12 (k_1 + k_2), \; k_2 = \xi(w - h k_1); \qquad
        \tfrac16 (k_1 + 2 k_2 + 2 k_3 + k_4), \; k_2 = \xi(w - \tfrac h2 k_1), \;
        k_3 = \xi(w - \tfrac h2 k_2), \; k_4 = \xi(w - h k_3)

    On the bilinear game, on which descent (order 1) spirals away, the order 4 stays on the circle
    of the continuous flow up to h⁶. With `moves="apart"`, as in the authors' code, each player's
    slopes are taken with the others where they were; on the bilinear game that is plain descent.

    Args:
      field: such as `gradient(game)`.
      step_size: h, a number or a schedule of the step; the rate of `optimizers.sgd` too.
      order: 2 or 4, as many evaluations of the field.
      moves: whether the players move `"together"` or `"apart"` from slope to slope.
      gen_norm: λ, a number or a schedule: λ ∇_D ‖ξ_G‖² at w joins the discriminator's pull, which
        the authors of ODE-GAN need to train at large steps.

    Returns:
      A `Field`; all slopes are of the same batch and the same noise.

    Raises:
      ValueError: for a wrong option, or a `gen_norm` in a game without `gen` and `disc`.

    Example:
      >>> import jax
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> field = runge_kutta(gradient(bilinear()), step_size=0.5)
      >>> algorithm = simultaneous(field, optimizers={"gen": sgd(0.5), "disc": sgd(0.5)})
      >>> state = algorithm.init(jax.random.key(0))
      >>> for step in range(10):
      ...     state, metrics = algorithm.step(state, {})
      >>> x, y = float(state.params["gen"][0]), float(state.params["disc"][0])
      >>> print(f"distance {(x * x + y * y) ** 0.5:.3f}")  # 1.414 at the start, and for ever
      distance 1.413

    References:
      Qin et al., "Training Generative Adversarial Networks by Solving Ordinary Differential
      Equations", 2020 (arXiv:2010.15040), algorithm 1.
    """
    warn_if_detached(field.game, "runge_kutta")
    ahead, weights = STAGES[order]
    is_plain = isinstance(gen_norm, int | float) and gen_norm == 0
    if not is_plain and not {"gen", "disc"} <= set(field.game.players):
        found = ", ".join(field.game.players)
        raise ValueError(bad_value("gen_norm", gen_norm, f"0, as the players are {found}"))

    def apply(
        params: PlayerTree,
        memory: PyTree,
        net_state: PlayerTree,
        batch: Batch,
        context: Context,
    ) -> Pull:
        def slope(moved: PlayerTree) -> PlayerTree:
            if moves == "together":
                return field.apply(moved, memory, net_state, batch, context)[0]
            apart = {player: {**params, player: moved[player]} for player in params}
            return {
                player: field.apply(point, memory, net_state, batch, context)[0][player]
                for player, point in apart.items()
            }

        here = linearize(field, params, memory, net_state, batch, context)
        h, last = at(step_size, context.step), here.pull
        total = trees.scaled(last, weights[0])
        for share, weight in zip(ahead, weights[1:], strict=True):
            last = slope(trees.add(params, -h * share, last))
            total = trees.add(total, weight, last)
        if not is_plain:
            of_gen = trees.without(here.pull, [p for p in here.pull if p != "gen"])
            norm = trees.without(here.vjp(of_gen), [p for p in here.pull if p != "disc"])
            total = trees.add(total, 2.0 * at(gen_norm, context.step), norm)
        return total, here.memory, here.rest

    return Field(game=field.game, init=field.init, apply=apply)
