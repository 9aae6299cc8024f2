"""Runs of people's own code: trained, resumed, moved, sampled, measured, and refused."""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from jaxgan import load
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.cli.main import main
from tests import helpers
from tests.jobs import Job

MINE = """\
import pathlib

import beside
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

import jaxgan as jg
from jaxgan.core.ranges import Positive, checked
from jaxgan.losses import stateless
from jaxgan.training.hooks import Hook


@checked
def soft_hinge(*, slope: Positive = 1.0):
    def soft(x):
        return beside.soft(slope, x)

    return stateless(
        lambda real, fake, context: soft(1 - real) + soft(1 + fake),
        lambda real, fake, context: -fake,
    )


def no_loss():
    return 3


def raises():
    return stateless(lambda real, fake, context: real.no_such, lambda real, fake, context: -fake)


def smooth(*, weight: float = 1.0):
    return jg.penalties.r1(weight)


def slowed(field, *, rate: float = 0.5):
    def apply(*args):
        pull, memory, rest = field.apply(*args)
        return jax.tree.map(lambda x: rate * x, pull), memory, rest

    return field._replace(apply=apply, is_gradient=False)


def noisy(game, *, std: float = 0.1):
    return jg.instance_noise(game, std=std)


def turns(field, *, optimizers):
    return jg.alternating(field, optimizers=optimizers)


def watched(generator, discriminator, loss, latent, *, weight: float = 1.0):
    game = jg.gan(generator, discriminator, latent=latent, loss=loss)

    def init(key):
        params, net_state = game.init(key)
        return {**params, "mean": jnp.zeros(2)}, {**net_state, "mean": {}}

    def losses(params, net_state, scene, context):
        values, (new, metrics, outputs) = game.losses(params, net_state, scene, context)
        gap = params["mean"] - scene["fake"].mean(0)
        values, metrics = {**values, "mean": weight * (gap @ gap)}, {**metrics, "mean": {}}
        return values, (new, metrics, outputs)

    return game._replace(init=init, losses=losses)


def duel(*, size: float = 1.0):
    return jg.bilinear(jnp.full((1, 1), size))


def uniform(dim, *, low: float = -1.0):
    return lambda key, shape: jax.random.uniform(key, (*shape, dim), minval=low, maxval=1.0)


def disk(*, num: int = 64, radius: float = 1.0):
    angle = np.linspace(0.0, 6.0, num)
    points = np.stack([np.cos(angle), np.sin(angle)], 1)
    return {"image": radius * points, "label": np.arange(num) % 3}


def spots(*, std: float = 0.1):
    return jg.data.mixture("spots", np.eye(2), std)


def liar():
    return disk_source()._replace(num_examples=9, element_spec={"image": np.zeros(3, np.float32)})


def disk_source():
    return jg.data.columns(disk(), name="disk")


def corner(shape, *, scale: float = 1.0):
    return jg.features.function("corner", lambda images: scale * images[:, : shape[0]])


def tall():
    return jg.features.Extractor("tall", (), lambda params, x: {"features": x[:, None]}, {})


def gap(*, power: float = 1.0):
    def compute(real, fake):
        return float(np.abs(real.mean(0) - fake.mean(0)).max()) ** power

    return jg.evaluation.make_metric("gap", compute)


def breaks():
    return jg.evaluation.make_metric("breaks", lambda real, fake: 1 / 0, of="images")


def weighed(workdir, *, order: int = 2):
    def call(now):
        weights = jax.tree.leaves(now.state.params["gen"])
        size = sum(float(jnp.sum(jnp.abs(w) ** order)) for w in weights)
        with (workdir / "weighed.txt").open("a") as file:
            file.write(f"{now.step} {size}\\n")
        return {"size/gen": size}

    return call


def counted():
    return Hook(every=2, name="counted", call=lambda now: {"counted": float(now.step)})


def vague():
    return lambda now: 3


def stumbling():
    return lambda now: now.no_such


def csv(workdir, resume_step):
    return Csv(workdir / "mine.csv", resume_step)


class Csv:
    def __init__(self, path, resume_step):
        self.file = path.open("w" if resume_step is None else "a")

    def scalars(self, step, metrics):
        self.file.write(f"{step},{metrics.get('loss/gen')}\\n")

    def image(self, step, name, pixels):
        self.file.write(f"{step},{name},{pixels.shape}\\n")

    def close(self):
        self.file.close()


def failing():
    return Csv(pathlib.Path("/dev/full"), None)


def short(dim):
    return lambda key, shape: jnp.zeros((*shape, 3))


def shrunk(algorithm, *, bound: float = 1.0):
    def init(key):
        state = algorithm.init(key)
        return state._replace(memory={"inner": state.memory, "times": jnp.int32(0)})

    def step(state, batch):
        times = state.memory["times"] + 1
        state, metrics = algorithm.step(state._replace(memory=state.memory["inner"]), batch)
        weight = 1.0 - bound / (9.0 + times.astype("float32"))
        params = jax.tree.map(lambda w: weight * w, state.params)
        state = state._replace(params=params, memory={"inner": state.memory, "times": times})
        return state, {**metrics, "times": times}

    return algorithm._replace(init=init, step=step)


def forgets(algorithm):
    def step(state, batch):
        state, metrics = algorithm.step(state, batch)
        return state._replace(params={"gen": state.params["gen"]}), metrics

    return algorithm._replace(step=step)


def listed(algorithm):
    def step(state, batch):
        state, metrics = algorithm.step(state, batch)
        return state, {**metrics, "both": jnp.zeros(2)}

    return algorithm._replace(step=step)


def sgd(learning_rate, *, momentum: float = 0.0):
    return optax.sgd(learning_rate, momentum=momentum)


def falling(*, start: float = 0.1):
    return lambda step: start / (1.0 + jnp.float32(step))


class Generator(nn.Module):
    width: int = 8

    @nn.compact
    def __call__(self, z):
        return nn.Dense(2)(nn.relu(nn.Dense(self.width)(z)))


class Critic(nnx.Module):
    def __init__(self, width: int = 8, *, rngs):
        self.first = nnx.Linear(2, width, rngs=rngs)
        self.last = nnx.Linear(width, 1, rngs=rngs)

    def __call__(self, x):
        return self.last(nnx.relu(self.first(x)))[:, 0]


def bare(shape, latent_dim):
    return jg.from_linen(nn.Dense(shape[0]), jnp.zeros((1, latent_dim)))
"""
BESIDE = (
    "from jax.nn import softplus\n\n\ndef soft(slope, x):\n    return softplus(slope * x) / slope\n"
)
SGD = {"name": "sgd", "learning_rate": 0.01}
BASE: dict[str, Any] = {
    "generator": {"name": "mlp", "features": [8]},
    "discriminator": {"name": "mlp", "features": [8]},
    "optimizer": {"gen": SGD, "disc": SGD},
    **{"data": {"source": "ring"}, "num_devices": 1, "batch_size": 16, "num_samples": 16},
    **{"latent_dim": 4, "total_steps": 4, "log_every_steps": 1, "checkpoint_every_steps": 2},
    **{"sample_every_steps": 2, "watch": False},
}
KINDS: dict[str, dict[str, Any]] = {
    "loss": {"loss": {"name": "mine.py:soft_hinge", "slope": 2.0}},
    "penalty": {"penalties": {"mine": {"name": "mine.py:smooth", "weight": 0.5}}},
    "field": {"field": [{"name": "mine.py:slowed", "rate": 0.25}, {"name": "consensus"}]},
    "game": {
        "game": {"name": "mine.py:watched", "weight": 2.0},
        "optimizer": dict.fromkeys(("gen", "disc", "mean"), SGD),
    },
    "latents": {"latent": {"name": "mine.py:uniform", "low": -2.0}},
    "data": {"data": {"source": "mine.py:disk", "radius": 2.0}},
    "device data": {"data": {"source": "mine.py:spots", "std": 0.2}},
    "metric and features": {
        "eval_every_steps": 2,
        "evaluation": {
            "metrics": ["fd", {"name": "mine.py:gap", "power": 2.0}],
            "features": {"name": "mine.py:corner", "scale": 3.0},
            "num_samples": 50,
        },
    },
    "hooks and writers": {
        "hooks": [{"name": "mine.py:weighed", "every": 1, "order": 1}, "mine.py:counted"],
        "writers": ["mine.py:csv"],
    },
    "augmentation": {"augment": {"name": "mine.py:noisy", "std": 0.2}},
    "algorithm": {"algorithm": "mine.py:turns"},
    "transform": {
        "transforms": [{"name": "mine.py:shrunk", "bound": 0.5}, {"name": "ema", "decay": 0.9}]
    },
    "optimizer": {
        "optimizer": {"gen": {**SGD, "name": "mine.py:sgd", "momentum": 0.5}, "disc": SGD}
    },
    "optimizer of Optax": {"optimizer": {"gen": {**SGD, "name": "optax:sgd"}, "disc": SGD}},
    "optimizer with all around it": {
        "optimizer": {
            "gen": {
                **{"name": "lion", "clip_by_global_norm": 1.0, "weight_decay": 0.1},
                "learning_rate": {
                    "schedule": "warmup",
                    "then": {"schedule": "mine.py:falling"},
                    "num_steps": 3,
                },
                "rates": {"Dense_0/*": 0.1},
            },
            "disc": {**SGD, "weight_decay": {"schedule": "mine.py:falling"}},
        }
    },
    "schedule": {"penalties": {"r1": {"weight": {"schedule": "mine.py:falling", "start": 0.2}}}},
    "Linen module": {"generator": {"name": "mine.py:Generator", "width": 4}},
    "NNX module": {"discriminator": {"name": "mine.py:Critic", "width": 4}},
    "network": {"generator": "mine.py:bare"},
}


KINDS["all at once"] = {
    **{**KINDS["loss"], **KINDS["game"], **KINDS["latents"], **KINDS["data"]},
    **KINDS["hooks and writers"],
    **{"penalties": {**KINDS["penalty"]["penalties"], **KINDS["schedule"]["penalties"]}},
    **{key: KINDS[kind][key] for kind, key in (("field", "field"), ("algorithm", "algorithm"))},
    **{**KINDS["augmentation"], **KINDS["transform"]},
    "optimizer": {**KINDS["optimizer"]["optimizer"], "mean": SGD},
    **{**KINDS["Linen module"], **KINDS["NNX module"]},
}


@pytest.fixture(autouse=True)
def own_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "of the user"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "beside.py").write_text(BESIDE)
    return tmp_path


def command(folder: Path, workdir: Path, sections: dict[str, Any]) -> list[str]:
    config = {**BASE, **sections}
    (folder / "config.py").write_text(f"def get_config(arg=''):\n    return {config!r}\n")
    return ["train", "--config", f"{folder / 'config.py'}", "--workdir", str(workdir)]


def train(folder: Path, workdir: Path, sections: dict[str, Any], flags: Sequence[str] = ()) -> int:
    return main([*command(folder, workdir, sections), *flags])


def lines(workdir: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [
        {k: v for k, v in row.items() if "second" not in k and k != "data_wait"} for row in rows
    ]


def test_own_loss_field_and_networks_on_eight_devices_train_as_on_one(folder: Path) -> None:
    sections = {
        key: value
        for kind in ("loss", "field", "Linen module", "NNX module", "data")
        for key, value in KINDS[kind].items()
    }
    for num in (1, 8):
        assert train(folder, folder / str(num), {**sections, "num_devices": num}) == 0
    one, eight = (lines(folder / str(num)) for num in (1, 8))
    assert [row["step"] for row in eight] == [1, 2, 3, 4]
    for a, b in zip(one, eight, strict=True):
        assert b == pytest.approx(a, rel=1e-4, abs=1e-5)
    assert load(folder / "8").sample(8).shape == (8, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_own_code_trains_resumes_and_moves(kind: str, folder: Path) -> None:
    whole, halves, moved = folder / "whole", folder / "halves", folder / "elsewhere" / "run"
    assert train(folder, whole, KINDS[kind]) == 0
    assert train(folder, halves, KINDS[kind], ["--config.total_steps=2"]) == 0
    assert train(folder, halves, KINDS[kind]) == 0
    assert lines(halves) == lines(whole)
    shutil.copytree(whole, moved)
    for name in ("mine.py", "beside.py"):
        (folder / name).unlink()
    assert load(moved).sample(3).shape == (3, 2)
    assert main(["evaluate", "--workdir", str(moved), *QUICKLY, str(folder / "cache")]) == 0


LONGER = {"total_steps": 200, "checkpoint_every_steps": 20, "sample_every_steps": 200}


@pytest.mark.parametrize("kind", KINDS)
def test_own_code_killed_goes_on_to_the_same_bits(kind: str, folder: Path) -> None:
    whole, parts = folder / "whole", folder / "parts"
    sections = {**KINDS[kind], **LONGER}
    if "eval_every_steps" in sections:
        sections["eval_every_steps"] = 100
    assert train(folder, whole, sections) == 0
    run = ["-m", "jaxgan.cli.main", *command(folder, parts, sections)]
    with Job([run], jax.device_count(), folder / "killed") as job:
        assert job.wait_until(lambda: bool(Checkpoints(parts / "checkpoints").steps())), job.text(0)
        job.processes[0].kill()
        assert job.wait()[0].code == -signal.SIGKILL, job.text(0)
    first = Checkpoints(parts / "checkpoints").steps()
    assert 0 < first[-1] < LONGER["total_steps"]
    with Job([run], jax.device_count(), folder / "resumed") as job:
        assert job.wait()[0].code == 0, job.text(0)
    assert lines(parts) == lines(whole)
    helpers.assert_same_bits(load(parts).state, load(whole).state)


def test_equinox_modules_are_networks_as_the_page_says(folder: Path) -> None:
    pytest.importorskip("equinox")
    page = (Path(__file__).parents[2] / "docs" / "own_code.md").read_text()
    _, found, section = page.partition("## An Equinox module")
    assert found
    adapter, networks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[:2]
    assert sum(bool(line.strip()) for line in adapter.splitlines()) <= 16
    (folder / "modules.py").write_text(f"{adapter}\n\n{networks}")
    sections = {
        "generator": {"name": "modules.py:generator", "width": 8},
        "discriminator": {"name": "modules.py:critic", "width": 8},
        "optimizer": {"gen": {**SGD, "rates": {"layers/0/*": 0.5}}, "disc": SGD},
    }
    whole, halves = folder / "whole", folder / "halves"
    assert train(folder, whole, sections) == 0
    assert train(folder, halves, sections, ["--config.total_steps=2"]) == 0
    assert train(folder, halves, sections) == 0
    assert lines(halves) == lines(whole)
    run = load(whole)
    helpers.assert_same_bits(run.state, load(halves).state)
    # An MLP of one example each, written out.
    params, z = run.state.params["gen"], np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    h = z
    for layer in params.layers:
        h = np.maximum(h, 0) if layer is not params.layers[0] else h
        h = h @ np.asarray(layer.weight).T + np.asarray(layer.bias)
    namespace: dict[str, Any] = {}
    exec(compile(f"{adapter}\n{networks}", "own_code.md", "exec"), namespace)
    made, _ = namespace["generator"]((2,), 4, width=8).apply(params, {}, z)
    np.testing.assert_allclose(made, h, atol=1e-6)


QUICKLY = [*("--metrics", "fd", "--features", "pixels", "--num-samples", "50"), "--cache-dir"]
NO_NETWORKS = {"generator": None, "discriminator": None}


def test_own_metrics_are_measured_by_command_and_their_faults_stop_no_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    workdir = folder / "run"
    own = {"metrics": ["mine.py:gap", "mine.py:breaks"], "features": "mine.py:corner"}
    assert train(folder, workdir, {"eval_every_steps": 4, "evaluation": own}) == 0
    assert "no evaluation: breaks: compute: " in capfd.readouterr().err
    assert lines(workdir)[-1]["step"] == 4
    monkeypatch.chdir(folder)
    evaluate = ["evaluate", "--workdir", str(workdir), "--num-samples", "50", "--json"]
    own_flags = ["--metrics", "mine.py:gap,fd", "--features", "mine.py:corner"]
    assert main([*evaluate, *own_flags, "--cache-dir", str(folder / "cache")]) == 0
    written = json.loads((workdir / "evaluation.json").read_text())["metrics"]
    assert [one["name"] for one in written] == ["gap_corner", "fd_corner"]
    assert [one["protocol"].get("metric") for one in written] == ["mine.py:gap(power=1.0)", None]
    assert main([*evaluate, "--metrics", "fd", "--features", "mine.py:tall"]) == 2
    assert (
        "features: of 2 examples it is {'features': (2, 1, 2)}; it must be"
        in (capfd.readouterr().err.splitlines()[-1])
    )


def test_hooks_and_writers_are_called_and_may_change(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    workdir, sections = folder / "run", KINDS["hooks and writers"]
    assert train(folder, workdir, sections, ["--config.total_steps=2"]) == 0
    assert train(folder, workdir, sections) == 0
    steps = [line.split()[0] for line in (workdir / "weighed.txt").read_text().splitlines()]
    assert steps == ["1", "2", "3", "4"]
    rows = lines(workdir)
    assert [row["step"] for row in rows if "size/gen" in row] == [1, 2, 3, 4]
    assert [row["counted"] for row in rows if "counted" in row] == [2.0, 4.0]
    written = (workdir / "mine.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in written] == ["1", "2", "2", "3", "4", "4"]
    assert sum(",samples,(" in line for line in written) == 2
    failing = {"writers": ["mine.py:failing", "mine.py:raises_at_once"], "total_steps": 6}
    (folder / "mine.py").write_text(MINE + "\n\ndef raises_at_once():\n    raise OSError('down')\n")
    assert train(folder, workdir, failing) == 0
    error = capfd.readouterr().err
    assert error.count("failing fails, and is left out from now on: OSError: [Errno 28]") == 1
    assert "writers.raises_at_once: " in error
    assert "OSError: down; it is left out" in error
    assert lines(workdir)[-1]["step"] == 6
    assert train(folder, workdir, {"hooks": ["mine.py:stumbling"], "total_steps": 8}) == 2
    assert "hooks.stumbling: " in capfd.readouterr().err.splitlines()[-1]
    assert train(folder, workdir, {"hooks": ["mine.py:vague"], "total_steps": 8}) == 2
    assert (
        "hooks.vague: what it returns is 3; it must be {name: number}, or none"
        in (capfd.readouterr().err.splitlines()[-1])
    )


def test_a_game_without_examples_trains(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    workdir, sections = (
        folder / "run",
        {**NO_NETWORKS, "game": {"name": "mine.py:duel", "size": 0.5}},
    )
    assert train(folder, workdir, sections) == 0
    assert not (workdir / "samples").exists()
    assert lines(workdir)[-1]["loss/gen"] == -lines(workdir)[-1]["loss/disc"]
    assert main(["sample", "--workdir", str(workdir), "--out", str(folder / "a.npz")]) == 2
    assert main(["evaluate", "--workdir", str(workdir)]) == 2
    first, second = capfd.readouterr().err.splitlines()[-2:]
    assert "the game's scene has no 'fake'; it has image, label" in first
    assert "make no examples; samples are what is measured" in second


OWN = {**KINDS["loss"], **KINDS["field"], **KINDS["Linen module"]}


def test_code_of_others_runs_only_when_trusted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    workdir, out = folder / "run", folder / "samples.npz"
    assert train(folder, workdir, OWN) == 0
    sample = ["sample", "--workdir", str(workdir), "--out", str(out), "--num", "4"]
    assert main(sample) == 0
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "of somebody else"))
    out.unlink()
    (workdir / "code" / "beside.py").write_text(
        f"import pathlib\npathlib.Path({str(folder / 'ran')!r}).touch()\n{BESIDE}"
    )
    capfd.readouterr()
    for command in (
        sample,
        ["evaluate", "--workdir", str(workdir)],
        ["explore", "interpolate", "--workdir", str(workdir)],
    ):
        assert main(command) == 2
        error = capfd.readouterr().err
        assert "code that you have not trained with, beside.py, mine.py" in error
        assert len(error.strip().splitlines()) == 1
    assert not (folder / "ran").exists()
    assert not out.exists()
    assert main([*sample, "--trust-code"]) == 0
    assert "beside.py is not what it was when the run began" in capfd.readouterr().err
    assert (folder / "ran").exists()


def test_code_that_changed_is_refused(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    workdir = folder / "run"
    assert train(folder, workdir, OWN, ["--config.total_steps=2"]) == 0
    (folder / "beside.py").write_text(BESIDE + "# other\n")
    before = {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
    assert train(folder, workdir, OWN) == 2
    assert "another config's run is there: code.beside.py was" in capfd.readouterr().err
    assert {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()} == before
    assert train(folder, workdir, OWN, ["--override-config"]) == 0
    assert (workdir / "code" / "beside.py").read_text().endswith("# other\n")


def test_the_folders_own_code_resumes_it(folder: Path) -> None:
    workdir = folder / "run"
    assert train(folder, workdir, OWN, ["--config.total_steps=2"]) == 0
    assert train(workdir / "code", workdir, OWN) == 0
    assert lines(workdir)[-1]["step"] == 4


def test_a_folder_stands_for_its_config(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    workdir, moved = folder / "run", folder / "elsewhere" / "run"
    assert train(folder, workdir, OWN, ["--config.total_steps=2"]) == 0
    shutil.copytree(workdir, moved)
    for name in ("mine.py", "beside.py"):
        (folder / name).unlink()
    flags = ["--config", str(moved), "--config.total_steps=4"]
    assert main(["train", *flags, "--workdir", str(moved)]) == 0
    assert main(["train", *flags, "--workdir", str(folder / "again")]) == 0
    assert lines(moved) == lines(folder / "again")
    assert lines(moved)[-1]["step"] == 4
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "of another user"))
    assert main(["train", *flags, "--workdir", str(folder / "theirs")]) == 2
    assert "give --trust-code to run it" in capfd.readouterr().err
    assert not (folder / "theirs").exists()


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"loss": "mine.py:no_loss"}, "loss: what it returns is 3; it must be a Loss, such as"),
        ({"loss": "mine.py:raises"}, "mine.py:33: AttributeError"),
        ({"field": ["mine.py:no_loss"]}, "field.no_loss: no_loss() takes 0 positional"),
        ({"algorithm": "mine.py:slowed"}, "unexpected keyword argument 'optimizers'"),
        (
            {"game": "mine.py:no_loss", **NO_NETWORKS},
            "game: what it returns is 3; it must be a Game",
        ),
        ({"game": "mine.py:duel"}, "it must be left out, as game '"),
        ({"game": "mine.py:watched"}, "are given for ['disc', 'gen']; the game's players are ['di"),
        ({"game": "mine.py:watched", "num_classes": 8}, "num_classes is 8; it must be 0, as game"),
        ({"game": "mine.py:slowed"}, "game.field is missing"),
        ({"game": "wached"}, "game.name is 'wached'; it must be 'autoencoder', 'bigan'"),
        (
            {"latent": "mine.py:no_loss"},
            "latent: no_loss() got an unexpected keyword argument 'dim'",
        ),
        (
            {"latent": "mine.py:short"},
            "latent: the shape of 3 latents is (3, 3); it must be (3, 4)",
        ),
        (
            {"data": "mine.py:no_loss"},
            "data: what it returns is 3; it must be a Source, a DeviceSo",
        ),
        ({"data": "mine.py:liar"}, "['image'] was float32[2, 3], is float32[2, 2]"),
        ({"data": {"source": "mine.py:disk", "radious": 2}}, "unknown key; did you mean radius?"),
        ({"data": "ring:disk"}, "data is 'ring:disk'; it must be ring"),
        (
            {"evaluation": {"metrics": ["fdd"]}},
            "evaluation.metrics is 'fdd'; it must be 'fd', 'kd'",
        ),
        (
            {"evaluation": {"metrics": ["mine.py:gapp"]}},
            "has no function 'gapp'; did you mean gap?",
        ),
        ({"evaluation": {"features": "pixel"}}, "evaluation.features is 'pixel'; it must be auto"),
        (
            {"eval_every_steps": 2, "evaluation": {"metrics": ["mine.py:no_loss"]}},
            "evaluation.metrics.no_loss: what it returns is 3; it must be a Metric, such as",
        ),
        (
            {"eval_every_steps": 2, "evaluation": {"features": "mine.py:no_loss"}},
            "evaluation.features: what it returns is 3; it must be an Extractor, such as",
        ),
        (
            {"hooks": ["mine.py:no_loss"]},
            "hooks.no_loss: what it returns is 3; it must be a",
        ),
        ({"hooks": [{"name": "mine.py:vague", "every": 0}]}, "hooks.vague.every is 0; it must be"),
        (
            {"hooks": [{"name": "mine.py:vague", "every": 3}], "substeps": 2, "log_every_steps": 2},
            "hooks.vague.every is 3; it must be a multiple of substeps, 2",
        ),
        ({"hooks": ["vague"]}, "hooks.vague.name is 'vague'; it must be a function, FILE.py:NAME"),
        (
            {"writers": [{"name": "mine.py:csv", "dialect": "x"}]},
            "dialect: unknown key; Allowed: none",
        ),
        (
            {"optimizer": {"gen": {**SGD, "rates": {"Dens_0/*": 0.1}}, "disc": SGD}},
            "optimizer.gen: rates: 'Dens_0/*' matches no parameter of Dense_0/bias, Dense_0/kernel",
        ),
        ({"transforms": ["mine.py:raises"]}, "transforms.raises: raises() takes 0 positional"),
        ({"transforms": ["mine.py:forgets"]}, "a step changes the state: .params['disc']"),
        ({"transforms": ["mine.py:listed"]}, "metrics are no scalars: {'both': (2,)}"),
        ({"transforms": ["ema"], "ema": {}}, "player is 'gen'; it must be one whose average"),
        ({"transforms": ["lookahaed"]}, "it must be 'ema', 'lookahead' or 'none'; did you mean lo"),
        ({"generator": "mine.py:no_loss"}, "generator is 3; it must be a Network or a Flax module"),
    ],
)
def test_what_does_not_fit_its_place_is_one_line(
    sections: dict[str, Any], words: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert train(folder, folder / "run", sections) == 2
    error = capfd.readouterr().err
    assert words in error
    assert len(error.strip().splitlines()) == 1
    assert not (folder / "run").exists()


NO_CODE: tuple[dict[str, str] | None, ...] = (None, {})


def set_loss(workdir: Path, loss: dict[str, Any], code: dict[str, str] | None = None) -> None:
    config = json.loads((workdir / "config.json").read_text())
    config["loss"] = loss
    config["code"] = config.get("code", {}) if code is None else code
    (workdir / "config.json").write_text(json.dumps(config))


def test_no_way_around_the_list(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    workdir, ran = folder / "run", folder / "ran"
    assert train(folder, workdir, KINDS["loss"]) == 0
    harm = f"import pathlib\npathlib.Path({str(ran)!r}).touch()\n"
    sample = ["sample", "--workdir", str(workdir), "--out", str(folder / "a.npz"), "--num", "4"]
    touch = {"name": "os:system", "command": f"touch {ran}"}
    schedule = {"schedule": "os:system", "command": f"touch {ran}"}
    (folder / "other.py").write_text(harm + MINE)
    own = {"name": "mine.py:soft_hinge", "slope": 2.0}
    kept = (workdir / "config.json").read_text()
    for loss in (
        touch,
        {"name": "multi_class", "label_weight": schedule},
        {"name": f"{folder / 'other.py'}:soft_hinge", "slope": 2.0},
        {"name": "../../other.py:soft_hinge", "slope": 2.0},
    ):
        for code in NO_CODE:
            set_loss(workdir, loss, code)
            assert main(sample) == 2
            assert train(folder, workdir, KINDS["loss"], ["--config.total_steps=6"]) == 2
    (workdir / "config.json").write_text(kept)
    for name in ("unlisted.py", "optax/__init__.py", "optax.so"):
        (workdir / "code" / name).parent.mkdir(exist_ok=True)
        (workdir / "code" / name).write_text(harm)
        assert main(sample) == 2
        (workdir / "code" / name).unlink()
    assert not ran.exists()
    set_loss(workdir, own, {})
    assert main(sample) == 0
    errors = capfd.readouterr().err.splitlines()
    assert len([line for line in errors if line.startswith("jaxgan: error: workdir: ")]) == 19
