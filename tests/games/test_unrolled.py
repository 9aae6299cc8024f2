"""Unrolling against closed forms, finite differences and the same loop written by hand."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from jax.nn import softplus

import jaxgan
from jaxgan import Context, Game, Network, fields, losses, optimizers, penalties
from jaxgan.core.game import no_critic
from jaxgan.fields import Field, gradient
from tests import helpers
from tests.games.lookahead import (
    OPTIMIZERS,
    SLOW_ADAM,
    Setting,
    central_differences,
    distance,
    hand_ahead,
    hand_loss,
    hand_losses,
    parts_of,
    pull,
    trained,
)

pytestmark = pytest.mark.usefixtures("float64")

unrolled = jaxgan.unrolled
ZEROS = {"image": np.zeros((4, 1)), "latent": np.zeros((4, 1))}
MODES = pytest.mark.parametrize("mode", ["exact", "first_order"])


# The Dirac-GAN and the bilinear game: closed forms.


def dirac_jacobian(field: Field) -> np.ndarray:
    """J of ξ at the equilibrium, rows and columns: gen, then disc."""
    _, net_state = field.game.init(jax.random.key(0))

    def pull(w: jax.Array) -> jax.Array:
        here, context = {"gen": w[:1], "disc": w[1:]}, Context(jax.random.key(0))
        grads, _, _ = field.apply(here, (), net_state, ZEROS, context)
        return jnp.concatenate([grads["gen"], grads["disc"]])

    # Op by op: what is compiled is tested on networks, and many small programs take long.
    with jax.disable_jit():
        return np.asarray(jax.jacobian(pull)(jnp.zeros(2)))


def unrolled_dirac(num_steps: int, mode: Any, rate: float = 0.2, loss: Any = None) -> Game:
    inner = optimizers.sgd(rate)
    return unrolled(
        jaxgan.dirac(loss), num_steps=num_steps, mode=mode, inner=inner, inner_state="fresh"
    )


@MODES
@pytest.mark.parametrize("num_steps", [1, 5, 10, 20])
@pytest.mark.parametrize(
    ("loss", "slope"),
    [(losses.minimax(), 0.5), (losses.non_saturating(), 0.5), (losses.wasserstein(), 1.0)],
    ids=["minimax", "non_saturating", "wasserstein"],
)
def test_the_eigenvalues_of_the_dirac_gan(
    loss: Any, slope: float, num_steps: int, mode: Any
) -> None:
    rate = 0.2
    found = np.linalg.eigvals(
        -dirac_jacobian(gradient(unrolled_dirac(num_steps, mode, rate, loss)))
    )
    # -K η f'² ± √(K² η² f'⁴ - f'²); in first order half the damping.
    damping = num_steps * rate * slope**2 * (1.0 if mode == "exact" else 0.5)
    root = np.sqrt(complex(damping**2 - slope**2))
    expected = [-damping + root, -damping - root]
    gaps = [[abs(x - y) for y in expected] for x in found]
    assert min(gaps[0][0] + gaps[1][1], gaps[0][1] + gaps[1][0]) < 1e-6


def stop_gradient_dirac(num_steps: int, rate: float) -> Game:
    """First-order unrolling as it is usually written."""
    game = jaxgan.dirac()

    def losses_of(params: Any, net_state: Any, scene: Any, context: Context) -> Any:
        values, rest = game.losses(params, net_state, scene, context)
        psi = params["disc"]
        for _ in range(num_steps):
            psi = psi - rate * jax.grad(
                lambda psi: game.losses({**params, "disc": psi}, net_state, scene, context)[0][
                    "disc"
                ]
            )(psi)
        ahead = {**params, "disc": jax.lax.stop_gradient(psi)}
        return {**values, "gen": game.losses(ahead, net_state, scene, context)[0]["gen"]}, rest

    return game._replace(losses=losses_of)


@pytest.mark.parametrize("gamma", helpers.rows([0.0, 1.0], [0.0]))
def test_fields_on_top_of_first_order_unrolling_see_its_jacobian(gamma: float) -> None:
    num_steps, rate = 5, 0.3
    games = {
        "ours": unrolled_dirac(num_steps, "first_order", rate),
        "stopped": stop_gradient_dirac(num_steps, rate),
    }
    damping = num_steps * rate / 4
    jacobian = np.array([[damping, -0.5], [0.5, 0.0]])
    expected = jacobian + gamma * jacobian.T @ jacobian  # ξ = 0 there
    found = {
        k: dirac_jacobian(fields.consensus(gradient(g), gamma=gamma)) for k, g in games.items()
    }
    np.testing.assert_allclose(found["ours"], expected, atol=1e-12)
    # The stopped one has the same field and lost the generator's row of its Jacobian.
    assert np.abs(found["stopped"] - expected).max() > 0.1
    here = {"gen": jnp.array([0.7]), "disc": jnp.array([-0.4])}
    _, net_state = games["ours"].init(jax.random.key(0))
    pulls = {
        k: gradient(g).apply(here, (), net_state, ZEROS, Context(jax.random.key(0)))[0]
        for k, g in games.items()
    }
    np.testing.assert_allclose(pulls["ours"]["gen"], pulls["stopped"]["gen"], rtol=1e-12)


def step_matrix(algorithm: jaxgan.Algorithm) -> np.ndarray:
    state = algorithm.init(jax.random.key(0))

    def move(w: jax.Array) -> jax.Array:
        moved, _ = algorithm.step(state._replace(params={"gen": w[:1], "disc": w[1:]}), {})
        return jnp.concatenate([moved.params["gen"], moved.params["disc"]])

    with jax.disable_jit():
        return np.asarray(jax.jacobian(move)(jnp.zeros(2)))


@MODES
@pytest.mark.parametrize(
    ("num_steps", "rate", "coupling"), [(5, 0.1, 1.0), (10, 0.1, 1.0), (3, 0.2, 2.0)]
)
def test_the_bilinear_game_by_every_algorithm(
    num_steps: int, rate: float, coupling: float, mode: Any
) -> None:
    game = unrolled(jaxgan.bilinear(coupling), num_steps=num_steps, mode=mode)
    e, c = rate * coupling, 2 if mode == "exact" else 1
    lean = np.array([[c * num_steps * e, 1.0], [-1.0, 0.0]])
    simultaneous = np.eye(2) - e * lean
    disc_moves = np.array([[1.0, 0.0], [e, 1.0]])
    gen_moves = np.array([[1.0 - c * num_steps * e**2, -e], [0.0, 1.0]])
    expected = {
        jaxgan.simultaneous: simultaneous,
        jaxgan.alternating: gen_moves @ disc_moves,
        jaxgan.extragradient: np.eye(2) - e * lean @ simultaneous,
    }
    for algorithm, matrix in expected.items():
        found = step_matrix(algorithm(gradient(game), optimizers=helpers.sgds(rate)))
        np.testing.assert_allclose(found, matrix, atol=1e-12, err_msg=algorithm.__name__)
    # The radii of the table, to its digits.
    table = {(5, "exact"): 0.95394, (5, "first_order"): 0.97980, (10, "exact"): 0.9}
    if (num_steps, mode) in table:
        radius = np.abs(np.linalg.eigvals(simultaneous)).max()
        np.testing.assert_allclose(radius, table[num_steps, mode], atol=6e-6)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("num_steps", helpers.rows([1, 5, 10], [1, 5]))
def test_the_exact_gradient_is_that_of_finite_differences(optimizer: str, num_steps: int) -> None:
    setting = trained(optimizer)
    if optimizer == "adam":
        moments = setting.context.opt_state["disc"][0]
        assert int(moments.count) == 3
        assert min(float(jnp.abs(x).min()) for x in jax.tree.leaves(moments.nu)) > 0
    expected = central_differences(hand_loss(setting, num_steps), setting.params["gen"])
    found = pull(unrolled(setting.game, num_steps=num_steps), setting, "gen", compiled=True)
    assert distance(found, expected) < 1e-6
    # The plain gradient is far from it: the lookahead is seen by this test.
    plain = jax.grad(hand_loss(setting, 0))(setting.params["gen"])
    assert distance(plain, expected) > 1e-3


@pytest.mark.parametrize("optimizer", helpers.rows(["sgd", "adam"], ["sgd"]))
def test_the_discriminator_may_look_ahead_too(optimizer: str) -> None:
    setting = trained(optimizer)
    loss = hand_loss(setting, 5, "disc")
    expected = central_differences(loss, setting.params["disc"])
    ahead = unrolled(setting.game, player="disc", opponent="gen", num_steps=5)
    grads, _, (_, metrics) = pull(ahead, setting, compiled=True)
    assert distance(grads["disc"], expected) < 1e-6
    np.testing.assert_allclose(metrics["disc"]["loss"], loss(setting.params["disc"]), rtol=1e-12)
    plain_grads, _, (_, plain_metrics) = pull(setting.game, setting)
    assert distance(grads["gen"], plain_grads["gen"]) < 1e-12
    # The fakes that it judges are those of the generator to come.
    assert abs(metrics["disc"]["fake_out"] - plain_metrics["disc"]["fake_out"]) > 1e-3
    np.testing.assert_allclose(
        metrics["disc"]["real_out"], plain_metrics["disc"]["real_out"], rtol=1e-12
    )


def test_no_steps_is_the_game_itself() -> None:
    game = helpers.mlp_gan(jnp.float64)
    assert unrolled(game, num_steps=0) is game


def test_exact_minus_first_order_is_the_opponents_response() -> None:
    setting, num_steps = trained(), 5
    psi, unravel = ravel_pytree(setting.params["disc"])

    def ahead(theta: Any) -> jax.Array:
        return ravel_pytree(
            hand_ahead(
                {**setting.params, "gen": theta},
                setting.context.opt_state["disc"],
                OPTIMIZERS["adam"],
                [setting.batch] * num_steps,
            )
        )[0]

    theta, unravel_gen = ravel_pytree(setting.params["gen"])
    jacobian = jax.jacfwd(lambda t: ahead(unravel_gen(t)))(theta)  # forward mode, ours is reverse
    sensitivity = jax.grad(
        lambda psi: hand_losses({**setting.params, "disc": unravel(psi)}, setting.batch)["gen"]
    )(ahead(setting.params["gen"]))
    assert jacobian.shape == (theta.size, psi.size)[::-1]
    exact, first = (
        pull(unrolled(setting.game, num_steps=num_steps, mode=m), setting, "gen", compiled=True)
        for m in ("exact", "first_order")
    )
    response = jax.tree.map(jnp.subtract, exact, first)
    assert distance(response, unravel_gen(jacobian.T @ sensitivity)) < 1e-9
    # and the first-order gradient is the partial one at ψ_k.
    there = {**setting.params, "disc": unravel(ahead(setting.params["gen"]))}
    partial = jax.grad(lambda theta: hand_losses({**there, "gen": theta}, setting.batch)["gen"])(
        setting.params["gen"]
    )
    assert distance(first, partial) < 1e-12


# What the inner steps start from, see and leave behind.


@pytest.mark.parametrize(
    "case",
    helpers.rows(
        ["fresh state", "another optimizer", "live, another rate"],
        ["another optimizer", "fresh state"],
    ),
)
def test_the_inner_optimizer(case: str) -> None:
    setting, psi = trained(), trained().params["disc"]
    live = setting.context.opt_state["disc"]
    options, optimizer, opt_state = {
        "fresh state": (
            {"inner_state": "fresh"},
            OPTIMIZERS["adam"],
            OPTIMIZERS["adam"].init(psi),
        ),
        "another optimizer": (
            {"inner": OPTIMIZERS["momentum"], "inner_state": "fresh"},
            OPTIMIZERS["momentum"],
            OPTIMIZERS["momentum"].init(psi),
        ),
        "live, another rate": ({"inner": SLOW_ADAM}, SLOW_ADAM, live),
    }[case]
    loss = hand_loss(setting, 3, optimizer=optimizer, opt_state=opt_state)
    found = pull(unrolled(setting.game, num_steps=3, **options), setting, "gen")
    assert distance(found, jax.grad(loss)(setting.params["gen"])) < 1e-9
    default = jax.grad(hand_loss(setting, 3))(setting.params["gen"])
    assert distance(found, default) > 1e-5


@pytest.mark.parametrize("player", helpers.rows(["gen", "disc"], ["gen"]))
def test_every_inner_step_may_have_its_own_batch(player: str) -> None:
    setting, opponent = trained(), {"gen": "disc", "disc": "gen"}[player]
    *inner, last = parts_of(setting.batch, 4)
    expected = jax.grad(hand_loss(setting, 3, player, parts=inner, last=last))(
        setting.params[player]
    )
    game = unrolled(
        setting.game, player=player, opponent=opponent, num_steps=3, inner_batch="fresh"
    )
    grads, _, _ = pull(game, setting)
    assert distance(grads[player], expected) < 1e-9
    # The opponent's own loss is that of the whole batch.
    whole = jax.grad(
        lambda w: hand_losses({**setting.params, opponent: w}, setting.batch)[opponent]
    )
    assert distance(grads[opponent], whole(setting.params[opponent])) < 1e-12


@pytest.mark.slow
def test_lazy_penalties_count_the_opponents_updates() -> None:
    weight, every, num_steps = 2.0, 3, 4
    term = penalties.r1(weight=weight, every=every)
    game, plain = helpers.mlp_gan(jnp.float64, penalty=term), trained().game
    inside = gradient(unrolled(game, num_steps=num_steps))
    outside = gradient(jaxgan.with_penalty(unrolled(plain, num_steps=num_steps), term))

    @jax.jit
    def both(params: Any, net_state: Any, batch: Any, context: Context) -> Any:
        return [f.apply(params, (), net_state, batch, context)[0] for f in (inside, outside)]

    for offset in range(2):  # the discriminator has had 3 or 4 updates
        setting = trained("adam", offset)
        args = (setting.params, setting.net_state, setting.batch, setting.context)
        found_inside, found_outside = both(*args)
        due = [every * weight * ((3 + offset + i) % every == 0) for i in range(num_steps)]
        assert sorted(due) == [0.0] * (2 + offset) + [6.0] * (2 - offset)
        expected = jax.grad(hand_loss(setting, num_steps, due=due))(setting.params["gen"])
        assert distance(found_inside["gen"], expected) < 1e-9
        # Outside, the steps that are foreseen are those of the game without penalty ...
        unpenalised = jax.grad(hand_loss(setting, num_steps))(setting.params["gen"])
        assert distance(found_outside["gen"], unpenalised) < 1e-9
        assert distance(expected, unpenalised) > 1e-3
        # ... and the discriminator's own step is the penalised one all the same.
        own = jax.grad(
            lambda psi, s=setting, w=due[0]: hand_losses({**s.params, "disc": psi}, s.batch, w)[
                "disc"
            ]
        )(setting.params["disc"])
        for found in (found_inside, found_outside):
            assert distance(found["disc"], own) < 1e-9


def test_the_opponents_own_step_is_that_of_the_plain_game() -> None:
    game = helpers.mlp_gan(jnp.float64, gen_batch_norm=True, disc_batch_norm=True)
    params, net_state = game.init(jax.random.key(0))
    setting = trained()._replace(game=game, params=params, net_state=net_state)
    for mode in ("exact", "first_order"):
        ahead = unrolled(game, num_steps=2, mode=mode, inner=OPTIMIZERS["sgd"], inner_state="fresh")
        grads, _, (new_state, metrics) = pull(ahead, setting)
        plain_grads, _, (plain_state, plain_metrics) = pull(game, setting)
        assert distance(grads["disc"], plain_grads["disc"]) < 1e-12
        assert distance(grads["gen"], plain_grads["gen"]) > 1e-2
        # The batch statistics of both players too: those of inner steps are gone.
        assert helpers.max_difference(new_state, plain_state) < 1e-14
        assert helpers.max_difference(new_state["disc"], net_state["disc"]) > 1e-3
        assert helpers.max_difference(metrics["disc"], plain_metrics["disc"]) < 1e-14
        assert metrics.keys() == plain_metrics.keys()
        assert abs(float(metrics["gen"]["loss"] - plain_metrics["gen"]["loss"])) > 1e-3


def test_network_state_is_carried_through_the_inner_steps_and_dropped() -> None:
    """A discriminator that grows with every call: D(x) = (1 + calls / 10) x · w."""

    def apply(w: Any, state: Any, x: Any, *, train: bool = True, key: Any = None) -> Any:
        return (1 + 0.1 * state) * (x @ w), state + 1.0

    disc = Network(init=lambda key: (jnp.array([0.5, -0.3]), jnp.zeros(())), apply=apply)
    gen = Network(init=lambda key: (jnp.ones((3, 2)), {}), apply=lambda w, s, z, **_: (z @ w, s))
    game = jaxgan.gan(gen, disc, latent=3)
    params, net_state = game.init(jax.random.key(0))
    net_state["disc"]["network"] = jnp.full((), 4.0)
    batch, rate = trained().batch, 0.3

    def by_hand(theta: Any) -> jax.Array:
        psi, calls, fake, real = params["disc"], 4.0, batch["latent"] @ theta, batch["image"]
        for _ in range(3):
            slopes = (1 + 0.1 * calls, 1 + 0.1 * (calls + 1))  # of the real and the fake pass
            psi = psi - rate * jax.grad(
                lambda w, s=slopes: jnp.mean(
                    softplus(-s[0] * (real @ w)) + softplus(s[1] * (fake @ w))
                )
            )(psi)
            calls += 2
        return jnp.mean(softplus(-(1 + 0.1 * (calls + 1)) * (fake @ psi)))

    ahead = unrolled(game, num_steps=3, inner=optimizers.sgd(rate), inner_state="fresh")
    setting = Setting(game, params, net_state, batch, Context(jax.random.key(0)))
    grads, _, (new_state, _) = pull(ahead, setting)
    assert distance(grads["gen"], jax.grad(by_hand)(params["gen"])) < 1e-12
    assert float(new_state["disc"]["network"]) == 6.0


# Games whose scene depends on the discriminator.


def latent_steps(alpha: float) -> Game:
    """LOGAN in one dimension: z follows D's gradient before G(z) = θ z is judged by D(x) = ψ x.

    x̂ = θ (z + α θ ψ), L_gen = -ψ x̂ and L_disc = ψ (x̂ - x) + ½ ψ², with z = 1.
    """

    def init(key: Any) -> Any:
        return {"gen": jnp.float64(0.0), "disc": jnp.float64(0.0)}, {"gen": {}, "disc": {}}

    def generate(params: Any, net_state: Any, batch: Any, context: Context) -> Any:
        theta, psi = params["gen"], params["disc"]
        latent = jnp.ones_like(batch["image"])
        steepest = jax.jit(jax.grad(lambda z: jnp.sum(psi * theta * z)))(latent)
        return {"real": batch["image"], "fake": theta * (latent + alpha * steepest)}, net_state

    def losses_of(params: Any, net_state: Any, scene: Any, context: Context) -> Any:
        psi, fake, real = params["disc"], jnp.mean(scene["fake"]), jnp.mean(scene["real"])
        values = {"gen": -psi * fake, "disc": psi * (fake - real) + 0.5 * psi**2}
        return values, (net_state, {"gen": {}, "disc": {}}, {})

    return Game(init=init, generate=generate, losses=losses_of, critic=no_critic)


@MODES
@pytest.mark.parametrize(("num_steps", "alpha"), [(1, 0.8), (3, 0.8), (3, 0.0)])
def test_what_depends_on_the_opponent_is_made_anew_in_every_step(
    num_steps: int, alpha: float, mode: Any
) -> None:
    theta, start, rate, real = 0.9, 0.5, 0.2, 0.7
    psi, slope = start, 0.0  # dψ/dθ
    for _ in range(num_steps):
        # ∂L_disc/∂ψ = θ + 2 α θ² ψ - x + ψ
        slope -= rate * (1 + 4 * alpha * theta * psi + (2 * alpha * theta**2 + 1) * slope)
        psi -= rate * (theta + 2 * alpha * theta**2 * psi - real + psi)
    # L_gen = -θ ψ - α θ² ψ²
    direct = -psi - 2 * alpha * theta * psi**2
    response = (-theta - 2 * alpha * theta**2 * psi) * slope
    expected = direct + (response if mode == "exact" else 0.0)
    game = unrolled(
        latent_steps(alpha),
        num_steps=num_steps,
        inner=optimizers.sgd(rate),
        inner_state="fresh",
        mode=mode,
    )
    params = {"gen": jnp.float64(theta), "disc": jnp.float64(start)}
    batch, context = {"image": jnp.full((4, 1), real)}, Context(jax.random.key(0))
    _, net_state = game.init(context.key)
    grads, _, _ = gradient(game).apply(params, (), net_state, batch, context)
    np.testing.assert_allclose(grads["gen"], expected, rtol=1e-12)


def test_what_does_not_depend_on_the_opponent_is_made_once() -> None:
    setting = trained()
    arguments = (setting.params, setting.net_state, setting.batch, setting.context)
    plain, _ = setting.game.generate(*arguments)
    scene, _ = unrolled(setting.game, num_steps=2).generate(*arguments)
    assert set(scene) == set(plain)
    scene, _ = unrolled(setting.game, player="disc", opponent="gen", num_steps=2).generate(
        *arguments
    )
    assert set(scene) - set(plain) == {"unrolled/batch"}
