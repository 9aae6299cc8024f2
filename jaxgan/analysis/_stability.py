"""From eigenvalues to a verdict in words."""

from __future__ import annotations

from typing import NamedTuple

import chex
import numpy as np

from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Decay, checked

_SPIRALS_FROM = 0.5
"""Share of rotation from which a person watching the curves sees spirals."""


class Stability(NamedTuple):
    """How descent behaves near a point, as the eigenvalues of its flow say.

    Attributes:
      max_real: the largest real part of the eigenvalues that are not 0.
      max_rate: the learning rate below which w - h ξ(w) contracts; 0.0 if none does.
      rotation: Σ|Im λ| / Σ|λ|, from 0 (straight) to 1 (rotation alone).
      is_stable: whether every direction in which something happens shrinks.
      text: all that in a sentence or two.
      num_zero: how many eigenvalues count as 0.
    """

    max_real: float
    max_rate: float
    rotation: float
    is_stable: bool
    text: str
    num_zero: int


@checked
def stability(eigenvalues: np.ndarray, *, tolerance: Decay | None = None) -> Stability:
    """What the eigenvalues of the flow v' = -J say about descent near a point.

    A step w + h v(w) multiplies the direction of λ by 1 + h λ, so it contracts everywhere if
    h < min over λ of -2 Re λ / (λ λ*), which exists only where all real parts are negative.

    Numbers below `tolerance` times the largest magnitude count as 0. An eigenvalue that is 0
    altogether is a direction in which nothing happens (a network has many: rescaled layers, dead
    units): it is counted, reported and otherwise left out. A pair on the imaginary axis is not
    such a direction: only its real part is 0, and it makes the point neutral.

    Args:
      eigenvalues: of shape [num], all those of the flow; of a part of them (the verdict on
        `leading_eigenvalues`) only that part counts.
      tolerance: by default 1e-6, and 1e-3 for eigenvalues in single precision.

    Returns:
      A `Stability`.

    Raises:
      ValueError: if there are no eigenvalues, one is not finite, or `tolerance` is not in [0, 1).

    Example:
      >>> stability(np.array([-0.5, -0.5])).max_rate
      4.0
      >>> print(stability(np.array([0.5j, -0.5j])).text)
      Neutral: it rotates without getting nearer (largest real part 0). Simultaneous descent \
drifts outwards with any learning rate; use extragradient, consensus or a gradient penalty.

    References:
      Mescheder et al., 2017 (arXiv:1705.10461), lemma 4; Berard et al., 2020 (arXiv:1906.04848),
      section 4.
    """
    values = np.asarray(eigenvalues)
    chex.assert_rank(values, 1)
    if tolerance is None:
        tolerance = 1e-3 if values.dtype in (np.complex64, np.float32) else 1e-6
    if not values.size or not np.isfinite(values).all():
        raise ValueError(bad_value("eigenvalues", values, "at least one, and all finite"))
    values = values.astype(np.complex128)
    small = tolerance * np.abs(values).max()
    moving = values[np.abs(values) > small]
    num_zero = values.size - moving.size
    if not moving.size:
        text = "Flat: every eigenvalue is 0; to first order nothing happens here."
        return Stability(0.0, 0.0, 0.0, False, text, num_zero)
    max_real = float(moving.real.max())
    rotation = float(np.abs(moving.imag).sum() / np.abs(moving).sum())
    is_stable = bool(max_real < -small)
    max_rate = 0.0
    if is_stable:
        max_rate = float((-2 * moving.real / np.abs(moving) ** 2).min())
        text = _stable(max_real, max_rate, rotation)
    elif max_real > small:
        text = _unstable(moving, small)
    else:
        text = _neutral()
    if num_zero:
        text += (
            f" {num_zero} of {values.size} eigenvalues are 0 (to {tolerance:g} of the largest): "
            "nothing happens along those."
        )
    return Stability(max_real, max_rate, rotation, is_stable, text, num_zero)


def _stable(max_real: float, max_rate: float, rotation: float) -> str:
    shape = "expect spirals" if rotation >= _SPIRALS_FROM else "expect few turns"
    return (
        f"Locally stable: every direction shrinks (largest real part {max_real:.3g}). Plain "
        f"descent converges with a learning rate below {max_rate:.3g}; "
        f"{100 * rotation:.0f} % rotation, {shape}."
    )


def _unstable(moving: np.ndarray, small: float) -> str:
    fastest = moving[np.argmax(moving.real)]
    manner = "spiralling outwards" if abs(fastest.imag) > small else "without rotation"
    growing = int((moving.real > small).sum())
    return (
        f"Unstable: it grows along {growing} of {moving.size} directions, fastest at rate "
        f"{fastest.real:.3g} {manner}; no learning rate helps."
    )


def _neutral() -> str:
    return (
        "Neutral: it rotates without getting nearer (largest real part 0). Simultaneous descent "
        "drifts outwards with any learning rate; use extragradient, consensus or a gradient "
        "penalty."
    )
