"""StyleGAN's mapping network, from latents to styles, and what is done with styles."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.ranges import Count, Decay, Fraction, Positive, Repeats, Width, checked
from jaxgan.core.typing import Array
from jaxgan.models.layers.activation import scaled_leaky_relu
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.equalised import Equalised
from jaxgan.models.layers.labels import one_hot
from jaxgan.models.layers.pixel_norm import pixel_norm

STYLES = "styles"
"""The collection of the running mean of w."""


@checked
class MappingNetwork(nn.Module):
    """w = f(z, y): normalised latents, dense layers with leaky ReLU, and the running mean of w.

    Latents and class embeddings are scaled to a mean square of one each and joined. Layers have an
    equalised learning rate, `lr_multiplier` times that of the rest of the network. Everything is
    float32. In training the mean over the batch moves `mean` of the collection `styles`, towards
    which truncation goes, mean + (1 - decay) (E[w] - mean), and some images get the styles of two
    latents.

    Args:
        features: of w and of every layer.
        num_layers: how many dense layers.
        num_classes: how many classes there are; None without.
        lr_multiplier: of all layers but the class embedding.
        decay: of the running mean; None without one.
        num_styles: how often w is repeated, once for each layer that takes a style; None for not.
        mixing: in training, the share of images whose styles are those of two latents, see
            `mix_styles`; it needs `num_styles`.
        num_used: of the styles, those of the layers that are in use while a network grows; by
            default all. Styles are mixed among these.
        uses_latent: whether there are latents, or labels only, as in a discriminator.

    >>> layer = MappingNetwork(8, num_layers=2, num_styles=4)
    >>> w, variables = jax.eval_shape(layer.init_with_output, jax.random.key(0), jnp.ones((2, 4)))
    >>> w.shape, variables["styles"]["mean"].shape
    ((2, 4, 8), (8,))

    References:
        Karras et al., 2019 (arXiv:1812.04948), section 2 and appendix C; classes and the mean as in
        Karras et al., 2020 (arXiv:2006.06676).
    """

    features: Width = 512
    num_layers: Repeats = 8
    num_classes: Width | None = None
    lr_multiplier: Positive = 0.01
    decay: Decay | None = 0.995
    num_styles: Count | None = None
    mixing: Fraction = 0.0
    uses_latent: bool = True
    num_used: Count | None = None

    @nn.compact
    def __call__(self, z: Array | None, label: Array | None = None, train: bool = True) -> Array:
        """Map latents [B, ...] and labels [B] to w [B, features], or [B, num_styles, features]."""
        shared = []
        if self.num_classes:
            embed = Dense(self.features, equalised=Equalised(gain=1.0), name="embed")
            shared.append(pixel_norm(embed(one_hot(label, self.num_classes))))
        options = Equalised(gain=1.0, lr_multiplier=self.lr_multiplier)
        layers = [
            Dense(self.features, equalised=options, name=f"fc{index}")
            for index in range(self.num_layers)
        ]

        def run(z: Array | None) -> Array:
            own = [] if z is None else [pixel_norm(z.reshape(z.shape[0], -1).astype(jnp.float32))]
            x = jnp.concatenate([*own, *shared], axis=-1)
            for layer in layers:
                x = scaled_leaky_relu(layer(x))
            return x

        w = run(z if self.uses_latent else None)
        if self.decay is not None:
            self._remember(w, self.decay, train)
        if self.num_styles is None:
            return w
        styles = jnp.repeat(w[:, None], self.num_styles, axis=1)
        if z is None or not train or self.mixing <= 0:
            return styles
        key, mixing_key = jax.random.split(self.make_rng("params"))
        other = run(jax.random.normal(key, z.shape, z.dtype))
        return mix_styles(
            mixing_key, styles, other[:, None], probability=self.mixing, num_used=self.num_used
        )

    def _remember(self, w: Array, decay: float, train: bool) -> None:
        mean = self.variable(STYLES, "mean", jnp.zeros, (self.features,), jnp.float32)
        if train and not self.is_initializing() and self.is_mutable_collection(STYLES):
            now = jax.lax.stop_gradient(jnp.mean(w, axis=0))
            mean.value = mean.value + (1.0 - decay) * (now - mean.value)


def mix_styles(
    key: Array,
    first: Array,
    second: Array,
    *,
    probability: float,
    num_used: int | None = None,
) -> Array:
    """Style mixing: from a random layer on, some images take the styles of another latent.

    Of each image, with the probability p, styles from layer c on are those of `second`, with c
    uniform in 1 ... L - 1, L the number of layers in use. The official code draws p and c once for
    the whole batch.

    Args:
        key: to draw with.
        first: styles of every layer, [B, L, D].
        second: the same of other latents, [B, L, D] or [B, 1, D].
        probability: p.
        num_used: how many layers are in use, the first ones; by default all.

    Returns:
        [B, L, D].

    >>> key, first, second = jax.random.key(0), jnp.zeros((1, 4, 2)), jnp.ones((1, 4, 2))
    >>> mixed = mix_styles(key, first, second, probability=1.0)
    >>> mixed[0, 0, 0].item(), mixed[0, 3, 1].item()
    (0.0, 1.0)

    References:
        Karras et al., 2019 (arXiv:1812.04948), section 3.1; layers in use as in its code.
    """
    num, layers = first.shape[:2]
    where, whether = jax.random.split(key)
    used = layers if num_used is None else num_used
    cutoff = jax.random.randint(where, (num, 1, 1), 1, max(used, 2))
    is_mixed = jax.random.uniform(whether, (num, 1, 1)) < probability
    index = jnp.arange(layers)[None, :, None]
    return jnp.where(is_mixed & (index >= cutoff), second, first)
