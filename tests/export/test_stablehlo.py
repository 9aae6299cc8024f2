"""Generators as StableHLO: equal to ours, at any batch size, without jaxgan."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import jaxgan as jg
from jaxgan.cli.main import main
from jaxgan.config.base import load_config
from jaxgan.config.build import build_algorithm
from jaxgan.config.resolve import resolve
from jaxgan.core.errors import InputError
from jaxgan.data.source import element_spec_of
from jaxgan.export import generator_inputs, to_stablehlo
from tests import helpers

pytest.importorskip("flatbuffers")
ROOT = Path(__file__).parents[2]
INPUTS = {
    "biggan": ["latent", "label"],
    "progan": ["latent"],
    "r3gan": ["latent"],
    "sngan": ["latent"],
    "stylegan": ["latent", "truncation"],
    "stylegan2": ["latent", "truncation"],
    "vae": ["latent"],
}


@pytest.mark.parametrize(
    "name", helpers.rows(INPUTS, [name for name in INPUTS if name != "stylegan2"])
)
def test_every_family_is_exported_equal(name: str) -> None:
    config = resolve(load_config(f"{ROOT / 'configs' / name}.py:smoke"))
    side, classes = config["data"].get("image_size") or 8, config["num_classes"] or None
    spec = element_spec_of((side, side, 1), labelled=classes is not None)
    algorithm = build_algorithm(config, spec)
    state = jax.jit(algorithm.init)(jax.random.key(0))
    game, dim = algorithm.field.game, config["latent_dim"]
    inputs = generator_inputs(game, spec, latent_dim=dim, num_classes=classes)
    assert list(inputs) == INPUTS[name]
    # It compares what it has made with the generator, at two batch sizes.
    data = to_stablehlo(game, state, spec, latent_dim=dim, num_classes=classes)
    assert len(data) > 1000


SCRIPT = """
import sys
import jax, numpy as np
from jax import export
generator = export.deserialize(bytearray(open(sys.argv[1], "rb").read()))
np.save(sys.argv[3], generator.call(np.load(sys.argv[2])))
assert "jaxgan" not in sys.modules
"""


def test_a_run_is_exported_and_runs_without_jaxgan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workdir, out = tmp_path / "run", tmp_path / "g.stablehlo"
    config = f"{ROOT / 'configs' / 'digits.py'}:smoke"
    flags = ["--config.num_devices=1", "--config.total_steps=10"]
    assert main(["train", "--config", config, "--workdir", str(workdir), *flags]) == 0
    assert main(["export", "--workdir", str(workdir), "--out", str(out)]) == 0
    assert "inputs: latent float32[b, 32]" in capsys.readouterr().out
    latent = np.random.default_rng(0).normal(size=(7, 32)).astype(np.float32)
    np.save(tmp_path / "z.npy", latent)
    words = [str(tmp_path / name) for name in ("g.stablehlo", "z.npy", "x.npy")]
    subprocess.run([sys.executable, "-c", SCRIPT, *words], check=True, cwd=tmp_path)
    run = jg.load(workdir)
    params = {**run.state.params, "gen": run.state.ema["gen"]["params"]}
    batch = {"image": jnp.zeros((7, 8, 8, 1)), "latent": jnp.asarray(latent)}
    context = jg.Context(jax.random.key(1), train=False)
    scene, _ = run.game.generate(params, run.state.net_state, batch, context)
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), scene["fake"], atol=1e-5)


def test_what_differs_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    game = helpers.mlp_gan()
    state = jg.simultaneous(jg.gradient(game), optimizers=helpers.sgds(0.1)).init(jax.random.key(0))
    spec = {"image": jax.ShapeDtypeStruct((2,), jnp.float32)}
    read = export.deserialize

    class Off:
        def __init__(self, data: bytearray) -> None:
            self.exported = read(data)

        def call(self, *given: np.ndarray) -> jax.Array:
            return self.exported.call(*given) + 0.01

    dim = helpers.LATENT
    monkeypatch.setattr(export, "deserialize", Off)
    with pytest.raises(InputError, match=r"differs from the generator by 0\.01"):
        to_stablehlo(game, state, spec, latent_dim=dim)
