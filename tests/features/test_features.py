"""Extractors, and how they are opened by name."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data import array_source, open_source
from jaxgan.features import (
    Extractor,
    FeatureError,
    Settings,
    extract,
    function,
    open_features,
    pixels,
    random_conv,
)

IMAGES = np.random.default_rng(0).uniform(-1, 1, (10, 9, 8, 3)).astype(np.float32)


def test_chunks_give_what_the_whole_gives_by_one_program() -> None:
    traced = []

    def apply(images: jax.Array) -> jax.Array:
        traced.append(images.shape)
        return images.mean(axis=(1, 2))

    extractor = function("mean", apply)
    found = extract(extractor, IMAGES, chunk=4)["features"]
    np.testing.assert_allclose(found, IMAGES.mean(axis=(1, 2)), atol=1e-6)
    assert traced == [(4, 9, 8, 3)]


def test_parameters_are_arguments_and_logits_come_along() -> None:
    def apply(params: jax.Array, images: jax.Array) -> dict[str, jax.Array]:
        flat = images.reshape(len(images), -1)
        return {"features": flat * params, "logits": flat[:, :2]}

    extractor = Extractor(
        name="own", params=jnp.float32(2.0), apply=apply, protocol={}, num_classes=2
    )
    found = extract(extractor, IMAGES, chunk=3)
    np.testing.assert_array_equal(found["features"], 2 * IMAGES.reshape(10, -1))
    assert found["logits"].shape == (10, 2)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[:0], "at least one"),
        (np.zeros((2, 4, 4, 1), np.uint8), "uint8 of shape"),
        (IMAGES[0], r"shape \(9, 8, 3\)"),
    ],
)
def test_bad_images_are_refused(images: np.ndarray, message: str) -> None:
    with pytest.raises(FeatureError, match=message):
        extract(pixels(), images)


def test_a_function_must_give_vectors_and_have_a_name() -> None:
    with pytest.raises(FeatureError, match=r"shape \(10, 9, 8\) for 10 images"):
        extract(function("wrong", lambda images: images.mean(axis=3)), IMAGES)
    for name in ("", "Mean", "a b", "é", "--"):
        with pytest.raises(FeatureError, match="name is "):
            function(name, lambda images: images)


def test_pixels_are_bytes_over_255() -> None:
    content = np.random.default_rng(0).integers(0, 256, (5, 4, 3, 1), np.uint8)
    source = array_source("bytes", content)
    found = extract(pixels(), source.read(np.arange(5))["image"])["features"]
    np.testing.assert_allclose(found, content.reshape(5, -1) / 255, atol=1e-7)


def test_random_features_are_fixed() -> None:
    extractor = random_conv((9, 8, 3))
    first = extract(extractor, IMAGES)["features"]
    assert first.shape == (10, 2 * 4 * 32)
    np.testing.assert_array_equal(first, extract(random_conv((9, 8, 3)), IMAGES)["features"])
    other = random_conv((9, 8, 3), seed=1)
    assert other.protocol["weights"] != extractor.protocol["weights"]
    # NumPy's RandomState is frozen, so this hash holds on every machine.
    assert str(random_conv((8, 8, 1)).protocol["weights"]) == HASH
    assert len(extractor.params) == 2
    assert len(random_conv((64, 64, 3)).params) == 5


HASH = "sha256:5833ef7bbf789a16ceba6f56b272ffb02fc79b061f42bc843a5e32cf510b2b7e"


def test_random_features_see_noise() -> None:
    extractor = random_conv((9, 8, 3))
    clean = extract(extractor, IMAGES)["features"]
    gaps = []
    for std in (0.1, 0.2, 0.4):
        noise = std * np.random.default_rng(1).normal(size=IMAGES.shape).astype(np.float32)
        gaps.append(np.linalg.norm(extract(extractor, IMAGES + noise)["features"] - clean))
    assert gaps == sorted(gaps)
    assert gaps[0] > 0


@pytest.mark.parametrize("shape", [(2,), (3, 8, 1), (8, 2, 1)])
def test_random_features_are_of_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(FeatureError, match="at least 4 pixels"):
        random_conv(shape)
    with pytest.raises(FeatureError, match=r"they must be \[H, W, 1\]"):
        extract(random_conv((8, 8, 1)), IMAGES)


def test_auto_takes_what_the_data_allow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr(
        "jaxgan.features.open.classifier", lambda source, **given: opened.append((source, given))
    )
    digits = open_source("digits")
    open_features("auto", source=digits, cache_dir=tmp_path, data_key="abc")
    assert opened == [(digits, {"cache_dir": tmp_path, "data_key": "abc"})]
    assert open_features("auto", source=open_source("digits", labels=False)).name == "random-conv"
    points = array_source("points", np.zeros((3, 2), np.float32))
    for source in (open_source("ring"), points):
        assert open_features("auto", source=source).name == "pixels"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("clasifier", "did you mean classifier"),
        ("fid", "it must be auto, classifier, inception"),
        ("random_conv", "did you mean random-conv"),
        ("pixels:a", "'pixels:a'"),
        ("auto,torch-fidelity", "'auto,torch-fidelity'"),
        ("inception,torch-fidelty", "did you mean torch-fidelity"),
        ("inception:a.npz,clean", "it must be inception"),
        ("inception:no/such.npz", "inception: no weights at no/such.npz; get https"),
        ("inception:no/such.npz,torch-fidelity", "inception: no weights at no/such.npz; get"),
    ],
)
def test_other_names_are_refused(spec: str, message: str) -> None:
    with pytest.raises(FeatureError, match=message):
        open_features(spec, source=open_source("digits"))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("inception", r"shape \(2,\); they must be \[H, W, 1\]"),
        ("classifier", r"classifier: ring has examples of shape \(2,\)"),
        ("random-conv", r"random-conv: examples of shape \(2,\)"),
    ],
)
def test_points_have_pixels_only(spec: str, message: str) -> None:
    with pytest.raises(FeatureError, match=message):
        open_features(spec, source=open_source("ring"))


def test_settings_are_part_of_the_public_names() -> None:
    assert Settings().num_steps > 0
