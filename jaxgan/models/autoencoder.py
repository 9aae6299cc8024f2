"""Autoencoders as discriminators: what they rebuild badly, they take for generated."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Count, Depth, Index, Repeats, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.dcgan import DCGANGenerator, encode, resolutions
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.norms import Norm, apply_layer, check_reference
from jaxgan.models.layers.precision import to_float32

Error = Literal["l1", "l2"]

_INIT = nn.initializers.normal(0.02)


def reconstruction_error(x: Array, rebuilt: Array, error: Error) -> Array:
    r"""How far each example is from what was made of it.

    .. math:: e_i = \frac1D \sum_d |x_{id} - \hat x_{id}|^p

    Args:
        x: examples, [B, ...].
        rebuilt: what the autoencoder made of them, of the same shape.
        error: `"l1"` for p = 1, `"l2"` for p = 2.

    Returns:
        [B].

    >>> reconstruction_error(jnp.asarray([[1.0, -3.0]]), jnp.zeros((1, 2)), "l2").tolist()
    [5.0]
    """
    gap = (x - rebuilt).reshape(x.shape[0], -1)
    return jnp.mean(jnp.abs(gap) if error == "l1" else jnp.square(gap), axis=-1)


@checked
class MLPAutoencoder(nn.Module):
    """Perceptrons to a code and back; the logit is minus the error of the reconstruction.

    Args:
        features: widths of the encoder's hidden layers; the decoder's are the same, reversed.
        code_dim: length of the code.
        error: `"l1"` (BEGAN) or `"l2"` (EBGAN), a mean over coordinates.
        activation: after every hidden layer; code and reconstruction are linear.
        kernel_init: Flax initialiser of every kernel.
        dtype: of the hidden layers; by default that of the input. Parameters, the code and the
            reconstruction are float32 all the same.

    Raises:
        ValueError: if a width is not positive, or there is no such error.

    >>> import jax
    >>> network = MLPAutoencoder(features=(32,), code_dim=8)
    >>> out, _ = jax.eval_shape(network.init_with_output, jax.random.key(0), jnp.ones((5, 2)))
    >>> out["logits"].shape, out["code"].shape
    ((5,), (5, 8))

    References:
        Zhao et al., 2017 (arXiv:1609.03126); Berthelot et al., 2017 (arXiv:1703.10717).
    """

    features: Sequence[Width]
    code_dim: Width = 16
    error: Error = "l1"
    activation: Callable[[Array], Array] = nn.relu
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> dict[str, Array]:
        """Map samples [batch, ...] to `logits` [batch] and `code`; `train` changes nothing."""
        del train

        def perceptron(x: Array, widths: Sequence[int], num_out: int) -> Array:
            for width in widths:
                x = Dense(width, kernel_init=self.kernel_init, dtype=self.dtype)(x)
                x = self.activation(x)
            return Dense(num_out, kernel_init=self.kernel_init)(to_float32(x))

        flat = x.reshape(x.shape[0], -1)
        code = perceptron(flat, self.features, self.code_dim)
        rebuilt = perceptron(code, self.features[::-1], math.prod(x.shape[1:]))
        return {"logits": -reconstruction_error(flat, rebuilt, self.error), "code": code}


@checked
class DCGANAutoencoder(nn.Module):
    """The DCGAN discriminator's convolutions to a code, the DCGAN generator back.

    The logit is minus the error of the reconstruction, whose pixels lie in (-1, 1).

    Args:
        image_size: pixels per side, 4 * 2^n or 7 * 2^n with n >= 1.
        channels: of the image.
        code_dim: length of the code.
        error: `"l1"` (BEGAN) or `"l2"` (EBGAN), a mean over pixels and channels.
        base_channels: width at half the image's resolution.
        norm: as `DCGANDiscriminator`'s; the decoder has none where it is `"spectral"`.
        num_extra_layers: 3x3 convolutions of stride 1 at half the image's resolution.
        kernel_size: of the strided convolutions.
        dtype: of products and activations; by default that of the input.
        num_reference: of the norm `"virtual"`, examples of the reference batch.

    Raises:
        ValueError: if an option is none of the above.

    >>> import jax
    >>> network = DCGANAutoencoder(image_size=8, channels=1, base_channels=8, norm="none")
    >>> out, _ = jax.eval_shape(network.init_with_output, jax.random.key(0), jnp.ones((2, 8, 8, 1)))
    >>> out["logits"].shape, out["code"].shape
    ((2,), (2, 64))

    References:
        Zhao et al., 2017 (arXiv:1609.03126); Berthelot et al., 2017 (arXiv:1703.10717).
    """

    image_size: Count
    channels: Width = 3
    code_dim: Width = 64
    error: Error = "l1"
    base_channels: Width = 64
    norm: Norm = "batch"
    num_extra_layers: Depth = 0
    kernel_size: Repeats = 4
    dtype: Any = None
    num_reference: Index = 0

    def __post_init__(self) -> None:
        check_reference(self.norm, self.num_reference)
        resolutions(self.image_size)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> dict[str, Array]:
        """Map images [batch, image_size, image_size, channels] to `logits` [batch] and `code`."""
        last = encode(x, self, train)
        last = to_float32(last.reshape(x.shape[0], -1))
        code = apply_layer(Dense(self.code_dim, kernel_init=_INIT), last, self.norm, train)
        decoder = DCGANGenerator(
            self.image_size,
            self.channels,
            self.base_channels,
            "none" if self.norm == "spectral" else self.norm,
            self.num_extra_layers,
            self.kernel_size,
            self.dtype,
            num_reference=self.num_reference,
            name="decoder",
        )
        rebuilt = decoder(code, train=train)
        return {"logits": -reconstruction_error(x, rebuilt, self.error), "code": code}
