"""Several generators, and several discriminators: against NumPy, with consensus and unrolling."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

import jaxgan
from jaxgan import Context, Game, Network, fields, games, losses, optimizers
from jaxgan.analysis import dense_jacobian
from jaxgan.fields import gradient
from jaxgan.sampling.sampler import make_sampler
from tests import helpers

pytestmark = pytest.mark.usefixtures("float64")

CONTEXT = Context(jax.random.key(1))
LATENT, DIM, NUM = 3, 2, 8
GENS = ("gen0", "gen1")
INNER: Any = {"inner": optimizers.sgd(0.1), "inner_state": "fresh"}


def bent(num_in: int, num_out: int, squeeze: bool = False) -> Network:
    def init(key: Any) -> Any:
        return jax.random.normal(key, (num_in, num_out)), {}

    def apply(w: Any, state: Any, x: Any, *, train: bool = True, key: Any = None) -> Any:
        out = jnp.tanh(x) @ w
        return (out[:, 0] if squeeze else out), state

    return Network(init=init, apply=apply)


def mad(num: int = 2, **options: Any) -> Game:
    gens = [bent(LATENT, DIM) for _ in range(num)]
    return games.mad_gan(gens, bent(DIM, num + 1), latent=LATENT, **options)


def gman(sharpness: Any = 1.0, loss: Any = None) -> Game:
    discs = [bent(DIM, 1, squeeze=True) for _ in range(3)]
    return games.gman(bent(LATENT, DIM), discs, latent=LATENT, sharpness=sharpness, loss=loss)


def batch_of(num: int = NUM) -> dict[str, jax.Array]:
    return {"image": jnp.asarray(np.random.default_rng(0).normal(size=(num, DIM)))}


def played(game: Game, context: Context = CONTEXT, batch: Any = None) -> Any:
    params, net_state = game.init(jax.random.key(0))
    scene, state = game.generate(params, net_state, batch or batch_of(), context)
    return params, scene, game.losses(params, state, scene, context)


def pull(field: Any) -> Any:
    params, net_state = field.game.init(jax.random.key(0))
    apply = jax.jit(field.apply)
    return apply(params, field.init(params), net_state, batch_of(), CONTEXT)[0]


@pytest.mark.parametrize("num", [9, 10])
@pytest.mark.parametrize("objective", helpers.rows(("minimax", "non_saturating"), ("minimax",)))
def test_the_losses_of_mad_gan_are_the_papers(objective: Any, num: int) -> None:
    k = 3
    params, scene, (values, (_, metrics, outputs)) = played(
        mad(k, objective=objective), batch=batch_of(num)
    )
    w = np.asarray(params["disc"])
    real = softmax(np.tanh(batch_of(num)["image"]) @ w, axis=1)
    right = []
    expected = {"disc": -np.mean(np.log(real[:, -1]))}
    for i in range(k):
        z = np.asarray(scene["latent"])[i::k]
        fake = np.tanh(z) @ np.asarray(params[f"gen{i}"])
        np.testing.assert_allclose(scene["fake"][i::k], fake, rtol=1e-12)
        d = softmax(np.tanh(fake) @ w, axis=1)
        expected["disc"] -= np.mean(np.log(d[:, i]))
        if objective == "minimax":
            expected[f"gen{i}"] = np.mean(np.log(real[:, -1])) + np.mean(np.log(1 - d[:, -1]))
        else:
            expected[f"gen{i}"] = -np.mean(np.log(d[:, -1]))
        right.append(np.argmax(d[:, :k], axis=1) == i)
    assert set(values) == set(expected)
    for player, value in expected.items():
        np.testing.assert_allclose(values[player], value, rtol=1e-12, err_msg=player)
    np.testing.assert_allclose(metrics["disc"]["identified"], np.mean(np.concatenate(right)))
    np.testing.assert_allclose(outputs["real"], np.log(real[:, -1] / (1 - real[:, -1])))


def test_samples_are_of_a_mixture_that_the_key_draws() -> None:
    game = mad(3)
    params, net_state = game.init(jax.random.key(0))
    apply = jax.jit(
        lambda key: game.generate(params, net_state, batch_of(7), Context(key, train=False))[0]
    )
    counts = np.zeros((7, 3))
    for seed in range(60):
        scene = apply(jax.random.key(seed))
        which = np.asarray(scene["generator"])
        counts[np.arange(7), which] += 1
        assert all(set(which[i : i + 3]) == {0, 1, 2} for i in range(5))
        z = np.tanh(scene["latent"])
        for i, k in enumerate(which):
            np.testing.assert_allclose(scene["fake"][i], z[i] @ params[f"gen{k}"], rtol=1e-12)
    # Of 60 draws 20 each, with a deviation of 3.7.
    assert counts.min() > 5
    assert counts.max() < 35


def test_parts_of_a_batch_are_those_of_the_whole() -> None:
    field = gradient(mad(3))
    whole = pull(field)
    split = pull(fields.microbatch(field, num_parts=2))  # of 4 examples, which 3 does not divide
    for player, value in whole.items():
        np.testing.assert_allclose(split[player], value, rtol=1e-10, err_msg=player)


@pytest.mark.slow
def test_what_looks_at_fakes_looks_at_those_of_all() -> None:
    moved = games.augmented(mad(), lambda key, x: 2.0 * x)
    params, _, (values, _) = played(moved)
    w = np.asarray(params["disc"])
    z = np.asarray(CONTEXT.draw("latent", jax.random.normal, (NUM, LATENT)))
    expected = -np.mean(log_softmax(np.tanh(2 * batch_of()["image"]) @ w, axis=1)[:, -1])
    for i in range(2):
        fake = np.tanh(z[i::2]) @ np.asarray(params[f"gen{i}"])
        expected -= np.mean(log_softmax(np.tanh(2 * fake) @ w, axis=1)[:, i])
    np.testing.assert_allclose(values["disc"], expected, rtol=1e-10)
    flat = pull(gradient(jaxgan.with_penalty(mad(), jaxgan.penalties.r1(weight=1.0))))
    assert np.abs(flat["disc"] - pull(gradient(mad()))["disc"]).max() > 1e-3


@pytest.mark.parametrize("sharpness", helpers.rows((0.0, 1.0, 60.0), (0.0, 60.0)))
def test_the_harsher_discriminators_of_gman_count_more(sharpness: float) -> None:
    params, scene, (values, (_, metrics, _)) = played(gman(sharpness))

    def against(theta: Any) -> np.ndarray:
        fake = np.tanh(scene["latent"]) @ theta
        found = []
        for i in range(3):
            real_logit, fake_logit = (
                np.tanh(x) @ params[f"disc{i}"] for x in (batch["image"], fake)
            )
            found.append(np.mean(-np.log1p(np.exp(-real_logit)) - np.log1p(np.exp(fake_logit))))
        return np.asarray(found)

    batch, theta = batch_of(), np.asarray(params["gen"])
    v = against(theta)
    for i in range(3):
        np.testing.assert_allclose(values[f"disc{i}"], -v[i], rtol=1e-12)
        found = metrics["gen"][f"disc{i}_weight"]
        np.testing.assert_allclose(found, softmax(sharpness * v)[i], rtol=1e-10)
    expected = {0.0: v.mean(), 1.0: v @ softmax(v), 60.0: v.max()}[sharpness]
    np.testing.assert_allclose(values["gen"], expected, rtol=1e-3 if sharpness > 1 else 1e-12)
    # The gradient goes through the weights.
    way, size = np.random.default_rng(2).normal(size=theta.shape), 1e-5

    def value(theta: Any) -> float:
        v = against(theta)
        return float(v @ softmax(sharpness * v))

    slope = (value(theta + size * way) - value(theta - size * way)) / (2 * size)
    found = np.sum(pull(gradient(gman(sharpness)))["gen"] * way)
    np.testing.assert_allclose(found, slope, rtol=1e-6)


@pytest.mark.parametrize("make", helpers.rows((mad, gman), (gman,)))
def test_consensus_of_many_players(make: Any) -> None:
    field = gradient(make())
    params, net_state = field.game.init(jax.random.key(0))
    found, xi = pull(fields.consensus(field, gamma=0.3)), pull(field)
    order = sorted(params, key=lambda player: (player != "gen", player))  # as `analysis` has it
    flat = np.concatenate([np.ravel(xi[player]) for player in order])
    jacobian = dense_jacobian(field, params, net_state, batch_of(), CONTEXT)
    expected = flat + 0.3 * np.asarray(jacobian).T @ flat
    joined = np.concatenate([np.ravel(found[player]) for player in order])
    np.testing.assert_allclose(joined, expected, rtol=1e-9)


def test_several_generators_look_ahead_of_the_discriminator() -> None:
    game = mad()
    found = pull(gradient(jaxgan.unrolled(game, player=GENS, num_steps=3, **INNER)))
    params, net_state = game.init(jax.random.key(0))

    def value(params: Any, player: str) -> Any:
        scene, _ = game.generate(params, net_state, batch_of(), CONTEXT)
        return game.losses(params, net_state, scene, CONTEXT)[0][player]

    def ahead(params: Any, player: str) -> Any:
        for _ in range(3):
            step = jax.grad(value)(params, "disc")["disc"]
            params = {**params, "disc": params["disc"] - 0.1 * step}
        return value(params, player)

    for player in GENS:
        expected = jax.grad(ahead)(params, player)[player]
        np.testing.assert_allclose(found[player], expected, rtol=1e-10, err_msg=player)
    np.testing.assert_allclose(found["disc"], jax.grad(value)(params, "disc")["disc"], rtol=1e-12)


@pytest.mark.slow
def test_a_generator_looks_ahead_of_one_of_several_discriminators() -> None:
    game = gman()
    ahead = jaxgan.unrolled(game, opponent="disc1", num_steps=2, **INNER)
    found, plain = pull(gradient(ahead)), pull(gradient(game))
    assert np.abs(found["gen"] - plain["gen"]).max() > 1e-3
    for player in ("disc0", "disc1", "disc2"):
        np.testing.assert_allclose(found[player], plain[player], rtol=1e-12)


@pytest.mark.slow
def test_many_players_train_and_are_sampled() -> None:
    game = mad(3)
    sgds = dict.fromkeys(game.players, optimizers.sgd(0.1))
    algorithm = jaxgan.alternating(gradient(game), optimizers=sgds)
    for player in ("gen0", "gen1", "gen2"):
        algorithm = jaxgan.ema(algorithm, player=player, decay=0.5)
    state = algorithm.init(jax.random.key(0))
    batch = {"image": jnp.stack([batch_of()["image"]] * 2)}
    state, metrics = jax.jit(algorithm.step)(state, batch)
    assert {"loss/gen0", "loss/gen2", "disc/identified"} <= set(metrics)
    sampler = make_sampler(game, {"image": jax.ShapeDtypeStruct((DIM,), jnp.float64)})
    assert sampler(state, jax.random.key(1), 300).shape == (300, DIM)


def test_bad_games_of_many_players_are_one_line() -> None:
    gen, disc = bent(LATENT, DIM), bent(DIM, 1, squeeze=True)
    with pytest.raises(ValueError, match=r"^the number of generators is 1; it must be at least 2$"):
        games.mad_gan([gen], disc, latent=LATENT)
    with pytest.raises(ValueError, match=r"^the number of discriminators is 1; it must be at"):
        games.gman(gen, [disc], latent=LATENT)
    wrong = games.mad_gan([gen, gen], bent(DIM, 2), latent=LATENT)
    with pytest.raises(
        ValueError, match=r"^the shape of the logits is \(8, 2\); it must be \(8, 3\)"
    ):
        played(wrong)
    with pytest.raises(ValueError, match=r"^the generators make examples of shape \(2,\)"):
        played(mad(), batch={"image": jnp.zeros((4, 3))})
    with pytest.raises(TypeError, match=r"^this game has no critic"):
        pull(gradient(jaxgan.with_penalty(gman(), jaxgan.penalties.r1(), player="disc0")))


@pytest.mark.slow
def test_any_objective_is_played_against_several() -> None:
    _, _, (values, _) = played(gman(loss=losses.hinge()))
    assert all(np.isfinite(value) for value in values.values())
    assert helpers.max_difference(values["disc0"], values["disc1"]) > 1e-3
