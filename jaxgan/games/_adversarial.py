"""The discriminator's half of an adversarial game, and how its objective is evaluated."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.core.game import Played
from jaxgan.core.heads import logits_of
from jaxgan.core.loss import Loss, disc_terms, gen_terms
from jaxgan.core.network import Network
from jaxgan.core.state import Context, stream
from jaxgan.core.typing import Array, Key, Metrics, NetState, Params, PlayerTree, PyTree, Scene
from jaxgan.core.weighting import added


class DiscLosses(NamedTuple):
    """The discriminator's part of what `Game.losses` returns.

    Attributes:
      loss: L_disc, a scalar.
      outputs: `real`, `fake` and `slopes`, as `Game.losses` returns them.
      state: the discriminator's new entry of `net_state`.
      metrics: the discriminator's.
      outs: the output on each part of the scene, by name.
      terms: what each term of an objective that is a sum adds to the loss; in `metrics` too.
    """

    loss: Array
    outputs: dict[str, PyTree]
    state: NetState
    metrics: Metrics
    outs: Mapping[str, PyTree] = MappingProxyType({})
    terms: Mapping[str, Array] = MappingProxyType({})

    def joined(
        self, net_state: PlayerTree, losses: dict[str, Array], metrics: dict[str, Metrics]
    ) -> Played:
        """What `Game.losses` returns, given the other players' losses and metrics."""
        new_state = {**net_state, "disc": self.state}
        metrics = {**metrics, "disc": self.metrics}
        return {**losses, "disc": self.loss}, (new_state, metrics, self.outputs)


def _alone(inputs: PyTree, scene: Scene) -> tuple[PyTree, ...]:
    return (inputs,)


def _as_is(out: PyTree, scene: Scene, name: str) -> PyTree:
    return out


@dataclass(frozen=True, eq=False)
class Discriminator:
    """A player, `disc` or one of several: one network and the objective that it minimises.

    Its entry of `net_state` holds `network` and `loss`, the states of both.

    Attributes:
      network: the discriminator.
      objective: an adversarial objective.
      arguments: (part of a scene, scene) -> the network's inputs; the part alone by default.
      finish: (output, scene, name of the part) -> what the objective and penalties get.
      player: its name.
    """

    network: Network
    objective: Loss
    arguments: Callable[[PyTree, Scene], tuple[PyTree, ...]] = _alone
    finish: Callable[[PyTree, Scene, str], PyTree] = _as_is
    player: str = "disc"

    def init(self, key: Key) -> tuple[Params, NetState]:
        """Parameters and state of the player, of the stream `init/PLAYER`."""
        params, state = self.network.init(stream(key, f"init/{self.player}"))
        return params, {"network": state, "loss": self.objective.init()}

    def apply(
        self,
        params: PlayerTree,
        state: NetState,
        inputs: PyTree,
        scene: Scene,
        context: Context,
        name: str,
    ) -> tuple[PyTree, NetState]:
        """The output on one part of a scene; the network draws from `PLAYER/noise/NAME`."""
        key = context.part_stream(f"{self.player}/noise/{name}")
        arguments = self.arguments(inputs, scene)
        out, state = self.network.apply(
            params[self.player], state, *arguments, train=context.train, key=key
        )
        return self.finish(out, scene, name), state

    def critic(
        self,
        params: PlayerTree,
        net_state: PlayerTree,
        inputs: PyTree,
        scene: Scene,
        context: Context,
    ) -> PyTree:
        """`Game.critic`: the output on inputs in place of the real ones."""
        state = net_state[self.player]["network"]
        return self.apply(params, state, inputs, scene, context, "real")[0]

    def losses(
        self,
        params: PlayerTree,
        net_state: PlayerTree,
        scene: Scene,
        context: Context,
        fakes: tuple[str, ...] = ("fake",),
    ) -> DiscLosses:
        """The loss, its mean over several kinds of generated examples, and all beside it.

        The network sees `real` and then each of `fakes`, and its state is passed from one to the
        next; so is the objective's. `outputs` are of the first of `fakes`.
        """
        own = net_state[self.player]
        network, state = own["network"], own["loss"]
        outs: dict[str, PyTree] = {}
        for name in ("real", *fakes):
            outs[name], network = self.apply(params, network, scene[name], scene, context, name)
        found = []
        for name in fakes:
            found.append(disc_loss(self.objective, outs["real"], outs[name], state, context))
            state = found[-1].state
        terms = {
            name: reduce(operator.add, (each.terms[name] for each in found)) / len(found)
            for name in found[0].terms
        }
        outputs = {"real": outs["real"], "fake": outs[fakes[0]], "slopes": found[0].slopes}
        return DiscLosses(
            loss=reduce(operator.add, (each.loss for each in found)) / len(found),
            outputs=outputs,
            state={**own, "network": network, "loss": state},
            metrics=with_terms_logged(disc_metrics(outs, state), terms),
            outs=outs,
            terms=terms,
        )


class DiscLoss(NamedTuple):
    """The discriminator's loss on one kind of generated examples.

    Attributes:
      loss: L = E[objective.disc].
      slopes: {"real": ∂L/∂real_out, "fake": ∂L/∂fake_out}; at integers, such as labels, None.
      state: the objective's new state.
      terms: the mean of each term by its name, of a sum.
    """

    loss: Array
    slopes: dict[str, PyTree]
    state: PyTree
    terms: Metrics


def disc_loss(
    objective: Loss, real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
) -> DiscLoss:
    """The discriminator's loss and its slopes at the outputs, from one evaluation.

    Args:
      objective: an adversarial objective.
      real_out: the discriminator's output on real examples.
      fake_out: its output on generated ones.
      state: the objective's state.
      context: of this update.

    Returns:
      A `DiscLoss`. Where slopes are not used, `jit` drops the backward pass that they cost.

    Example:
      >>> from jaxgan.losses import wasserstein
      >>> context, logits = Context(jax.random.key(0)), jnp.zeros(2)
      >>> slopes = disc_loss(wasserstein(), logits, logits, (), context).slopes
      >>> slopes["real"].tolist(), slopes["fake"].tolist()
      ([-0.5, -0.5], [0.5, 0.5])
    """

    def mean(real_out: PyTree, fake_out: PyTree) -> tuple[Array, tuple[PyTree, Metrics]]:
        values, new_state = disc_terms(objective, real_out, fake_out, state, context)
        return jnp.mean(added(values.values())), (new_state, term_means(values))

    loss, pull_back, (new_state, terms) = jax.vjp(mean, real_out, fake_out, has_aux=True)
    real, fake = jax.tree.map(_inexact, pull_back(jnp.ones_like(loss)))
    return DiscLoss(loss, {"real": real, "fake": fake}, new_state, terms)


def gen_loss(
    objective: Loss, real_out: PyTree, fake_out: PyTree, state: PyTree, context: Context
) -> tuple[Array, Metrics]:
    """The generator's loss.

    Args:
      objective: an adversarial objective.
      real_out: the discriminator's output on real examples.
      fake_out: its output on generated ones.
      state: the objective's state.
      context: of this update.

    Returns:
      (E[objective.gen], the mean of each term by its name, of a sum).

    Example:
      >>> from jaxgan.losses import hinge, wasserstein
      >>> context, logits = Context(jax.random.key(0)), jnp.ones(2)
      >>> loss, terms = gen_loss(hinge() + wasserstein(), logits, logits, (), context)
      >>> float(loss), {name: float(value) for name, value in terms.items()}
      (-1.0, {'hinge': -1.0, 'wasserstein': 0.0})
    """
    values = gen_terms(objective, real_out, fake_out, state, context)
    return jnp.mean(added(values.values())), term_means(values)


def term_means(values: Mapping[str, Array]) -> Metrics:
    """The means of the terms of a sum, for the log; nothing of what is no sum.

    Args:
      values: by the terms' names.

    Returns:
      Scalars.

    Example:
      >>> term_means({"hinge": jnp.ones(2)})
      {}
    """
    return {name: jnp.mean(each) for name, each in values.items()} if len(values) > 1 else {}


def with_terms_logged(metrics: Metrics, terms: Mapping[str, Array]) -> Metrics:
    """A player's metrics, and what each term of the objective adds to its loss.

    Args:
      metrics: the player's.
      terms: by name.

    Returns:
      Both.

    Raises:
      ValueError: if a term has the name of a metric.

    Example:
      >>> with_terms_logged({"real_out": 1.0}, {"real_out": 2.0})
      Traceback (most recent call last):
      ...
      ValueError: a term of the loss is 'real_out', a metric of the game; name it, loss.named(...)
    """
    for name in terms:
        if name in metrics:
            raise ValueError(
                f"a term of the loss is {name!r}, a metric of the game; name it, loss.named(...)"
            )
    return {**metrics, **terms}


def loss_terms(
    objective: Loss, players: tuple[str, ...] = ("disc", "gen")
) -> tuple[tuple[str, str], ...]:
    """The terms of an objective that is a sum, as `Game.terms` has them.

    Args:
      objective: an adversarial objective.
      players: whose losses they join.

    Returns:
      (player, name) of each.

    Example:
      >>> from jaxgan.losses import hinge, wasserstein
      >>> loss_terms(hinge()), loss_terms(hinge() + wasserstein(), ("gen",))
      ((), (('gen', 'hinge'), ('gen', 'wasserstein')))
    """
    names = [term.name for term in objective.terms] if len(objective.terms) > 1 else []
    return tuple((player, name) for player in players for name in names)


def disc_metrics(outs: Mapping[str, PyTree], state: PyTree) -> Metrics:
    """The discriminator's metrics: mean logits by part of the scene, and what the objective logs.

    Args:
      outs: the discriminator's outputs, by name.
      state: the objective's state, whose entries are logged if it is a dict; those of a dict in it
        as `TERM_ENTRY`.

    Returns:
      Scalars.

    Example:
      >>> metrics = disc_metrics({"real": jnp.ones(2)}, {"balance": 0.0})
      >>> float(metrics["real_out"]), metrics["balance"]
      (1.0, 0.0)
    """
    means = {f"{name}_out": _mean(logits_of(out)) for name, out in outs.items()}
    return {**means, **_flat(state if isinstance(state, dict) else {})}


def _flat(state: Mapping[str, PyTree], prefix: str = "") -> Metrics:
    found: Metrics = {}
    for name, entry in state.items():
        found |= (
            _flat(entry, f"{prefix}{name}_") if isinstance(entry, dict) else {prefix + name: entry}
        )
    return found


def _mean(outputs: PyTree) -> Array:
    return jnp.mean(jnp.stack([jnp.mean(leaf) for leaf in jax.tree.leaves(outputs)]))


def _inexact(slope: Array) -> Array | None:
    return slope if jnp.issubdtype(slope.dtype, jnp.inexact) else None
