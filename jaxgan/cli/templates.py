"""What `jaxgan new` writes: for each kind a file that trains as it is, with its own test."""

from __future__ import annotations

from collections.abc import Mapping

LOSS = '''\
"""A loss: `jaxgan train --config CONFIG --config.loss=NAME.py:NAME`.

Its tests: `pytest --doctest-modules NAME.py`.
"""

import jax
import jax.numpy as jnp

import jaxgan as jg


@jg.ranges.checked
def NAME(*, margin: jg.ranges.Positive = 1.0) -> jg.Loss:
    """The hinge loss: L_D = max(0, m - D(x)) + max(0, m + D(G(z))),  L_G = -D(G(z)).

    Args:
      margin: m, above 0.

    Example:
      >>> {player: values.tolist() for player, values in NAME()(jnp.zeros(1), jnp.ones(1)).items()}
      {'disc': [3.0], 'gen': [-1.0]}
    """

    def disc(real, fake, context):
        return jnp.maximum(0.0, margin - real) + jnp.maximum(0.0, margin + fake)

    return jg.losses.stateless(disc, gen=lambda real, fake, context: -fake)


def test_the_generator_raises_what_the_discriminator_lowers():
    def slope(player):
        return jax.grad(lambda fake: NAME()(jnp.zeros(4), fake)[player].sum())(jnp.zeros(4))

    assert (slope("gen") < 0).all()
    assert (slope("disc") > 0).all()
'''

PENALTY = '''\
"""A penalty: `jaxgan train --config CONFIG --config.penalties.NAME.name=NAME.py:NAME`.

Its tests: `pytest --doctest-modules NAME.py`.
"""

import jax
import jax.numpy as jnp

import jaxgan as jg
from jaxgan.penalties import Penalty, Term, View


@jg.ranges.checked
def NAME(weight: jg.ranges.NonNegativeSchedule = 1e-3, *, every: jg.ranges.Count = 1) -> jg.Penalty:
    """Holds the logits of real examples near 0: λ E[D(x)²], for the discriminator.

    Args:
      weight: λ, a number or a schedule.
      every: in every n-th update, with weight nλ.

    Example:
      >>> view = View(params={}, discriminator=abs, scene={}, context=None,
      ...             outputs={"real": jnp.asarray([3.0, -1.0])})
      >>> NAME().terms[0].values(view, ())[0].tolist()
      [9.0, 1.0]
    """

    def values(view, state):
        return view.head("real", "logits", "NAME") ** 2, state

    return Penalty((Term(name="NAME", values=values, weight=weight, every=every),))


def test_it_is_added_to_the_discriminators_loss():
    batch, context = {"image": jnp.ones((4, 1))}, jg.Context(jax.random.key(0))

    def loss(game):
        params, net_state = game.init(jax.random.key(0))
        scene, net_state = game.generate(params, net_state, batch, context)
        return game.losses(params, net_state, scene, context)[0]

    plain, more = loss(jg.dirac()), loss(jg.with_penalty(jg.dirac(), NAME(weight=2.0)))
    assert more["disc"] > plain["disc"]
    assert more["gen"] == plain["gen"]
'''

FIELD = '''\
"""A field: `jaxgan train --config CONFIG --config.field=NAME.py:NAME`.

Its tests: `pytest --doctest-modules NAME.py`.
"""

import jax

import jaxgan as jg
from jaxgan.fields import linearize


@jg.ranges.checked
def NAME(field: jg.Field, *, weight: jg.ranges.FiniteSchedule = 0.5) -> jg.Field:
    """Each player's pull ξ, and some of what makes all of them smaller: ξ + w Jᵀ ξ.

    Args:
      field: what pulls.
      weight: w, a number or a schedule.

    Example:
      >>> NAME(jg.gradient(jg.bilinear())).is_gradient
      False
    """

    def apply(params, memory, net_state, batch, context):
        here = linearize(field, params, memory, net_state, batch, context)
        now = jg.schedules.at(weight, context.step)
        pull = jax.tree.map(lambda a, b: a + now * b, here.pull, here.vjp(here.pull))
        return pull, here.memory, here.rest

    return field._replace(apply=apply, is_gradient=False)


def test_it_arrives_where_descent_circles():
    sgd = jg.optimizers.sgd(0.2)
    field = NAME(jg.gradient(jg.bilinear()))
    algorithm = jg.simultaneous(field, optimizers={"gen": sgd, "disc": sgd})
    state, _ = jg.substeps(algorithm, num_steps=100).step(algorithm.init(jax.random.key(0)), {})
    assert all(abs(w).max() < 0.1 for w in jax.tree.leaves(state.params))
'''

GAME = '''\
"""A game: `jaxgan train --config CONFIG --config.game=NAME.py:NAME`.

Its tests: `pytest --doctest-modules NAME.py`.
"""

import jax
import jax.numpy as jnp

import jaxgan as jg


@jg.ranges.checked
def NAME(
    generator, discriminator, loss, latent, *, weight: jg.ranges.NonNegative = 1.0
) -> jg.Game:
    """A GAN whose generator also matches the mean of the data: L_G + w ‖E[x] - E[G(z)]‖².

    Args:
      generator: the network of that section, as the others of these names.
      weight: w.

    Example:
      >>> point = jg.Network(init=lambda key: (jnp.zeros(1), {}),
      ...                    apply=lambda w, state, z, **_: (z + w, state))
      >>> line = jg.Network(init=lambda key: (jnp.ones(1), {}),
      ...                   apply=lambda w, state, x, **_: (x @ w, state))
      >>> NAME(point, line, jg.losses.hinge(), jg.normal_latent(1)).players
      ('disc', 'gen')
    """
    game = jg.gan(generator, discriminator, latent=latent, loss=loss)

    def losses(params, net_state, scene, context):
        values, rest = game.losses(params, net_state, scene, context)
        gap = jnp.sum((scene["real"].mean(0) - scene["fake"].mean(0)) ** 2)
        return {**values, "gen": values["gen"] + weight * gap}, rest

    return jg.games.with_signals(game._replace(losses=losses))


def test_what_is_added_pulls_the_generator_alone():
    def apply(w, state, x, train=True, key=None):
        return (x @ w if w.ndim else x + w), state

    point = jg.Network(init=lambda key: (jnp.zeros(()), {}), apply=apply)
    line = jg.Network(init=lambda key: (jnp.zeros(1), {}), apply=apply)
    game = NAME(point, line, jg.losses.hinge(), jg.normal_latent(1))
    params, net_state = game.init(jax.random.key(0))
    batch, context = {"image": jnp.full((64, 1), 5.0)}, jg.Context(jax.random.key(1))
    pull = jg.gradient(game).apply(params, (), net_state, batch, context)[0]
    assert -11.0 < pull["gen"] < -9.0  # 2 (0 - 5), but for the latents' own mean
'''

ALGORITHM = '''\
"""An algorithm: `jaxgan train --config CONFIG --config.algorithm=NAME.py:NAME`.

Its tests: `pytest --doctest-modules NAME.py`.
"""

import jax
import jax.numpy as jnp

import jaxgan as jg
from jaxgan.algorithms import apply_updates, flatten_metrics, make_context, make_init


@jg.ranges.checked
def NAME(field: jg.Field, *, optimizers, decay: jg.ranges.Decay = 0.5) -> jg.Algorithm:
    """All players move at once, along the average of their pulls: u_t = β u_{t-1} + (1 - β) ξ_t.

    Args:
      field: what pulls the players.
      optimizers: one Optax transformation for each.
      decay: β.

    Example:
      >>> sgd = {"gen": jg.optimizers.sgd(0.1), "disc": jg.optimizers.sgd(0.1)}
      >>> NAME(jg.gradient(jg.bilinear()), optimizers=sgd).num_batches
      ()
    """
    start = make_init(field, optimizers=optimizers)

    def init(key):
        state = start(key)
        zeros = jax.tree.map(jnp.zeros_like, state.params)
        return state._replace(memory={"field": state.memory, "pull": zeros})

    def step(state, batch):
        counts = dict.fromkeys(state.params, state.step)
        context = make_context(state, optimizers=optimizers, updates=counts, phase=0)
        pull, memory, (net_state, metrics) = field.apply(
            state.params, state.memory["field"], state.net_state, batch, context
        )
        pull = jax.tree.map(lambda u, x: decay * u + (1 - decay) * x, state.memory["pull"], pull)
        params, opt_state = apply_updates(
            state, pull, optimizers=optimizers, players=tuple(state.params)
        )
        state = state._replace(
            step=state.step + 1,
            params=params,
            opt_state=opt_state,
            net_state=net_state,
            memory={"field": memory, "pull": pull},
        )
        return state, flatten_metrics(metrics)

    return jg.Algorithm(init=init, step=step, num_batches=(), field=field)


def test_without_memory_it_is_simultaneous_play():
    sgd = {"gen": jg.optimizers.sgd(0.1), "disc": jg.optimizers.sgd(0.1)}
    own = NAME(jg.gradient(jg.bilinear()), optimizers=sgd, decay=0.0)
    plain = jg.simultaneous(jg.gradient(jg.bilinear()), optimizers=sgd)
    found, expected = (
        jg.substeps(one, num_steps=9).step(one.init(jax.random.key(0)), {})[0].params
        for one in (own, plain)
    )
    assert jax.tree.all(jax.tree.map(jnp.array_equal, found, expected))
'''

NETWORK = '''\
"""A generator: `jaxgan train --config CONFIG --config.generator=NAME.py:NAME`.

Its tests: `pytest --doctest-modules NAME.py`.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

import jaxgan as jg


def NAME(shape, latent_dim, *, width: jg.ranges.Width = 64, depth: jg.ranges.Depth = 2):
    """Residual blocks, h ← h + W₂ relu(W₁ h), from latents to examples; images in [-1, 1].

    Args:
      shape: of an example, which the data say.
      latent_dim: length of the latents, which the config says.
      width: of h.
      depth: how many blocks.

    Example:
      >>> NAME((8, 8, 1), 16).inputs[0].shape
      (1, 16)
    """

    class Generator(nn.Module):
        @nn.compact
        def __call__(self, z):
            h = nn.Dense(width)(z)
            for _ in range(depth):
                h = h + nn.Dense(width)(nn.relu(nn.Dense(width)(h)))
            x = nn.Dense(jnp.zeros(shape).size)(nn.relu(h)).reshape(-1, *shape)
            return jnp.tanh(x) if len(shape) == 3 else x

    return jg.from_linen(Generator(), jnp.zeros((1, latent_dim)))


def test_it_makes_examples_of_the_datas_shape():
    for shape in ((2,), (8, 8, 3)):
        network = NAME(shape, 4)
        params, state = network.init(jax.random.key(0))
        made, _ = network.apply(params, state, jnp.ones((5, 4)))
        assert made.shape == (5, *shape)
        assert jnp.isfinite(made).all()
'''

SOURCE = '''\
"""A data source: `jaxgan train --config CONFIG --config.data.source=NAME.py:NAME`.

Its tests: `pytest --doctest-modules NAME.py`.
"""

import numpy as np

import jaxgan as jg


def NAME(*, num: jg.ranges.Count = 1000, noise: jg.ranges.NonNegative = 0.05):
    """Two half moons in the plane, each a class.

    Args:
      num: how many examples.
      noise: standard deviation around the moons.

    Example:
      >>> {name: array.shape for name, array in NAME(num=8).items()}
      {'image': (8, 2), 'label': (8,)}
    """
    label = np.arange(num) % 2
    angle = np.pi * np.linspace(0.0, 1.0, num)
    moon = np.stack([np.cos(angle) - 0.5 + label, (1 - 2 * label) * (np.sin(angle) - 0.25)], axis=1)
    points = moon + noise * np.random.default_rng(0).normal(size=moon.shape)
    return {"image": points.astype(np.float32), "label": label}


def test_it_is_a_source_that_is_the_same_every_time():
    first, second = (jg.data.columns(NAME(num=50)) for _ in range(2))
    assert first.digest == second.digest
    assert first.num_classes == 2
    batch = first.read(np.arange(50))
    assert abs(batch["image"]).max() < 3.0
    assert set(batch["label"]) == {0, 1}
'''

TEMPLATES: Mapping[str, str] = {
    "loss": LOSS,
    "penalty": PENALTY,
    "field": FIELD,
    "game": GAME,
    "algorithm": ALGORITHM,
    "network": NETWORK,
    "source": SOURCE,
}
"""By kind; `NAME` stands for the name."""
