"""The methods of the Dirac-GAN experiment, each with its closed forms and what the papers say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxgan as jg
from jaxgan import fields, losses, penalties
from jaxgan.core.typing import Batch, PlayerTree, Scene
from jaxgan.optimizers import optimistic, sgd

SLOPE, CURVATURE = 0.5, -0.25
"""f'(0) and f''(0) of f(t) = -log(1 + exp(-t))."""
RATE = 0.2
PLAYERS = ("gen", "disc")
Closed = Sequence[complex] | None


class Method(NamedTuple):
    """One portrait, and three lines of the table.

    Attributes:
      name: its title.
      algorithm: how it is played.
      eigenvalues: closed form of those of the flow at (0, 0); None where there is none.
      radius: closed form of the radius of a step; by default max |1 + eta lambda|.
      verdict: what the paper says; by default what the radius says.
      period: after so many steps the map repeats itself: a lookahead's k.
    """

    name: str
    algorithm: jg.Algorithm
    eigenvalues: Closed
    radius: float | None = None
    verdict: str | None = None
    period: int = 1

    @property
    def closed_radius(self) -> float | None:
        """The closed form of the radius of a step."""
        if self.radius is not None or self.eigenvalues is None:
            return self.radius
        return max(abs(1 + RATE * value) for value in self.eigenvalues)

    @property
    def closed_verdict(self) -> str:
        """Whether it converges."""
        if self.verdict is not None or self.closed_radius is None:
            return str(self.verdict)
        if abs(self.closed_radius - 1) < 1e-9:
            return "neutral at (0, 0)"
        return "converges" if self.closed_radius < 1 else "does not converge"


def with_noise(game: jg.Game, std: float) -> jg.Game:
    """Instance noise: the discriminator sees real and fake examples through normal noise.

    The noise is the same for every batch, the quantiles of the normal distribution scaled to
    variance 1, so that what is measured is the expectation over the noise.
    """

    def generate(
        params: PlayerTree, net_state: PlayerTree, batch: Batch, context: jg.Context
    ) -> tuple[Scene, PlayerTree]:
        scene, new_state = game.generate(params, net_state, batch, context)
        num, dtype = scene["fake"].shape[0], scene["fake"].dtype
        noise = jax.scipy.special.ndtri((jnp.arange(num, dtype=dtype) + 0.5) / num)
        noise = (std * noise / jnp.std(noise))[:, None]
        return {**scene, "real": scene["real"] + noise, "fake": scene["fake"] + noise}, new_state

    return game._replace(generate=generate)


# Closed forms.


def one_sided(damping: float, slope: float = SLOPE) -> list[complex]:
    """-d/2 +- sqrt(d^2/4 - f'^2): one player is damped by d."""
    root = complex(np.emath.sqrt(damping**2 / 4 - slope**2))
    return [-damping / 2 + root, -damping / 2 - root]


def spiral(damping: float, slope: float = SLOPE) -> list[complex]:
    """-d +- i f': both players are damped by d."""
    return [complex(-damping, slope), complex(-damping, -slope)]


# Methods.


def sgds() -> dict[str, Any]:
    """Plain descent for both players."""
    return dict.fromkeys(PLAYERS, sgd(RATE))


def descend(game: jg.Game, transform: Callable[[jg.Field], jg.Field] | None = None) -> jg.Algorithm:
    """Simultaneous descent, along the gradients or what a transformation makes of them."""
    field = jg.gradient(game)
    return jg.simultaneous(field if transform is None else transform(field), optimizers=sgds())


def plain_methods() -> list[Method]:
    """The losses, without any help."""
    rotation = spiral(0.0)

    def take_turns(field: jg.Field, n_critic: int = 1) -> jg.Algorithm:
        return jg.alternating(field, optimizers=sgds(), n_critic=n_critic)

    never = "does not converge"
    sublinear = "sublinearly at best"
    labels = losses.least_squares(fake_label=-1.0, real_label=1.0, gen_label=1.0)
    minimax = jg.gradient(jg.dirac())
    non_saturating = jg.gradient(jg.dirac(losses.non_saturating()))
    wasserstein = jg.dirac(losses.wasserstein())
    return [
        Method("minimax", jg.simultaneous(minimax, optimizers=sgds()), rotation, None, never),
        Method("minimax, alternating", take_turns(minimax), rotation, 1.0, never),
        Method("minimax, n_critic = 5", take_turns(minimax, 5), rotation, 1.0, never),
        Method(
            "non-saturating",
            jg.simultaneous(non_saturating, optimizers=sgds()),
            rotation,
            None,
            sublinear,
        ),
        Method("non-saturating, alternating", take_turns(non_saturating), rotation, 1.0, sublinear),
        Method("relativistic", descend(jg.dirac(losses.relativistic())), rotation),
        Method("Wasserstein", descend(wasserstein), spiral(0.0, 1.0), None, never),
        Method("hinge", descend(jg.dirac(losses.hinge())), spiral(0.0, 1.0)),
        Method("least squares, labels -1 and 1", descend(jg.dirac(labels)), spiral(0.0, 1.0)),
    ]


def regularised_methods() -> list[Method]:
    """Penalties on the discriminator and noise on what it sees."""

    def penalised(penalty: jg.Penalty, loss: jg.Loss | None = None) -> jg.Algorithm:
        return descend(jg.with_penalty(jg.dirac(loss), penalty))

    wgan_gp = penalised(penalties.wgan_gp(0.5, target=0.3), losses.wasserstein())
    both = penalties.r1(0.3) + penalties.r2(0.3)
    non_saturating = losses.non_saturating()
    yes, no = "converges", "does not converge"
    return [
        Method("R1, gamma = 0.3", penalised(penalties.r1(0.3)), one_sided(0.3), None, yes),
        Method("R1, gamma = 1", penalised(penalties.r1(1.0)), one_sided(1.0), None, yes),
        Method("R2, gamma = 0.3", penalised(penalties.r2(0.3)), one_sided(0.3), None, yes),
        Method("R1 + R2, gamma = 0.3", penalised(both), one_sided(0.6), None, yes),
        Method(
            "non-saturating, R1, gamma = 0.3",
            penalised(penalties.r1(0.3), non_saturating),
            one_sided(0.3),
            None,
            yes,
        ),
        Method("WGAN-GP, target 0.3", wgan_gp, None, None, no),
        *(
            Method(
                f"instance noise, std = {name}",
                descend(with_noise(jg.dirac(), std)),
                one_sided(-2 * std**2 * CURVATURE),
                None,
                yes,
            )
            for name, std in (("1", 1.0), ("sqrt 2", float(np.sqrt(2))))
        ),
    ]


def second_order_methods() -> list[Method]:
    """Fields that look at the game's Jacobian."""
    square = SLOPE**2
    game, wasserstein = jg.dirac(), jg.dirac(losses.wasserstein())
    smoothing = partial(fields.consensus, gamma=1.0, norms={"disc": ("gen",)})
    jare = partial(fields.consensus, gamma=1.0, norms={"gen": ("disc",), "disc": ("gen",)})
    cgd = partial(fields.competitive, eta=1.0, tol=1e-12)
    # (I + J_off)^-1 J has the eigenvalues i f' / (1 + i f').
    inner = 1 / (1 + square)
    yes = "converges"
    return [
        Method(
            "consensus, gamma = 1",
            descend(game, partial(fields.consensus, gamma=1.0)),
            spiral(square),
            None,
            yes,
        ),
        Method(
            "consensus, gamma = 10",
            descend(game, partial(fields.consensus, gamma=10.0)),
            spiral(10 * square),
            None,
            yes,
        ),
        Method(
            "Wasserstein, consensus, gamma = 1",
            descend(wasserstein, partial(fields.consensus, gamma=1.0)),
            spiral(1.0, 1.0),
            None,
            yes,
        ),
        Method("gradient norm, eta = 0.5", descend(game, fields.gradient_norm), one_sided(square)),
        Method("smoothing, gamma = 1", descend(game, smoothing), one_sided(square)),
        Method("JARE, gamma = 1", descend(game, jare), spiral(square)),
        Method("SGA, lambda = 1", descend(game, fields.symplectic), spiral(square)),
        Method("CGD, eta = 1", descend(game, cgd), spiral(square * inner, SLOPE * inner)),
        Method(
            "LookAhead, alpha = 1",
            descend(game, partial(fields.lookahead_opponent, alpha=1.0)),
            spiral(square),
        ),
        Method(
            "LOLA, alpha = 1", descend(game, partial(fields.lola, alpha=1.0)), spiral(2 * square)
        ),
        Method(
            "LOLA exact, alpha = 1",
            descend(game, partial(fields.lola, alpha=1.0, mode="exact")),
            spiral(2 * square),
        ),
        Method("SOS, alpha = 1", descend(game, partial(fields.sos, alpha=1.0)), spiral(square)),
        Method("follow the ridge", descend(game, fields.follow_the_ridge), spiral(0.0)),
    ]


def unrolled_methods() -> list[Method]:
    """The generator sees k of the discriminator's steps ahead."""
    found = []
    kinds = (("minimax", losses.minimax()), ("non-saturating", losses.non_saturating()))
    for loss_name, loss in kinds:
        for num_steps in (1, 10) if loss_name == "minimax" else (10,):
            for mode, share in (("exact", 2), ("first_order", 1)):
                game = jg.unrolled(
                    jg.dirac(loss),
                    num_steps=num_steps,
                    mode="exact" if mode == "exact" else "first_order",
                    inner=sgd(RATE),
                    inner_state="fresh",
                )
                prefix = "" if loss_name == "minimax" else "NS, "
                name = f"{prefix}unrolled k = {num_steps}, {mode.replace('_', ' ')}"
                damping = share * num_steps * RATE * SLOPE**2
                found.append(Method(name, descend(game), one_sided(damping)))
    return found


def algorithm_methods() -> list[Method]:
    """Ways to play the plain field."""
    field, rotation = jg.gradient(jg.dirac()), spiral(0.0)
    e = RATE * SLOPE
    shrink = abs(complex(1 - e * e, e))
    ogda = float(np.sqrt((1 + np.sqrt(1 - 4 * e * e)) / 2))
    optimistic_descent = jg.simultaneous(field, optimizers=dict.fromkeys(PLAYERS, optimistic(RATE)))
    ahead = jg.lookahead(jg.simultaneous(field, optimizers=sgds()), num_steps=5, alpha=0.5)
    return [
        Method("extragradient", jg.extragradient(field, optimizers=sgds()), rotation, shrink),
        Method(
            "past extragradient", jg.past_extragradient(field, optimizers=sgds()), rotation, ogda
        ),
        Method("OGDA", optimistic_descent, rotation, ogda),
        Method(
            "lookahead k = 5, alpha = 0.5",
            ahead,
            rotation,
            abs(0.5 + 0.5 * complex(1, e) ** 5) ** 0.2,
            None,
            5,
        ),
    ]


def all_methods() -> list[Method]:
    """Everything, in the order of the figure."""
    return [
        *plain_methods(),
        *regularised_methods(),
        *second_order_methods(),
        *unrolled_methods(),
        *algorithm_methods(),
    ]


# Measurements.
