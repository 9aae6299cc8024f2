"""Optax's optimizers, safe to differentiate through and callable in a strict session.

Any `optax.GradientTransformation` serves. These factories only set two things: `eps_root`, without
which the derivative of Adam's square root is NaN at a zero gradient (dead units are certain in a
GAN, and unrolling differentiates through the update), and schedules for every hyper-parameter.
Schedules read the number of the player's updates, of which `extragradient` makes one per step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgan.core.optimizer import (
    clip_gradients,
    decay_weights,
    hold_schedules,
    init,
    update,
    with_rates,
)
from jaxgan.core.ranges import (
    DecaySchedule,
    Finite,
    FiniteSchedule,
    NonNegative,
    NonNegativeSchedule,
    Positive,
    PositiveSchedule,
    Range,
    checked,
)
from jaxgan.core.typing import Array, Params, PyTree, ScalarOrSchedule

__all__ = [
    "EPS_ROOT",
    "adam",
    "clip_gradients",
    "clip_weights",
    "complex_momentum",
    "decay_weights",
    "hold_schedules",
    "init",
    "optimistic",
    "optimistic_adam",
    "rmsprop",
    "sgd",
    "update",
    "with_rates",
]

EPS_ROOT = 1e-16
"""Added under the square root of adaptive optimizers; below float32 resolution of any live unit."""

Momentum = Annotated[ScalarOrSchedule, Range(above=-1, below=1)]
"""It may be negative: Gidel et al., 2019 (arXiv:1807.04740)."""


def _make(
    factory: Callable[..., optax.GradientTransformation],
    weight_clip: ScalarOrSchedule | None = None,
    **hyperparams: ScalarOrSchedule | None,
) -> optax.GradientTransformation:
    # Optax takes a schedule for the learning rate only; the rest goes through inject_hyperparams.
    scheduled = any(callable(v) for name, v in hyperparams.items() if name != "learning_rate")
    optimizer = (optax.inject_hyperparams(factory) if scheduled else factory)(**hyperparams)
    if weight_clip is None:
        return optimizer
    return optax.chain(optimizer, clip_weights(weight_clip))


@checked
def adam(
    learning_rate: NonNegativeSchedule,
    *,
    b1: Momentum = 0.9,
    b2: DecaySchedule = 0.999,
    eps: NonNegative = 1e-8,
    eps_root: NonNegative = EPS_ROOT,
    weight_clip: PositiveSchedule | None = None,
) -> optax.GradientTransformation:
    """Adam, differentiable at zero gradient.

    Args:
      learning_rate: a number or a schedule of this player's updates.
      b1: decay of the first moment, in (-1, 1); 0.5 in DCGAN, 0 in most later GANs.
      b2: decay of the second moment.
      eps: added outside the square root.
      eps_root: added inside it.
      weight_clip: the bound of `clip_weights`, after each update; none by default.

    Returns:
      An `optax.GradientTransformation`.

    Example:
      >>> import jax.numpy as jnp
      >>> optimizer = adam(2e-4, b1=0.5)
      >>> params = {"w": jnp.ones(2)}
      >>> grads = {"w": jnp.asarray([1.0, -3.0])}
      >>> params, _ = update(optimizer, grads, init(optimizer, params), params)
      >>> [round(float(w), 4) for w in params["w"]]
      [0.9998, 1.0002]

    References:
      Kingma & Ba, 2015 (arXiv:1412.6980); eps_root as in MAML's use of Adam.
    """
    moments = {"b1": b1, "b2": b2, "eps": eps, "eps_root": eps_root}
    return _make(optax.adam, weight_clip, learning_rate=learning_rate, **moments)


@checked
def rmsprop(
    learning_rate: NonNegativeSchedule,
    *,
    decay: DecaySchedule = 0.9,
    eps: Positive = 1e-8,
    weight_clip: PositiveSchedule | None = None,
) -> optax.GradientTransformation:
    """RMSProp with `eps` inside the square root, hence differentiable at zero gradient.

    Args:
      learning_rate: a number or a schedule of this player's updates.
      decay: decay of the second moment.
      eps: added inside the square root.
      weight_clip: the bound of `clip_weights`, after each update; none by default.

    Returns:
      An `optax.GradientTransformation`.

    Example:
      >>> import jax.numpy as jnp
      >>> optimizer = rmsprop(0.1, decay=0.0)
      >>> params, _ = update(optimizer, jnp.float32(4.0), init(optimizer, jnp.float32(1.0)),
      ...                    jnp.float32(1.0))
      >>> round(float(params), 4)
      0.9

    References:
      Tieleman & Hinton, lecture 6.5, 2012.
    """
    options = {"decay": decay, "eps": eps, "eps_in_sqrt": True}
    return _make(optax.rmsprop, weight_clip, learning_rate=learning_rate, **options)


@checked
def sgd(
    learning_rate: NonNegativeSchedule,
    *,
    momentum: Momentum | None = None,
    weight_clip: PositiveSchedule | None = None,
) -> optax.GradientTransformation:
    """Gradient descent: the update of the closed forms in the dynamics literature.

    Args:
      learning_rate: a number or a schedule of this player's updates.
      momentum: heavy-ball momentum; it may be negative (Gidel et al., 2019, arXiv:1807.04740).
      weight_clip: the bound of `clip_weights`, after each update; none by default.

    Returns:
      An `optax.GradientTransformation`.

    Example:
      >>> import jax.numpy as jnp
      >>> optimizer = sgd(0.1)
      >>> float(update(optimizer, jnp.float32(2.0), init(optimizer, jnp.float32(1.0)),
      ...              jnp.float32(1.0))[0])
      0.800000011920929

    References:
      Robbins & Monro, 1951.
    """
    return _make(optax.sgd, weight_clip, learning_rate=learning_rate, momentum=momentum)


@checked
def complex_momentum(
    learning_rate: NonNegativeSchedule,
    *,
    magnitude: DecaySchedule = 0.9,
    phase: FiniteSchedule = math.pi / 8,
) -> optax.GradientTransformation:
    r"""Descent with momentum whose decay is a complex number.

    .. math:: \mu_{t+1} = \beta \mu_t - \xi_t, \quad w_{t+1} = w_t + \eta \, \Re \mu_{t+1},
        \quad \beta = \lvert \beta \rvert e^{i \varphi}

    Past gradients come with weights abs(β)^n cos(n φ), of either sign, as an oscillation's are. A
    phase of 0 is ordinary momentum, of π negative momentum. Under simultaneous play some phases
    between converge in bilinear games, which neither end does.

    Args:
      learning_rate: η, a number or a schedule of this player's updates.
      magnitude: abs(β), below 1.
      phase: φ, in radians.

    Returns:
      An `optax.GradientTransformation`, whose state has the real and the imaginary part of μ.

    Example:
      On the bilinear game, which ordinary momentum leaves:

      >>> import jax
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> def distance(phase):
      ...     optimizer = complex_momentum(0.1, magnitude=0.9, phase=phase)
      ...     optimizers = {"gen": optimizer, "disc": optimizer}
      ...     algorithm = simultaneous(gradient(bilinear()), optimizers=optimizers)
      ...     state = algorithm.init(jax.random.key(0))
      ...     for _ in range(200):
      ...         state, metrics = algorithm.step(state, {})
      ...     x, y = float(state.params["gen"][0]), float(state.params["disc"][0])
      ...     return (x * x + y * y) ** 0.5
      >>> distance(0.0) > 10, distance(math.pi / 4) < 0.5
      (True, True)

    References:
      Lorraine et al., 2022 (arXiv:2102.08431), algorithm 1.
    """
    return _make(_complex_momentum, learning_rate=learning_rate, magnitude=magnitude, phase=phase)


def _complex_momentum(
    learning_rate: ScalarOrSchedule, magnitude: Array | float, phase: Array | float
) -> optax.GradientTransformation:
    real, imaginary = magnitude * jnp.cos(phase), magnitude * jnp.sin(phase)

    def start(params: PyTree) -> PyTree:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return {"real": zeros, "imaginary": jax.tree.map(jnp.copy, zeros)}

    def step(grads: PyTree, state: PyTree, params: PyTree = None) -> tuple[PyTree, PyTree]:
        def turned(x: Array, y: Array, sign: float) -> Array:
            return real.astype(x.dtype) * x + sign * imaginary.astype(x.dtype) * y

        a, b = state["real"], state["imaginary"]
        kept = jax.tree.map(lambda x, y, g: turned(x, y, -1.0) + g, a, b, grads)
        return kept, {"real": kept, "imaginary": jax.tree.map(lambda x, y: turned(y, x, 1.0), a, b)}

    trace = optax.GradientTransformation(start, step)
    return optax.chain(trace, optax.scale_by_learning_rate(learning_rate))


@checked
def optimistic(
    learning_rate: NonNegativeSchedule, *, alpha: Finite = 1.0, beta: Finite = 1.0
) -> optax.GradientTransformation:
    """Optimistic gradient descent, Optax's: w ← w - η (α ξ_t + β (ξ_t - ξ_{t-1})).

    Under `simultaneous` play this is OGDA, which converges on bilinear games where plain descent
    leaves. The first step takes ξ_{-1} = ξ_0.

    Args:
      learning_rate: a number or a schedule of this player's updates.
      alpha: weight of the gradient.
      beta: weight of its change.

    Returns:
      An `optax.GradientTransformation`.

    Example:
      >>> import jax.numpy as jnp
      >>> optimizer = optimistic(0.1)
      >>> w, state = update(optimizer, jnp.ones(1), init(optimizer, jnp.zeros(1)), jnp.zeros(1))
      >>> w, state = update(optimizer, 2.0 * jnp.ones(1), state, w)  # 0.1 (2·2 - 1) more
      >>> round(float(w[0]), 6)
      -0.4

    References:
      Daskalakis et al., 2018 (arXiv:1711.00141); Mokhtari et al., 2020 (arXiv:1901.08511).
    """
    return _make(
        optax.optimistic_gradient_descent, learning_rate=learning_rate, alpha=alpha, beta=beta
    )


@checked
def optimistic_adam(
    learning_rate: NonNegativeSchedule,
    *,
    b1: Momentum = 0.9,
    b2: DecaySchedule = 0.999,
    alpha: Finite = 1.0,
    beta: Finite = 1.0,
    eps: NonNegative = 1e-8,
    eps_root: NonNegative = EPS_ROOT,
) -> optax.GradientTransformation:
    """Adam whose update is optimistic, Optax's without Nesterov momentum as in the paper.

    w ← w - η (α r_t + β (r_t - r_{t-1})), r_t = m̂_t / (√v̂_t + ε), r_{-1} = r_0.

    Args:
      learning_rate: a number or a schedule of this player's updates.
      b1: decay of the first moment.
      b2: decay of the second moment.
      alpha: weight of the update.
      beta: weight of its change.
      eps: added outside the square root.
      eps_root: added inside it.

    Returns:
      An `optax.GradientTransformation`.

    Example:
      >>> import jax.numpy as jnp
      >>> optimizer = optimistic_adam(0.1)
      >>> w, _ = update(optimizer, jnp.ones(1), init(optimizer, jnp.zeros(1)), jnp.zeros(1))
      >>> round(float(w[0]), 4)
      -0.1

    References:
      Daskalakis et al., 2018 (arXiv:1711.00141), algorithm 1.
    """
    return _make(
        optax.optimistic_adam_v2,
        learning_rate=learning_rate,
        b1=b1,
        b2=b2,
        alpha=alpha,
        beta=beta,
        eps=eps,
        eps_root=eps_root,
        nesterov=False,
    )


@checked
def clip_weights(bound: PositiveSchedule) -> optax.GradientTransformation:
    """Clips parameters to a box: how the first Wasserstein GAN bounds the slope of its critic.

    w + u ← clip(w + u, -c, c), u the update so far. It goes last in an `optax.chain`, or is asked
    for by `weight_clip` of the factories here. Parameters outside, such as the initial ones, are
    taken to the box by the first update. The derivative is 0 where it clips, 1 inside.

    Args:
      bound: c, positive; a number or a schedule of this player's updates.

    Returns:
      An `optax.GradientTransformation` that needs the parameters.

    Raises:
      ValueError: if the bound is a number and not positive.

    Example:
      >>> import jax.numpy as jnp
      >>> optimizer, w = optax.chain(sgd(0.1), clip_weights(0.5)), jnp.asarray([0.0, 0.25, 9.0])
      >>> w, _ = update(optimizer, jnp.asarray([10.0, 0.0, 0.0]), init(optimizer, w), w)
      >>> w.tolist()
      [-0.5, 0.25, 0.5]

    References:
      Arjovsky et al., 2017 (arXiv:1701.07875), algorithm 1: c = 0.01.
    """
    if callable(bound):
        return optax.inject_hyperparams(clip_weights)(bound=bound)

    def clip(updates: PyTree, params: Params) -> PyTree:
        if params is None:
            raise ValueError("clip_weights needs the parameters: update(grads, state, params)")
        moved = optax.apply_updates(params, updates)
        boxed = optax.projections.projection_linf_ball(moved, bound)
        to_box = jax.tree.map(_step, params, boxed)
        is_inside = jax.tree.map(jnp.equal, moved, boxed)
        return jax.tree.map(jnp.where, is_inside, updates, to_box)

    return optax.stateless(clip)


def _step(start: Array, end: Array) -> Array:
    """From start to end, and never beyond: an ulp less where rounding would add one."""
    here, there = lax.stop_gradient((start, end))
    step = there - here
    shorter = jnp.nextafter(step, jnp.where(there > 0, -jnp.inf, jnp.inf).astype(step.dtype))
    is_beyond = jnp.abs(here + step) > jnp.abs(there)
    return end - start + jnp.where(is_beyond, shorter - step, 0.0)
