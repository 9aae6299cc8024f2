"""Files of weights: what is written is what is read, and nothing else passes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from jaxgan.cli import weights as command
from jaxgan.cli.main import main
from jaxgan.features import FeatureError, inception, lpips, weights
from jaxgan.features.recipes import RECIPES, recipe_of
from jaxgan.features.weights import Published
from tests.features.states import METRICS, needs_references, small_recipe, write_state

MATRIX = np.arange(6, dtype=np.float32).reshape(3, 2)
STATE = {"fc.weight": MATRIX, "bn.num_batches_tracked": np.zeros((), np.int64)}
RECIPE = small_recipe()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    write_state(tmp_path / "small.pth", STATE)
    return tmp_path / "small.pth"


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_converted_weights_come_back(tmp_path: Path, state: Path, suffix: str) -> None:
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    to = tmp_path / f"small{suffix}"
    converted = weights.convert(RECIPE, [state], to)
    loaded = weights.load(RECIPE, to)
    np.testing.assert_array_equal(loaded.params["fc"]["kernel"], MATRIX.T)
    assert loaded._replace(params=0) == converted._replace(params=0)
    assert loaded.sources == (weights.file_sha256(state),)
    assert not loaded.published
    assert weights.load(RECIPE, state).sha256 == loaded.sha256


def test_only_the_published_file_is_published(tmp_path: Path, state: Path) -> None:
    published = Published("small.pth", "", weights.file_sha256(state))
    recipe = RECIPE._replace(files=(published,))
    assert weights.convert(recipe, [state], tmp_path / "a.npz").published
    assert weights.load(recipe, tmp_path / "a.npz").published
    assert not weights.load(RECIPE, tmp_path / "a.npz").published


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_an_altered_number_is_found(tmp_path: Path, state: Path, suffix: str) -> None:
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"a{suffix}"
    weights.convert(RECIPE, [state], path)
    arrays, about = weights.read_arrays(path)
    arrays["fc/kernel"][0, 0] = 9.0
    other = dict(about)
    weights.write_arrays(path, arrays, other)
    assert weights.read_arrays(path)[1]["sha256"] != about["sha256"]
    if suffix == ".npz":
        text = np.asarray(json.dumps(about))  # the old hash over the new numbers
        np.savez(path, allow_pickle=False, __about__=text, **arrays)
    else:
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))
    with pytest.raises(FeatureError, match=r"have sha256 \w+, not \w+: it is damaged"):
        weights.load(RECIPE, path)


def test_a_file_of_pickles_or_of_noise_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", __about__=np.asarray({"a": print}, dtype=object))
    (tmp_path / "b.npz").write_bytes(bytes(100))
    (tmp_path / "c.safetensors").write_bytes(bytes(100))
    for name in ("a.npz", "b.npz"):
        with pytest.raises(FeatureError, match=f"{name}: it cannot be read"):
            weights.load(RECIPE, tmp_path / name)
    pytest.importorskip("safetensors")
    with pytest.raises(FeatureError, match=r"c\.safetensors: it is damaged: no JSON"):
        weights.load(RECIPE, tmp_path / "c.safetensors")


def test_a_missing_file_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAXGAN_WEIGHTS", str(tmp_path / "here"))
    with pytest.raises(FeatureError) as caught:
        inception()
    text = str(caught.value)
    assert "\n" not in text
    assert f"no weights at {tmp_path}/here/inception.npz" in text
    assert "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2" in text
    assert "https://github.com/mseitzer/pytorch-fid/releases" in text
    assert "jaxgan weights inception --from pt_inception-2015-12-05-6726825d.pth --to" in text
    with pytest.raises(FeatureError, match="lpips-alex: no weights"):
        lpips(network="alex")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"fc.weight": MATRIX.T}, r"fc\.weight has shape \(2, 3\), not \(3, 2\); get https"),
        ({"fc.bias": MATRIX}, r"fc\.bias of shape \(3, 2\) belongs to another network"),
        ({}, r"fc\.weight of shape \(3, 2\) is missing"),
        ({"fc.weight": MATRIX + np.nan}, "fc.weight is float32 or not finite"),
        ({"fc.weight": MATRIX.astype(np.int64)}, "fc.weight is int64"),
    ],
)
def test_another_network_is_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    write_state(tmp_path / "a.pth", arrays)
    with pytest.raises(FeatureError, match=message):
        weights.convert(RECIPE, [tmp_path / "a.pth"], tmp_path / "a.npz")
    assert not (tmp_path / "a.npz").exists()


def test_a_converted_file_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    weights.write_arrays(path, {"w": MATRIX}, {"network": "large"})
    with pytest.raises(FeatureError, match="weights of 'large'; they must be of 'small'"):
        weights.load(RECIPE, path)
    weights.write_arrays(path, {"fc/kernel": MATRIX}, {"network": "small"})
    with pytest.raises(FeatureError, match=r"fc/kernel has shape \(3, 2\), not \(2, 3\)"):
        weights.load(RECIPE, path)


def test_other_suffixes_are_refused(tmp_path: Path, state: Path) -> None:
    with pytest.raises(FeatureError, match=r"one of \.npz, \.safetensors"):
        weights.convert(RECIPE, [state], tmp_path / "a.txt")
    with pytest.raises(FeatureError, match=r"one of \.npz, \.safetensors, \.pth"):
        weights.load(RECIPE, Path(__file__))


@needs_references
def test_the_inception_state_is_the_published_one() -> None:
    listed = json.loads((METRICS / "inception_state_shapes.json").read_text())
    recipe = recipe_of("inception")
    expected = {k: tuple(v) for k, v in listed.items() if not recipe.ignored(k)}
    assert recipe.state_shapes() == expected
    assert len(listed) == 566


def test_the_command_says_one_line(
    tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(command.NETWORKS) == set(RECIPES)
    assert main(["weights", "lpips-vgg16"]) == 0
    assert "vgg16-397923af.pth" in capsys.readouterr().out
    to = str(tmp_path / "a.npz")
    assert main(["weights", "lpips-alex", "--from", str(state), "--to", to]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("jaxgan: error: ")
    assert "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02" in error
    assert "\n" not in error
    with pytest.raises(FeatureError, match="did you mean inception"):
        recipe_of("incepton")
