"""Encoders from images to codes, and discriminators of pairs of an image and a code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Count, Depth, Index, Repeats, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.dcgan import encode, resolutions
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.heads import HeadOptions, Outputs, apply_head
from jaxgan.models.layers.norms import Norm, apply_layer, check_reference
from jaxgan.models.layers.precision import to_float32
from jaxgan.models.mlp import MLPNorm

Distribution = Literal["gaussian", "point"]
JointHead = Literal["features", "logit"]

_DCGAN_INIT = nn.initializers.normal(0.02)
_SLOPE = 0.2


@checked
class MLPEncoder(nn.Module):
    """Multilayer perceptron from samples to codes.

    Args:
        features: widths of the hidden layers.
        code_dim: length of the code.
        distribution: `"point"` for one code, or `"gaussian"` for `mean` and `log_var` of a normal
            distribution with independent coordinates.
        activation: after every hidden layer.
        kernel_init: Flax initialiser of every kernel.
        dtype: of the hidden layers; by default that of the input. Parameters and the last layer are
            float32 all the same.

    Raises:
        ValueError: if a width is not positive, or there is no such distribution.

    >>> import jax
    >>> encoder = MLPEncoder(features=(32,), code_dim=4, distribution="gaussian")
    >>> out, _ = jax.eval_shape(encoder.init_with_output, jax.random.key(0), jnp.ones((5, 8, 8, 1)))
    >>> out["mean"].shape, out["log_var"].shape
    ((5, 4), (5, 4))

    References:
        Kingma and Welling, "Auto-Encoding Variational Bayes" (2014), arXiv:1312.6114.
    """

    features: Sequence[Width]
    code_dim: Width
    distribution: Distribution = "point"
    activation: Callable[[Array], Array] = nn.relu
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> Array | dict[str, Array]:
        """Map samples [batch, ...] to codes [batch, code_dim]; `train` changes nothing."""
        del train
        x = x.reshape(x.shape[0], -1)
        for width in self.features:
            x = Dense(width, kernel_init=self.kernel_init, dtype=self.dtype)(x)
            x = self.activation(x)
        return _code(to_float32(x), self.code_dim, self.distribution, self.kernel_init)


@checked
class DCGANEncoder(nn.Module):
    """The DCGAN discriminator's convolutions, and a dense layer that makes a code.

    Args:
        image_size: pixels per side, 4 * 2^n or 7 * 2^n with n >= 1.
        channels: of the image.
        code_dim: length of the code.
        distribution: as `MLPEncoder`'s.
        base_channels: width at half the image's resolution.
        norm: as `DCGANDiscriminator`'s.
        num_extra_layers: 3x3 convolutions of stride 1 at half the image's resolution.
        kernel_size: of the strided convolutions.
        dtype: of products and activations; by default that of the input. Parameters, norms and the
            last layer are float32 all the same.
        num_reference: of the norm `"virtual"`, examples of the reference batch.

    Raises:
        ValueError: if an option is none of the above.

    >>> import jax
    >>> encoder = DCGANEncoder(image_size=8, channels=1, code_dim=4, base_channels=8, norm="none")
    >>> jax.eval_shape(encoder.init_with_output, jax.random.key(0), jnp.ones((2, 8, 8, 1)))[0].shape
    (2, 4)

    References:
        Radford et al., 2016 (arXiv:1511.06434); Donahue et al., 2017 (arXiv:1605.09782).
    """

    image_size: Count
    channels: Width = 3
    code_dim: Width = 64
    distribution: Distribution = "point"
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
    def __call__(self, x: Array, train: bool = True) -> Array | dict[str, Array]:
        """Map images [batch, image_size, image_size, channels] to codes [batch, code_dim]."""
        _check_image(x, self.image_size, self.channels)
        last = encode(x, self, train)
        last = to_float32(last.reshape(x.shape[0], -1))
        return _code(last, self.code_dim, self.distribution, _DCGAN_INIT)


@checked
class MLPJointDiscriminator(nn.Module):
    """Perceptrons of pairs (x, z): a stack for each, joined late, then a stack for both.

    Without widths for x and for z, the two are joined at once, as on BiGAN's flat digits.

    Args:
        features: widths of the layers that see x alone.
        latent_features: widths of those that see z alone.
        joint_features: widths of those that see both.
        activation: after every hidden layer.
        kernel_init: Flax initialiser of every kernel.
        norm: `"none"`, or `"spectral"` for every kernel.
        head: what is returned, see `layers.apply_head`: `"logit"` or `"features"`.
        dtype: of the hidden layers; by default that of the input.

    Raises:
        ValueError: if a width is not positive, or an option is none of the above.

    >>> import jax
    >>> network = MLPJointDiscriminator()
    >>> pair = jnp.ones((5, 8, 8, 1)), jnp.ones((5, 4))
    >>> jax.eval_shape(network.init_with_output, jax.random.key(0), *pair)[0].shape
    (5,)

    References:
        Donahue et al., 2017 (arXiv:1605.09782), appendix C; Dumoulin et al., 2017
        (arXiv:1606.00704), figure 1.
    """

    features: Sequence[Width] = (128,)
    latent_features: Sequence[Width] = (128,)
    joint_features: Sequence[Width] = (128,)
    activation: Callable[[Array], Array] = nn.leaky_relu
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    norm: MLPNorm = "none"
    head: JointHead = "logit"
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, z: Array, train: bool = True) -> Outputs:
        """Map samples [batch, ...] and codes [batch, D] to logits [batch], or a dict."""

        def stack(y: Array, widths: Sequence[int]) -> Array:
            for width in widths:
                layer = Dense(width, kernel_init=self.kernel_init, dtype=self.dtype)
                y = self.activation(apply_layer(layer, y, self.norm, train))
            return y

        seen = stack(x.reshape(x.shape[0], -1), self.features)
        code = stack(z.reshape(z.shape[0], -1), self.latent_features)
        both = stack(jnp.concatenate([seen, code.astype(seen.dtype)], axis=-1), self.joint_features)
        options = HeadOptions(self.head)
        norm, init = self.norm, self.kernel_init
        return apply_head(to_float32(both), options, norm=norm, train=train, kernel_init=init)


@checked
class DCGANJointDiscriminator(nn.Module):
    """The DCGAN discriminator's convolutions of x, a dense stack of z, joined by dense layers.

    Args:
        image_size: pixels per side, 4 * 2^n or 7 * 2^n with n >= 1.
        channels: of the image.
        base_channels: width at half the image's resolution.
        norm: as `DCGANDiscriminator`'s, of the convolutions; dense layers have a spectral norm or
            none.
        num_extra_layers: 3x3 convolutions of stride 1 at half the image's resolution.
        kernel_size: of the strided convolutions.
        latent_features: widths of the layers that see z alone.
        joint_features: widths of those that see both.
        head: what is returned, see `layers.apply_head`: `"logit"` or `"features"`.
        dtype: of products and activations; by default that of the input. Parameters, norms and the
            last layer are float32 all the same.
        num_reference: of the norm `"virtual"`, examples of the reference batch.

    Raises:
        ValueError: if an option is none of the above.

    >>> import jax
    >>> network = DCGANJointDiscriminator(image_size=8, channels=1, base_channels=8, norm="none")
    >>> pair = jnp.ones((2, 8, 8, 1)), jnp.ones((2, 4))
    >>> jax.eval_shape(network.init_with_output, jax.random.key(0), *pair)[0].shape
    (2,)

    References:
        Donahue et al., 2017 (arXiv:1605.09782), appendix C; Dumoulin et al., 2017
        (arXiv:1606.00704), figure 1.
    """

    image_size: Count
    channels: Width = 3
    base_channels: Width = 64
    norm: Norm = "batch"
    num_extra_layers: Depth = 0
    kernel_size: Repeats = 4
    latent_features: Sequence[Width] = (256, 256)
    joint_features: Sequence[Width] = (256,)
    head: JointHead = "logit"
    dtype: Any = None
    num_reference: Index = 0

    def __post_init__(self) -> None:
        check_reference(self.norm, self.num_reference)
        resolutions(self.image_size)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, z: Array, train: bool = True) -> Outputs:
        """Map images [batch, H, W, C] and codes [batch, D] to logits [batch], or a dict."""
        _check_image(x, self.image_size, self.channels)

        def stack(y: Array, widths: Sequence[int]) -> Array:
            for width in widths:
                layer = Dense(width, kernel_init=nn.initializers.he_normal(), dtype=self.dtype)
                y = nn.leaky_relu(apply_layer(layer, y, self.norm, train), _SLOPE)
            return y

        seen = encode(x, self, train)
        seen = seen.reshape(x.shape[0], -1)
        code = stack(z.reshape(z.shape[0], -1), self.latent_features)
        both = stack(jnp.concatenate([seen, code.astype(seen.dtype)], axis=-1), self.joint_features)
        options = HeadOptions(self.head)
        return apply_head(
            to_float32(both), options, norm=self.norm, train=train, kernel_init=_DCGAN_INIT
        )


def _code(
    features: Array, code_dim: int, distribution: Distribution, kernel_init: Callable[..., Array]
) -> Array | dict[str, Array]:
    """The last layers of an encoder; called inside a compact method, which owns them."""
    if distribution == "point":
        return Dense(code_dim, kernel_init=kernel_init, name="code")(features)
    return {
        name: Dense(code_dim, kernel_init=kernel_init, name=name)(features)
        for name in ("mean", "log_var")
    }


def _check_image(x: Array, size: int, channels: int) -> None:
    if x.shape[1:] != (size, size, channels):
        expected = (size, size, channels)
        raise ValueError(f"images have shape {x.shape[1:]}; they must be {expected}")
