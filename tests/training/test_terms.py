"""Terms that are watched in training: what is logged, on one device and on eight."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan import distributed, losses, penalties
from jaxgan.cli.main import main
from jaxgan.fields import gradient
from jaxgan.training.hooks import Moment
from jaxgan.training.telemetry import Log
from jaxgan.training.terms import make_terms
from tests import helpers

ROOT = Path(__file__).parents[2]
SGDS = helpers.sgds(0.1)


POINTS = {"image": np.linspace(-1.0, 1.0, 8, dtype=np.float32)[:, None]}


def looked(algorithm: jaxgan.Algorithm, num_devices: int) -> Mapping[str, float]:
    mesh = distributed.make_mesh(num_devices)
    state = jax.jit(algorithm.init, out_shardings=distributed.replicated(mesh))(jax.random.key(0))
    games = {0: algorithm.field.game, 10: jaxgan.dirac()}
    hook = make_terms(games, SGDS, POINTS, every=1, mesh=mesh)
    assert not hook.call(Moment(step=10, state=state, log=Log()))  # the next phase has no terms
    found = hook.call(Moment(step=9, state=state, log=Log()))
    assert found is not None
    return found


def test_the_same_is_logged_on_eight_devices() -> None:
    game = jaxgan.dirac(losses.hinge() + 0.5 * losses.non_saturating())
    game = jaxgan.with_penalty(game, penalties.r1(weight=0.3, every=4))
    algorithm = jaxgan.simultaneous(gradient(game), optimizers=SGDS)
    one, eight = looked(algorithm, 1), looked(algorithm, 8)
    terms = [
        f"{player}/{name}" for player in ("disc", "gen") for name in ("hinge", "non_saturating")
    ]
    terms.append("disc/r1")
    assert set(one) == {f"{what}/{name}" for what in ("term_norm", "term_cosine") for name in terms}
    assert one["term_norm/disc/r1"] == pytest.approx(4 * 0.3)  # γ ψ, where it is due
    assert all(value > 0 for name, value in one.items() if name.startswith("term_norm"))
    for name, value in one.items():
        np.testing.assert_allclose(eight[name], value, rtol=1e-5, err_msg=name)


def test_of_several_seeds_the_first_is_watched() -> None:
    game = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1(weight=2.0))
    algorithm = jaxgan.simultaneous(gradient(game), optimizers=SGDS)
    found = looked(jaxgan.seeds(algorithm, num_seeds=3), 1)
    assert found["term_norm/disc/r1"] == pytest.approx(2.0)
    assert "term_norm/disc/rest" in found


def test_what_cannot_be_measured_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    game = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1())
    mesh = distributed.make_mesh(1)
    state = jaxgan.simultaneous(gradient(game), optimizers=SGDS).init(jax.random.key(0))
    game = jaxgan.unrolled(game, num_steps=1)  # whose optimizer nobody names
    hook = make_terms({0: game}, {}, POINTS, every=1, mesh=mesh)
    assert not hook.call(Moment(step=1, state=state, log=Log()))
    assert (
        "step 1: no gradients of the terms: unrolled: the context has no optimizer" in caplog.text
    )


def test_a_run_is_watched(tmp_path: Path) -> None:
    config = f"{ROOT / 'configs' / 'ring.py'}:smoke"
    flags = ["generator.features=[4]", "discriminator.features=[4]", "latent_dim=2"]
    flags += ["terms_every_steps=20", "loss.weight=0.5", "penalties.r1.every=4"]
    arguments = ["train", "--config", config, "--workdir", str(tmp_path)]
    assert main([*arguments, *(f"--config.{flag}" for flag in flags)]) == 0
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    watched = [row for row in rows if "term_norm/disc/r1" in row]
    assert [row["step"] for row in watched] == [20]
    assert "loss/disc" in watched[0]
    assert {"term_cosine/disc/r2", "term_norm/disc/rest"} <= set(watched[0])


@pytest.mark.parametrize("every", [5, -1])
def test_an_interval_that_does_not_fit_is_refused(every: int, tmp_path: Path) -> None:
    config = f"{ROOT / 'configs' / 'ring.py'}:smoke"
    arguments = ["train", "--config", config, "--workdir", str(tmp_path / "run")]
    assert main([*arguments, f"--config.terms_every_steps={every}"]) == 2
    assert not (tmp_path / "run").exists()
