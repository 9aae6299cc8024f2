"""Games of two players with partly common interests: matrix games, tandem, prisoner's dilemma."""

from __future__ import annotations

from typing import Annotated

import chex
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.game import Game, general_sum
from jaxgan.core.ranges import NonNegative, Range, checked
from jaxgan.core.state import Context, stream
from jaxgan.core.typing import Array, Batch, Key, PlayerTree

Discount = Annotated[float, Range(at_least=0, below=1)]

PRISONERS = np.asarray([[1.0, 3.0], [0.0, 2.0]])
"""Years in prison of the player of rows: to cooperate or to defect, against either."""


def _normal(sizes: dict[str, int], std: float, key: Key) -> PlayerTree:
    return {p: std * jax.random.normal(stream(key, p), (size,)) for p, size in sizes.items()}


@checked
def matrix_game(first: Array, second: Array, *, std: NonNegative = 1.0) -> Game:
    """xᵀ A y and xᵀ B y, for mixed strategies x = softmax(θ₁) and y = softmax(θ₂).

    Args:
      first: A [n, m], the loss of `first`, who plays the rows.
      second: B [n, m], that of `second`, who plays the columns.
      std: standard deviation of the initial logits θ.

    Returns:
      A `Game` of `first` and `second`.

    Raises:
      ValueError: if the matrices differ in shape.

    Example:
      Matching pennies, at the equilibrium:

      >>> pennies = jnp.asarray([[1.0, -1.0], [-1.0, 1.0]])
      >>> game = matrix_game(pennies, -pennies, std=0.0)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> losses, _ = game.losses(params, net_state, {}, Context(jax.random.key(0)))
      >>> float(losses["first"]), float(losses["second"])
      (0.0, 0.0)

    References:
      Letcher et al., 2019 (arXiv:1811.08469), section 4.
    """
    first, second = jnp.asarray(first), jnp.asarray(second)
    chex.assert_rank([first, second], 2)
    if first.shape != second.shape:
        raise ValueError(f"second has shape {second.shape}; first has {first.shape}")

    def losses(params: PlayerTree, batch: Batch, context: Context) -> dict[str, Array]:
        x, y = jax.nn.softmax(params["first"]), jax.nn.softmax(params["second"])
        return {"first": x @ first.astype(x.dtype) @ y, "second": x @ second.astype(x.dtype) @ y}

    sizes = dict(zip(("first", "second"), first.shape, strict=True))
    return general_sum(lambda key: _normal(sizes, std, key), losses)


@checked
def tandem(*, std: NonNegative = 0.1) -> Game:
    """(x + y)² - 2x and (x + y)² - 2y: two cyclists, each of whom likes the other to work.

    Its fixed points are the line x + y = 1, with losses that sum to 0. LOLA, whose players both
    shape the other, leaves it and does worse; SOS stays.

    Args:
      std: standard deviation of the initial x and y.

    Returns:
      A `Game` of `first` and `second`, an array of shape [1] each.

    Example:
      >>> game = tandem(std=0.0)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> params = {"first": 0.5 + params["first"], "second": 0.5 + params["second"]}
      >>> losses, _ = game.losses(params, net_state, {}, Context(jax.random.key(0)))
      >>> float(losses["first"]), float(losses["second"])
      (0.0, 0.0)

    References:
      Letcher et al., 2019 (arXiv:1811.08469), section 4.2.
    """

    def losses(params: PlayerTree, batch: Batch, context: Context) -> dict[str, Array]:
        x, y = params["first"][0], params["second"][0]
        both = (x + y) ** 2
        return {"first": both - 2 * x, "second": both - 2 * y}

    return general_sum(lambda key: _normal({"first": 1, "second": 1}, std, key), losses)


@checked
def prisoners_dilemma(*, discount: Discount = 0.96, std: NonNegative = 1.0) -> Game:
    r"""The iterated prisoner's dilemma of two players with a memory of one round.

    A player's five parameters are logits of cooperating: in the first round, and after a round of
    (own move, the other's) both cooperated, it alone, the other alone, nobody. With these
    probabilities the rounds are a Markov chain of the four outcomes, from p to P p to ..., and

    .. math:: L_i = \textstyle\sum_t \gamma^t \, \ell_i^T P^t p = \ell_i^T (I - \gamma P)^{-1} p

    is the player's discounted sum of years; (1 - γ) L_i is the mean of a round. Gradient descent
    ends in always defecting, of 2 years a round; LOLA and SOS find tit for tat, of about 1.

    Args:
      discount: γ.
      std: standard deviation of the initial logits.

    Returns:
      A `Game` of `first` and `second`, an array of shape [5] each.

    Raises:
      ValueError: if the discount is not in [0, 1).

    Example:
      Always to defect against always to cooperate, 0 years against 3 a round:

      >>> game = prisoners_dilemma(discount=0.5)
      >>> sure = 50.0 * jnp.ones(5)
      >>> losses, _ = game.losses({"first": -sure, "second": sure}, {}, {},
      ...                         Context(jax.random.key(0)))
      >>> [round(0.5 * float(losses[player]), 4) for player in ("first", "second")]
      [0.0, 3.0]

    References:
      Foerster et al., 2018 (arXiv:1709.04326), section 5.1; the exact value: appendix.
    """
    years = {"first": PRISONERS.reshape(-1), "second": PRISONERS.T.reshape(-1)}

    def losses(params: PlayerTree, batch: Batch, context: Context) -> dict[str, Array]:
        x, y = jax.nn.sigmoid(params["first"]), jax.nn.sigmoid(params["second"])
        # Outcomes are CC, CD, DC, DD by (first, second); the second sees them from its own side.
        y = y[jnp.asarray([0, 1, 3, 2, 4])]
        both = jnp.stack([x * y, x * (1 - y), (1 - x) * y, (1 - x) * (1 - y)])
        start, chain = both[:, 0], both[:, 1:]
        visits = jnp.linalg.solve(jnp.eye(4, dtype=x.dtype) - discount * chain, start)
        return {p: jnp.asarray(cost, x.dtype) @ visits for p, cost in years.items()}

    return general_sum(lambda key: _normal({"first": 5, "second": 5}, std, key), losses)
