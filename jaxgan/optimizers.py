"""Optax's optimizers, safe to differentiate through and callable in a strict session.

Any `optax.GradientTransformation` serves. These factories only set two things: `eps_root`, without
which the derivative of Adam's square root is NaN at a zero gradient (dead units are certain in a
GAN, and unrolling differentiates through the update), and schedules for every hyper-parameter.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import optax

from jaxgan.schedules import check_not_negative
from jaxgan.typing import Params, PyTree, ScalarOrSchedule

EPS_ROOT = 1e-16
"""Added under the square root of adaptive optimizers; below float32 resolution of any live unit."""


def _make(
    factory: Callable[..., optax.GradientTransformation],
    **hyperparams: ScalarOrSchedule | None,
) -> optax.GradientTransformation:
    rate = hyperparams["learning_rate"]
    if rate is None:
        raise ValueError("learning_rate is None; it must be at least 0, or a schedule")
    check_not_negative("learning_rate", rate)
    # Optax takes a schedule for the learning rate only; the rest goes through inject_hyperparams.
    scheduled = any(callable(v) for name, v in hyperparams.items() if name != "learning_rate")
    return optax.inject_hyperparams(factory)(**hyperparams) if scheduled else factory(**hyperparams)


def adam(
    learning_rate: ScalarOrSchedule,
    b1: ScalarOrSchedule = 0.9,
    b2: ScalarOrSchedule = 0.999,
    eps: float = 1e-8,
    eps_root: float = EPS_ROOT,
) -> optax.GradientTransformation:
    """Adam, differentiable at zero gradient.

    Args:
      learning_rate: a number or a schedule of this player's updates.
      b1: decay of the first moment; 0.5 in DCGAN, 0 in most later GANs.
      b2: decay of the second moment.
      eps: added outside the square root.
      eps_root: added inside it.

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
    return _make(optax.adam, learning_rate=learning_rate, b1=b1, b2=b2, eps=eps, eps_root=eps_root)


def rmsprop(
    learning_rate: ScalarOrSchedule, decay: ScalarOrSchedule = 0.9, eps: float = 1e-8
) -> optax.GradientTransformation:
    """RMSProp with `eps` inside the square root, hence differentiable at zero gradient.

    Args:
      learning_rate: a number or a schedule of this player's updates.
      decay: decay of the second moment.
      eps: added inside the square root.

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
    return _make(optax.rmsprop, learning_rate=learning_rate, decay=decay, eps=eps, eps_in_sqrt=True)


def sgd(
    learning_rate: ScalarOrSchedule, momentum: ScalarOrSchedule | None = None
) -> optax.GradientTransformation:
    """Gradient descent: the update of the closed forms in the dynamics literature.

    Args:
      learning_rate: a number or a schedule of this player's updates.
      momentum: heavy-ball momentum; it may be negative (Gidel et al., 2019, arXiv:1807.04740).

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
    return _make(optax.sgd, learning_rate=learning_rate, momentum=momentum)


def optimistic(
    learning_rate: ScalarOrSchedule, alpha: float = 1.0, beta: float = 1.0
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


def optimistic_adam(
    learning_rate: ScalarOrSchedule,
    b1: ScalarOrSchedule = 0.9,
    b2: ScalarOrSchedule = 0.999,
    alpha: float = 1.0,
    beta: float = 1.0,
    eps: float = 1e-8,
    eps_root: float = EPS_ROOT,
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


def init(optimizer: optax.GradientTransformation, params: Params) -> PyTree:
    """Initial optimizer state; see `update` for why this is not `optimizer.init`.

    Args:
      optimizer: any Optax transformation.
      params: one player's parameters.

    Returns:
      The optimizer's state.

    Example:
      >>> import jax.numpy as jnp
      >>> type(init(sgd(0.1, momentum=0.9), jnp.zeros(2))[0]).__name__
      'TraceState'
    """
    with jax.numpy_dtype_promotion("standard"):
        return optimizer.init(params)


def update(
    optimizer: optax.GradientTransformation, grads: PyTree, opt_state: PyTree, params: Params
) -> tuple[Params, PyTree]:
    """One optimizer step, the single place where Optax is called.

    Several of Optax's transformations mix dtypes and so raise in a session with strict dtype
    promotion; here they run under the standard rules.

    Args:
      optimizer: any Optax transformation.
      grads: one player's gradients, shaped as `params`.
      opt_state: its optimizer state.
      params: its parameters.

    Returns:
      The new parameters and the new optimizer state.

    Example:
      >>> import jax.numpy as jnp
      >>> params, _ = update(sgd(0.5), jnp.ones(2), init(sgd(0.5), jnp.ones(2)), jnp.ones(2))
      >>> params.tolist()
      [0.5, 0.5]
    """
    with jax.numpy_dtype_promotion("standard"):
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state
