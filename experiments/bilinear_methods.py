"""The methods of the bilinear experiment, each with the closed form of its contraction."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np

import jaxgan as jg
from jaxgan import fields
from jaxgan.core.typing import ScalarOrSchedule
from jaxgan.optimizers import optimistic, sgd

GAMMA = 1.0

Build = Callable[[jg.Game, ScalarOrSchedule], jg.Algorithm]
Radius = Callable[[float, float], float]


class Method(NamedTuple):
    """One line of the table.

    Attributes:
      name: as in the figure.
      build: (game, rate) -> algorithm.
      radius: (eta, a) -> the closed form of the contraction per step.
      panel: of the figure.
      curve: methods with the same closed form share a colour.
      period: after so many steps the map repeats itself: a lookahead's k.
    """

    name: str
    build: Build
    radius: Radius
    panel: int
    curve: int
    period: int = 1


def sgds(rate: ScalarOrSchedule) -> dict[str, Any]:
    """Plain descent for both players."""
    return {"gen": sgd(rate), "disc": sgd(rate)}


# Closed forms. With z = x + i y, the field of f = a x y is -i a z.


def spiral(damping: float, e: float) -> float:
    """|1 - d +- i e|: both players damped by d per step."""
    return abs(complex(1 - damping, e))


def one_sided(damping: float, e: float) -> float:
    """The larger |1 - d/2 +- sqrt(d^2/4 - e^2)|: one player damped by d per step."""
    root = np.sqrt(complex(damping**2 / 4 - e**2))
    return float(max(abs(1 - damping / 2 + root), abs(1 - damping / 2 - root)))


def shrink(eta: float, a: float) -> float:
    """Both players damped by e^2: sqrt(1 - e^2 + e^4)."""
    return spiral((eta * a) ** 2, eta * a)


def optimistic_roots(e: float) -> tuple[complex, complex]:
    """The roots of z^2 - (1 + 2 i e) z + i e."""
    root = np.sqrt(complex(1 - 4 * e * e))
    return complex(1 + root, 2 * e) / 2, complex(1 - root, 2 * e) / 2


def alternating_root(e: float) -> complex:
    """A root of z^2 - (2 - e^2) z + 1: on the unit circle up to e = 2."""
    return complex(1 - e * e / 2, e * np.sqrt(1 - e * e / 4))


def momentum_radius(e: float, beta: float) -> float:
    """The largest root of (z - 1)^2 (z - beta)^2 + e^2 z^3: alternating, heavy ball beta."""
    square = np.polymul(np.poly([1.0, 1.0]), np.poly([beta, beta]))
    return float(np.abs(np.roots(np.polyadd(square, [e * e, 0.0, 0.0, 0.0]))).max())


def backtracked(root: complex, num_steps: int, alpha: float) -> float:
    """|1 - alpha + alpha z^k|^(1/k): a lookahead's contraction, per step."""
    rate: float = abs(1 - alpha + alpha * root**num_steps) ** (1 / num_steps)
    return rate


# Methods.


def play_field(make: Callable[[ScalarOrSchedule], Any]) -> Build:
    """Simultaneous descent along a field that is made with the rate."""

    def build(game: jg.Game, rate: ScalarOrSchedule) -> jg.Algorithm:
        return jg.simultaneous(make(rate)(jg.gradient(game)), optimizers=sgds(rate))

    return build


def play(algorithm: Callable[..., jg.Algorithm], optimizer: Callable[..., Any] = sgd) -> Build:
    """An algorithm over the game's own gradients."""

    def build(game: jg.Game, rate: ScalarOrSchedule) -> jg.Algorithm:
        optimizers = dict.fromkeys(("gen", "disc"), optimizer(rate))
        return algorithm(jg.gradient(game), optimizers=optimizers)

    return build


def play_unrolled(num_steps: int, mode: Literal["exact", "first_order"]) -> Build:
    """The generator looks ahead through the discriminator's own steps."""

    def build(game: jg.Game, rate: ScalarOrSchedule) -> jg.Algorithm:
        ahead = jg.unrolled(game, num_steps=num_steps, mode=mode)
        return jg.simultaneous(jg.gradient(ahead), optimizers=sgds(rate))

    return build


def play_lookahead(algorithm: Callable[..., jg.Algorithm], num_steps: int, alpha: float) -> Build:
    """Lookahead-minimax over an algorithm."""
    return lambda game, rate: jg.lookahead(
        play(algorithm)(game, rate), num_steps=num_steps, alpha=alpha
    )


def descent_methods() -> list[Method]:
    """Panel 0: what needs gradients alone."""

    def ogda(eta: float, a: float) -> float:
        return max(map(abs, optimistic_roots(eta * a)))

    def outwards(eta: float, a: float) -> float:
        return spiral(0.0, eta * a)

    def proximal(eta: float, a: float) -> float:
        return 1 / outwards(eta, a)

    ridge = play_field(lambda rate: fields.follow_the_ridge)
    cgd = play_field(lambda rate: partial(fields.competitive, eta=rate, tol=1e-12))
    lcgd = play_field(lambda rate: partial(fields.lookahead_opponent, alpha=rate))
    return [
        Method("simultaneous", play(jg.simultaneous), outwards, 0, 0),
        Method("follow the ridge (flat here)", ridge, outwards, 0, 0),
        Method("alternating", play(jg.alternating), lambda eta, a: 1.0, 0, 1),
        Method(
            "alternating, momentum -0.5",
            play(jg.alternating, partial(sgd, momentum=-0.5)),
            lambda eta, a: momentum_radius(eta * a, -0.5),
            0,
            2,
        ),
        Method("extragradient", play(jg.extragradient), shrink, 0, 3),
        Method("LCGD = LookAhead, alpha = eta", lcgd, shrink, 0, 3),
        Method("OGDA", play(jg.simultaneous, optimistic), ogda, 0, 4),
        Method("past extragradient", play(jg.past_extragradient), ogda, 0, 4),
        Method("CGD", cgd, proximal, 0, 5),
    ]


def second_order_methods() -> list[Method]:
    """Panel 1: what adjusts the field."""

    def both(eta: float, a: float) -> float:
        return spiral(eta * GAMMA * a * a, eta * a)

    def one(eta: float, a: float) -> float:
        return one_sided(eta * GAMMA * a * a, eta * a)

    def shaped(eta: float, a: float) -> float:
        return spiral(2 * (eta * a) ** 2, eta * a)

    jare = {"gen": ("disc",), "disc": ("gen",)}
    taken: list[tuple[str, Any, Radius, int]] = [
        ("consensus, gamma = 1", lambda rate: partial(fields.consensus, gamma=GAMMA), both, 0),
        ("SGA, lambda = 1", lambda rate: partial(fields.symplectic, lam=GAMMA), both, 0),
        (
            "JARE, gamma = 1",
            lambda rate: partial(fields.consensus, gamma=GAMMA, norms=jare),
            both,
            0,
        ),
        ("gradient norm, 0.5", lambda rate: partial(fields.gradient_norm, eta=GAMMA / 2), one, 1),
        (
            "smoothing, gamma = 1",
            lambda rate: partial(fields.consensus, gamma=GAMMA, norms={"disc": ("gen",)}),
            one,
            1,
        ),
        ("LOLA, alpha = eta", lambda rate: partial(fields.lola, alpha=rate), shaped, 2),
        ("LOLA exact", lambda rate: partial(fields.lola, alpha=rate, mode="exact"), shaped, 2),
        ("SOS, alpha = eta", lambda rate: partial(fields.sos, alpha=rate), shrink, 3),
        (
            "LookAhead exact",
            lambda rate: partial(fields.lookahead_opponent, alpha=rate, mode="exact"),
            shrink,
            3,
        ),
    ]
    return [Method(name, play_field(make), radius, 1, curve) for name, make, radius, curve in taken]


def unrolled_methods() -> list[Method]:
    """Panel 2: what is_unrolled."""
    made: list[Method] = []
    curves: dict[int, int] = {}
    for num_steps in (1, 5, 10):
        modes: tuple[tuple[Literal["exact", "first_order"], int], ...] = (
            ("exact", 2),
            ("first_order", 1),
        )
        for mode, factor in modes:

            def unroll(eta: float, a: float, strength: int = factor * num_steps) -> float:
                return one_sided(strength * (eta * a) ** 2, eta * a)

            curve = curves.setdefault(factor * num_steps, len(curves))
            name = f"unrolled k={num_steps} {mode.replace('_', ' ')}"
            made.append(Method(name, play_unrolled(num_steps, mode), unroll, 2, curve))
    return made


def lookahead_methods() -> list[Method]:
    """Panel 3: what backtracks."""
    made: list[Method] = []
    for num_steps, alpha in ((5, 0.5), (6, 0.4), (6, 0.5), (6, 0.8)):

        def back(eta: float, a: float, k: int = num_steps, alpha: float = alpha) -> float:
            return backtracked(complex(1, eta * a), k, alpha)

        name = f"lookahead k={num_steps} alpha={alpha}"
        build = play_lookahead(jg.simultaneous, num_steps, alpha)
        made.append(Method(name, build, back, 3, len(made), num_steps))

    def back_alternating(eta: float, a: float) -> float:
        return backtracked(alternating_root(eta * a), 6, 0.5)

    build = play_lookahead(jg.alternating, 6, 0.5)
    name = "lookahead k=6 alpha=0.5, alternating"
    made.append(Method(name, build, back_alternating, 3, len(made), 6))
    return made


def all_methods() -> list[Method]:
    """Everything, in the order of the table."""
    return [
        *descent_methods(),
        *second_order_methods(),
        *unrolled_methods(),
        *lookahead_methods(),
    ]


# Measurements.
