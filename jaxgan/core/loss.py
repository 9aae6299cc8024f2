"""The contract of an adversarial objective: a value that adds and scales."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import chex
import jax
import numpy as np

from jaxgan.core.errors import bad_value
from jaxgan.core.heads import logits_of, one_array
from jaxgan.core.ranges import NonNegativeSchedule, check
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Key, PyTree, ScalarOrSchedule
from jaxgan.core.weighting import added, weighted

_ADDED = "another Loss, such as jg.losses.hinge(); a penalty joins a game, with_penalty(game, ...)"


def _stateless() -> PyTree:
    return ()


class Loss(NamedTuple):
    """An adversarial objective over a whole batch; every player minimises.

    Both functions see all real and all fake outputs at once, so objectives that compare examples
    with each other (relativistic ones, batch softmax) fit as they are. `real_out` and `fake_out`
    are what the discriminator returned: logits of shape [B], or a dict that holds them as `logits`
    beside its other heads; the game adds the examples' `label`, and to generated ones `latent`.

    Objectives add (`a + b`, `sum([a, b])`) and scale (`0.5 * a`, also by a schedule of the step).
    Each term of a sum keeps its own state and is logged under its own name, for both players; terms
    of one name get numbers.

    Attributes:
      disc: (real_out, fake_out, state, context) -> (values of shape [B], state): the
        discriminator's loss per example. It owns the state and updates it.
      gen: (real_out, fake_out, state, context) -> values of shape [B]: the generator's loss per
        example. It reads the state only, so no step of the generator can change it.
      init: () -> state, `()` for most. Scalar entries of a dict are logged under their names.
      couples_batch: whether an example's loss depends on the other examples of its batch.
      is_zero_sum: whether the generator's values are minus the discriminator's, up to their means.
      name: under which it is logged, and its state kept, as a term of a sum.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> mine = Loss(
      ...     disc=lambda real, fake, state, context: (jnp.tanh(fake - real), state),
      ...     gen=lambda real, fake, state, context: jnp.tanh(real - fake),
      ... )
      >>> mine.gen(jnp.zeros(2), jnp.zeros(2), mine.init(), Context(jax.random.key(0))).tolist()
      [0.0, 0.0]
      >>> from jaxgan.losses import hinge, wasserstein
      >>> both = hinge() + 0.5 * wasserstein() + mine.named("mine")
      >>> [term.name for term in both.terms]
      ['hinge', 'wasserstein', 'mine']
      >>> both(jnp.ones(1), jnp.zeros(1))["gen"].tolist()  # 0 + ½ (1 - 0) + tanh(1)
      [1.2615941762924194]
    """

    disc: Callable[[Any, Any, PyTree, Context], tuple[Array, PyTree]]
    gen: Callable[[Any, Any, PyTree, Context], Array]
    init: Callable[[], PyTree] = _stateless
    couples_batch: bool = False
    is_zero_sum: bool = False
    name: str = "objective"

    @property
    def terms(self) -> tuple[Loss, ...]:
        """The summands, each with its weight in it; itself alone where it is no sum."""
        whole = getattr(self.disc, "__self__", None)
        is_sum = isinstance(whole, _Sum) and self.gen == whole.gen and self.init == whole.init
        return whole.terms if isinstance(whole, _Sum) and is_sum else (self,)

    def named(self, name: str) -> Loss:
        """The same under another name; several terms have theirs after it.

        Args:
          name: under which it is logged, and its state kept, as a term of a sum.

        Returns:
          A `Loss`.
        """
        if len(self.terms) == 1:
            return self._replace(name=name)
        return _sum_of([term._replace(name=f"{name}_{term.name}") for term in self.terms])

    def __add__(self, other: Any) -> Loss:
        if not isinstance(other, Loss):
            raise TypeError(bad_value("what is added to a Loss", other, _ADDED))
        return _sum_of([*self.terms, *other.terms])

    def __radd__(self, other: Any) -> Loss:
        return self if isinstance(other, int) and other == 0 else self.__add__(other)

    def __mul__(self, factor: Any) -> Loss:
        if isinstance(factor, Loss):
            raise TypeError("a Loss is multiplied by a Loss; it must be by a number or a schedule")
        check("weight", factor, NonNegativeSchedule)
        if len(self.terms) > 1:
            return _sum_of([term * factor for term in self.terms])
        scaled = _Scaled(self, factor)
        return self._replace(disc=scaled.disc, gen=scaled.gen)

    def __rmul__(self, factor: Any) -> Loss:
        return self.__mul__(factor)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """A NumPy scalar leaves the product to the loss."""
        is_product = ufunc is np.multiply and method == "__call__" and inputs[1] is self
        return self * inputs[0] if is_product else NotImplemented

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


@dataclass(frozen=True, eq=False)
class _Sum:
    """What a sum does. Its state is `{name: state}` of the terms that have one, else `()`."""

    terms: tuple[Loss, ...]

    def disc(
        self, real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
    ) -> tuple[Array, PyTree]:
        values, state = self.disc_terms(real_out, fake_out, state, context)
        return added(values.values()), state

    def gen(self, real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context) -> Array:
        return added(self.gen_terms(real_out, fake_out, state, context).values())

    def init(self) -> PyTree:
        states = {term.name: term.init() for term in self.terms}
        return {name: state for name, state in states.items() if state != ()} or ()

    def disc_terms(
        self, real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
    ) -> tuple[dict[str, Array], PyTree]:
        values, moved = {}, dict(state)
        for term in self.terms:
            own = moved.get(term.name, ())
            values[term.name], own = term.disc(real_out, fake_out, own, context)
            if term.name in moved:
                moved[term.name] = own
        return values, moved or state

    def gen_terms(
        self, real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
    ) -> dict[str, Array]:
        states = dict(state)
        return {
            term.name: term.gen(real_out, fake_out, states.get(term.name, ()), context)
            for term in self.terms
        }


@dataclass(frozen=True, eq=False)
class _Scaled:
    loss: Loss
    weight: ScalarOrSchedule

    def disc(
        self, real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
    ) -> tuple[Array, PyTree]:
        values, state = self.loss.disc(real_out, fake_out, state, context)
        return weighted(self.weight, values, context), state

    def gen(self, real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context) -> Array:
        return weighted(self.weight, self.loss.gen(real_out, fake_out, state, context), context)


def _sum_of(terms: Iterable[Loss]) -> Loss:
    apart: dict[str, Loss] = {}
    for term in terms:
        name, number = term.name, 1
        while name in apart:
            number += 1
            name = f"{term.name}_{number}"
        apart[name] = term._replace(name=name)
    whole = _Sum(tuple(apart.values()))
    return Loss(
        disc=whole.disc,
        gen=whole.gen,
        init=whole.init,
        couples_batch=any(term.couples_batch for term in whole.terms),
        is_zero_sum=all(term.is_zero_sum for term in whole.terms),
        name="sum",
    )


def disc_terms(
    loss: Loss, real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
) -> tuple[dict[str, Array], PyTree]:
    """The discriminator's values of each term of an objective.

    Args:
      loss: a sum or not.
      real_out: the discriminator's output on real examples.
      fake_out: its output on generated ones.
      state: the objective's.
      context: of this update.

    Returns:
      (values by the terms' names, the new state).

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxgan.losses import hinge, wasserstein
      >>> zeros, context = jnp.zeros(1), Context(jax.random.key(0))
      >>> values, _ = disc_terms(hinge() + wasserstein(), zeros, zeros, (), context)
      >>> {name: each.tolist() for name, each in values.items()}
      {'hinge': [2.0], 'wasserstein': [0.0]}
    """
    if len(loss.terms) > 1:
        return _Sum(loss.terms).disc_terms(real_out, fake_out, state, context)
    values, state = loss.disc(real_out, fake_out, state, context)
    return {loss.name: values}, state


def gen_terms(
    loss: Loss, real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
) -> dict[str, Array]:
    """The generator's values of each term of an objective.

    Args:
      loss: a sum or not.
      real_out: the discriminator's output on real examples.
      fake_out: its output on generated ones.
      state: the objective's.
      context: of this update.

    Returns:
      Values by the terms' names.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxgan.losses import hinge, wasserstein
      >>> ones, context = jnp.ones(1), Context(jax.random.key(0))
      >>> values = gen_terms(hinge() + wasserstein(), ones, ones, (), context)
      >>> {name: each.tolist() for name, each in values.items()}
      {'hinge': [-1.0], 'wasserstein': [0.0]}
    """
    if len(loss.terms) > 1:
        return _Sum(loss.terms).gen_terms(real_out, fake_out, state, context)
    return {loss.name: loss.gen(real_out, fake_out, state, context)}


def stateless(
    disc: Callable[[Array, Array, Context], Array],
    gen: Callable[[Array, Array, Context], Array],
    *,
    name: str = "objective",
) -> Loss:
    """A `Loss` of two functions of the logits, without state: the usual case.

    Args:
      disc: (real_logits, fake_logits, context) -> values of shape [B].
      gen: likewise, for the generator.
      name: under which it is logged as a term of a sum.

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

    return Loss(disc=disc_values, gen=gen_values, name=name)


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
    real_logits, fake_logits = (
        one_array(logits_of(out), "the loss") for out in (real_out, fake_out)
    )
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
