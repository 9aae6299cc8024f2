"""Equalised learning rate: every kernel is N(0, 1), and what scales it is not learned."""

from __future__ import annotations

import math
from typing import NamedTuple

from flax import linen as nn

from jaxgan.core.typing import Array


class Equalised(NamedTuple):
    r"""What `Dense`, `Conv` and `ConvTranspose` are given for an equalised learning rate.

    .. math:: w = \frac{\text{gain} \cdot m}{\sqrt{\text{fan_in}}}\, \hat w,
       \quad \hat w \sim N(0, 1 / m^2), \quad b = m\, \hat b

    An optimizer that normalises its gradients, such as Adam, then moves all weights by the same
    share of their size, whatever the layer; with the multiplier m, by m times that.

    Attributes:
      gain: √2 in front of a (leaky) ReLU, 1 in front of nothing.
      lr_multiplier: m; StyleGAN's mapping network has 0.01.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> from jaxgan.models.layers import Dense
    >>> layer = Dense(1000, equalised=Equalised(gain=1.0))
    >>> y, variables = layer.init_with_output(jax.random.key(0), jnp.ones((1, 400)))
    >>> round(float(jnp.std(variables["params"]["kernel"])), 1), round(float(jnp.std(y)), 1)
    (1.0, 1.0)

    References:
      Karras et al., 2018 (arXiv:1710.10196), section 4.1; the multiplier: Karras et al., 2019
      (arXiv:1812.04948), appendix C.
    """

    gain: float = math.sqrt(2.0)
    lr_multiplier: float = 1.0


def make_kernel(layer: nn.Module, shape: tuple[int, ...], fan_in: float) -> Array:
    """The kernel of a layer that has `equalised`, `kernel_init` and `param_dtype`.

    Args:
      layer: bound, inside its compact method.
      shape: of the kernel.
      fan_in: terms in the sum that makes one output; k² c / stride² for a transposed convolution
        (the official code counts all k² c, and makes outputs of variance 1 / stride²).

    Returns:
      The parameter `kernel`, scaled where the layer is equalised.
    """
    options: Equalised | None = layer.equalised
    if options is None:
        kernel: Array = layer.param("kernel", layer.kernel_init, shape, layer.param_dtype)
        return kernel
    init = nn.initializers.normal(1.0 / options.lr_multiplier)
    scale = options.gain * options.lr_multiplier / math.sqrt(fan_in)
    scaled: Array = scale * layer.param("kernel", init, shape, layer.param_dtype)
    return scaled


def make_bias(layer: nn.Module, features: int) -> Array | None:
    """The bias of a layer that has `equalised`, `use_bias`, `bias_init` and `param_dtype`.

    Args:
      layer: bound, inside its compact method.
      features: how many.

    Returns:
      The parameter `bias`, scaled where the layer is equalised, or None where there is none.
    """
    if not layer.use_bias:
        return None
    bias: Array = layer.param("bias", layer.bias_init, (features,), layer.param_dtype)
    options: Equalised | None = layer.equalised
    return bias if options is None else options.lr_multiplier * bias
