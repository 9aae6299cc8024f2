"""Objectives of discriminators with several outputs: scales, heads, an ensemble."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from jaxgan.core.errors import bad_value
from jaxgan.core.heads import head_of, logits_of, named_logits
from jaxgan.core.loss import Loss, as_loss, with_logits
from jaxgan.core.ranges import NonNegativeSchedule, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, PyTree, ScalarOrSchedule
from jaxgan.core.weighting import added, weighted
from jaxgan.losses._non_saturating import non_saturating

NAME = "over_outputs"


@checked
def over_outputs(
    base: Loss | Callable[..., Loss] = non_saturating,
    *,
    weights: Mapping[str, NonNegativeSchedule] | Sequence[NonNegativeSchedule] | None = None,
    **options: Any,
) -> Loss:
    """The base objective of every output of the discriminator, and their sum.

    With D_k the outputs, w_k their weights and ℓ, g the base's losses,

      L_D = Σ_k w_k E[ℓ(D_k(x), D_k(G(z)))],  L_G = Σ_k w_k E[g(D_k(x), D_k(G(z)))].

    The discriminator returns a tuple of logits, or a dict whose `logits` are a tree of them,
    `{"logits": {"small": ..., "large": ...}}`. Each is [B], or [B, ...] of patches: then every
    patch is an example to the base, and an example's value is the mean over its patches. What the
    base compares, pairs or ranks, it does within an output. Other heads and labels are given to
    every output's loss as they are.

    The sum without weights is that of pix2pixHD over scales and of Projected GAN over features. The
    mean of GMAN is that with weights 1/K, and its discriminators, which share no parameters, are
    pulled 1/K times as much, which Adam cancels.

    Args:
      base: an objective over logits, or its factory; of a sum, each term is taken over all outputs.
      weights: w_k, numbers or schedules of the step, by name or in order; 1 by default. They name
        the outputs: needed for a base with a state, of which each output has one of its own.
      **options: arguments of the factory.

    Returns:
      A `Loss` over trees of logits. Its penalties on the critic's slope see the sum of the outputs.

    Raises:
      TypeError: if options are given with a base that is already made.
      ValueError: if a weight is negative, the base has a state and there are no weights, or, when
        played, if the weights are not those of the outputs.

    Example:
      >>> import jax
      >>> from jaxgan.losses import hinge
      >>> loss, context = over_outputs(hinge, weights=(1.0, 0.5)), Context(jax.random.key(0))
      >>> fake = jnp.asarray([3.0, 5.0]), jnp.ones((2, 4, 4))  # two examples, one output of patches
      >>> loss.gen(fake, fake, (), context).tolist()  # -3 - ½ 1, -5 - ½ 1
      [-3.5, -5.5]

    References:
      pix2pixHD: Wang et al., 2018 (arXiv:1711.11585), section 3.2; Projected GAN: Sauer et al.,
      2021 (arXiv:2111.01007), section 3; GMAN: Durugkar et al., 2017 (arXiv:1611.01673).
    """
    loss = as_loss(base, **options)
    if len(loss.terms) > 1:
        first, *others = (over_outputs(term, weights=weights) for term in loss.terms)
        return sum(others, first)
    has_state = loss.init() != ()
    if has_state and weights is None:
        raise ValueError(
            f"{NAME}: {loss.name} has a state, and each output one of its own; give weights, such "
            "as (1.0, 1.0), which say how many there are"
        )
    if not isinstance(weights, Mapping | None):
        weights = {str(number): weight for number, weight in enumerate(weights)}
    over = _OverOutputs(loss, weights, has_state)
    return loss._replace(disc=over.disc, gen=over.gen, init=over.init)


@dataclass(frozen=True, eq=False)
class _OverOutputs:
    loss: Loss
    weights: Mapping[str, ScalarOrSchedule] | None
    has_state: bool

    def init(self) -> PyTree:
        return {name: self.loss.init() for name in self.weights or ()} if self.has_state else ()

    def disc(
        self, real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
    ) -> tuple[Array, PyTree]:
        values, moved = [], dict(state) if self.has_state else state
        for name, (real, fake, num) in self.outputs(real_out, fake_out).items():
            own = state[name] if self.has_state else state
            found, own = self.loss.disc(real, fake, own, context)
            values.append(self.weigh(name, _by_example(found, num), context))
            if self.has_state:
                moved[name] = own
        return added(values), moved

    def gen(self, real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context) -> Array:
        values = []
        for name, (real, fake, num) in self.outputs(real_out, fake_out).items():
            found = self.loss.gen(real, fake, state[name] if self.has_state else state, context)
            values.append(self.weigh(name, _by_example(found, num), context))
        return added(values)

    def weigh(self, name: str, values: Array, context: Context) -> Array:
        return values if self.weights is None else weighted(self.weights[name], values, context)

    def outputs(
        self, real_out: PyTree, fake_out: PyTree
    ) -> dict[str, tuple[PyTree, PyTree, tuple[int, ...]]]:
        """Both sides as the base takes them, and the shape [B, ...] of the logits, by output."""
        real, fake = _logits(real_out), _logits(fake_out)
        shapes, others = ({k: jnp.shape(x) for k, x in each.items()} for each in (real, fake))
        if shapes != others or () in shapes.values():
            raise ValueError(
                f"{NAME}: real logits have shapes {shapes}, fake ones {others}; they must be the "
                "same, each [batch] or [batch, ...]"
            )
        if self.weights is not None and set(self.weights) != set(shapes):
            raise ValueError(bad_value(f"{NAME}: weights", [*self.weights], f"of {[*shapes]}"))
        return {
            name: (
                with_logits(real_out, real[name].reshape(-1)),
                with_logits(fake_out, fake[name].reshape(-1)),
                shape,
            )
            for name, shape in shapes.items()
        }


def _logits(out: PyTree) -> dict[str, Array]:
    logits = head_of(out, "logits", NAME) if isinstance(out, Mapping) else logits_of(out)
    return named_logits(logits)


def _by_example(values: Array, shape: tuple[int, ...]) -> Array:
    """The mean over patches, where there is a value for each."""
    is_of_patches = len(shape) > 1 and values.ndim == 1
    return jnp.mean(values.reshape(shape[0], -1), axis=1) if is_of_patches else values
