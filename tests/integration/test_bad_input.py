"""Bad input: one line that names the field, exit code 2, and nothing on disk is touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jaxgan.cli.main import main

ROOT = Path(__file__).parents[2]
RING = f"{ROOT / 'configs' / 'ring.py'}:smoke"
STYLES = f"{ROOT / 'configs' / 'stylegan2.py'}:smoke"
DIGITS = f"{ROOT / 'configs' / 'digits.py'}:smoke"

# config, flags, what the line says
ROWS = [
    (RING, ["--config.optimizer.gen.b1=1.0"], "optimizer.gen.b1 is 1.0; it must be above -1 and"),
    (RING, ["--config.optimizer.gen.b2=1"], "optimizer.gen.b2 is 1; it must be at least 0 and b"),
    (RING, ["--config.optimizer.gen.eps=-1"], "optimizer.gen.eps is -1; it must be at least 0"),
    (RING, ["--config.optimizer.gen.eps=1e999"], "optimizer.gen.eps is inf; it must be at least 0"),
    (RING, [f"--config.optimizer.gen.learning_rate={10**399}"], "0000..., beyond 32 bits; it must"),
    (
        RING,
        ["--config.optimizer.gen.learning_rate.final_value=-1e-4"],
        "optimizer.gen.learning_rate is a schedule that reaches -0.0001; it must be at least 0",
    ),
    (RING, ["--config.penalties.r1.weight.init_value=1e999"], "init_value is inf; it must be a fi"),
    (RING, ["--config.penalties.r1.weight=1e999"], "penalties.r1.weight is inf; it must be at l"),
    (RING, ["--config.loss=least_squares", "--config.loss.fake_label=1e999"], "fake_label is inf"),
    (RING, ["--config.penalties.dragan.target=1e999"], "penalties.dragan.target is inf"),
    (
        RING,
        ["--config.field={'name': 'consensus', 'norms': 3}"],
        "field.consensus.norms is 3; it must be {name: a list, each a string}, or none",
    ),
    (RING, [f"--config.{'a.' * 5000}b=1"], "is no dotted path of at most 32 names"),
    (DIGITS, ["--config.generator.base_channels=0"], "generator.base_channels is 0; it must be an"),
    (STYLES, ["--config.generator.style_dim=0"], "generator.style_dim is 0; it must be an integer"),
    (STYLES, ["--config.generator.mapping_lr=0"], "generator.mapping_lr is 0; it must be above 0"),
    (STYLES, ["--config.generator.mapping_lr=-1"], "generator.mapping_lr is -1; it must be above"),
    (STYLES, ["--config.generator.decay=1.5"], "generator.decay is 1.5; it must be at least 0 and"),
    ("no/such/file.py", [], "'no/such/file.py' is not a file"),
    (RING.replace(":smoke", ":fast"), [], "argument 'fast'; it must be one of"),
    (RING, ["--config.batchsize=64"], "batchsize: unknown key; did you mean batch_size"),
    (RING, ["--config.batch_size=64.5"], "batch_size is 64.5; it must be an integer"),
    (RING, ["--config.batch_size=many"], "batch_size is 'many'; it must be"),
    (RING, ["--config.batch_size=12"], "batch_size is 12, which 8 devices do not divide"),
    (RING, ["--config.num_devices=99"], "num_devices is 99; there are 1 to 8"),
    (RING, ["--config.seed=-1"], "seed is -1; it must be an integer, at least 0"),
    (RING, ["--config.num_microbatches=3"], "which 8 devices do not divide in 3 microbatches"),
    (RING, ["--config.total_steps=25"], "total_steps is 25; it must be a multiple of substeps, 10"),
    (RING, ["--config.loss=hing"], "did you mean hinge"),
    (RING, ["--config.loss=hinge", "--config.loss.slope=2"], "loss (hinge).slope: unknown key"),
    (RING, ["--config.loss=minimax", "--config.loss.smoothing=2"], "smoothing is 2"),
    (RING, ["--config.loss.base=hing"], "loss.base.name is 'hing'"),
    (RING, ["--config.penalties.r1.weight=-1"], "penalties.r1.weight is -1; it must"),
    (RING, ["--config.penalties.r1.every=0"], "penalties.r1.every is 0; it must"),
    (RING, ["--config.penalties.r1.every=often"], "penalties.r1.every is 'often'; it must be"),
    (RING, ["--config.penalties.r1=2"], "penalties.r1 is 2; it must be {'weight': ..."),
    (RING, ["--config.seed=10000000000"], "seed is 10000000000, beyond 32 bits; it must be an"),
    (RING, ["--config.loss={'name': ['a']}"], "loss.name is ['a']"),
    (RING, ["--config.penalties.r7.weight=1"], "penalties.r7"),
    (RING, ["--config.optimizer.gen.learning_rate=-1"], "learning_rate is -1"),
    (RING, ["--config.optimizer.gen.name=adamm"], "did you mean adam"),
    (RING, ["--config.optimizer.generator=adam"], "it must be {'gen': ..., 'disc': ...}"),
    (RING, ["--config.algorithm=alternating", "--config.algorithm.n_critic=0"], "n_critic is 0"),
    (RING, ["--config.ema={'decay': 1.5}"], "ema.decay is 1.5; it must"),
    (RING, ["--config.ema=0.9"], "ema is 0.9; it must be {'decay': ..., 'warmup': ...} or none"),
    (
        RING,
        ["--config.unrolled.num_steps=1", "--config.implicit.damping=1.0"],
        "implicit is given; it must be none, as there is unrolled",
    ),
    (RING, ["--config.implicit.damping=-1"], "implicit.damping is -1; it must be at least 0"),
    (
        RING,
        ["--config.unrolled=5"],
        "unrolled is 5; it must be {'num_steps': ..., 'tolerance': ...",
    ),
    (RING, ["--config.unrolled.mode=exact"], "unrolled.num_steps is missing"),
    (RING, ["--config.unrolled.num_steps=-1"], "unrolled.num_steps is -1; it must be an integer"),
    (RING, ["--config.unrolled.num_steps=1.5"], "unrolled.num_steps is 1.5; it must be"),
    (
        RING,
        ["--config.unrolled.num_steps=1", "--config.unrolled.mode=full"],
        "mode is 'full'; it must be 'exact' or 'first_order'",
    ),
    (
        RING,
        ["--config.unrolled.num_steps=2", "--config.unrolled.inner_batch=fresh"],
        "a batch of [256] does not split into num_steps + 1 = 3 parts",
    ),
    (RING, ["--config.field=consens"], "did you mean consensus"),
    (RING, ["--config.field=consensus", "--config.field.gamma=-1"], "field.consensus.gamma is -1"),
    (
        RING,
        ["--config.field=consensus", "--config.field.norms={'gen': ['critic']}"],
        "norms names ['critic']; the game's players are",
    ),
    (RING, ["--config.field.consensus.gamma=-1"], "field.consensus.gamma is -1"),
    (RING, ["--config.field.consens.gamma=1"], "unknown key; did you mean consensus"),
    (RING, ["--config.field=competitive"], "field.competitive.eta is missing"),
    (
        RING,
        ["--config.field=competitive", "--config.field.eta=0.1"],
        "solver is 'cg', which needs the plain gradient of a zero-sum game",
    ),
    (
        RING,
        ["--config.field=follow_the_ridge"],
        "the field is not the plain gradient of a zero-sum game",
    ),
    (
        RING,
        ["--config.field=[{'name': 'consensus', 'gamma': 0.1}, {'name': 'stackelberg'}]"],
        "the field is not the plain gradient of a game of 'gen' and one other",
    ),
    (RING, ["--config.lookahead={'alpha': 2.0}"], "lookahead.alpha is 2.0"),
    (RING, ["--config.analysis_every_steps=5"], "analysis_every_steps is 5; it must be a multiple"),
    (
        RING,
        ["--config.algorithm=sequence", "--config.algorithm.pattern=['disc']"],
        "['gen'] would never move",
    ),
    (RING, ["--config.nonfinite=perhaps"], "nonfinite is 'perhaps'; it must be 'halt', 'skip' or"),
    (RING, ["--config.deterministic=perhaps"], "deterministic is 'perhaps'; it must be"),
    (RING, ["--config.mesh.model=3"], "mesh.model is 3; it must divide the 8 devices"),
    (RING, ["--config.mesh.model=0"], "mesh.model is 0; it must be an integer, at least 1"),
    (RING, ["--config.mesh.modle=2"], "mesh.modle: unknown key; did you mean model?"),
    (RING, ["--config.mesh.rules={'(': 0}"], "mesh.rules: '(' is no regular expression"),
    (
        RING,
        ["--config.mesh.rules={'kernal': 0}"],
        "mesh.rules: 'kernal' is found in no leaf's path",
    ),
    (RING, ["--config.mesh.rules={'kernel': 'x'}"], "mesh.rules: 'kernel' is 'x'; it must be an"),
    (RING, ["--config.mesh.rules={'kernel': 7}"], "has no such axis"),
    (
        RING,
        ["--config.mesh.model=8", "--config.mesh.rules={'step': 0, 'params/gen.*_1/kernel': -1}"],
        "is not divided by the 8 devices of mesh.model",
    ),
    (RING, ["--config.mesh.per_replica=1"], "mesh.per_replica is 1; it must be true or false"),
    (
        RING,
        ["--config.mesh.per_replica=true", "--config.mesh.model=2"],
        "mesh.model is 2; a replica has all parameters",
    ),
    (RING, ["--config.num_devices=9"], "num_devices is 9; there are 1 to 8 to use"),
    (RING, ["--config.batch_size=100"], "batch_size is 100, which 8 devices do not divide"),
    (
        RING,
        ["--config.keep_best={'metric': 'loss/generator'}"],
        "keep_best.metric is 'loss/generator'; it must be ",
    ),
    (RING, ["--config.keep_best=loss"], "keep_best is 'loss'; it must be {'metric': ..."),
    (RING, ["--config.keep_best={'metric': 'a', 'mode': 'least'}"], "keep_best.mode is 'least'"),
    (RING, ["--config.stall_timeout_seconds=-1"], "stall_timeout_seconds is -1"),
    (RING, ["--profile=3"], "profile is 3; it must be a multiple of substeps, 10"),
    (RING, ["--coordinator=here", "--num-processes=2"], "give all three, or none"),
    (
        RING,
        ["--coordinator=here", "--num-processes=2", "--process-id=0"],
        "coordinator is 'here'; it must be HOST:PORT",
    ),
    (
        RING,
        ["--coordinator=here:1", "--num-processes=2", "--process-id=2"],
        "process_id is 2; with num_processes 2 it must be 0 to 1",
    ),
    (RING, ["--distributed"], "distributed: "),
    (RING, ["--config.generator=dcgan"], "dcgan makes square images"),
    (RING, ["--config.generator.features=[0]"], "features"),
    (RING, ["--config.generator.activation=sine"], "activation is 'sine'; it must be"),
    (RING, ["--config.data.source=rings"], "'rings'; it must be cifar:PATH, digits"),
    (RING, ["--config.data.modes=3"], "ring: option is 'modes'; it must be"),
    (RING, ["--config.data.std=-1"], "std"),
    (RING, ["--config.latent_dim=0"], "latent_dim is 0"),
    (DIGITS, ["--config.data.image_size=20"], "image_size"),
    (DIGITS, ["--config.discriminator.norm=weight"], "norm"),
    (DIGITS, ["--config.data.source=folder:/no/such/folder"], "/no/such/folder"),
    (DIGITS, ["--config.data.source=npz:/no/such.npz"], "/no/such.npz"),
    (DIGITS, ["--config.data.source=tfds:no_such_set"], "no_such_set"),
]


@pytest.mark.parametrize(("config", "flags", "message"), ROWS, ids=lambda x: str(x)[-40:])
def test_one_clear_line(
    config: str,
    flags: list[str],
    message: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(["train", "--config", config, "--workdir", str(tmp_path / "run"), *flags]) == 2
    error = capfd.readouterr().err.strip()
    assert error.startswith("jaxgan: error: ")
    assert message in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_nan_in_the_data_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    images = np.zeros((20, 8, 8, 1), np.float32)
    images[7] = np.nan
    np.savez(tmp_path / "data.npz", images=images)
    flags = [f"--config.data.source=npz:{tmp_path / 'data.npz'}"]
    assert main(["train", "--config", DIGITS, "--workdir", str(tmp_path / "run"), *flags]) == 2
    assert "NaN" in capfd.readouterr().err


def test_an_unreadable_image_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "broken.png").write_bytes(b"no image")
    flags = [f"--config.data.source=folder:{tmp_path / 'images'}", "--config.data.image_size=8"]
    assert main(["train", "--config", DIGITS, "--workdir", str(tmp_path / "run"), *flags]) == 2
    assert "broken.png" in capfd.readouterr().err


@pytest.mark.parametrize("flag", ["--confg=x", "--config.seed", "--workdirs=x"])
def test_unknown_flags_are_refused(flag: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["train", "--config", RING, "--workdir", "run", flag])
    assert stop.value.code == 2
    assert flag in capfd.readouterr().err


def test_a_folder_with_checkpoints_of_unknown_origin_is_left_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoints").mkdir()
    assert main(["train", "--config", RING, "--workdir", str(tmp_path)]) == 2
    assert "has checkpoints but no config.json" in capfd.readouterr().err


def test_a_damaged_config_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text("{")
    assert main(["train", "--config", RING, "--workdir", str(tmp_path)]) == 2
    assert "config.json: it is damaged: no JSON" in capfd.readouterr().err
