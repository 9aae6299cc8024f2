"""The contract of a penalty: a frozen value that adds and scales."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.core.heads import head_of, logits_of, one_array
from jaxgan.core.ranges import Count, NonNegativeSchedule, checked
from jaxgan.core.schedules import scale
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Params, PlayerTree, PyTree, ScalarOrSchedule, Scene


def plain_lengths(inputs: PyTree) -> float:
    """1: inputs are what they are, and stand for nothing larger.

    Args:
      inputs: of the discriminator.

    Returns:
      1.0.

    Example:
      >>> plain_lengths(jnp.ones((2, 4, 4, 3)))
      1.0
    """
    return 1.0


class View(NamedTuple):
    """What a penalty may look at.

    Attributes:
      params: parameters of every player.
      discriminator: the discriminator as a function of its inputs alone, with all its heads.
      scene: what the discriminator looks at: real, fake, latent, labels.
      context: step, keys, and so on.
      player: whose loss the penalty joins.
      outputs: what the discriminator said of the scene's examples, `{"real": ..., "fake": ...}`;
        empty in a game without them.
      generator: latents, or `{"w": styles}`, -> samples, with the labels and the noise of the
        scene's.
      slope_scale: see `Game.slope_scale`.
    """

    params: PlayerTree
    discriminator: Callable[[PyTree], Any]
    scene: Scene
    context: Context
    player: str = "disc"
    outputs: Mapping[str, Any] = MappingProxyType({})
    generator: Callable[[PyTree], PyTree] | None = None
    slope_scale: Callable[[PyTree], float] = plain_lengths

    def critic(self, inputs: PyTree) -> Any:
        """The discriminator's logits alone, `critic(scene["real"])`."""
        return logits_of(self.discriminator(inputs))

    def input_gradient(self, inputs: PyTree) -> PyTree:
        """The critic's gradient with respect to each example, in the lengths of what it stands for.

        Args:
          inputs: of the critic.

        Returns:
          `input_gradient(critic, inputs)` times `slope_scale(inputs)`.
        """
        found = input_gradient(self.critic, inputs)
        if (factor := self.slope_scale(inputs)) == 1.0:
            return found
        return jax.tree.map(lambda x: factor * x, found)

    def head(self, which: str, name: str, caller: str) -> Array:
        """What one of the discriminator's heads said of the real or of the fake examples.

        Args:
          which: `"real"` or `"fake"`.
          name: of the head; `"logits"` for the logits, whatever else there is.
          caller: who needs it, for the message.

        Returns:
          The head's output.

        Raises:
          ValueError: if there is none, or several arrays of logits.
        """
        if which not in self.outputs:
            raise ValueError(f"{caller} needs a game with a discriminator's outputs, such as `gan`")
        out = self.outputs[which]
        return one_array(logits_of(out), caller) if name == "logits" else head_of(out, name, caller)

    def entry(self, name: str, caller: str) -> Array:
        """An entry of the scene.

        Args:
          name: of the entry.
          caller: who needs it, for the message.

        Returns:
          What the scene has under that name.

        Raises:
          ValueError: if it has none.
        """
        found: Array | None = self.scene.get(name)
        if found is None:
            names = ", ".join(sorted(self.scene)) or "nothing"
            raise ValueError(f"{caller} needs {name!r} in the scene; it has {names}")
        return found

    def generated(self, latent: PyTree, caller: str) -> PyTree:
        """The generator's samples for other latents than the scene's.

        Args:
          latent: as the generator takes them.
          caller: who needs them, for the message.

        Returns:
          Samples, with the labels and the noise of the scene's.

        Raises:
          ValueError: if the game has no generator.
        """
        if self.generator is None:
            raise ValueError(f"{caller} needs a game with a generator")
        return self.generator(latent)

    def owned(self, player: str, caller: str) -> Params:
        """The parameters that a term's state was made for.

        Args:
          player: whose state it is.
          caller: who needs them, for the message.

        Returns:
          That player's parameters.

        Raises:
          ValueError: if the term joins another player's loss.
        """
        if self.player != player:
            raise ValueError(
                f"{caller} remembers {player!r}; for {self.player!r} make it with "
                f"player={self.player!r}"
            )
        return self.params[player]


def _stateless(params: PlayerTree) -> PyTree:
    return ()


@dataclass(frozen=True)
@checked
class Term:
    """One weighted regulariser.

    Attributes:
      name: under which its contribution is logged and its state kept.
      values: (view, state) -> (values of shape [B] or [], state).
      weight: a number or a schedule of the step.
      every: evaluated in every n-th of the player's updates, with n times the weight.
      init: (params) -> state, `()` for most. It belongs to the first of the players.
      couples_batch: whether an example's value depends on the other examples of its batch, or
        evaluating a batch in parts moves the state more often than the whole.
      players: whose losses it joins, unless `with_penalty` says otherwise.
    """

    name: str
    values: Callable[[View, PyTree], tuple[Array, PyTree]]
    weight: NonNegativeSchedule = 1.0
    every: Count = 1
    init: Callable[[PlayerTree], PyTree] = _stateless
    couples_batch: bool = False
    players: tuple[str, ...] = ("disc",)


@dataclass(frozen=True)
class Penalty:
    """A sum of terms, to be added to a player's loss with `with_penalty`.

    Penalties add (`a + b`) and scale (`0.5 * a`, also by a schedule); each term keeps its own
    schedule, laziness and state, and is logged under its own name.

    Attributes:
      terms: the summands.

    Example:
      >>> from jaxgan.penalties import r1, r2
      >>> both = r1(weight=2.0, every=4) + 0.5 * r2(weight=2.0)
      >>> [(term.name, term.weight, term.every) for term in both.terms]
      [('r1', 2.0, 4), ('r2', 1.0, 1)]
    """

    terms: tuple[Term, ...]

    __array_ufunc__ = None  # So that a NumPy scalar leaves the product to the penalty.

    def __add__(self, other: Penalty) -> Penalty:
        if not isinstance(other, Penalty):
            return NotImplemented
        return Penalty(self.terms + other.terms)

    def named(self, name: str) -> Penalty:
        """The same under another name; several terms have theirs after it.

        Args:
          name: under which it is logged and its state kept.

        Returns:
          A `Penalty`.
        """
        if len(self.terms) == 1:
            return Penalty((replace(self.terms[0], name=name),))
        return Penalty(tuple(replace(t, name=f"{name}_{t.name}") for t in self.terms))

    def __mul__(self, factor: ScalarOrSchedule) -> Penalty:
        return Penalty(tuple(replace(t, weight=scale(t.weight, factor)) for t in self.terms))

    __rmul__ = __mul__


def input_gradient(critic: Callable[[PyTree], PyTree], inputs: PyTree) -> PyTree:
    """The gradient of the critic with respect to each example.

    ∇_x D(x) for every x of the batch, as the gradient of Σ_i D(x_i). Of several outputs, patches or
    scales, D is the sum.

    Args:
      critic: inputs -> values of shape [B], or a tree of such.
      inputs: an array or tree of arrays with leading axis B.

    Returns:
      A tree like `inputs`.

    Example:
      >>> input_gradient(lambda x: (x**2).sum(axis=1), jnp.ones((2, 3))).tolist()
      [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]
    """

    def total(x: PyTree) -> Array:
        return reduce(operator.add, (jnp.sum(values) for values in jax.tree.leaves(critic(x))))

    return jax.grad(total)(inputs)


def squared_norm(tree: PyTree) -> Array:
    """The squared Euclidean norm of each example, over all leaves and axes but the first.

    Args:
      tree: arrays of shape [B, ...].

    Returns:
      An array of shape [B].

    Example:
      >>> squared_norm(jnp.full((2, 3), 2.0)).tolist()
      [12.0, 12.0]
    """
    leaves = jax.tree.leaves(tree)
    return reduce(operator.add, (jnp.sum(x * x, axis=tuple(range(1, x.ndim))) for x in leaves))


def norm(tree: PyTree) -> Array:
    """The Euclidean norm of each example, with gradient 0 instead of NaN at the origin.

    Args:
      tree: arrays of shape [B, ...].

    Returns:
      An array of shape [B].

    Example:
      >>> norm(jnp.asarray([[3.0, 4.0], [0.0, 0.0]])).tolist()
      [5.0, 0.0]
    """
    squared = squared_norm(tree)
    is_zero = squared == 0
    return jnp.where(is_zero, 0.0, jnp.sqrt(jnp.where(is_zero, 1.0, squared)))
