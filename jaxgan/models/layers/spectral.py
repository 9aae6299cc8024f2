"""Spectral normalisation of a layer's kernel."""

from __future__ import annotations

from flax import linen as nn

from jaxgan.typing import Array

SPECTRAL = "spectral"
"""The collection of power iterations; unlike `batch_stats` it couples no examples."""


def spectral_norm(
    layer: nn.Module,
    x: Array,
    train: bool,
    num_steps: int = 1,
    epsilon: float = 1e-12,
    name: str | None = None,
) -> Array:
    r"""Applies a layer with its kernel divided by an estimate of the largest singular value.

    .. math:: y = \text{layer}_{W / \sigma}(x), \quad v = \frac{W u}{|W u|},
       \quad u \leftarrow \frac{W^\top v}{|W^\top v|}, \quad \sigma = v^\top W u

    W is the kernel as a matrix, [all other axes, last axis]; biases stay as they are. Gradients go
    through σ, not through u and v. Called inside a compact method; parameters are those of the
    layer, and u and σ lie in the collection `spectral`.

    Args:
        layer: with a kernel, such as `Conv` or `Dense`; not transposed, whose last axis is the
            input's.
        x: the layer's input.
        train: whether u moves, once in every call: twice in an update of a discriminator, for real
            and for generated examples. Without, the stored u is used and stays.
        num_steps: power iterations per call; the paper's 1 is enough, since kernels move slowly.
        epsilon: added to the squares of ‖W u‖ and ‖Wᵀ v‖, so that a kernel of zeros stays one.
        name: of the state in the collection; numbered by default.

    Returns:
        The layer's output.

    Raises:
        ValueError: if `num_steps` is not positive.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> from jaxgan.models.layers import Dense
    >>> class Layer(nn.Module):
    ...     @nn.compact
    ...     def __call__(self, x, train=True):
    ...         return spectral_norm(Dense(3, use_bias=False), x, train, num_steps=50)
    >>> y, variables = Layer().init_with_output(jax.random.key(0), jnp.eye(4))
    >>> round(float(jnp.linalg.svd(y)[1].max()), 4), sorted(variables)
    (1.0, ['params', 'spectral'])

    References:
        Miyato et al., 2018 (arXiv:1802.05957).
    """
    if num_steps < 1:
        raise ValueError(f"num_steps is {num_steps}; it must be at least 1")
    wrapped = nn.SpectralNorm(
        layer, n_steps=num_steps, epsilon=epsilon, collection_name=SPECTRAL, name=name
    )
    y: Array = wrapped(x, update_stats=train)
    return y
