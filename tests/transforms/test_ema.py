"""Averages against their recursion in NumPy, and the training they watch against itself."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan.core.network import Network
from jaxgan.fields import gradient
from jaxgan.transforms import averaged, ema
from tests import helpers


def bilinear(rate: float = 0.3) -> jaxgan.Algorithm:
    return jaxgan.simultaneous(gradient(jaxgan.bilinear()), optimizers=helpers.sgds(rate))


def recursion(values: list[np.ndarray], decays: list[float]) -> list[np.ndarray]:
    means = [values[0]]
    for value, decay in zip(values[1:], decays, strict=True):
        means.append(decay * means[-1] + (1 - decay) * value)
    return means


@pytest.mark.parametrize(
    ("options", "decays"),
    [
        ({"decay": 0.75, "warmup": False}, [0.75] * 30),
        ({"decay": 0.0, "warmup": False}, [0.0] * 30),
        ({"decay": 0.75}, [min(0.75, (1 + t) / (10 + t)) for t in range(30)]),
        (
            {"decay": jaxgan.linear(0.0, 0.5, 10), "warmup": False},
            [min(t, 10) / 20 for t in range(30)],
        ),
    ],
    ids=["constant", "none", "warm-up", "schedule"],
)
def test_the_average_is_its_recursion(options: Any, decays: list[float], float64: None) -> None:
    algorithm = ema(bilinear(), **options)
    state, step = algorithm.init(jax.random.key(0)), jax.jit(algorithm.step)
    live, means = [state.params["gen"]], [state.ema["gen"]["params"]]
    for _ in range(30):
        state, _ = step(state, {})
        live.append(state.params["gen"])
        means.append(state.ema["gen"]["params"])
    expected = recursion([np.asarray(x) for x in live], decays)
    # The decay itself is a float32.
    np.testing.assert_allclose(np.stack(means), np.stack(expected), rtol=1e-6, atol=1e-6)


def test_a_fresh_state_may_be_donated() -> None:
    # Made outside jit, the average must not be the live parameters' own buffer.
    algorithm = ema(bilinear())
    start = algorithm.init(jax.random.key(0))
    state, _ = jax.jit(algorithm.step, donate_argnums=0)(start, {})
    assert start.ema["gen"]["params"].is_deleted()
    np.testing.assert_allclose(state.params["gen"], [0.7], rtol=1e-6)


def counting(network: Network) -> Network:
    """Keeps a collection besides its batch statistics: the number of calls."""

    def init(key: Any) -> Any:
        params, state = network.init(key)
        return params, {**state, "calls": jnp.float32(0)}

    def apply(params: Any, state: Any, *inputs: Any, **options: Any) -> Any:
        inner = {name: tree for name, tree in state.items() if name != "calls"}
        output, inner = network.apply(params, inner, *inputs, **options)
        return output, {**inner, "calls": state["calls"] + 1}

    return Network(init=init, apply=apply, couples_batch=network.couples_batch)


def gan() -> jaxgan.Algorithm:
    game = jaxgan.gan(
        counting(helpers.mlp_gen(batch_norm=True)), helpers.mlp_disc(), latent=helpers.LATENT
    )
    return jaxgan.alternating(gradient(game), optimizers=helpers.adams())


def test_a_gan_and_its_average() -> None:
    """One training, looked at from all sides, as it takes seconds to compile."""
    watched = ema(ema(gan(), decay=0.5, warmup=False), decay=0.25, warmup=False, player="disc")
    states = [jax.jit(watched.init)(jax.random.key(0))]
    kept = [helpers.plain(states[0])]
    step = jax.jit(watched.step, donate_argnums=0)
    for index in range(4):
        states.append(step(states[-1], helpers.real_batch((2,), seed=index))[0])
        kept.append(helpers.plain(states[-1]))
    # A donated state holds no buffer twice: it is gone after the step.
    assert jax.tree.leaves(states[0].ema)[0].is_deleted()

    def averages(player: str, name: str) -> Any:
        return [state.ema[player][name] for state in kept]

    # Parameters, and batch statistics, are averaged.
    for player, decay in (("gen", 0.5), ("disc", 0.25)):
        live = [state.params[player]["Dense_0"]["kernel"] for state in kept]
        found = [tree["Dense_0"]["kernel"] for tree in averages(player, "params")]
        np.testing.assert_allclose(found, recursion(live, [decay] * 4), rtol=1e-5, atol=1e-6)

    def mean(net_state: Any) -> np.ndarray:
        return net_state["network"]["batch_stats"]["BatchNorm_0"]["mean"]

    live = [mean(state.net_state["gen"]) for state in kept]
    found = [mean(tree) for tree in averages("gen", "net_state")]
    np.testing.assert_allclose(found, recursion(live, [0.5] * 4), rtol=1e-5, atol=1e-6)
    assert np.max(np.abs(found[-1] - live[-1])) > 1e-3
    # Other collections are copied.
    calls = [float(tree["network"]["calls"]) for tree in averages("gen", "net_state")]
    assert calls == [0.0, 1.0, 2.0, 3.0, 4.0]

    # The training itself is the same, bit for bit.
    plain = gan()
    unwatched, _ = helpers.run(plain, plain.init(jax.random.key(0)), 4)
    helpers.assert_same_bits(states[-1]._replace(ema={}), unwatched)


def test_the_weight_is_as_wide_as_the_session(float64: None) -> None:
    algorithm, mean, w = ema(bilinear(), decay=0.9, warmup=False), 1.0, []
    state = algorithm.init(jax.random.key(0))
    step = jax.jit(algorithm.step)
    for _ in range(5):
        state, _ = step(state, {})
        mean = 0.9 * mean + (1 - 0.9) * float(state.params["gen"][0])
        w.append(mean)
    np.testing.assert_allclose(state.ema["gen"]["params"], [w[-1]], rtol=1e-14)


def test_averaged_takes_averages_where_kept() -> None:
    algorithm = ema(bilinear(), decay=0.5, warmup=False)
    state, _ = algorithm.step(algorithm.init(jax.random.key(0)), {})
    params, net_state = averaged(state)
    np.testing.assert_allclose(params["gen"], [0.85])
    np.testing.assert_allclose(params["disc"], state.params["disc"])
    assert net_state.keys() == {"gen", "disc"}


@pytest.mark.parametrize("decay", [-0.1, 1.0, 1.5, float("nan")])
def test_a_decay_outside_its_range_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match=r"decay is .* at least 0 and below 1"):
        ema(bilinear(), decay=decay)
