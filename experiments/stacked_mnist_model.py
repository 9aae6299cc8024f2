"""The networks, the data and the judge of the stacked-MNIST experiment.

Stacked MNIST: three random digits in the three channels of one image, hence 1000 modes.

The networks are a few features wide, far less than a processor's vector, so inside them the batch
is the last axis: a convolution is one matrix product and a sum of shifts over rows of 128 examples.
On two CPU cores a generator's pass forward and back then takes 16 ms in place of the 34 ms that
`jaxgan.models.layers` takes, whose NHWC matrices suit wider networks.

References:
    Metz et al., "Unrolled Generative Adversarial Networks" (2017), arXiv:1611.02163, section 3.3.1.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

import jaxgan as jg
from jaxgan.core.typing import Array, Batch, Key, Params, PyTree

LATENT_DIM = 256
NUM_DIGITS = 10
NUM_MODES = NUM_DIGITS**3
DISC_WIDTHS = {"quarter": (2, 4, 8), "half": (4, 8, 16)}
"""Features of the discriminator's convolutions: a quarter or a half of the generator's."""

_TAPS = tuple(itertools.product(range(3), range(3)))
_INIT = nn.initializers.normal(0.02)
_CHUNK = 1024


# 3x3 convolutions over [features, height, width, batch]


def conv(x: Array, kernel: Array, stride: int = 1) -> Array:
    """3x3 convolution with SAME padding; the kernel is [3, 3, in_features, out_features].

    Stride 1 multiplies first and shifts the products, for the one use of it has fewer features
    after than before; stride 2 shifts first.
    """
    features, height, width, batch = x.shape
    if stride == 1:
        products = _products(kernel.swapaxes(2, 3), x)
        return _sum(_pad(p, [(1 - i, i - 1), (1 - j, j - 1)]) for (i, j), p in products)
    out = [-(-n // stride) for n in (height, width)]
    low = [((o - 1) * stride + 3 - n) // 2 for o, n in zip(out, (height, width), strict=True)]
    spans = [(o - 1) * stride + 3 for o in out]
    sizes = zip(spans, low, (height, width), strict=True)
    x = _pad(x, [(first, span - n - first) for span, first, n in sizes])
    windows = [
        lax.slice(
            x,
            (0, i, j, 0),
            (features, i + spans[0] - 2, j + spans[1] - 2, batch),
            (1, stride, stride, 1),
        )
        for i, j in _TAPS
    ]
    # A barrier, here and below, keeps XLA from recomputing its argument in each of its uses.
    patches = lax.optimization_barrier(jnp.concatenate(windows))
    matrix = kernel.reshape(9 * features, -1).T
    y: Array = (matrix @ patches.reshape(9 * features, -1)).reshape(-1, *out, batch)
    return y


def conv_transpose(y: Array, kernel: Array, padding: int) -> Array:
    """Transpose of the 3x3 convolution of stride 2; the kernel is [3, 3, features, in_features].

    From n pixels per side to 2n - padding: the transpose of the SAME convolution, which pads an
    even image by a pixel at the end (`padding` 0), an odd one by a pixel on both sides (1).
    """

    def place(part: Array, i: int, j: int) -> Array:
        # Pixel h of tap i goes to 2h + i - padding.
        return _pad(part, [(i - padding, 1 - i), (j - padding, 1 - j)], interior=1)

    return _sum(place(p, i, j) for (i, j), p in _products(kernel, y))


def _products(kernel: Array, x: Array) -> list[tuple[tuple[int, int], Array]]:
    """One matrix product for all taps: [((i, j), [out_features, height, width, batch])]."""
    features = kernel.shape[2]
    products = kernel.reshape(9 * features, -1) @ x.reshape(x.shape[0], -1)
    products = lax.optimization_barrier(products)
    parts = lax.split(products, (features,) * 9, axis=0)
    return [(t, p.reshape(features, *x.shape[1:])) for t, p in zip(_TAPS, parts, strict=True)]


def _pad(x: Array, pixels: list[tuple[int, int]], interior: int = 0) -> Array:
    config = [(0, 0, 0), *((low, high, interior) for low, high in pixels), (0, 0, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), config)


def _sum(parts: PyTree) -> Array:
    total: Array
    total, *rest = parts
    for part in rest:
        total = total + part
    return total


# Networks


class Generator(nn.Module):
    """256 latents -> 4x4x64 -> 7x7x32 -> 14x14x16 -> 28x28x8 -> 28x28x3; batch norm, ReLU, tanh.

    All kernels are 3x3. From 4 to 7 pixels goes the transpose of the SAME convolution of stride 2
    that maps 7 pixels to 4, which pads one pixel on each side; nothing is cropped.
    """

    @nn.compact
    def __call__(self, z: Array, train: bool = True) -> Array:
        """Map latents [batch, 256] to images [batch, 28, 28, 3]."""
        x = nn.Dense(64 * 4 * 4, use_bias=False, kernel_init=_INIT)(z)
        x = nn.relu(_norm(x.T.reshape(64, 4, 4, -1), train))
        for features, padding in ((32, 1), (16, 0), (8, 0)):
            shape = (3, 3, features, x.shape[0])
            kernel = self.param(f"deconv{features}", _INIT, shape)
            x = nn.relu(_norm(conv_transpose(x, kernel, padding), train))
        x = conv(x, self.param("conv", _INIT, (3, 3, 8, 3)))
        bias = self.param("bias", nn.initializers.zeros, (3, 1, 1, 1))
        return jnp.tanh(lax.optimization_barrier(x) + bias).transpose(3, 1, 2, 0)


class Discriminator(nn.Module):
    """Three 3x3 convolutions of stride 2, batch norm, leaky ReLU 0.3, a linear logit.

    Args:
      widths: features of the convolutions.
    """

    widths: tuple[int, ...]

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> Array:
        """Map images [batch, 28, 28, 3] to logits [batch]."""
        x = x.transpose(3, 1, 2, 0)
        for features in self.widths:
            kernel = self.param(f"conv{features}", _INIT, (3, 3, x.shape[0], features))
            x = nn.leaky_relu(_norm(conv(x, kernel, 2), train), 0.3)
        return nn.Dense(1, kernel_init=_INIT)(x.reshape(-1, x.shape[-1]).T).squeeze(-1)


def _norm(x: Array, train: bool) -> Array:
    """Batch norm per feature; called inside a compact method, it owns its parameters."""
    norm = nn.BatchNorm(use_running_average=not train, momentum=0.9, axis=0)
    normalized: Array = norm(lax.optimization_barrier(x))
    return normalized


def make_game(discriminator: str) -> jg.Game:
    """The game of the size study.

    Args:
      discriminator: `"quarter"` or `"half"`.

    Returns:
      A non-saturating GAN on stacked digits.
    """
    gen = jg.from_linen(Generator(), jnp.zeros((1, LATENT_DIM)))
    disc = jg.from_linen(Discriminator(DISC_WIDTHS[discriminator]), jnp.zeros((1, 28, 28, 3)))
    return jg.gan(gen, disc, latent=LATENT_DIM, loss=jg.losses.non_saturating())


# Data


class Digits(NamedTuple):
    """Single digits in memory: images uint8 [N, 28, 28] and labels int32 [N]."""

    images: np.ndarray
    labels: np.ndarray


def to_float(images: Array | np.ndarray) -> Array:
    """Bytes to [-1, 1]."""
    return jnp.asarray(images, jnp.float32) / 127.5 - 1.0


def stacked_sampler(digits: Digits) -> Callable[[Key, int], Batch]:
    """Draws stacked images on the device.

    Args:
      digits: what to stack.

    Returns:
      (key, num) -> `{"image": float32 [num, 28, 28, 3] in [-1, 1]}`.
    """
    images = jnp.asarray(digits.images)

    def sample(key: Key, num: int) -> Batch:
        indices = jax.random.randint(key, (num, 3), 0, len(images))
        return {"image": to_float(images[indices]).transpose(0, 2, 3, 1)}

    return sample


# The judge


class Classifier(nn.Module):
    """A small convolutional network that names single digits."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map images [batch, 28, 28] to logits [batch, 10]."""
        x = x.transpose(1, 2, 0)[None]
        for features in (16, 32):
            init = nn.initializers.he_normal()
            kernel = self.param(f"conv{features}", init, (3, 3, x.shape[0], features))
            bias = self.param(f"bias{features}", nn.initializers.zeros, (features, 1, 1, 1))
            x = nn.relu(conv(x, kernel, 2) + bias)
        x = nn.relu(nn.Dense(128)(x.reshape(-1, x.shape[-1]).T))
        return nn.Dense(NUM_DIGITS)(x)


_JUDGE = jg.from_linen(Classifier(), jnp.zeros((1, 28, 28)))


def train_classifier(
    digits: Digits, key: Key, *, num_epochs: int = 6, batch_size: int = 100
) -> Params:
    """Trains the judge; the same key gives the same judge.

    Args:
      digits: the training digits.
      key: of the initial weights and the order.
      num_epochs: passes over the digits.
      batch_size: examples per step.

    Returns:
      The parameters of `Classifier`.
    """
    images, labels = jnp.asarray(digits.images), jnp.asarray(digits.labels)
    num_batches = len(images) // batch_size
    optimizer = jg.optimizers.adam(jg.cosine(2e-3, 0.0, num_epochs * num_batches))

    def loss(params: Params, indices: Array) -> Array:
        logits, _ = _JUDGE.apply(params, {}, to_float(images[indices]))
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[indices][:, None], axis=1)
        return -jnp.mean(chosen)

    def step(carry: PyTree, indices: Array) -> tuple[PyTree, None]:
        params, opt_state = carry
        grads = jax.grad(loss)(params, indices)
        return jg.optimizers.update(optimizer, grads, opt_state, params), None

    @jax.jit
    def epoch(carry: PyTree, key: Key) -> PyTree:
        order = jax.random.permutation(key, len(images))[: num_batches * batch_size]
        return lax.scan(step, carry, order.reshape(num_batches, batch_size))[0]

    params, _ = _JUDGE.init(jg.stream(key, "judge/init"))
    carry = (params, jg.optimizers.init(optimizer, params))
    for index in range(num_epochs):
        carry = epoch(carry, jg.stream(key, "judge/order", index))
    return carry[0]


@jax.jit
def _judge(params: Params, images: Array) -> tuple[Array, Array]:
    logits, _ = _JUDGE.apply(params, {}, images)
    chances = jax.nn.softmax(logits)
    return jnp.argmax(chances, axis=1), jnp.max(chances, axis=1)


def name_digits(params: Params, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Names single digits.

    Args:
      params: of the judge.
      images: float32 [N, 28, 28] in [-1, 1].

    Returns:
      (labels int [N], how sure the judge is of each, [N]).
    """
    # All chunks of one size, so that one program serves them.
    padded = np.concatenate([images, np.zeros((-len(images) % _CHUNK, 28, 28), np.float32)])
    parts = [_judge(params, padded[i : i + _CHUNK]) for i in range(0, len(padded), _CHUNK)]
    labels, sure = (np.concatenate([np.asarray(x) for x in xs]) for xs in zip(*parts, strict=True))
    return labels[: len(images)], sure[: len(images)]


def name_stacks(params: Params, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Names stacked digits: 100 a + 10 b + c for the digits a, b, c of the channels.

    Args:
      params: of the judge.
      images: float32 [N, 28, 28, 3] in [-1, 1].

    Returns:
      (labels int [N] below 1000, how sure the judge is of the least sure digit, [N]).
    """
    digits = images.transpose(0, 3, 1, 2).reshape(-1, 28, 28)
    labels, sure = name_digits(params, digits)
    return labels.reshape(-1, 3) @ np.asarray([100, 10, 1]), sure.reshape(-1, 3).min(axis=1)
