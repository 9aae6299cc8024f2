"""Runs from Python: `jg.train`, `jg.load`, `jg.evaluate`."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from scipy import linalg

import jaxgan as jg
from jaxgan import optimizers
from jaxgan.cli.main import main
from jaxgan.core.errors import ConfigError, InputError
from jaxgan.core.typing import Batch, Key, PlayerTree, Scene
from jaxgan.training.hooks import Hook, Moment
from jaxgan.writers import read_metrics
from tests import helpers
from tests.jobs import HANGS, Job, free_port

ROOT = Path(__file__).parents[2]
SETTINGS: dict[str, Any] = {
    **{"batch_size": 8, "log_every_steps": 1, "checkpoint_every_steps": 2, "num_devices": 1},
    **{"num_samples": 8, "sample_every_steps": 4, "watch": False},
}
Played = tuple[Any, tuple[PlayerTree, dict[str, Any], dict[str, Any]]]


def sgds(*players: str) -> dict[str, Any]:
    return dict.fromkeys(players, optimizers.sgd(0.05))


def plain_game(
    init: Callable[[Key], PlayerTree],
    losses: Callable[[PlayerTree, Scene], dict[str, jax.Array]],
    generate: Callable[[PlayerTree, Batch, jg.Context], Scene] = lambda _, batch, __: dict(batch),
) -> jg.Game:
    """A game of one's own, from losses without states."""

    def game_init(key: Key) -> tuple[PlayerTree, PlayerTree]:
        params = init(key)
        return params, {player: {} for player in params}

    def all_losses(
        params: PlayerTree, net_state: PlayerTree, scene: Scene, context: jg.Context
    ) -> Played:
        found = losses(params, scene)
        return found, (net_state, {player: {} for player in found}, {})

    return jg.Game(
        init=game_init,
        generate=lambda params, net_state, batch, context: (
            generate(params, batch, context),
            net_state,
        ),
        losses=all_losses,
    )


def three_players() -> jg.Algorithm:
    """Rock, paper, scissors of three who each want to be near the next one."""
    names = ("ann", "bob", "cid")

    def init(key: Key) -> PlayerTree:
        return {name: jax.random.normal(jg.stream(key, name), (3,)) for name in names}

    pairs = {"ann": "bob", "bob": "cid", "cid": "ann"}

    def near(params: PlayerTree, scene: Scene) -> dict[str, jax.Array]:
        return {a: jnp.sum((params[a] - params[b] + 1) ** 2) for a, b in pairs.items()}

    return jg.simultaneous(jg.gradient(plain_game(init, near)), optimizers=sgds(*names))


def mixed_columns() -> jg.Algorithm:
    """A critic that tells rows of numbers, flags and whole numbers from made ones."""

    def features(rows: Mapping[str, jax.Array]) -> jax.Array:
        flag, count = rows["flag"].astype(jnp.float32), rows["count"].astype(jnp.float32)
        return jnp.concatenate([rows["x"], flag[:, None], count[:, None] / 10], axis=1)

    def init(key: Key) -> PlayerTree:
        return {"gen": jax.random.normal(key, (4,)), "disc": jnp.zeros(4)}

    def losses(params: PlayerTree, scene: Scene) -> dict[str, jax.Array]:
        real, fake = features(scene) @ params["disc"], scene["fake"] @ params["disc"]
        decay = 0.1 * params["disc"] @ params["disc"]
        return {"disc": fake.mean() - real.mean() + decay, "gen": -fake.mean()}

    def generate(params: PlayerTree, batch: Batch, context: jg.Context) -> Scene:
        noise = context.draw("latent", jax.random.normal, (8, 4))
        return {**batch, "fake": params["gen"][None] + noise}

    game = plain_game(init, losses, generate)
    return jg.alternating(jg.gradient(game), optimizers=sgds("gen", "disc"))


class Rollout(nn.Module):
    """A recurrent generator: latents [B, T, Z] -> series [B, T, C]."""

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        series: jax.Array = nn.Dense(2)(nn.RNN(nn.GRUCell(6))(z))
        return series


class Look(nn.Module):
    """A recurrent critic: series [B, T, C] -> logits [B]."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        logits: jax.Array = nn.Dense(1)(nn.RNN(nn.GRUCell(6))(x)[:, -1])[:, 0]
        return logits


def series() -> jg.Algorithm:
    """A GAN of series, of jaxgan's own game."""
    gen = jg.from_linen(Rollout(), jnp.zeros((1, 5, 3)))
    disc = jg.from_linen(Look(), jnp.zeros((1, 5, 2)))
    game = jg.gan(gen, disc, latent=lambda key, shape: jax.random.normal(key, (*shape, 5, 3)))
    return jg.simultaneous(jg.gradient(game), optimizers=sgds("gen", "disc"))


NOISE = np.random.default_rng(0)
COLUMNS = {
    "x": NOISE.normal(size=(30, 2)).astype(np.float32),
    "flag": NOISE.random(30) < 0.5,
    "count": NOISE.integers(0, 10, 30),
}
GAMES: dict[str, tuple[Callable[[], jg.Algorithm], Any]] = {
    "three players": (three_players, None),
    "mixed columns": (mixed_columns, COLUMNS),
    "series": (series, {"image": NOISE.normal(size=(30, 5, 2)).astype(np.float32)}),
}


@pytest.mark.parametrize("name", GAMES)
def test_a_game_of_ones_own_trains_and_resumes_to_the_bit(name: str, tmp_path: Path) -> None:
    make, data = GAMES[name]
    whole = jg.train(make(), data, workdir=tmp_path / "whole", total_steps=4, **SETTINGS)
    jg.train(make(), data, workdir=tmp_path / "parts", total_steps=2, **SETTINGS)
    parts = jg.train(make(), data, workdir=tmp_path / "parts", total_steps=4, **SETTINGS)
    assert (whole.step, parts.step) == (4, 4)
    helpers.assert_same_bits(whole.state, parts.state)
    back = jg.load(tmp_path / "whole", algorithm=make)
    helpers.assert_same_bits(whole.state, back.state)
    losses = [
        [line[key] for key in sorted(line) if key.startswith("loss/")]
        for line in read_metrics(tmp_path / "parts" / "metrics.jsonl")
    ]
    assert len(losses) == 4
    assert losses[0] != losses[3]
    if name == "series":
        assert back.sample(300).shape == (300, 5, 2)


RUN = """\
import flax.linen as nn
import jax
import jax.numpy as jnp

import beside
import jaxgan as jg
from jaxgan.fields import linearize


class Generator(nn.Module):
    @nn.compact
    def __call__(self, z):
        return nn.Dense(2)(nn.relu(nn.Dense(8)(z)))


class Critic(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(1)(nn.relu(nn.Dense(8)(x)))[:, 0]


def settled(field, *, gamma):
    def apply(*args):
        here = linearize(field, *args)
        pull = jax.tree.map(lambda x, y: x + gamma * y, here.pull, here.vjp(here.pull))
        return pull, here.memory, here.rest

    return jg.Field(game=field.game, init=field.init, apply=apply)


def make(spec, *, gamma: jg.ranges.NonNegative = 0.1) -> jg.Algorithm:
    gen = jg.from_linen(Generator(), jnp.zeros((1, 4)))
    disc = jg.from_linen(Critic(), jnp.zeros((1, *spec["image"].shape)))
    game = jg.gan(gen, disc, latent=4, loss=beside.soft_hinge(slope=2.0))
    field = settled(jg.gradient(game), gamma=gamma)
    return jg.simultaneous(field, optimizers={p: beside.optimizer() for p in ("gen", "disc")})


def train(workdir, total_steps, **settings):
    import functools
    return jg.train(
        functools.partial(make, gamma=0.2), "ring", workdir=workdir, total_steps=total_steps,
        batch_size=8, log_every_steps=1, checkpoint_every_steps=2, num_samples=8,
        sample_every_steps=4, watch=False, **settings,
    )


if __name__ == "__main__":
    import sys
    print(train(sys.argv[1], int(sys.argv[2])))
"""
BESIDE = """\
from jax.nn import softplus

from jaxgan import losses, optimizers


def optimizer():
    return optimizers.sgd(0.05)


def soft_hinge(*, slope):
    def soft(x):
        return softplus(slope * x) / slope

    return losses.stateless(
        lambda real, fake, context: soft(1 - real) + soft(1 + fake),
        lambda real, fake, context: -fake,
    )
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a script has trained in, moved away from the script."""
    folder = tmp_path_factory.mktemp("script")
    (folder / "mine.py").write_text(RUN)
    (folder / "beside.py").write_text(BESIDE)
    command = [sys.executable, "mine.py", "run", "4"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("run: step 4 of 4"), done.stdout
    moved = tmp_path_factory.mktemp("elsewhere") / "moved"
    shutil.copytree(folder / "run", moved)
    return moved


def test_a_function_with_a_name_is_found_again(trained: Path, tmp_path: Path) -> None:
    config = json.loads((trained / "config.json").read_text())
    assert config["make_algorithm"] == {"name": "mine.py:make", "gamma": 0.2}
    assert sorted(config["code"]) == ["beside.py", "mine.py"]
    run = jg.load(trained)
    assert run.sample(3).shape == (3, 2)
    assert main(["sample", "--workdir", str(trained), "--num", "9"]) == 0
    found = run.evaluate(metrics=["modes"], num_samples=100)
    assert sorted(found.values) == ["high_quality", "num_modes", "reverse_kl"]
    assert [found.scores[0].protocol[name] for name in ("step", "n_fake", "ema")] == [4, 100, False]
    # The same as a config, from the folder's own file.
    config = {key: value for key, value in config.items() if key != "code"}
    (tmp_path / "config.py").write_text(f"def get_config(arg):\n    return {config!r}\n")
    for name in ("mine.py", "beside.py"):
        shutil.copy(trained / "code" / name, tmp_path / name)
    flags = ["--config", str(tmp_path / "config.py"), "--workdir", str(tmp_path / "again")]
    assert main(["train", *flags, "--config.num_devices=1"]) == 0
    again = jg.load(tmp_path / "again")
    for one, other in zip(
        *map(jax.tree.leaves, (again.state.params, run.state.params)), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_what_has_no_name_is_given_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = functools.partial(jg.simultaneous, optimizers=sgds("gen", "disc"))
    algorithm = made(jg.gradient(jg.bilinear()))
    settings = {**SETTINGS, "total_steps": 2}
    jg.train(algorithm, workdir=tmp_path, **settings)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(ConfigError, match=r"was made in Python and has no name; give it again"):
        _ = jg.load(tmp_path).state
    assert main(["sample", "--workdir", str(tmp_path)]) == 2
    assert "give it again: jaxgan.load(workdir, algorithm=...)" in capfd.readouterr().err
    other = made(jg.gradient(jg.bilinear(jnp.full((1, 1), 2.0))))
    with pytest.raises(ConfigError, match="was trained with another algorithm"):
        jg.load(tmp_path, algorithm=other)
    with pytest.raises(ConfigError, match="was trained with another algorithm"):
        jg.train(other, workdir=tmp_path, **settings)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize(
    ("algorithm", "data", "settings", "line"),
    [
        (3, None, {}, "algorithm is 3; it must be an Algorithm, or a function that makes one"),
        (lambda: 3, None, {}, "algorithm is 3; it must be an Algorithm, or a function that"),
        (three_players, 3, {}, "data is 3; it must be a name such as 'digits', {column: array}"),
        (three_players, {"x": ["a"]}, {}, r"columns.x is '<U1 \[1\]'; it must be numbers or"),
        (three_players, None, {"total_stepz": 3}, "total_stepz: unknown key; did you mean total_s"),
        (
            three_players,
            None,
            {"total_steps": 0},
            "total_steps is 0; it must be an integer, at least 1",
        ),
        (three_players, None, {"loss": "hinge"}, "loss: unknown key"),
        (mixed_columns, None, {}, "this game cannot be played"),
        ("no_such.py", None, {}, "config: 'no_such.py' is not a file"),
    ],
)
def test_bad_input_is_one_line(
    algorithm: Any, data: Any, settings: dict[str, Any], line: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=line) as raised:
        jg.train(algorithm, data, workdir=tmp_path / "new", **{**SETTINGS, **settings})
    assert len(str(raised.value).splitlines()) == 1
    assert not (tmp_path / "new").exists()


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text(BESIDE)
    (tmp_path / "mine.py").write_text(RUN.partition("if __name__")[0] + "train('run', 4)\n")
    command = [sys.executable, "mine.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "put the call under `if __name__ == '__main__':`" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_hooks_are_called_and_logged(tmp_path: Path) -> None:
    seen = []

    def call(now: Moment) -> dict[str, float]:
        seen.append(now.step)
        return {"mine/twice": 2.0 * now.step}

    run = jg.train(
        *(three_players(), None),
        **{**SETTINGS, "workdir": tmp_path, "total_steps": 4, "substeps": 2, "log_every_steps": 2},
        hooks=[Hook(every=2, name="doubling", call=call)],
    )
    assert seen == [2, 4]
    assert [line["mine/twice"] for line in read_metrics(tmp_path / "metrics.jsonl")] == [4.0, 8.0]
    assert len(repr(run).splitlines()) < 10
    for value in (run.state, run.game):
        assert len(repr(value).splitlines()) < 10


def test_eight_devices_train_as_one(tmp_path: Path) -> None:
    data = {"image": NOISE.normal(size=(64, 5, 2)).astype(np.float32)}
    one, eight = (
        jg.train(
            series(),
            data,
            workdir=tmp_path / str(num),
            total_steps=4,
            **{**SETTINGS, "num_devices": num},
        )
        for num in (1, 8)
    )
    assert eight.mesh.size == 8
    for a, b in zip(*(jax.tree.leaves(run.state.params) for run in (one, eight)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(one.sample(9), eight.sample(9), atol=1e-5)


def test_a_config_trains_from_python(tmp_path: Path) -> None:
    run = jg.train(
        f"{ROOT / 'configs' / 'ring.py'}:smoke",
        workdir=tmp_path,
        total_steps=20,
        substeps=10,
        log_every_steps=10,
        checkpoint_every_steps=10,
        num_devices=1,
    )
    assert run.config.game.name == "gan"
    assert run.show(50).size[0] > 100


def test_anything_that_draws_samples_is_measured() -> None:
    real = NOISE.normal(size=(500, 3)).astype(np.float32)
    shift = np.float32([1.0, 0.0, 2.0])
    drawn: list[np.ndarray] = []

    def sampler(key: Key, num: int) -> np.ndarray:
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        drawn.append(shift + 2 * rng.normal(size=(num, 3)))
        return drawn[-1]

    found = jg.evaluate(
        sampler, {"image": real}, metrics=["fd"], features="pixels", num_samples=600
    )
    fake = np.concatenate(drawn)[:600].astype(np.float32)
    means, covs = zip(*((x.mean(0), np.cov(x.T)) for x in (real, fake)), strict=True)
    root = linalg.sqrtm(covs[0] @ covs[1]).real
    gap = means[0] - means[1]
    expected = gap @ gap + np.trace(covs[0] + covs[1] - 2 * root)
    np.testing.assert_allclose(found["fd_pixels"], expected, rtol=1e-3)
    assert found.scores[0].protocol["n_fake"] == 600
    there = jg.evaluate({"image": fake}, {"image": real}, metrics=["fd"], features="pixels")
    assert there["fd_pixels"] == pytest.approx(found["fd_pixels"], rel=1e-5)
    assert there.scores[0].protocol["n_fake"] == 600


@pytest.mark.parametrize(
    ("sampler", "data", "options", "line"),
    [
        (lambda key, num: np.zeros((num, 2)), {"image": np.ones((9, 3))}, {}, "samples.shape is"),
        (lambda key, num: np.zeros((3, 3)), {"image": np.ones((9, 3))}, {}, "samples.shape is"),
        (
            lambda key, num: np.full((num, 4, 4, 1), 255.0),
            {"image": np.zeros((9, 4, 4, 1), np.uint8)},
            {},
            "samples is 'from 255 to 255'; it must be from -1 to 1",
        ),
        (lambda key, num: None, {"x": np.ones((9, 3))}, {}, "data is"),
        (lambda key, num: None, 3, {}, "data is 3"),
        (3, "digits", {}, "sampler is 3; it must be a name such as 'digits'"),
        ("ring", {"image": np.ones((9, 2))}, {}, "sampler is 'ring'; it must be a function"),
        ("digits", {"image": np.ones((9, 2))}, {}, r"images of \[8, 8, 1\], columns of \[2\]"),
        ("digits", "digits", {"num_classes": 10}, "num_classes is 10; it must be left out"),
        (lambda key, num: None, "digits", {"metrics": ["fdd"]}, "fdd"),
        (lambda key, num: None, "digits", {"num_classes": 3}, "num_classes is 3; it must be 10"),
    ],
)
def test_samples_that_cannot_be_measured_are_one_line(
    sampler: Any, data: Any, options: dict[str, Any], line: str
) -> None:
    options = {"metrics": ["fd"], "features": "pixels", "num_samples": 300, **options}
    with pytest.raises(InputError, match=line):
        jg.evaluate(sampler, data, **options)


def test_the_notebook_runs(tmp_path: Path) -> None:
    """With a fifth of its steps."""
    notebook = nbformat.read(ROOT / "docs" / "own_everything.ipynb", as_version=4)
    for cell in notebook.cells:
        for said, fifth in (("_steps=500", "_steps=100"), ("_steps=1000", "_steps=200")):
            cell.source = cell.source.replace(said, fifth)
        cell.source = cell.source.replace('_steps": 500', '_steps": 100')
    client = NotebookClient(notebook, timeout=HANGS, resources={"metadata": {"path": tmp_path}})
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
    outputs = [one for cell in notebook.cells for one in cell.get("outputs", [])]
    shown = [one.data for one in outputs if "data" in one]
    assert sum("image/png" in data for data in shown) == 3
    assert any(data["text/plain"].startswith("step 200/200  loss/") for data in shown)
    assert max(len(data["text/plain"].splitlines()) for data in shown) < 10


JOB = """

import functools, sys
import jaxgan as jg
from mine import train

if __name__ == "__main__":
    port, index, workdir, total_steps = sys.argv[1:]
    jg.distributed.connect(f"localhost:{port}", 2, int(index), stall_timeout_seconds=60)
    train(workdir, int(total_steps))
"""


def job_of_two(folder: Path, name: str, total_steps: int) -> Job:
    port, workdir = str(free_port()), str(folder / "run")
    commands = [["job.py", port, str(index), workdir, str(total_steps)] for index in (0, 1)]
    return Job(commands, 4, folder / name, roots=[folder, folder])


@pytest.mark.slow
def test_two_processes_train_own_code_as_one_does(tmp_path: Path) -> None:
    for name, text in (("mine.py", RUN), ("beside.py", BESIDE), ("job.py", JOB)):
        (tmp_path / name).write_text(text)
    for name, total_steps in (("first", 2), ("second", 4)):
        with job_of_two(tmp_path, name, total_steps) as job:
            assert [ended.code for ended in job.wait()] == [0, 0], job.text(0)
    command = [sys.executable, "mine.py", "alone", "4"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    two, one = (jg.load(tmp_path / name) for name in ("run", "alone"))
    for a, b in zip(*(jax.tree.leaves(run.state.params) for run in (two, one)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def is_longer(path: Path, num_bytes: int) -> bool:
    return path.exists() and path.stat().st_size > num_bytes


@pytest.mark.slow
def test_a_killed_script_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    for name, text in (("mine.py", RUN), ("beside.py", BESIDE)):
        for every in ("log_every_steps=1,", "checkpoint_every_steps=2,", "sample_every_steps=4,"):
            text = text.replace(every, f"{every[:-2]}500,")
        (tmp_path / name).write_text(text)
    total = "6000"
    with Job([["mine.py", "whole", total]], 1, tmp_path / "a", roots=[tmp_path]) as job:
        assert job.wait()[0].code == 0, job.text(0)
    lines = tmp_path / "parts" / "metrics.jsonl"
    for index, size in enumerate((1, 2000)):
        with Job([["mine.py", "parts", total]], 1, tmp_path / str(index), roots=[tmp_path]) as job:
            assert job.wait_until(functools.partial(is_longer, lines, size))
            job.processes[0].kill()
            assert job.wait()[0].code == -9
    with Job([["mine.py", "parts", total]], 1, tmp_path / "b", roots=[tmp_path]) as job:
        assert job.wait()[0].code == 0, job.text(0)
    whole, parts = (jg.load(tmp_path / name) for name in ("whole", "parts"))
    helpers.assert_same_bits(whole.state, parts.state)
