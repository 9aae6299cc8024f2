"""pix2pix, CycleGAN and super-resolution against NumPy; the pool against a plain simulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import Context, Game, Network, instance_noise, with_penalty
from jaxgan.algorithms import alternating, simultaneous
from jaxgan.config.games import Parts, make_game, parts_of
from jaxgan.config.resolve import resolve
from jaxgan.core.errors import ConfigError
from jaxgan.fields import Field, consensus, gradient
from jaxgan.games import cyclegan, empty_pool, pix2pix, query, super_resolution, unrolled
from jaxgan.losses import least_squares, relativistic, wasserstein
from jaxgan.penalties import r1, r2, wgan_gp
from tests import helpers

KEY = jax.random.key(0)
SIDE, BATCH = 4, 3
SHAPES = {"image": (SIDE, SIDE, 1), "source": (SIDE, SIDE, 1)}


def pixelwise(num_in: int, num_out: int = 0, factor: int = 1) -> Network:
    """Every pixel by itself: tanh(x W) to images, or without `num_out` x w to one logit a pixel."""

    def init(key: jax.Array) -> Any:
        return 0.5 * jax.random.normal(key, (num_in, num_out or 1)), {}

    def apply(w: Any, state: Any, x: Any, train: bool = True, key: Any = None) -> Any:
        y = x.repeat(factor, axis=1).repeat(factor, axis=2) @ w
        return (jnp.tanh(y) if num_out else y[..., 0]), state

    return Network(init=init, apply=apply)


def make_cyclegan(**options: Any) -> Game:
    gens = {name: pixelwise(1, 1) for name in ("forward", "backward")}
    discs = {name: pixelwise(1) for name in ("image", "source")}
    return cyclegan(gens, discs, shapes=SHAPES, **{"pool_size": 4, **options})


GAMES: dict[str, Callable[..., Game]] = {
    "cyclegan": make_cyclegan,
    "pix2pix": lambda **options: pix2pix(pixelwise(1, 1), pixelwise(2), **options),
    "super_resolution": lambda **options: super_resolution(
        pixelwise(1, 1, factor=2), pixelwise(1), **options
    ),
}


def batch_of(name: str = "", seed: int = 0, lead: tuple[int, ...] = ()) -> dict[str, jax.Array]:
    draw = np.random.default_rng(seed)
    image = draw.uniform(-1, 1, (*lead, BATCH, SIDE, SIDE, 1))
    side = SIDE // 2 if name == "super_resolution" else SIDE
    source = draw.uniform(-1, 1, (*lead, BATCH, side, side, 1))
    return {"image": jnp.asarray(image, jnp.float32), "source": jnp.asarray(source, jnp.float32)}


def play(game: Game, batch: Any, net_state: Any = None) -> Any:
    context = Context(jax.random.key(1))
    params, fresh = game.init(KEY)
    net_state = fresh if net_state is None else net_state
    scene, net_state = game.generate(params, net_state, batch, context)
    return params, scene, game.losses(params, net_state, scene, context)


def l1(x: Any, y: Any) -> float:
    return float(np.abs(np.asarray(x) - np.asarray(y)).mean())


def softplus(x: Any) -> float:
    return float(np.logaddexp(0, np.asarray(x)).mean())


# The pool


def simulate(stored: list[float], size: int, images: list[float], draws: np.ndarray) -> list[float]:
    """The rule of the authors' image pool, image after image; changes `stored`."""
    judged = []
    for image, (swap, place) in zip(images, draws, strict=True):
        if len(stored) < size:
            stored.append(image)
            judged.append(image)
        elif swap > 0.5:
            index = int(place * size)
            judged.append(stored[index])
            stored[index] = image
        else:
            judged.append(image)
    return judged


@pytest.mark.parametrize(("size", "num"), [(5, 3), (2, 6), (1, 1)])
def test_the_pool_is_that_of_a_plain_simulation(size: int, num: int) -> None:
    pool, stored = empty_pool(size, shape=(1, 1, 1)), list[float]()
    step = jax.jit(query)
    random = np.random.default_rng(0)
    for i in range(8):
        images = np.arange(i * num, (i + 1) * num, dtype=np.float32)
        draws = random.uniform(size=(num, 2)).astype(np.float32)
        judged, pool = step(pool, jnp.asarray(images).reshape(num, 1, 1, 1), jnp.asarray(draws))
        expected = simulate(stored, size, images.tolist(), draws)
        assert judged.ravel().tolist() == expected
        assert pool["images"].ravel().tolist()[: len(stored)] == stored
        assert int(pool["count"]) == len(stored)
    assert stored != list(range(size))


def test_two_halves_of_a_batch_leave_the_pool_of_the_whole() -> None:
    images = jnp.arange(8.0).reshape(8, 1, 1, 1)
    draws = jax.random.uniform(KEY, (8, 2))
    judged, whole = query(empty_pool(3, shape=(1, 1, 1)), images, draws)
    first, pool = query(empty_pool(3, shape=(1, 1, 1)), images[:4], draws[:4])
    second, pool = query(pool, images[4:], draws[4:])
    np.testing.assert_array_equal(jnp.concatenate([first, second]), judged)
    helpers.assert_same_bits(pool, whole)


def test_what_is_judged_in_place_of_an_image_has_its_own_gradient() -> None:
    _, pool = query(empty_pool(1, shape=(1, 1, 1)), jnp.ones((1, 1, 1, 1)), jnp.zeros((1, 2)))
    images = jnp.asarray([2.0, 3.0, 4.0]).reshape(3, 1, 1, 1)
    draws = jnp.asarray([[0.9, 0.0], [0.1, 0.0], [0.9, 0.0]])

    def total(images: jax.Array) -> jax.Array:
        judged, _ = query(pool, images, draws)
        return jnp.sum(judged.ravel() * jnp.asarray([1.0, 10.0, 100.0]))

    # 1 of the pool, 3 itself, and 2, which the first swap has put there; 4 is not judged.
    assert float(total(images)) == 1.0 + 30.0 + 200.0
    assert jax.grad(total)(images).ravel().tolist() == [100.0, 10.0, 0.0]


def test_only_the_discriminators_own_update_moves_the_pools() -> None:
    optimizers = helpers.adams()
    algorithm = alternating(
        gradient(make_cyclegan(pool_size=50)), optimizers=optimizers, n_critic=2
    )
    state = algorithm.init(KEY)
    step = jax.jit(algorithm.step)
    for i in (1, 2):
        state, _ = step(state, batch_of(seed=i, lead=algorithm.num_batches))
        for domain in ("image", "source"):
            assert int(state.net_state["disc"]["pool"][domain]["count"]) == 2 * BATCH * i


# Losses


def test_pix2pix_is_adversarial_over_patches_and_near_the_true_image() -> None:
    batch = batch_of()
    params, scene, (values, (_, metrics, outputs)) = play(GAMES["pix2pix"](), batch)
    source, real = np.asarray(batch["source"]), np.asarray(batch["image"])
    fake = np.tanh(source @ np.asarray(params["gen"]))
    np.testing.assert_allclose(scene["fake"], fake, rtol=1e-5, atol=1e-6)
    w = np.asarray(params["disc"])
    logits = {
        name: (np.concatenate([source, x], axis=-1) @ w).ravel()
        for name, x in (("real", real), ("fake", fake))
    }
    for name, expected in logits.items():
        assert outputs[name].shape == (BATCH * SIDE * SIDE,)
        np.testing.assert_allclose(outputs[name], expected, rtol=1e-4, atol=1e-5)
    adversarial = softplus(-logits["fake"])
    np.testing.assert_allclose(metrics["gen"]["l1"], l1(real, fake), rtol=1e-5)
    np.testing.assert_allclose(metrics["gen"]["adversarial"], adversarial, rtol=1e-5)
    np.testing.assert_allclose(values["gen"], adversarial + 100 * l1(real, fake), rtol=1e-5)
    disc = softplus(-logits["real"]) + softplus(logits["fake"])
    np.testing.assert_allclose(values["disc"], disc, rtol=1e-5)


def test_super_resolution_sees_images_alone_and_may_compare_features() -> None:
    game = GAMES["super_resolution"](features=lambda x: 3.0 * x, feature_weight=2.0)
    _, scene, (values, (_, metrics, _)) = play(game, batch_of("super_resolution"))
    square = float(np.square(np.asarray(scene["real"]) - np.asarray(scene["fake"])).mean())
    np.testing.assert_allclose(metrics["gen"]["pixel"], square, rtol=1e-5)
    np.testing.assert_allclose(metrics["gen"]["feature"], 9 * square, rtol=1e-5)
    expected = 19 * square + 1e-3 * float(metrics["gen"]["adversarial"])
    np.testing.assert_allclose(values["gen"], expected, rtol=1e-5)


def test_cyclegan_is_what_the_paper_adds_up() -> None:
    game, batch = make_cyclegan(cycle_weight=7.0, identity_weight=0.5), batch_of()
    params, scene, (values, (state, metrics, outputs)) = play(game, batch)
    x, y = np.asarray(batch["source"]), np.asarray(batch["image"])

    def forward(images: Any) -> Any:
        return np.tanh(images @ np.asarray(params["gen"]["forward"]))

    def backward(images: Any) -> Any:
        return np.tanh(images @ np.asarray(params["gen"]["backward"]))

    fake = {"image": forward(x), "source": backward(y)}
    for name, expected in fake.items():
        np.testing.assert_allclose(scene["fake"][name], expected, rtol=1e-5, atol=1e-6)
    cycle = l1(x, backward(fake["image"])) + l1(y, forward(fake["source"]))
    same = l1(y, forward(y)) + l1(x, backward(x))
    logits = {
        (kind, name): images @ np.asarray(params["disc"][name])
        for kind, images_by_name in (("real", {"image": y, "source": x}), ("fake", fake))
        for name, images in images_by_name.items()
    }
    adversarial = sum(np.square(logits["fake", d] - 1).mean() for d in fake)
    np.testing.assert_allclose(metrics["gen"]["cycle"], cycle / 2, rtol=1e-4)
    np.testing.assert_allclose(metrics["gen"]["identity"], same / 2, rtol=1e-4)
    # The paper's squares have no half; `least_squares` has, and the weight of 2 takes it away.
    expected = adversarial + 7 * (cycle + 0.5 * same)
    np.testing.assert_allclose(values["gen"], expected, rtol=1e-4)
    squares = [
        np.square(logits["real", d] - 1).mean() + np.square(logits["fake", d]).mean() for d in fake
    ]
    np.testing.assert_allclose(values["disc"], 0.5 * sum(squares), rtol=1e-4)
    joined = np.concatenate([logits["fake", d].ravel() for d in ("image", "source")])
    np.testing.assert_allclose(outputs["fake"], joined, rtol=1e-4, atol=1e-5)
    assert int(state["disc"]["pool"]["image"]["count"]) == BATCH


def test_past_images_are_judged_by_the_discriminator_alone() -> None:
    game = make_cyclegan(pool_size=BATCH)
    params, _, (first, (state, _, _)) = play(game, batch_of())
    # Full pools of one image that no generator makes: half of what is judged is that one.
    pools = {
        name: {**pool, "images": jnp.full_like(pool["images"], 5.0)}
        for name, pool in state["disc"]["pool"].items()
    }
    state = {**state, "disc": {**state["disc"], "pool": pools}}
    _, scene, (values, (after, _, _)) = play(game, batch_of(), state)
    np.testing.assert_allclose(values["gen"], first["gen"], rtol=1e-6)
    context, total = Context(jax.random.key(1)), 0.0
    for name in ("image", "source"):
        w, real = params["disc"][name], np.asarray(scene["real"][name])
        draws = context.draw(f"pool/{name}", lambda key, n: jax.random.uniform(key, (*n, 2)), (3,))
        seen = query(pools[name], scene["fake"][name], draws)[0]
        total += 0.5 * np.square(real @ w - 1).mean() + 0.5 * np.square(seen @ w).mean()
        left = after["disc"]["pool"][name]["images"]
        assert int(jnp.sum(draws[:, 0] > 0.5)) == 0 or float(jnp.abs(left - 5.0).max()) > 1.0
    np.testing.assert_allclose(values["disc"], total, rtol=1e-4)
    assert float(values["disc"]) != pytest.approx(float(first["disc"]), rel=1e-3)


def test_without_a_pool_and_an_identity_there_is_no_trace_of_them() -> None:
    game = make_cyclegan(pool_size=0, identity_weight=0.0, loss=least_squares())
    _, scene, (_, (state, metrics, _)) = play(game, batch_of())
    assert "pool" not in state["disc"]
    assert "identity" not in scene
    assert sorted(metrics["gen"]) == ["adversarial", "cycle"]
    assert not game.couples_batch
    assert make_cyclegan().couples_batch
    assert not GAMES["pix2pix"]().couples_batch
    assert not GAMES["pix2pix"](loss=relativistic()).couples_batch


def test_penalties_see_the_sum_over_patches_of_every_domain() -> None:
    params, _, (_, (_, metrics, _)) = play(with_penalty(GAMES["pix2pix"](), r1()), batch_of())
    # D is linear: its slope at every pixel of the image is w, and the source's is not counted.
    expected = 0.5 * SIDE**2 * np.square(np.asarray(params["disc"])[1]).sum()
    np.testing.assert_allclose(metrics["disc"]["r1"], expected, rtol=1e-5)
    game = with_penalty(make_cyclegan(), r1() + r2() + wgan_gp())
    params, _, (_, (_, metrics, _)) = play(game, batch_of())
    square = sum(np.square(np.asarray(w)).sum() for w in params["disc"].values())
    np.testing.assert_allclose(metrics["disc"]["r1"], 0.5 * SIDE**2 * square, rtol=1e-5)
    np.testing.assert_allclose(metrics["disc"]["r2"], 0.5 * SIDE**2 * square, rtol=1e-5)
    expected = 10 * (SIDE * np.sqrt(square) - 1) ** 2
    np.testing.assert_allclose(metrics["disc"]["wgan_gp"], expected, rtol=1e-4)


# Every game with every way to play it

FIELDS: dict[str, Callable[[Game], Field]] = {
    "simultaneous": gradient,
    "alternating": gradient,
    "unrolled": lambda game: gradient(unrolled(game, num_steps=1)),
    "consensus": lambda game: consensus(gradient(game), gamma=0.1),
}
FAST = (("cyclegan", "unrolled"), ("cyclegan", "consensus"), ("pix2pix", "alternating"))
PLAYED = [
    pytest.param(name, how, marks=() if (name, how) in FAST else pytest.mark.slow)
    for name in GAMES
    for how in FIELDS
]


@pytest.mark.parametrize(("name", "how"), PLAYED)
def test_two_steps_are_finite(name: str, how: str) -> None:
    make = alternating if how == "alternating" else simultaneous
    algorithm = make(FIELDS[how](GAMES[name]()), optimizers=helpers.adams())
    start = state = algorithm.init(KEY)
    step = jax.jit(algorithm.step)
    for i in range(2):
        state, metrics = step(state, batch_of(name, i, algorithm.num_batches))
        assert all(np.isfinite(value) for value in metrics.values())
    for player in ("gen", "disc"):
        moved = helpers.max_difference(state.params[player], start.params[player])
        assert 0.0 < moved < 1.0


# What is refused


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: make_cyclegan(cycle_weight=-1.0), "cycle_weight is -1.0; it must be at least 0"),
        (lambda: make_cyclegan(pool_size=-1), "pool_size is -1; it must be an integer"),
        (
            lambda: cyclegan({}, {}, shapes={"image": (4, 4, 3), "source": (4, 4, 1)}),
            r"identity_weight is not 0, but images have shape \(4, 4, 3\) and sources",
        ),
        (lambda: GAMES["pix2pix"](l1_weight=-1.0), "l1_weight is -1.0; it must be at least 0"),
        (lambda: GAMES["super_resolution"](pixel="l3"), "pixel is 'l3'; it must be 'l1' or 'l2'"),
        (lambda: empty_pool(0, shape=(1,)), "size is 0; it must be an integer"),
    ],
)
def test_what_is_refused(build: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build()


@pytest.mark.parametrize("name", GAMES)
def test_data_that_do_not_fit_are_refused_when_played(name: str) -> None:
    game, batch = GAMES[name](loss=wasserstein()), batch_of(name)
    with pytest.raises(ValueError, match="needs 'source' in the data"):
        play(game, {"image": batch["image"]})
    with pytest.raises(ValueError, match="makes images of shape"):
        play(game, {**batch, "source": batch["source"][:, :1]})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cyclegan", r"instance_noise: the game makes images of others \(`cycle`\)"),
        ("pix2pix", r"instance_noise: the game makes images of others \(`source`\)"),
        ("super_resolution", r"instance_noise: the game makes images of others \(`source`\)"),
    ],
)
def test_images_that_belong_together_are_not_changed_apart(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        play(instance_noise(GAMES[name](), std=0.1), batch_of(name))


def parts(game: Any, source: str, spec: dict[str, tuple[int, ...]], **config: Any) -> Parts:
    sgd = {"name": "sgd", "learning_rate": 0.1}
    full = {
        "game": game,
        "data": {"source": source},
        "optimizer": {"gen": sgd, "disc": sgd},
        "discriminator": {"name": "patch", "num_layers": 1, "base_channels": 2},
        "generator": {"name": "resnet", "num_blocks": 1, "base_channels": 2},
        **config,
    }
    spec_of = {key: jax.ShapeDtypeStruct(shape, jnp.float32) for key, shape in spec.items()}
    return parts_of(resolve(full), spec_of)


PAIR = {"image": (8, 8, 3), "source": (8, 8, 1)}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            lambda: parts("pix2pix", "unpaired:a,b", PAIR),
            "data.source is 'unpaired:a,b'; game 'pix2pix' compares each image with its own "
            "source, so it needs pairs",
        ),
        (
            lambda: parts("pix2pix", "digits", {"image": (8, 8, 1)}),
            "data.source is 'digits'; game 'pix2pix' needs data with a source to translate",
        ),
        (
            lambda: parts("cyclegan", "paired:a", PAIR, num_classes=3),
            "num_classes is 3; game 'cyclegan' has no classes, so it must be 0",
        ),
        (
            lambda: parts("cyclegan", "paired:a", PAIR),
            "identity_weight is not 0, but images have shape",
        ),
        (
            lambda: parts("pix2pix", "paired:a", {"image": (8, 8, 3), "source": (4, 4, 3)}),
            r"sources of \(4, 4\) and images of \(8, 8\) pixels; resnet keeps the size",
        ),
    ],
)
def test_configs_that_do_not_fit_are_refused(made: Callable[[], Parts], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_game(made())


def test_a_named_discriminator_sees_as_many_channels_as_there_are() -> None:
    def shapes(game: str) -> Any:
        options = {"name": game, **({"identity_weight": 0.0} if game == "cyclegan" else {})}
        params, _ = jax.eval_shape(make_game(parts(options, "paired:a", PAIR)).init, KEY)
        return params["disc"], params["gen"]

    disc, _ = shapes("pix2pix")
    assert disc["conv_0"]["kernel"].shape == (4, 4, 4, 2)
    disc, gen = shapes("cyclegan")
    assert disc["image"]["conv_0"]["kernel"].shape == (4, 4, 3, 2)
    assert disc["source"]["conv_0"]["kernel"].shape == (4, 4, 1, 2)
    assert gen["forward"]["last"]["kernel"].shape == (7, 7, 2, 3)
    assert gen["backward"]["last"]["kernel"].shape == (7, 7, 2, 1)
