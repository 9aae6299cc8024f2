"""Multilayer perceptrons: the players of toy problems and of flattened images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import OptionalWidth, Positive, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.heads import Head, HeadOptions, Outputs, apply_head, check_head
from jaxgan.models.layers.labels import check_conditioning, one_hot
from jaxgan.models.layers.minibatch import (
    Minibatch,
    MinibatchDiscrimination,
    MinibatchStddev,
)
from jaxgan.models.layers.norms import apply_layer
from jaxgan.models.layers.precision import to_float32

Activation = Callable[[Array], Array]
Initializer = Callable[..., Array]
MLPNorm = Literal["none", "spectral"]


@checked
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
        conditioning: `"none"`, or `"concat"` for labels as one-hot vectors beside z, of which the
            first layer makes a learned embedding.
        num_classes: how many classes there are.

    Raises:
        ValueError: if classes are needed and there are none.

    References:
        Goodfellow et al., "Generative Adversarial Networks" (2014), arXiv:1406.2661.
        Mirza and Osindero, "Conditional Generative Adversarial Nets" (2014), arXiv:1411.1784.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> generator = MLPGenerator(features=(32, 32), out_shape=(2,))
    >>> generator.init_with_output(jax.random.key(0), jnp.ones((5, 16)))[0].shape
    (5, 2)
    """

    features: Sequence[Width]
    out_shape: tuple[Width, ...]
    activation: Activation = nn.relu
    out_activation: Activation | None = None
    kernel_init: Initializer = nn.initializers.lecun_normal()
    input_scale: Positive = 1.0
    dtype: Any = None
    conditioning: Literal["concat", "none"] = "none"
    num_classes: Width | None = None

    def __post_init__(self) -> None:
        check_conditioning(self.conditioning, self.num_classes)
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None, train: bool = True) -> Array:
        """Map latents [batch, ...] to samples [batch, *out_shape]; `train` changes nothing."""
        num_out = math.prod(self.out_shape)
        x = _hidden(self, z, label, train, num_out)
        x = Dense(num_out, kernel_init=self.kernel_init)(x).reshape(-1, *self.out_shape)
        return x if self.out_activation is None else self.out_activation(x)


@checked
class MLPDiscriminator(nn.Module):
    """Multilayer perceptron from vectors, or images as vectors, to one logit each.

    Args:
        features: widths of the hidden layers.
        activation: after every hidden layer. A ReLU's logit is linear in the input between kinks:
            the derivative of R1 with respect to the input is 0 almost everywhere, and derivatives
            through training under it miss what it does. `nn.tanh` where these matter.
        kernel_init: Flax initialiser of every kernel, such as `nn.initializers.orthogonal(0.8)`.
        input_scale: factor of the input, such as 1 / standard deviation.
        dtype: of the hidden layers; by default that of the input. With `jnp.bfloat16`, parameters
            and the last layer are float32 all the same.
        norm: `"none"`, or `"spectral"` for every kernel.
        conditioning: `"none"`, or `"concat"` for labels as one-hot vectors beside the input.
        minibatch: what is added to the last features: `"discrimination"`, `"stddev"` or `"none"`.
        head: what is returned, see `layers.apply_head`.
        num_classes: how many classes there are.
        num_categories: of the head `"codes"`.
        num_continuous: of the head `"codes"`.

    Raises:
        ValueError: for another name, or if classes are needed and there are none.

    References:
        Goodfellow et al., "Generative Adversarial Networks" (2014), arXiv:1406.2661.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> discriminator = MLPDiscriminator(features=(32, 32))
    >>> discriminator.init_with_output(jax.random.key(0), jnp.ones((5, 2)))[0].shape
    (5,)
    """

    features: Sequence[Width]
    activation: Activation = nn.relu
    kernel_init: Initializer = nn.initializers.lecun_normal()
    input_scale: Positive = 1.0
    dtype: Any = None
    norm: MLPNorm = "none"
    conditioning: Literal["concat", "none"] = "none"
    minibatch: Minibatch = "none"
    head: Head = "logit"
    num_classes: Width | None = None
    num_categories: OptionalWidth = 10
    num_continuous: OptionalWidth = 2

    def __post_init__(self) -> None:
        check_conditioning(self.conditioning, self.num_classes)
        check_head(self._head)
        super().__post_init__()

    @property
    def _head(self) -> HeadOptions:
        return HeadOptions(self.head, self.num_classes, self.num_categories, self.num_continuous)

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = True) -> Outputs:
        """Map samples [batch, ...] to logits [batch], or what the head returns."""
        x = _hidden(self, x, label, train, 1)
        if self.minibatch == "discrimination":
            x = MinibatchDiscrimination()(x)
        if self.minibatch == "stddev":
            x = MinibatchStddev()(x)
        return apply_head(
            x,
            self._head,
            label=label,
            norm=self.norm,
            train=train,
            kernel_init=self.kernel_init,
        )


def _hidden(
    module: MLPGenerator | MLPDiscriminator,
    x: Array,
    label: Array | None,
    train: bool,
    num_out: int,
) -> Array:
    if x.ndim < 2:
        raise ValueError(f"inputs have shape {x.shape}; they must be [batch, ...]")
    x = x.reshape(x.shape[0], -1)
    if module.input_scale != 1.0:
        x = module.input_scale * x
    if module.conditioning == "concat":
        x = jnp.concatenate([x, one_hot(label, module.num_classes or 0, x.dtype)], axis=-1)
    norm = module.norm if isinstance(module, MLPDiscriminator) else "none"
    for width in module.features:
        layer = Dense(width, kernel_init=module.kernel_init, dtype=module.dtype)
        x = module.activation(apply_layer(layer, x, norm, train))
    return to_float32(x)
