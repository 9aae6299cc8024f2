"""`jaxgan import`: a run that begins with published weights shows the authors' images."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import jaxgan as jg
from jaxgan.cli.main import main
from jaxgan.distributed import make_mesh
from jaxgan.export import generator_variables
from tests.helpers import assert_same_bits
from tests.models.published_states import assert_close, draw, reference, state_of, thin

ROOT = Path(__file__).parents[2]
CONFIG = f"{ROOT / 'configs' / 'sngan.py'}:smoke"
SHAPE = ["--config.generator.base_channels=16", "--config.latent_dim=8"]
SHAPE += ["--example-shape", "32,32,3", "--config.discriminator.base_channels=8"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both players in one file, as authors keep them."""
    expected = reference("sngan.npz", "sngan32")
    both = {
        f"{prefix}.{name}": array
        for prefix, shapes in (("G", expected["shapes_gen"]), ("D", expected["shapes_disc"]))
        for name, array in state_of(shapes).items()
    }
    path = tmp_path_factory.mktemp("weights") / "both.safetensors"
    save_file(both, path)
    return path


def import_to(workdir: Path, *flags: str) -> int:
    return main(["import", "--config", CONFIG, "--workdir", str(workdir), *flags])


def test_an_imported_run_makes_the_authors_images(weights: Path, tmp_path: Path) -> None:
    files = ["--from", str(weights), "--prefix", "G.", "--model", "sngan"]
    files += ["--disc-from", str(weights), "--disc-prefix", "D."]
    assert import_to(tmp_path / "run", *SHAPE, *files) == 0
    # On eight simulated devices the convolutions of a chunk take 3 GB.
    run = jg.load(tmp_path / "run", mesh=make_mesh(1))
    assert run.step == 0
    expected = reference("sngan.npz", "sngan32")
    num = len(expected["eval"])
    batch = {
        "image": jnp.zeros((num, 32, 32, 3)),
        "latent": jnp.asarray(draw("zsngan32", (num, 8)), jnp.float32),
    }
    context = jg.Context(jax.random.key(0), train=False)
    for params in (run.state.params["gen"], run.state.ema["gen"]["params"]):
        players = {**run.state.params, "gen": params}
        scene, _ = run.game.generate(players, run.state.net_state, batch, context)
        assert_close(thin(scene["fake"]), expected["eval"], 1e-4)
    assert run.sample(num, key=jax.random.key(0)).shape == (num, 32, 32, 3)
    # And back: under the authors' names it is their file, and what is imported of that is the same.
    out = tmp_path / "back.safetensors"
    flags = ["--to", "safetensors", "--names", "reference", "--out", str(out)]
    assert main(["export", "--workdir", str(tmp_path / "run"), *flags]) == 0
    theirs, found = load_file(weights), load_file(out)
    assert {f"G.{name}" for name in found} <= set(theirs)
    for name, array in found.items():
        np.testing.assert_array_equal(array, theirs[f"G.{name}"], err_msg=name)
    assert import_to(tmp_path / "again", *SHAPE, "--from", str(out)) == 0
    again = jg.load(tmp_path / "again", mesh=make_mesh(1))
    assert_same_bits(generator_variables(again.state), generator_variables(run.state))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "from: none; give --from FILE"),
        (["--from", "no.npz"], "from is 'no.npz'; there is no such file"),
        (["--from", "a.pkl"], "from is 'a.pkl'; it must be a file with one of .safetensors"),
        (["--from", "FILE", "--prefix", "H."], "prefix is 'H.'; no name in"),
        (["--from", "FILE", "--prefix", "G.", "--model", "biggan"], "model is 'biggan'"),
        (
            ["--from", "FILE", "--prefix", "G.", "--config.generator.base_channels=8"],
            "generator: l1.weight: its shape (256, 8) makes (8, 256)",
        ),
        (["--from", "FILE", "--prefix", "G.", "--config.generator=dcgan"], "generator is 'dcgan'"),
    ],
)
def test_bad_input(
    weights: Path,
    tmp_path: Path,
    flags: list[str],
    message: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    named = [flag.replace("FILE", str(weights)) for flag in flags]
    assert import_to(tmp_path / "run", *SHAPE, *named) == 2
    (line,) = [one for one in capfd.readouterr().err.splitlines() if one.startswith("jaxgan:")]
    assert message in line
    assert not (tmp_path / "run").exists()
