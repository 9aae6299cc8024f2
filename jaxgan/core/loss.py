"""The contract of an adversarial objective."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import chex
import jax

from jaxgan.core.heads import logits_of
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Key, PyTree


def _stateless() -> PyTree:
    return ()


class Loss(NamedTuple):
    """An adversarial objective over a whole batch; every player minimises.

    Both functions see all real and all fake outputs at once, so objectives that compare examples
    with each other (relativistic ones, batch softmax) fit as they are. `real_out` and `fake_out`
    are what the discriminator returned: logits of shape [B], or a dict that holds them as `logits`
    beside its other heads; the game adds the examples' `label`, and to generated ones `latent`.

    Attributes:
      disc: (real_out, fake_out, state, context) -> (values of shape [B], state): the
        discriminator's loss per example. It owns the state and updates it.
      gen: (real_out, fake_out, state, context) -> values of shape [B]: the generator's loss per
        example. It reads the state only, so no step of the generator can change it.
      init: () -> state, `()` for most. Scalar entries of a dict are logged under their names.
      couples_batch: whether an example's loss depends on the other examples of its batch.
      is_zero_sum: whether the generator's values are minus the discriminator's, up to their means.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> mine = Loss(
      ...     disc=lambda real, fake, state, context: (jnp.tanh(fake - real), state),
      ...     gen=lambda real, fake, state, context: jnp.tanh(real - fake),
      ... )
      >>> mine.gen(jnp.zeros(2), jnp.zeros(2), mine.init(), Context(jax.random.key(0))).tolist()
      [0.0, 0.0]
    """

    disc: Callable[[Any, Any, PyTree, Context], tuple[Array, PyTree]]
    gen: Callable[[Any, Any, PyTree, Context], Array]
    init: Callable[[], PyTree] = _stateless
    couples_batch: bool = False
    is_zero_sum: bool = False

    def __call__(
        self, real_out: PyTree, fake_out: PyTree, *, key: Key | None = None
    ) -> dict[str, Array]:
        """The values of both players, of an objective in its first state.

        Args:
          real_out: the discriminator's output on real examples, such as logits of shape [B].
          fake_out: its output on generated ones.
          key: of objectives that draw; `jax.random.key(0)` by default.

        Returns:
          `{"disc": values [B], "gen": values [B]}`.

        Example:
          >>> import jax.numpy as jnp
          >>> from jaxgan.losses import hinge
          >>> values = hinge()(jnp.asarray([2.0, 0.5]), jnp.asarray([-2.0, 0.5]))
          >>> values["disc"].tolist(), values["gen"].tolist()
          ([0.0, 2.0], [2.0, -0.5])
        """
        context = Context(jax.random.key(0) if key is None else key)
        state = self.init()
        values, _ = self.disc(real_out, fake_out, state, context)
        return {"disc": values, "gen": self.gen(real_out, fake_out, state, context)}


def stateless(
    disc: Callable[[Array, Array, Context], Array], gen: Callable[[Array, Array, Context], Array]
) -> Loss:
    """A `Loss` of two functions of the logits, without state: the usual case.

    Args:
      disc: (real_logits, fake_logits, context) -> values of shape [B].
      gen: likewise, for the generator.

    Returns:
      A `Loss` that checks that logits have shape [B].

    Example:
      >>> loss = stateless(lambda real, fake, context: fake - real,
      ...                  lambda real, fake, context: real - fake)
      >>> loss.init()
      ()
    """

    def disc_values(
        real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
    ) -> tuple[Array, PyTree]:
        return disc(*logits(real_out, fake_out), context), state

    def gen_values(real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context) -> Array:
        return gen(*logits(real_out, fake_out), context)

    return Loss(disc=disc_values, gen=gen_values)


def logits(real_out: PyTree, fake_out: PyTree) -> tuple[Array, Array]:
    """The logits of a discriminator's outputs, one per real and one per fake example.

    Args:
      real_out: the discriminator's output on real examples.
      fake_out: its output on generated ones.

    Returns:
      (real_logits, fake_logits), both of shape [B].

    Raises:
      ValueError: naming the shapes found.

    Example:
      >>> import jax.numpy as jnp
      >>> logits(jnp.zeros((4, 1)), jnp.zeros((4, 1)))
      Traceback (most recent call last):
      ...
      ValueError: real logits have shape (4, 1), fake ones (4, 1); they must be [batch]
    """
    real_logits, fake_logits = logits_of(real_out), logits_of(fake_out)
    try:
        chex.assert_rank([real_logits, fake_logits], 1)
        chex.assert_equal_shape([real_logits, fake_logits])
    except AssertionError:
        shapes = (real_logits.shape, fake_logits.shape)
        raise ValueError(
            f"real logits have shape {shapes[0]}, fake ones {shapes[1]}; they must be [batch]"
        ) from None
    return real_logits, fake_logits


def with_logits(out: PyTree, values: Array) -> PyTree:
    """A discriminator's output with other logits and the heads that it had.

    Args:
      out: what the discriminator returned.
      values: the logits that it shall have, of shape [B].

    Returns:
      The same kind of output.

    Example:
      >>> with_logits({"logits": 0, "features": 1}, 2), with_logits(0, 2)
      ({'logits': 2, 'features': 1}, 2)
    """
    return {**out, "logits": values} if isinstance(out, Mapping) else values


def as_loss(base: Loss | Callable[..., Loss], **options: Any) -> Loss:
    """The objective that another one is built on.

    Args:
      base: an objective, or its factory.
      **options: arguments of the factory.

    Returns:
      A `Loss`.

    Raises:
      TypeError: if options are given with an objective that is already made.

    Example:
      >>> loss = stateless(lambda real, fake, context: fake, lambda real, fake, context: -fake)
      >>> as_loss(loss) is loss, as_loss(lambda: loss) is loss
      (True, True)
    """
    if not isinstance(base, Loss):
        return base(**options)
    if options:
        raise TypeError(f"options {sorted(options)} need a factory as base, not a Loss")
    return base
