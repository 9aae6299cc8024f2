"""Games of a few numbers, whose dynamics are known in closed form."""

from __future__ import annotations

import chex
import jax.numpy as jnp

from jaxgan.core.game import Game, zero_sum
from jaxgan.core.network import Network
from jaxgan.core.ranges import Finite, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, Key, NetState, PlayerTree
from jaxgan.games._gan import gan
from jaxgan.losses import Loss, minimax


@checked
def bilinear(matrix: Array | Finite = 1.0) -> Game:
    """f(x, y) = xᵀ A y: the simplest game that plain descent cannot solve.

    From any start, simultaneous gradient descent of rate η with A = a grows the norm by exactly
    √(1 + η²a²) per step; alternating descent stays on a cycle.

    Args:
      matrix: A, of shape [n, m], or a number a for n = m = 1.

    Returns:
      A zero-sum `Game` in x (`gen`) and y (`disc`), both started at ones.

    Example:
      >>> import jax
      >>> game = bilinear(3.0)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> losses, _ = game.losses(params, net_state, {}, Context(jax.random.key(0)))
      >>> float(losses["gen"])
      3.0

    References:
      Gidel et al., 2019 (arXiv:1802.10551), section 3.1.
    """
    coupling = jnp.atleast_2d(jnp.asarray(matrix))
    chex.assert_rank(coupling, 2)

    def init(key: Key) -> PlayerTree:
        num_x, num_y = coupling.shape
        return {"gen": jnp.ones(num_x, coupling.dtype), "disc": jnp.ones(num_y, coupling.dtype)}

    def value(params: PlayerTree, batch: Batch, context: Context) -> Array:
        value: Array = params["gen"] @ coupling @ params["disc"]
        return value

    return zero_sum(init, value)


def quadratic(gen_curvature: Array, coupling: Array, disc_curvature: Array) -> Game:
    """f(x, y) = ½ xᵀ A x + xᵀ B y - ½ yᵀ C y, with one equilibrium at the origin.

    Convex-concave if A and C are positive definite; with an indefinite A or C it has the rotating
    and repelling directions that a GAN meets near equilibrium.

    Args:
      gen_curvature: A, symmetric, of shape [n, n].
      coupling: B, of shape [n, m].
      disc_curvature: C, symmetric, of shape [m, m].

    Returns:
      A zero-sum `Game` in x (`gen`) and y (`disc`), both started at ones.

    Raises:
      ValueError: if the shapes do not fit each other.

    Example:
      >>> import jax
      >>> game = quadratic(jnp.eye(1), 2.0 * jnp.eye(1), jnp.eye(1))
      >>> params, net_state = game.init(jax.random.key(0))
      >>> losses, _ = game.losses(params, net_state, {}, Context(jax.random.key(0)))
      >>> float(losses["gen"])
      2.0

    References:
      Balduzzi et al., 2018 (arXiv:1802.05642), section 2.
    """
    chex.assert_rank([gen_curvature, coupling, disc_curvature], 2)
    num_x, num_y = coupling.shape
    if gen_curvature.shape != (num_x, num_x) or disc_curvature.shape != (num_y, num_y):
        raise ValueError(
            f"curvatures have shapes {gen_curvature.shape} and {disc_curvature.shape}; a coupling "
            f"of shape {coupling.shape} needs {(num_x, num_x)} and {(num_y, num_y)}"
        )

    def init(key: Key) -> PlayerTree:
        return {"gen": jnp.ones(num_x, coupling.dtype), "disc": jnp.ones(num_y, coupling.dtype)}

    def value(params: PlayerTree, batch: Batch, context: Context) -> Array:
        x, y = params["gen"], params["disc"]
        value: Array = 0.5 * x @ gen_curvature @ x + x @ coupling @ y - 0.5 * y @ disc_curvature @ y
        return value

    return zero_sum(init, value)


@checked
def dirac(loss: Loss | None = None) -> Game:
    """The Dirac-GAN: a generator that is one point θ, a linear discriminator D(x) = ψ x.

    The data are a point mass at 0 (a batch `{"image": zeros of shape [B, 1]}`), so θ = ψ = 0 is
    the equilibrium. It is an ordinary `gan`, hence takes every loss, penalty and field.

    Args:
      loss: an adversarial objective; minimax by default.

    Returns:
      A `Game` whose players hold arrays of shape [1], both started at one.

    Example:
      >>> import jax
      >>> game = dirac()
      >>> params, net_state = game.init(jax.random.key(0))
      >>> context, batch = Context(jax.random.key(0)), {"image": jnp.zeros((1, 1))}
      >>> scene, _ = game.generate(params, net_state, batch, context)
      >>> float(scene["fake"][0, 0])
      1.0

    References:
      Mescheder et al., 2018 (arXiv:1801.04406), definition 2.1.
    """

    def init(key: Key) -> tuple[Array, NetState]:
        return jnp.ones(1), {}

    def point(
        theta: Array, state: NetState, z: Array, *, train: bool = True, key: Key | None = None
    ) -> tuple[Array, NetState]:
        return jnp.broadcast_to(theta, (z.shape[0], 1)), state

    def slope(
        psi: Array, state: NetState, x: Array, *, train: bool = True, key: Key | None = None
    ) -> tuple[Array, NetState]:
        return x @ psi, state

    objective = minimax() if loss is None else loss
    return gan(
        Network(init=init, apply=point), Network(init=init, apply=slope), latent=1, loss=objective
    )
