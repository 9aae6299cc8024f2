"""BEGAN: a generator and an autoencoder of plain convolutions with ELU.

References:
    Berthelot, Schumm and Metz, "BEGAN: Boundary Equilibrium Generative Adversarial Networks"
    (2017), arXiv:1703.10717.
"""

from __future__ import annotations

from typing import Any, Literal

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Count, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.autoencoder import Error, reconstruction_error
from jaxgan.models.layers.conv import Conv
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.labels import check_conditioning, one_hot
from jaxgan.models.layers.precision import to_float32
from jaxgan.models.layers.resblocks import ResampledConv, enlarge


@checked
class BEGANGenerator(nn.Module):
    r"""BEGAN's generator, which is the decoder of its discriminator too.

    An affine map to base_channels maps of 5 to 8 pixels a side, then at every resolution two 3x3
    convolutions, each followed by an ELU; between resolutions pixels are repeated. A last 3x3
    convolution makes the image, and nothing follows it. There is no norm, and the width never
    changes.

    Args:
        image_size: pixels per side, s * 2^n with s from 5 to 8.
        channels: of the image.
        base_channels: width n throughout, 128 in the paper.
        skips: whether the first map, enlarged, is given to the convolutions again after every
            doubling, beside what they made of it: the paper's refinement for sharper images.
        dtype: of products and activations; by default that of the input. With `jnp.bfloat16`,
            parameters and the images are float32 all the same.
        conditioning: `"none"`, or `"concat"` for labels as one-hot vectors beside z.
        num_classes: how many classes there are.

    Raises:
        ValueError: if an option is none of the above, or something is missing that it needs.

    >>> import jax
    >>> generator = BEGANGenerator(28, channels=1, base_channels=4)
    >>> init = generator.init_with_output
    >>> jax.eval_shape(init, jax.random.key(0), jnp.ones((2, 16)))[0].shape
    (2, 28, 28, 1)

    References:
        Berthelot et al. (2017), arXiv:1703.10717, sections 3.5 and 3.5.1, figure 1.
    """

    image_size: Count
    channels: Width = 3
    base_channels: Width = 128
    skips: bool = False
    dtype: Any = None
    conditioning: Literal["concat", "none"] = "none"
    num_classes: Width | None = None

    def __post_init__(self) -> None:
        _resolutions(self.image_size)
        check_conditioning(self.conditioning, self.num_classes)
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None, train: bool = True) -> Array:
        """Map latents [batch, ...] to images [batch, image_size, image_size, channels]."""
        del train
        start, num_doublings = _resolutions(self.image_size)
        width = self.base_channels
        x = z.reshape(z.shape[0], -1)
        if self.conditioning == "concat":
            x = jnp.concatenate([x, one_hot(label, self.num_classes or 0, x.dtype)], axis=-1)
        x = Dense(start * start * width, dtype=self.dtype, name="from_code")(x)
        first = x = x.reshape(x.shape[0], start, start, width)
        for i in range(num_doublings + 1):
            if i == 0:
                x = Conv(width, 3, dtype=self.dtype, name="b0_conv0")(x)
            elif self.skips:
                first = enlarge(first, "nearest")
                x = jnp.concatenate([enlarge(x, "nearest"), first], axis=-1)
                x = Conv(width, 3, dtype=self.dtype, name=f"b{i}_conv0")(x)
            else:
                x = ResampledConv(width, "up", dtype=self.dtype, name=f"b{i}_conv0")(x)
            x = nn.elu(x)
            x = nn.elu(Conv(width, 3, dtype=self.dtype, name=f"b{i}_conv1")(x))
        return to_float32(Conv(self.channels, 3, dtype=self.dtype, name="to_image")(x))


@checked
class BEGANAutoencoder(nn.Module):
    r"""BEGAN's discriminator: the logit is minus the error of what it makes of an image.

    The encoder is a 3x3 convolution, then at its i-th resolution, from 1 on, two of i n channels
    and, but at the last, a third one of stride 2; each with an ELU. The last map becomes the code,
    and the code an image in a `BEGANGenerator` of its own, by affine maps.

    Args:
        image_size: as the generator's.
        channels: of the image.
        base_channels: n.
        code_dim: length of the code.
        skips: of the decoder; see `BEGANGenerator`.
        error: `"l1"`, or `"l2"`; a mean over pixels and channels.
        dtype: as the generator's; the code and the reconstruction are float32 all the same.

    Raises:
        ValueError: if an option is none of the above.

    >>> import jax
    >>> network = BEGANAutoencoder(image_size=8, channels=1, base_channels=4)
    >>> out, _ = jax.eval_shape(network.init_with_output, jax.random.key(0), jnp.ones((2, 8, 8, 1)))
    >>> out["logits"].shape, out["code"].shape
    ((2,), (2, 64))

    References:
        Berthelot et al. (2017), arXiv:1703.10717, section 3.5 and figure 1.
    """

    image_size: Count
    channels: Width = 3
    base_channels: Width = 128
    code_dim: Width = 64
    skips: bool = False
    error: Error = "l1"
    dtype: Any = None

    def __post_init__(self) -> None:
        _resolutions(self.image_size)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> dict[str, Array]:
        """Map images [batch, image_size, image_size, channels] to `logits` [batch] and `code`."""
        _, num_halvings = _resolutions(self.image_size)

        def conv(x: Array, width: int, name: str, stride: int = 1) -> Array:
            return nn.elu(Conv(width, 3, stride, dtype=self.dtype, name=name)(x))

        y = conv(x, self.base_channels, "from_image")
        for i in range(num_halvings + 1):
            width = self.base_channels * (i + 1)
            y = conv(conv(y, width, f"b{i}_conv0"), width, f"b{i}_conv1")
            if i < num_halvings:
                y = conv(y, width, f"b{i}_conv2", stride=2)
        code = Dense(self.code_dim, name="to_code")(to_float32(y.reshape(len(y), -1)))
        decoder = BEGANGenerator(
            self.image_size,
            self.channels,
            self.base_channels,
            self.skips,
            self.dtype,
            name="decoder",
        )
        rebuilt = decoder(code, train=train)
        return {"logits": -reconstruction_error(x, rebuilt, self.error), "code": code}


def _resolutions(image_size: int) -> tuple[int, int]:
    """Return (s, n) such that image_size = s * 2^n, with s from 5 to 8."""
    start, num = image_size, 0
    while start > 8 and start % 2 == 0:
        start, num = start // 2, num + 1
    if not 5 <= start <= 8:
        raise ValueError(
            bad_value("image_size", image_size, "5, 6, 7 or 8 times 2^n (8, 16, 28, 32, 64, ...)")
        )
    return start, num
