"""Games whose discriminator sees its examples changed: augmentation, noise, ADA, APA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm, Context, Game, Network, distributed, fields, penalties
from jaxgan import transforms as tf
from jaxgan.algorithms import alternating, simultaneous
from jaxgan.augment import adjustable, bgc, diffaugment, each
from jaxgan.augment._ada import GROUPS
from jaxgan.config import build, build_step, resolve
from jaxgan.config.base import Config
from jaxgan.core.errors import ConfigError
from jaxgan.core.schedules import linear
from jaxgan.data.source import ElementSpec
from jaxgan.fields import gradient
from jaxgan.games import ada, apa, augmented, augmented_at, instance_noise
from jaxgan.games._augmented import example_keys
from tests import helpers
from tests.devices import distance

SIDE, LATENT = 6, 3
IMAGE = (SIDE, SIDE, 1)
KEY = jax.random.key(1)


def image_gan(dtype: Any = jnp.float32, bias: float = 0.0) -> Game:
    """A linear generator of images against a quadratic discriminator."""

    def gen_apply(w: Any, state: Any, z: Any, **_: Any) -> Any:
        return jnp.tanh(z @ w).reshape(-1, *IMAGE), state

    def disc_apply(w: Any, state: Any, x: Any, **_: Any) -> Any:
        flat = x.reshape(len(x), -1)
        return flat @ w["linear"] + jnp.square(flat) @ w["square"] + w["bias"], state

    def disc_init(key: Any) -> Any:
        linear, square = 0.3 * jax.random.normal(key, (2, SIDE * SIDE), dtype)
        return {"linear": linear, "square": square, "bias": jnp.asarray(bias, dtype)}, {}

    return jaxgan.gan(
        Network(
            init=lambda key: (jax.random.normal(key, (LATENT, SIDE * SIDE), dtype), {}),
            apply=gen_apply,
        ),
        Network(init=disc_init, apply=disc_apply),
        latent=lambda key, shape: jax.random.normal(key, (*shape, LATENT), dtype),
    )


def images(num: int = 8, seed: int = 0, dtype: Any = jnp.float32) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).uniform(-1, 1, (num, *IMAGE)), dtype)


def lazily(key: jax.Array, examples: jax.Array) -> jax.Array:
    """Each example times its own factor."""
    return examples * jax.random.uniform(key, (len(examples), 1, 1, 1), examples.dtype, 0.5, 2.0)


def play(
    game: Game, context: Context, batch: Any = None, p: float | None = None
) -> tuple[Any, Any, Any]:
    """(params, scene, what `losses` returns), with the controllers' p set."""
    params, net_state = game.init(jax.random.key(0))
    for name in ("ada", "apa"):
        if p is not None and name in net_state["disc"]:
            net_state["disc"][name]["p"] = jnp.float32(p)
    batch = {"image": images()} if batch is None else batch
    scene, net_state = game.generate(params, net_state, batch, context)
    return params, scene, game.losses(params, net_state, scene, context)


def assert_same_losses(one: Any, other: Any) -> None:
    jax.tree.map(np.testing.assert_array_equal, one[0], other[0])
    jax.tree.map(np.testing.assert_array_equal, one[1][2], other[1][2])


WRAPPED: dict[str, Callable[[Game], Game]] = {
    "augmented": lambda game: augmented(game, lazily),
    "instance_noise": lambda game: instance_noise(game, std=0.3),
    "ada": lambda game: ada(game, length_images=32, every=2, augment=adjustable(lazily)),
    "apa": lambda game: apa(game, length_images=32, every=2),
    "all": lambda game: instance_noise(
        apa(ada(game, length_images=32, every=1, augment=adjustable(lazily)), every=1), std=0.1
    ),
}
EACH = pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)


# What the discriminator sees.


def test_both_halves_are_augmented_in_every_loss_and_samples_are_not() -> None:
    context = Context(KEY)
    game = augmented(image_gan(), lambda key, x: x + 0.5)
    params, scene, seen = play(game, context)
    plain = image_gan()
    _, net_state = plain.init(jax.random.key(0))
    assert (scene["real"] == images()).all()
    clean, _ = plain.generate(params, net_state, {"image": images()}, context)
    np.testing.assert_array_equal(scene["fake"], clean["fake"])
    moved = {**clean, "real": clean["real"] + 0.5, "fake": clean["fake"] + 0.5}
    assert_same_losses(seen, plain.losses(params, net_state, moved, context))
    inside = game.critic(params, net_state, scene["real"], scene, context)
    np.testing.assert_array_equal(inside, seen[1][2]["real"])


@EACH
def test_nothing_is_changed_where_nothing_is_trained(wrap: Callable[[Game], Game]) -> None:
    context = Context(KEY, train=False)
    assert_same_losses(play(wrap(image_gan()), context, p=1.0)[2], play(image_gan(), context)[2])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda game: augmented(game, lambda key, examples: examples),
        lambda game: instance_noise(game, std=0.0),
        lambda game: instance_noise(game, std=linear(1.0, 0.0, num_steps=5)),
        ada,
        apa,
    ],
)
def test_no_strength_is_the_identity(wrap: Callable[[Game], Game]) -> None:
    context = Context(KEY, step=jnp.int32(7))
    jitted = jax.jit(lambda: play(wrap(image_gan()), context)[2])
    assert_same_losses(jitted(), jax.jit(lambda: play(image_gan(), context)[2])())


def test_every_example_has_its_own_draw() -> None:
    same = jnp.broadcast_to(images(1), (8, *IMAGE))
    for wrap in WRAPPED.values():
        if wrap is WRAPPED["apa"]:
            continue
        outputs = play(wrap(image_gan()), Context(KEY), {"image": same}, p=1.0)[2][1][2]
        assert len(np.unique(outputs["real"])) == 8
    # Real and generated ones differ too: seen alike, they would have the same factors.
    game = augmented(image_gan(), lazily)
    params, net_state = game.init(jax.random.key(0))
    scene = {"real": same, "fake": same}
    _, (_, _, outputs) = game.losses(params, net_state, scene, Context(KEY))
    assert not np.intersect1d(outputs["real"], outputs["fake"]).size


def test_a_probability_may_be_a_schedule() -> None:
    """At 1 every example is changed, as in `augmented`; at 0 none is; in between by its draw."""
    scheduled = augmented_at(image_gan(), adjustable(lazily), p=linear(1.0, 0.0, num_steps=10))
    first, last = (Context(KEY, step=jnp.int32(step)) for step in (0, 10))
    assert_same_losses(play(scheduled, first)[2], play(augmented(image_gan(), lazily), first)[2])
    assert_same_losses(play(scheduled, last)[2], play(image_gan(), last)[2])
    half = Context(KEY, step=jnp.int32(5))
    batch = {"image": images(4096)}
    outputs, plain = (play(game, half, batch)[2][1][2] for game in (scheduled, image_gan()))
    share = np.mean(np.asarray(outputs["real"] != plain["real"]))
    assert abs(share - 0.5) < 4 * np.sqrt(0.25 / 4096)


def test_noise_has_the_spread_of_its_schedule_on_points_too() -> None:
    def network(apply: Callable[..., Any]) -> Network:
        return Network(
            init=lambda key: (jnp.zeros(()), {}), apply=lambda w, s, x, **_: (apply(x), s)
        )

    game = jaxgan.gan(network(lambda z: z), network(lambda x: x[:, 0] - 2.0 * x[:, 1]), latent=2)
    noisy = instance_noise(game, std=linear(0.4, 0.0, num_steps=10))
    points = {"image": jnp.ones((20_000, 2))}
    for step, std in ((0, 0.4), (5, 0.2)):
        context = Context(KEY, step=jnp.int32(step))
        _, scene, (_, (_, _, outputs)) = play(noisy, context, points)
        noise = outputs["real"] - (scene["real"][:, 0] - 2.0 * scene["real"][:, 1])
        fake_noise = outputs["fake"] - (scene["fake"][:, 0] - 2.0 * scene["fake"][:, 1])
        for one in (noise, fake_noise):
            assert abs(np.mean(one)) < 4 * std * np.sqrt(5 / 20_000)
            np.testing.assert_allclose(np.std(one), std * np.sqrt(5), rtol=0.02)
        assert abs(np.corrcoef(noise, fake_noise)[0, 1]) < 0.03


def test_r1_is_taken_through_the_augmentation() -> None:
    """For D(x) = w·x and T(x) = a x, R1 is ½ a² |w|²; a is seen in the logits."""
    quadratic = image_gan()

    def init(key: Any) -> Any:
        params, net_state = quadratic.init(key)
        params["disc"]["square"] *= 0.0
        return params, net_state

    plain = augmented(quadratic._replace(init=init), lazily)
    game = jaxgan.with_penalty(plain, penalties.r1(weight=3.0))
    params, scene, (values, (_, metrics, outputs)) = play(game, Context(KEY))
    w = np.asarray(params["disc"]["linear"], np.float64)
    factors = outputs["real"] / (np.asarray(scene["real"]).reshape(8, -1) @ w)
    assert np.ptp(factors) > 0.3
    expected = 3.0 / 2 * np.mean(factors**2) * np.sum(w**2)
    np.testing.assert_allclose(metrics["disc"]["r1"], expected, rtol=1e-4)
    without = play(plain, Context(KEY))[2][0]["disc"]
    np.testing.assert_allclose(values["disc"] - without, expected, rtol=1e-4)


# Pseudo augmentation.


@pytest.mark.usefixtures("float64")
def test_pseudo_examples_are_the_generated_ones_and_pass_no_gradient() -> None:
    dtype = jnp.float64
    both = penalties.r1() + penalties.r2()
    plain = jaxgan.with_penalty(image_gan(dtype), both)
    game = apa(plain)
    batch, context = {"image": images(dtype=dtype)}, Context(KEY)

    def metrics_of(game: Game) -> Any:
        _, (_, metrics, outputs) = jax.jit(lambda: play(game, context, batch, p=1.0)[2])()
        return metrics["disc"], outputs

    metrics, outputs = metrics_of(game)
    np.testing.assert_array_equal(outputs["real"], outputs["fake"])
    np.testing.assert_allclose(metrics["r1"], metrics["r2"], rtol=1e-12)
    # A penalty around it looks where it says: at the real examples, or at a labelled batch.
    around, _ = metrics_of(jaxgan.with_penalty(apa(image_gan(dtype)), both))
    alone, _ = metrics_of(plain)
    np.testing.assert_allclose(around["r1"], alone["r1"], rtol=1e-12)
    assert abs(around["r1"] - metrics["r1"]) > 0.1

    def shown_as_real(params: Any) -> Any:
        _, net_state = game.init(jax.random.key(0))
        net_state["disc"]["apa"]["p"] = jnp.float32(0.5)
        scene, net_state = game.generate(params, net_state, batch, context)
        _, (_, _, outputs) = game.losses(params, net_state, scene, context)
        return jnp.sum(outputs["real"]), outputs

    params, _ = game.init(jax.random.key(0))
    grads, outputs = jax.jit(jax.grad(shown_as_real, has_aux=True))(params)
    assert 0 < (outputs["real"] == outputs["fake"]).sum() < 8
    assert (grads["gen"] == 0).all()
    assert (grads["disc"]["linear"] != 0).any()


# The controller.


def official(signs: list[float], target: float, every: int, stride: float) -> list[float]:
    """p in every update, as the authors' training loop moves it."""
    p, seen, used = 0.0, [], []
    for number, sign in enumerate(signs, start=1):
        used.append(p)
        seen.append(sign)
        if number % every == 0:
            p = min(max(p + np.sign(np.mean(seen) - target) * stride, 0.0), 1.0)
            seen = []
    return used


def sign_game(wrap: Callable[[Game], Game]) -> Game:
    """A discriminator that tells the mean of its example, and hardly learns."""

    def mean(w: Any, state: Any, x: Any, **_: Any) -> Any:
        return jnp.mean(x, axis=(1, 2, 3)) + 1e-9 * w, state

    gen = Network(
        init=lambda key: (jnp.zeros(()), {}),
        apply=lambda w, s, z, **_: (z[:, :, None, None] + w, s),
    )
    return wrap(
        jaxgan.gan(gen, Network(init=lambda key: (jnp.zeros(()), {}), apply=mean), latent=1)
    )


def streaks(num: int) -> np.ndarray:
    """Batches of eight pixels: all positive at first, later most of them negative, then mixed."""
    rng = np.random.default_rng(0)
    chance = np.repeat([1.0, 0.1, 0.8], [32, 30, num - 62])
    return np.where(rng.uniform(size=(8, num)) < chance, 1.0, -1.0).T.astype(np.float32)


@pytest.mark.parametrize("name", ["ada", "apa"])
def test_p_moves_as_published(name: str) -> None:
    """Four updates of eight images of 200 for the whole way: 0.16 each, up to 1 and down to 0."""
    identity = adjustable(lambda key, examples: examples)
    make = {
        "ada": lambda game: ada(game, length_images=200, augment=identity),
        "apa": lambda game: apa(game, length_images=200),
    }[name]
    algorithm = simultaneous(gradient(sign_game(make)), optimizers=helpers.sgds(1e-3))
    steps = tf.substeps(algorithm, num_steps=80)
    batches = {"image": jnp.asarray(streaks(80))[..., None, None, None]}
    step = jax.jit(algorithm.step)
    state, logged = algorithm.init(jax.random.key(0)), []
    for index in range(80):
        state, metrics = step(state, jax.tree.map(lambda x, i=index: x[i], batches))
        logged.append(metrics)
    prefix = {"ada": "augment", "apa": "pseudo"}[name]
    signs = [float(metrics[f"disc/{prefix}_r"]) for metrics in logged]
    used = [float(metrics[f"disc/{prefix}_p"]) for metrics in logged]
    if name == "ada":
        np.testing.assert_allclose(signs, streaks(80).mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(used, official(signs, 0.6, 4, 0.16), atol=1e-6)
    assert min(used) == 0
    assert max(used) == 1 if name == "ada" else 0.4 < max(used) < 1
    # In one scan, the same bits.
    together, _ = jax.jit(steps.step)(steps.init(jax.random.key(0)), batches)
    helpers.assert_same_bits(together, state)


def test_only_updates_of_the_discriminator_count() -> None:
    """Two updates and one of the generator per step: after four, p moves in the fifth."""
    field = gradient(sign_game(lambda game: ada(game, length_images=200, augment=bgc(("color",)))))
    algorithm = alternating(field, optimizers=helpers.sgds(1e-3), n_critic=2)
    state = algorithm.init(jax.random.key(0))
    batch, step = {"image": jnp.ones((3, 8, 1, 1, 1))}, jax.jit(algorithm.step)
    seen = []
    for _ in range(5):
        state, _ = step(state, batch)
        own = jax.device_get(state.net_state["disc"]["ada"])
        seen.append((round(float(own["p"]), 4), float(own["calls"]), int(own["update"])))
    assert seen[:2] == [(0.0, 2.0, 1), (0.0, 4.0, 3)]
    assert seen[2] == (0.16, 2.0, 5)
    assert [one[1:] for one in seen[3:]] == [(4.0, 7), (2.0, 9)]
    assert {leaf.dtype for leaf in jax.tree.leaves(own)} == {np.dtype("f4"), np.dtype("i4")}


@pytest.mark.parametrize(
    "name", helpers.rows(WRAPPED, ["augmented", "instance_noise", "ada", "apa"])
)
@pytest.mark.usefixtures("float64")
def test_parts_of_a_batch_are_the_batch(name: str) -> None:
    """Microbatches see the draws and the p of the whole, and leave the same state behind."""
    field = gradient(WRAPPED[name](image_gan(jnp.float64, bias=3.0)))
    whole, parts = (
        simultaneous(one, optimizers=helpers.sgds(0.01))
        for one in (field, fields.microbatch(field, num_parts=4))
    )
    states = [one.init(jax.random.key(0)) for one in (whole, parts)]
    steps = [jax.jit(one.step) for one in (whole, parts)]
    for index in range(6):
        batch = {"image": images(seed=index, dtype=jnp.float64)}
        for which, step in enumerate(steps):
            states[which], _ = step(states[which], batch)
    assert distance(states[0].params, states[1].params) < 1e-12
    for controller in ("ada", "apa"):
        if controller in states[0].net_state["disc"]:
            one, other = (state.net_state["disc"][controller] for state in states)
            assert one["p"] == other["p"]
            if name != "all":
                assert one["p"] > 0
            assert one["calls"] * 4 == other["calls"]


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "policy"), [("split", GROUPS), ("replicas", ("color",))])
@pytest.mark.usefixtures("float64")
def test_the_same_on_one_and_on_eight_devices(mode: str, policy: tuple[str, ...]) -> None:
    seen = []
    for num in (1, 8):
        mesh = distributed.make_mesh(num)
        game = instance_noise(
            ada(image_gan(jnp.float64, 3.0), length_images=20, every=1, augment=bgc(policy)),
            std=0.1,
        )
        game = jaxgan.with_penalty(game, penalties.r1())
        if mode == "replicas":
            game = distributed.replica_mean(game, mesh=mesh)
        algorithm = simultaneous(gradient(game), optimizers=helpers.sgds(0.01))
        like = jax.eval_shape(algorithm.init, jax.random.key(0))
        shardings = distributed.state_shardings(like, mesh)
        state = jax.jit(algorithm.init, out_shardings=shardings)(jax.random.key(0))
        step, history = distributed.jit_step(algorithm, mesh, shardings), []
        for index in range(4):
            batch = {"image": images(seed=index, dtype=jnp.float64)}
            batch = jax.device_put(batch, distributed.batch_sharding(mesh))
            state, metrics = step(state, batch)
            history.append(jax.device_get(metrics))
        own = state.net_state["disc"]["ada"]
        losses = [(metrics["loss/gen"], metrics["loss/disc"]) for metrics in history]
        seen.append(jax.device_get(((losses, state.params), (own, history[-1]))))
    assert seen[0][1][1]["disc/augment_p"] > 0.3
    assert distance(seen[1][0], seen[0][0]) < 1e-10
    assert distance(seen[1][1], seen[0][1]) < 1e-6  # float32 itself


@pytest.mark.slow
def test_a_game_that_looks_ahead_through_it() -> None:
    """At p = 1 some probability has an infinite derivative, which no gradient may meet."""
    game = jaxgan.unrolled(
        ada(image_gan(), length_images=100, every=1, augment=bgc(("geometric",))),
        num_steps=2,
        inner=jaxgan.optimizers.sgd(0.1),
        inner_state="fresh",
    )
    algorithm = tf.seeds(simultaneous(gradient(game), optimizers=helpers.sgds(0.1)), num_seeds=2)
    state = algorithm.init(jax.random.key(0))
    state.net_state["disc"]["ada"]["p"] = jnp.asarray([0.0, 1.0], jnp.float32)
    state, metrics = jax.jit(algorithm.step)(state, {"image": images()})
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params))
    assert metrics["disc/augment_p"] == metrics["std/disc/augment_p"] == 0.5
    # What happens in inner steps stays there.
    np.testing.assert_array_equal(state.net_state["disc"]["ada"]["calls"], np.ones(2))


def test_keys_of_parts_are_those_of_the_whole() -> None:
    whole = each(lazily, example_keys(Context(KEY), "x", 8), images())
    part = Context(KEY, part=jnp.int32(3), num_parts=4)
    np.testing.assert_array_equal(each(lazily, example_keys(part, "x", 2), images()[6:]), whole[6:])


# Bad input.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: instance_noise(image_gan(), std=-0.1), "^std is -0.1; it must be at least 0 and"),
        (
            lambda: augmented_at(image_gan(), bgc(), p=1.5),
            "^p is 1.5; it must be from 0 to 1",
        ),
        (lambda: augmented_at(image_gan(), bgc(), p=-0.5), "^p is -0.5; it must be from 0"),
        (lambda: ada(image_gan(), target=1.5), "^target is 1.5; it must be from -1 to 1"),
        (lambda: apa(image_gan(), target=-2), "^target is -2; it must be from -1 to 1"),
        (lambda: ada(image_gan(), length_images=0), "^length_images is 0; it must be an int"),
        (lambda: apa(image_gan(), every=1.5), "^every is 1.5; it must be an integer"),
        (lambda: ada(ada(image_gan())).init(KEY), "^ada: the game has one already$"),
        (
            lambda: augmented(jaxgan.unrolled(image_gan(), num_steps=1), diffaugment()),
            r"^augmented: the game looks ahead.*unrolled\(augmented\(game, \.\.\.\)\)$",
        ),
        (
            lambda: play(instance_noise(jaxgan.bilinear(), std=0.1), Context(KEY), {}),
            "^instance_noise needs a game whose scene has 'real', such as `gan`$",
        ),
    ],
)
def test_bad_input_is_refused_in_one_line(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


def config_of(**sections: Any) -> Any:
    sgd = {"name": "sgd", "learning_rate": 0.1}
    networks = {"generator": "mlp", "discriminator": "mlp"}
    return resolve.resolve({**networks, "optimizer": {"gen": sgd, "disc": sgd}, **sections})


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"augment": "difaugment"}, "augment.name is 'difaugment'; .*did you mean diffaugment"),
        ({"augment": {"name": "ada", "goal": 1}}, r"augment \(ada\).goal: unknown key"),
        ({"augment": {"name": "apa", "target": 2.0}}, "augment.target is 2.0"),
        ({"augment": "bgc"}, "augment.p is missing"),
        ({"augment": {"name": "bgc", "p": 1.5}}, "augment.p is 1.5; it must be from"),
        ({"augment": {"name": "diffaugment", "policy": ["hue"]}}, r"augment.policy is \['hue'\]"),
        ({"instance_noise": 0.1}, r"instance_noise is 0.1; it must be {'std': \.\.\.} or none"),
        ({"instance_noise": {"std": -1.0}}, "instance_noise.std is -1.0"),
    ],
)
def test_bad_configs_are_refused_in_one_line(sections: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        build.build_game(config_of(**sections), {"image": jax.ShapeDtypeStruct(IMAGE, "float32")})


def check_step(algorithm: Algorithm, config: Config, spec: ElementSpec) -> None:
    mesh = build.build_mesh(config)
    build_step.check_step(
        algorithm, build_step.build_arguments(algorithm, config, spec, True, mesh)
    )


def test_configs_build_these_games() -> None:
    noise = {"schedule": "linear", "init_value": 0.1, "final_value": 0.0, "num_steps": 10}
    diff, adaptive = {"name": "diffaugment"}, {"name": "ada", "policy": ["blit"], "every": 2}
    ahead = {"num_steps": 1}
    for augment, shape in ((diff, IMAGE), (adaptive, IMAGE), ("apa", (2,)), ("none", (2,))):
        config = config_of(augment=augment, instance_noise={"std": noise}, unrolled=ahead)
        spec = {"image": jax.ShapeDtypeStruct(shape, "float32")}
        algorithm = build.build_algorithm(config, spec)
        check_step(algorithm, config, spec)
    config = config_of(augment=diff)
    algorithm = build.build_algorithm(config, spec)
    with pytest.raises(ConfigError, match=r"shape \(2,\); it takes images \[H, W, C\]$"):
        check_step(algorithm, config, spec)
    risen = {"name": "bgc", "policy": ["color", "cutout"], "color_share": 0.5}
    risen["p"] = {**noise, "schedule": "cosine", "final_value": 0.55}
    assert build.build_game(config_of(augment=risen), spec).players == ("disc", "gen")
    off = config_of()
    assert off["augment"] is off["instance_noise"] is None
