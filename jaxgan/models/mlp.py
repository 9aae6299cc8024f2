"""Multilayer perceptrons: the players of toy problems and of flattened images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from flax import linen as nn

from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.precision import widen
from jaxgan.typing import Array

Activation = Callable[[Array], Array]
Initializer = Callable[..., Array]


class MLPGenerator(nn.Module):
    """Multilayer perceptron from latents to vectors, linear at the end.

    Args:
        features: widths of the hidden layers.
        out_shape: shape of a sample: `(2,)` for points, `(28, 28, 1)` for images.
        activation: after every hidden layer.
        out_activation: after the last layer, such as `jnp.tanh` for images; None for nothing.
        kernel_init: Flax initialiser of every kernel, such as `nn.initializers.orthogonal(0.8)`.
        input_scale: factor of the input, such as 1 / standard deviation.
        dtype: of the hidden layers; by default that of the input. With `jnp.bfloat16`, parameters
            and the last layer are float32 all the same.

    References:
        Goodfellow et al., "Generative Adversarial Networks" (2014), arXiv:1406.2661.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> generator = MLPGenerator(features=(32, 32), out_shape=(2,))
    >>> generator.init_with_output(jax.random.key(0), jnp.ones((5, 16)))[0].shape
    (5, 2)
    """

    features: Sequence[int]
    out_shape: tuple[int, ...]
    activation: Activation = nn.relu
    out_activation: Activation | None = None
    kernel_init: Initializer = nn.initializers.lecun_normal()
    input_scale: float = 1.0
    dtype: Any = None

    @nn.compact
    def __call__(self, z: Array, train: bool = True) -> Array:
        """Map latents [batch, ...] to samples [batch, *out_shape]; `train` changes nothing."""
        del train
        x = _perceptron(self, z, math.prod(self.out_shape)).reshape(-1, *self.out_shape)
        return x if self.out_activation is None else self.out_activation(x)


class MLPDiscriminator(nn.Module):
    """Multilayer perceptron from vectors, or images as vectors, to one logit each.

    Args:
        features: widths of the hidden layers.
        activation: after every hidden layer.
        kernel_init: Flax initialiser of every kernel, such as `nn.initializers.orthogonal(0.8)`.
        input_scale: factor of the input, such as 1 / standard deviation.
        dtype: of the hidden layers; by default that of the input. With `jnp.bfloat16`, parameters
            and the last layer are float32 all the same.

    References:
        Goodfellow et al., "Generative Adversarial Networks" (2014), arXiv:1406.2661.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> discriminator = MLPDiscriminator(features=(32, 32))
    >>> discriminator.init_with_output(jax.random.key(0), jnp.ones((5, 2)))[0].shape
    (5,)
    """

    features: Sequence[int]
    activation: Activation = nn.relu
    kernel_init: Initializer = nn.initializers.lecun_normal()
    input_scale: float = 1.0
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> Array:
        """Map samples [batch, ...] to logits [batch]; `train` changes nothing."""
        del train
        return _perceptron(self, x, 1).squeeze(-1)


def _perceptron(module: MLPGenerator | MLPDiscriminator, x: Array, out_features: int) -> Array:
    widths = (*module.features, out_features)
    if min(widths) < 1:
        raise ValueError(f"features: got {widths}; every width must be positive")
    if x.ndim < 2:
        raise ValueError(f"x: got shape {x.shape}; must have a batch axis and at least one more")
    x = x.reshape(x.shape[0], -1)
    if module.input_scale != 1.0:
        x = module.input_scale * x
    for width in module.features:
        x = Dense(width, kernel_init=module.kernel_init, dtype=module.dtype)(x)
        x = module.activation(x)
    return Dense(out_features, kernel_init=module.kernel_init)(widen(x))
