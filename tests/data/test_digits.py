"""The digits against scikit-learn's own arrays."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from jaxgan.data import digits


def everything(source):
    return source.read(np.arange(source.num_examples))


def test_digits_are_sklearns():
    expected = load_digits()
    batch = everything(digits())
    np.testing.assert_array_equal(batch["image"][..., 0], expected.images / 8 - 1)
    np.testing.assert_array_equal(batch["label"], expected.target)
    assert (batch["image"].min(), batch["image"].max()) == (-1, 1)


def test_spec_is_what_is_read():
    for labels in (True, False):
        source = digits(labels=labels)
        batch = source.read(np.array([3, 3]))
        assert sorted(batch) == sorted(source.element_spec)
        for key, spec in source.element_spec.items():
            assert (batch[key].shape, batch[key].dtype) == ((2, *spec.shape), spec.dtype)
    assert digits().class_names == tuple("0123456789")
    assert digits(labels=False).num_classes is None


@pytest.mark.parametrize("image_size", [16, 32])
def test_resized_bilinearly(image_size):
    native = everything(digits())["image"][..., 0]
    resized = everything(digits(image_size=image_size))["image"][..., 0]
    assert resized.shape == (1797, image_size, image_size)
    # Bilinear by hand: pixel centres at (j + 1/2) 8 / size - 1/2, clamped to the edge.
    places = np.clip((np.arange(image_size) + 0.5) * 8 / image_size - 0.5, 0, 7)
    weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(8)))
    expected = np.einsum("ih,nhw,jw->nij", weights, native, weights)
    np.testing.assert_allclose(resized, expected, atol=1e-5)
