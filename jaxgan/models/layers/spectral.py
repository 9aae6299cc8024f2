"""Spectral normalisation of a layer's kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgan.core.derivatives import held
from jaxgan.core.errors import bad_value
from jaxgan.core.typing import Array, PyTree
from jaxgan.models.layers.precision import to_float32

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
    through σ, not through u and v; the Jacobian of a field goes through this call's power
    iterations as well, see `derivatives.held`, and Flax's `nn.SpectralNorm` has it not. Called
    inside a compact method; parameters are those of the layer, and u and σ lie in the collection
    `spectral`.

    Args:
        layer: with a kernel, such as `Conv` or `Dense`; not transposed, whose last axis is the
            input's.
        x: the layer's input.
        train: whether u moves, once in every call: twice in an update of a discriminator, for real
            and for generated examples. Without, the stored u is where the iterations start, and
            stays.
        num_steps: power iterations per call; the paper's 1 is enough, since kernels move slowly.
            Second derivatives are those of the exact σ only with so many that u converges in each.
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
        raise ValueError(bad_value("num_steps", num_steps, "at least 1"))
    y: Array = SpectralNorm(layer, num_steps, epsilon, name=name)(x, train)
    return y


class SpectralNorm(nn.Module):
    """What `spectral_norm` applies: parameters and state as Flax's `nn.SpectralNorm` has them.

    Args:
        layer_instance: the layer.
        num_steps: power iterations per call.
        epsilon: added to squares of lengths.
    """

    layer_instance: nn.Module
    num_steps: int = 1
    epsilon: float = 1e-12

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Apply the layer to x with its kernel normalised."""

        def normalized(variables: PyTree) -> PyTree:
            return jax.tree_util.tree_map_with_path(
                lambda path, leaf: self._normalized(path, leaf, train), variables
            )

        run: Callable[[nn.Module], Array] = nn.map_variables(
            lambda layer: layer(x),
            trans_in_fn=normalized,
            init=self.is_initializing(),
            mutable=True,
        )
        y: Array = run(self.layer_instance)
        return y

    def _normalized(self, path: tuple[Any, ...], kernel: Array, train: bool) -> Array:
        if kernel.ndim <= 1:
            return kernel
        matrix = to_float32(kernel).reshape(-1, kernel.shape[-1])
        name = "/".join([str(self.layer_instance.name), *(key.key for key in path[1:])])
        is_new = not self.has_variable(SPECTRAL, f"{name}/u")
        key = self.make_rng("params") if is_new else None
        shape = (1, matrix.shape[-1])
        stored = self.variable(SPECTRAL, f"{name}/u", jax.random.normal, key, shape, matrix.dtype)
        stored_sigma = self.variable(SPECTRAL, f"{name}/sigma", jnp.ones, (), matrix.dtype)
        u = stored.value
        for _ in range(self.num_steps):
            v = self._unit(u @ matrix.T)
            u = self._unit(v @ matrix)
        fixed_u, fixed_v = held((u, v), matrix)
        sigma = (fixed_v @ matrix @ fixed_u.T)[0, 0]
        if train:
            stored.value, stored_sigma.value = u, sigma
        normalized = (matrix / jnp.where(sigma != 0, sigma, 1)).reshape(kernel.shape)
        return normalized.astype(kernel.dtype)

    def _unit(self, x: Array) -> Array:
        return x * lax.rsqrt(jnp.sum(x * x, keepdims=True) + self.epsilon)
