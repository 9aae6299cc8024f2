"""What an example of a data set is, without the data set."""

import pytest

from jaxgan.plan.examples import tfds_spec

pytest.importorskip("tensorflow_datasets")

PARTLY = ["image", "label", "labelled_image", "labelled_label"]


@pytest.mark.parametrize(
    ("options", "shape", "keys"),
    [
        ({}, (28, 28, 1), ["image", "label"]),
        ({"image_size": 32, "channels": 3}, (32, 32, 3), ["image", "label"]),
        ({"labels": False}, (28, 28, 1), ["image"]),
        ({"num_labels": 100}, (28, 28, 1), PARTLY),
    ],
)
def test_the_example_is_known_without_the_data(
    options: dict[str, int], shape: tuple[int, ...], keys: list[str]
) -> None:
    spec = tfds_spec("mnist", options)
    assert spec is not None
    assert spec["image"].shape == shape
    assert sorted(spec) == keys
