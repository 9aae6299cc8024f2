"""The multipliers of a whole training step: what it does to a small change of its state."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.analysis._arpack import few_eigenvalues
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.krylov import flat_step
from jaxgan.core.ranges import Count, Index, NonNegative, checked
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Batch


@checked
def step_multipliers(
    algorithm: Algorithm,
    state: TrainState,
    batch: Batch,
    *,
    num: Count = 6,
    tol: NonNegative = 0.0,
    max_iterations: Count = 1000,
    num_vectors: Count | None = None,
    seed: Index = 0,
) -> np.ndarray:
    """The leading eigenvalues μ of the Jacobian of a whole step, optimizers included.

    A step s ↦ F(s) multiplies a small change along an eigenvector of F'(s) by μ, so that a fixed
    point attracts where all |μ| < 1. Of plain descent at a rate h they are 1 + h λ, λ the
    eigenvalues of the flow; of any other algorithm they are what its training does: momentum,
    alternation, extrapolation, preconditioning, averages.

    The state's numbers are all that is of a floating-point type: parameters, moments, memory,
    states of networks. Counts and the key are fixed: it is the step of this very batch and these
    latents. Averages (`ema`) feed nothing back and are left out; one of decay β has μ = β. A
    parameter that nothing moves has μ = 1. Where steps differ from one to the next, as those of a
    lazy penalty, take `substeps` of a period, whose multipliers are those of the period.

    Args:
      algorithm: any algorithm.
      state: where the step is taken.
      batch: what the step takes.
      num: how many multipliers.
      tol: relative accuracy asked for; 0 for machine precision.
      max_iterations: restarts allowed.
      num_vectors: size of the Krylov basis; by default max(2 num + 1, 40), at most the number of
        the state's numbers.
      seed: of the start vector.

    Returns:
      Complex multipliers, of shape [num], the largest magnitude first; of a pair the one with
      positive imaginary part first.

    Raises:
      ValueError: if a number is out of range, the state holds no floating-point number or the
        step's derivative is not finite.
      ConvergenceError: if fewer than `num` multipliers were found; it holds those.

    Example:
      Descent on f = x y, whose flow rotates by ±i, with a rate of 0.5:

      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> made = simultaneous(gradient(bilinear()), optimizers={"gen": sgd(0.5), "disc": sgd(0.5)})
      >>> step_multipliers(made, made.init(jax.random.key(0)), {}, num=2).tolist()
      [(1+0.5j), (1-0.5j)]

    References:
      Saad, 2011, Numerical methods for large eigenvalue problems, section 6.2; of games: Mescheder
      et al., 2017 (arXiv:1705.10461), section 3.
    """
    shape = jax.eval_shape(lambda state: flat_step(algorithm.step, state, batch)[0], state)

    def product(v: np.ndarray) -> np.ndarray:
        return np.asarray(_product(algorithm, state, batch, jnp.asarray(v, shape.dtype)))

    return few_eigenvalues(
        product,
        shape.size,
        np.float64 if shape.dtype == jnp.float64 else np.float32,
        of="step",
        num=num,
        which="LM",
        tol=tol,
        max_iterations=max_iterations,
        num_vectors=num_vectors,
        seed=seed,
    )


@partial(jax.jit, static_argnums=0)
def _product(algorithm: Algorithm, state: TrainState, batch: Batch, tangent: Array) -> Array:
    point, move = flat_step(algorithm.step, state, batch)
    product: Array = jax.jvp(move, (point,), (tangent,))[1]
    return product
