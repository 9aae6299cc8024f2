"""Fields that the data decide alike in several families, and options that these families share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import flax.linen as nn

from jaxgan.config.networks.base import Data, Decision, Option, Options
from jaxgan.core.errors import ConfigError
from jaxgan.core.ranges import Count, NonNegative

ActivationName = Literal["leaky_relu", "relu", "tanh"]
ACTIVATIONS: Mapping[str, Callable[..., Any]] = {
    "leaky_relu": nn.leaky_relu,
    "relu": nn.relu,
    "tanh": nn.tanh,
}


def auto(way: str) -> Decision:
    """The field `conditioning`: of `"auto"`, one way in a conditional game, and `"none"` else.

    A discriminator that is given labels by its head is given them in no second way.

    Example:
      >>> data = Data("dcgan", (8, 8, 1), num_classes=10)
      >>> options = {"conditioning": "auto"}
      >>> auto("norm")(data, options), auto("norm")(data, {**options, "head": "projection"})
      ('norm', 'none')
    """

    def conditioning(data: Data, options: Options) -> Any:
        if options["conditioning"] != "auto":
            return options["conditioning"]
        is_free = options.get("head", "logit") in ("codes", "features", "logit")
        return way if data.num_classes and is_free else "none"

    return conditioning


def classes(data: Data, options: Options) -> int | None:
    """The field `num_classes`, of a network that is conditioned in one way or not at all.

    Example:
      >>> data = Data("r3gan", (8, 8, 1), num_classes=10)
      >>> classes(data, {"conditioning": "auto"}), classes(data, {"conditioning": "none"})
      (10, None)
    """
    return data.num_classes if options["conditioning"] == "auto" else None


def _size(data: Data, options: Options) -> int:
    if len(data.shape) != 3 or data.shape[0] != data.shape[1]:
        raise ConfigError(
            f"data of shape {data.shape}; {data.family} makes square images [size, size, channels]"
        )
    return data.shape[0]


def _channels(data: Data, options: Options) -> int:
    channels: int = data.shape[-1] * options.get("packing", 1)
    return channels


def _activation(data: Data, options: Options) -> Any:
    return ACTIVATIONS[options["activation"]]


def _kernel_init(data: Data, options: Options) -> nn.initializers.Initializer:
    gain = options["orthogonal_gain"]
    return nn.initializers.orthogonal(gain) if gain > 0 else nn.initializers.lecun_normal()


# Of networks for square images.
SQUARE: Mapping[str, Decision] = {"image_size": _size, "channels": _channels}

# Of perceptrons, whose activation is named and whose kernels may start orthogonal.
PERCEPTRON: Mapping[str, Decision] = {"activation": _activation, "kernel_init": _kernel_init}
PERCEPTRON_OPTIONS: Mapping[str, Option] = {
    "activation": Option("relu", ActivationName),
    "orthogonal_gain": Option(0.0, NonNegative),
}

AUTO: Mapping[str, Option] = {"conditioning": Option("auto")}
AUTO_OR_NONE: Mapping[str, Option] = {"conditioning": Option("auto", Literal["auto", "none"])}
DISCRIMINATOR_OPTIONS: Mapping[str, Option] = {
    **AUTO,
    "minibatch": Option("none"),
    "head": Option("logit"),
    "packing": Option(1, Count),
}
