"""Inception-v3 against the published ports, and its layers against NumPy."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util
from numpy.lib.stride_tricks import sliding_window_view

from jaxgan.cli.main import main
from jaxgan.data import to_float
from jaxgan.features import FeatureError, extract, inception
from jaxgan.features.inception import fold, prepare, state_shapes, taps
from jaxgan.features.inception_network import (
    BlockA,
    BlockB,
    BlockC,
    BlockE,
    Inception,
    average_pool,
)
from jaxgan.features.resize import resize_bilinear
from jaxgan.features.weights import Weights
from tests.features.states import METRICS, inception_array, needs_references, write_state

STEM = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3")


def references() -> dict[str, np.ndarray]:
    with np.load(METRICS / "inception_refs.npz") as archive:
        return dict(archive)


def params_for(prefixes: tuple[str, ...] = ()) -> Any:
    """The deterministic weights, of all layers or of some, folded as the converter does."""
    state = {
        name: inception_array(name, shape)
        for name, shape in state_shapes().items()
        if not prefixes or name.startswith(prefixes)
    }
    return traverse_util.unflatten_dict(
        {name: array.astype(np.float32) for name, array in fold(state).items()}, sep="/"
    )


def assert_close(found: Any, expected: np.ndarray, tolerance: float) -> None:
    """Within a share of the features' scale."""
    gap = np.abs(np.asarray(found) - expected).max()
    assert gap < tolerance * np.abs(expected).max()


@needs_references
def test_the_first_tap_is_that_of_both_ports() -> None:
    refs, params = references(), params_for(STEM)
    images = to_float(refs["x48x40"])
    run = jax.jit(lambda p, x: Inception(64).apply({"params": p}, x)["64"])
    for convention, name in (
        ("pytorch-fid", "pytorch_fid_block0_gap"),
        ("torch-fidelity", "torch_fidelity_64"),
    ):
        assert_close(run(params, prepare(jnp.asarray(images), convention)), refs[name], 1e-5)
    # The two conventions differ by far more than the tolerance.
    with pytest.raises(AssertionError):
        assert_close(refs["torch_fidelity_64"], refs["pytorch_fid_block0_gap"], 1e-3)


@pytest.mark.slow
@needs_references
def test_every_tap_is_that_of_both_ports() -> None:
    refs, params = references(), params_for()
    images = jnp.asarray(to_float(refs["x48x40"]))
    for convention in ("pytorch-fid", "torch-fidelity"):
        found = jax.jit(partial(taps, convention=convention))(params, images)
        if convention == "pytorch-fid":
            for index, length in enumerate((64, 192, 768, 2048)):
                assert_close(found[str(length)], refs[f"pytorch_fid_block{index}_gap"], 1e-5)
        else:
            for name in ("64", "192", "768", "2048", "logits", "logits_unbiased"):
                assert_close(found[name], refs[f"torch_fidelity_{name}"], 1e-5)


@pytest.mark.slow
@needs_references
def test_the_command_converts_a_whole_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = {name: inception_array(name, shape) for name, shape in state_shapes().items()}
    state["Conv2d_1a_3x3.bn.num_batches_tracked"] = np.zeros((), np.int64)
    source, to = tmp_path / "a.pth", tmp_path / "inception.npz"
    write_state(source, state)
    assert main(["weights", "inception", "--from", str(source), "--to", str(to)]) == 0
    assert "not the published files" in capsys.readouterr().out
    refs = references()
    extractor = inception(to)
    assert (extractor.name, extractor.protocol["published"]) == ("inception", 0)
    assert extractor.num_classes == 1008
    found = extract(extractor, to_float(refs["x48x40"]))
    assert_close(found["features"], refs["pytorch_fid_block3_gap"], 1e-5)
    assert_close(
        extract(inception(to, tap=64), to_float(refs["x48x40"]))["features"],
        refs["pytorch_fid_block0_gap"],
        1e-5,
    )


# Layers, in NumPy


def np_conv(x: np.ndarray, params: Any, stride: int = 1, same: bool = False) -> np.ndarray:
    kernel = np.asarray(params["kernel"], np.float64)
    height, width = kernel.shape[:2]
    if same:
        x = np.pad(x, ((0, 0), (height // 2,) * 2, (width // 2,) * 2, (0, 0)))
    windows = sliding_window_view(x, (height, width), axis=(1, 2))[:, ::stride, ::stride]
    y = np.einsum("bijchw,hwco->bijo", windows, kernel, optimize=True)
    return np.maximum(y + np.asarray(params["bias"]), 0)


def np_pool(x: np.ndarray, kind: str, stride: int = 1) -> np.ndarray:
    if stride == 1:
        x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=np.nan)
    windows = sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::stride, ::stride]
    return (np.nanmean if kind == "mean" else np.nanmax)(windows, axis=(-2, -1))


def np_block_a(p: Any, x: np.ndarray) -> list[np.ndarray]:
    wide = np_conv(np_conv(x, p["branch5x5_1"]), p["branch5x5_2"], same=True)
    double = np_conv(np_conv(x, p["branch3x3dbl_1"]), p["branch3x3dbl_2"], same=True)
    double = np_conv(double, p["branch3x3dbl_3"], same=True)
    pooled = np_conv(np_pool(x, "mean"), p["branch_pool"])
    return [np_conv(x, p["branch1x1"]), wide, double, pooled]


def np_block_b(p: Any, x: np.ndarray) -> list[np.ndarray]:
    double = np_conv(np_conv(x, p["branch3x3dbl_1"]), p["branch3x3dbl_2"], same=True)
    double = np_conv(double, p["branch3x3dbl_3"], 2)
    return [np_conv(x, p["branch3x3"], 2), double, np_pool(x, "max", 2)]


def np_block_c(p: Any, x: np.ndarray) -> list[np.ndarray]:
    single, double = np_conv(x, p["branch7x7_1"]), np_conv(x, p["branch7x7dbl_1"])
    for index in (2, 3):
        single = np_conv(single, p[f"branch7x7_{index}"], same=True)
    for index in (2, 3, 4, 5):
        double = np_conv(double, p[f"branch7x7dbl_{index}"], same=True)
    pooled = np_conv(np_pool(x, "mean"), p["branch_pool"])
    return [np_conv(x, p["branch1x1"]), single, double, pooled]


def np_block_e(p: Any, x: np.ndarray, kind: str) -> list[np.ndarray]:
    single = np_conv(x, p["branch3x3_1"])
    double = np_conv(np_conv(x, p["branch3x3dbl_1"]), p["branch3x3dbl_2"], same=True)
    rows = [np_conv(single, p[f"branch3x3_2{letter}"], same=True) for letter in "ab"]
    columns = [np_conv(double, p[f"branch3x3dbl_3{letter}"], same=True) for letter in "ab"]
    pooled = np_conv(np_pool(x, kind), p["branch_pool"])
    return [np_conv(x, p["branch1x1"]), *rows, *columns, pooled]


@pytest.mark.parametrize(
    ("block", "in_numpy"),
    [
        (BlockA(32), np_block_a),
        (BlockB(), np_block_b),
        (BlockC(16), np_block_c),
        (BlockE(max_pooled=False), partial(np_block_e, kind="mean")),
        (BlockE(max_pooled=True), partial(np_block_e, kind="max")),
    ],
    ids=["A", "B", "C", "E1", "E2"],
)
def test_a_block_is_the_one_in_numpy(block: nn.Module, in_numpy: Any) -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(2, 7, 6, 4)).astype(np.float32)
    shapes = jax.eval_shape(block.init, jax.random.key(0), x)["params"]
    params = jax.tree.map(
        lambda leaf: (draw.normal(size=leaf.shape) / np.sqrt(leaf.size / leaf.shape[-1])).astype(
            np.float32
        ),
        shapes,
    )
    found = jax.jit(block.apply)({"params": params}, x)
    expected = np.concatenate(in_numpy(params, x.astype(np.float64)), axis=-1)
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("size", [(5, 4), (1, 3), (2, 1)])
def test_the_average_leaves_out_the_padding(size: tuple[int, int]) -> None:
    x = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
    np.testing.assert_allclose(average_pool(jnp.asarray(x)), np_pool(x, "mean"), atol=1e-6)


@pytest.mark.parametrize(("old", "new"), [(5, 9), (9, 5), (7, 7), (1, 4)])
@pytest.mark.parametrize("centres", ["half-pixel", "corner"])
def test_resizing_is_interpolation_at_the_stated_places(old: int, new: int, centres: str) -> None:
    row = np.random.default_rng(0).normal(size=old).astype(np.float32)
    index = np.arange(new)
    places = (index + 0.5) * old / new - 0.5 if centres == "half-pixel" else index * old / new
    expected = np.interp(places, np.arange(old), row)
    image = jnp.asarray(np.broadcast_to(row.reshape(1, 1, old, 1), (1, old, old, 1)))
    found = resize_bilinear(image, new, centres)
    assert found.shape == (1, new, new, 1)
    np.testing.assert_allclose(found[0, 0, :, 0], expected, atol=1e-6)
    turned = resize_bilinear(image.swapaxes(1, 2), new, centres)
    np.testing.assert_allclose(turned[0, :, 0, 0], expected, atol=1e-6)


def test_images_are_rounded_to_bytes_and_repeated() -> None:
    grey = jnp.asarray(np.linspace(-1.2, 1.2, 299 * 299).reshape(1, 299, 299, 1), jnp.float32)
    values = np.asarray(prepare(grey))
    steps = (values + 1) * 127.5
    assert steps.min() == 0
    assert steps.max() == 255
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-4)
    np.testing.assert_array_equal(values[..., 0], values[..., 2])


@pytest.mark.parametrize("shape", [(2, 8, 8, 2), (2, 8, 8, 4), (2, 8)])
def test_other_channels_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(FeatureError, match=r"it must be \[H, W, 1\] or \[H, W, 3\]"):
        prepare(jnp.zeros(shape))


def test_published_weights_and_only_these_give_published_names() -> None:
    loaded = Weights("inception", {}, "ab", True, ())
    assert inception(loaded).protocol["published"] == 1
    assert inception(loaded, convention="torch-fidelity").protocol["published"] == 1
    assert inception(loaded._replace(published=False)).protocol["published"] == 0
    early = inception(loaded, tap=192)
    assert (early.name, early.protocol["published"]) == ("inception-192", 0)
    assert early.num_classes is None
    protocols = [
        inception(loaded, convention=c).protocol for c in ("pytorch-fid", "torch-fidelity")
    ]
    differing = {key for key in protocols[0] if protocols[0][key] != protocols[1][key]}
    assert differing == {"convention", "resize", "normalise"}
    with pytest.raises(FeatureError, match="convention is 'clean-fid'; it must be 'pytorch-fid'"):
        inception(loaded, convention="clean-fid")
    with pytest.raises(FeatureError, match="tap is 100; it must be 64, 192, 768 or 2048"):
        inception(loaded, tap=100)
