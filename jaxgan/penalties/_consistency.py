"""Consistency regularisation: the discriminator says the same of an image and its variation."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.augment import Augment, each
from jaxgan.core.examples import example_mean, num_examples, samples_of
from jaxgan.core.penalty import Penalty, Term, View
from jaxgan.core.ranges import Count, NonNegativeSchedule, Positive, checked
from jaxgan.core.typing import Array, Key, PyTree, ScalarOrSchedule


@checked
def consistency(
    augment: Augment, *, weight: NonNegativeSchedule = 10.0, every: Count = 1
) -> Penalty:
    """CR: the discriminator's logit of a real example does not change with an augmentation T.

    λ E_x[(D(x) - D(T(x)))²], D the logit.

    Args:
      augment: T, such as a flip and a shift: (key, images) -> images; a key for each example.
      weight: λ, a number or a schedule of the step.
      every: in every n-th update, with weight nλ.

    Returns:
      A `Penalty` for the discriminator.

    Raises:
      ValueError: if the weight is negative or `every` is not a positive integer.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxgan.core.state import Context
      >>> view = View(params={}, discriminator=lambda x: x[:, 0], scene={"real": jnp.ones((2, 1))},
      ...             context=Context(jax.random.key(0)), outputs={"real": jnp.ones(2)})
      >>> consistency(lambda key, x: x + 2.0).terms[0].values(view, ())[0].tolist()
      [4.0, 4.0]

    References:
      Zhang et al., 2020 (arXiv:1910.12027).
    """

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        return _gap(view, "real", augment, "consistency"), state

    return Penalty((Term(name="consistency", values=values, weight=weight, every=every),))


@checked
def balanced_consistency(
    augment: Augment,
    *,
    weight: NonNegativeSchedule = 10.0,
    every: Count = 1,
    fake_weight: NonNegativeSchedule = 10.0,
) -> Penalty:
    """bCR: the discriminator is consistent on real and on generated examples.

    λ_real E_x[(D(x) - D(T(x)))²] + λ_fake E_z[(D(G(z)) - D(T(G(z))))²]. With the first term alone
    the generator learns to make augmented images.

    Args:
      augment: T, such as a flip and a shift: (key, images) -> images; a key for each example.
      weight: λ_real, a number or a schedule of the step.
      every: in every n-th update, with n times the weights.
      fake_weight: λ_fake, likewise.

    Returns:
      A `Penalty` of two terms for the discriminator.

    Raises:
      ValueError: if a weight is negative or `every` is not a positive integer.

    Example:
      >>> [(t.name, t.weight) for t in balanced_consistency(lambda key, x: -x).terms]
      [('balanced_consistency', 10.0), ('balanced_consistency_fake', 10.0)]

    References:
      Zhao et al., 2021 (arXiv:2002.04724).
    """

    def term(name: str, which: str, weight: ScalarOrSchedule) -> Term:
        def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
            return _gap(view, which, augment, name), state

        return Term(name=name, values=values, weight=weight, every=every)

    return Penalty(
        (
            term("balanced_consistency", "real", weight),
            term("balanced_consistency_fake", "fake", fake_weight),
        )
    )


@checked
def latent_consistency(
    weight: NonNegativeSchedule = 5.0,
    *,
    every: Count = 1,
    gen_weight: NonNegativeSchedule = 0.5,
    scale: Positive = 0.03,
) -> Penalty:
    """zCR: the discriminator ignores a small change of the latent, the generator does not.

    With z' = z + scale · N(0, I),

      L_D: λ_D E[(D(G(z)) - D(G(z')))²],  L_G: -λ_G E[mean((G(z) - G(z'))²)].

    The generator's term is a mean over an example's elements, so that λ_G means the same at every
    image size; the paper writes a squared norm.

    Args:
      weight: λ_D, a number or a schedule of the step.
      every: in every n-th update of either player, with n times the weights.
      gen_weight: λ_G, likewise.
      scale: of the change.

    Returns:
      A `Penalty` of a term for each player.

    Raises:
      ValueError: if a weight is negative, `every` is not a positive integer or `scale` is not
        positive.

    Example:
      >>> [(t.name, t.players) for t in latent_consistency().terms]
      [('latent_consistency', ('disc',)), ('latent_consistency_gen', ('gen',))]

    References:
      Zhao et al., 2021 (arXiv:2002.04724).
    """

    def near(view: View) -> PyTree:
        z = view.entry("latent", "latent_consistency")
        noise = view.context.draw("latent_consistency", jax.random.normal, z.shape)
        return view.generated(
            z + jnp.asarray(scale, z.dtype) * noise.astype(z.dtype), "latent_consistency"
        )

    def disc(view: View, state: PyTree) -> tuple[Array, PyTree]:
        logits = view.head("fake", "logits", "latent_consistency")
        return (logits - view.critic(near(view))) ** 2, state

    def gen(view: View, state: PyTree) -> tuple[Array, PyTree]:
        fake = samples_of(view.entry("fake", "latent_consistency"))
        squares = jax.tree.map(lambda x, y: (x - y) * (x - y), fake, near(view))
        return -example_mean(squares), state

    return Penalty(
        (
            Term(name="latent_consistency", values=disc, weight=weight, every=every),
            Term(
                name="latent_consistency_gen",
                values=gen,
                weight=gen_weight,
                every=every,
                players=("gen",),
            ),
        )
    )


def _gap(view: View, which: str, augment: Augment, name: str) -> Array:
    def split(key: Key, shape: tuple[int, ...]) -> Array:
        return jax.random.split(key, shape)

    inputs = view.entry(which, name)
    keys = view.context.draw(name, split, (num_examples(inputs),))
    gap: Array = (view.head(which, "logits", name) - view.critic(each(augment, keys, inputs))) ** 2
    return gap
