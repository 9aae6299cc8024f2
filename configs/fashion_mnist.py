"""DCGAN on Fashion-MNIST at 28x28 pixels: the config of `mnist.py` on other data.

    jaxgan train --config configs/fashion_mnist.py --workdir runs/fashion_mnist \\
        --config.data.data_dir=PATH

needs `pip install jaxgan[data]` and Fashion-MNIST prepared by TensorFlow Datasets in PATH (by
default ~/tensorflow_datasets).
"""

from __future__ import annotations

from pathlib import Path

import ml_collections

from jaxgan.config.base import load_config


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network.

    Args:
      arg: as of `mnist.py`.

    Returns:
      A config for `jaxgan train`.

    Raises:
      ValueError: for another argument.
    """
    config = load_config(f"{Path(__file__).with_name('mnist.py')}:{arg}")
    config["data"]["source"] = "tfds:fashion_mnist"
    return ml_collections.ConfigDict(config)
