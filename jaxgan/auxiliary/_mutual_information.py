"""InfoGAN: part of the latent is a code that can be read off the image."""

from __future__ import annotations

import math
from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp

from jaxgan.core.penalty import Penalty, Term, View
from jaxgan.core.ranges import Count, Index, NonNegative, NonNegativeSchedule, Several, checked
from jaxgan.core.typing import Array, Key, PyTree


@checked
def mutual_information(
    weight: NonNegativeSchedule = 1.0,
    *,
    noise_dim: Index,
    categorical: tuple[Several, ...] = (10,),
    num_continuous: Index = 2,
    every: Count = 1,
    continuous_weight: NonNegative = 1.0,
) -> Penalty:
    """InfoGAN's lower bound of the mutual information between codes and images, for both players.

    -λ (Σ_i L(c_i) + λ_c Σ_j L(u_j)), L(c) = H(c) + E[log Q(c | G(z))] ≤ I(c; G(z)), for the
    latents of `infogan_latent`: noise, one-hot codes c_i, continuous codes u_j. The entropies H(c),
    log K of a categorical and log 2 of a continuous code, are constants: they change what is
    logged, no gradient. Q is read off the discriminator's heads of generated examples,
    `code_logits` (one [B, ΣK], or a tuple of [B, K_i]), `code_mean` [B, num_continuous] and, where
    there is one, `code_log_std`; without it Q has deviation 1.

    Args:
      weight: λ, a number or a schedule of the step.
      noise_dim: elements of the latent before the codes.
      categorical: number of values of each categorical code.
      num_continuous: number of continuous codes.
      every: in every n-th update of either player, with weight nλ.
      continuous_weight: λ_c; the paper takes a smaller one for continuous codes.

    Returns:
      A `Penalty` for both players.

    Raises:
      ValueError: if there are no codes, a number is out of range or, when played, the latent or a
        head has another shape.

    Example:
      >>> z = infogan_latent(2, categorical=(4,), num_continuous=0)(jax.random.key(0), (3,))
      >>> view = View(params={}, discriminator=abs, scene={"latent": z}, context=None, player="gen",
      ...             outputs={"fake": {"code_logits": jnp.zeros((3, 4))}})
      >>> term = mutual_information(noise_dim=2, categorical=(4,), num_continuous=0).terms[0]
      >>> [round(abs(float(v)), 4) for v in term.values(view, ())[0]]  # nothing known of the code
      [0.0, 0.0, 0.0]

    References:
      Chen et al., 2016 (arXiv:1606.03657), eqs. 4 to 6.
    """
    name = "mutual_information"
    _check_codes(name, categorical, num_continuous)
    dim = noise_dim + sum(categorical) + num_continuous

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        latent = view.entry("latent", name)
        if latent.ndim != 2 or latent.shape[1] != dim:
            raise ValueError(
                f"{name}: latents have shape {latent.shape}; noise and codes make [batch, {dim}]"
            )
        codes = latent[:, noise_dim:]
        bound = jnp.zeros(latent.shape[0], latent.dtype)
        if categorical:
            found = _split(view.head("fake", "code_logits", name), categorical, name)
            drawn = _split(codes[:, : sum(categorical)], categorical, name)
            for logits, code in zip(found, drawn, strict=True):
                bound = bound + categorical_bound(logits, code)
        if num_continuous:
            mean = view.head("fake", "code_mean", name)
            outputs = view.outputs["fake"]
            log_std = outputs.get("code_log_std", jnp.zeros_like(mean))
            continuous = codes[:, sum(categorical) :]
            found_bound = gaussian_bound(mean, log_std, continuous)
            bound = bound + jnp.asarray(continuous_weight, found_bound.dtype) * found_bound
        return -bound, state

    return Penalty(
        (Term(name=name, values=values, weight=weight, every=every, players=("disc", "gen")),)
    )


def _split(joined: PyTree, sizes: tuple[int, ...], name: str) -> list[Array]:
    """Each code's own columns."""
    if isinstance(joined, tuple | list):
        parts = list(joined)
        widths = tuple(part.shape[-1] for part in parts)
    else:
        ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
        parts = [joined[:, end - size : end] for end, size in zip(ends, sizes, strict=True)]
        widths = sizes if joined.shape[-1] == sum(sizes) else (joined.shape[-1],)
    if widths != tuple(sizes):
        raise ValueError(f"{name}: code_logits are of widths {widths}; the codes have {sizes}")
    return parts


def categorical_bound(logits: Array, code: Array) -> Array:
    """The information about a uniform categorical code that Q finds, per example.

    log K + Σ_k c_k log softmax(logits)_k.

    Args:
      logits: of Q, [B, K].
      code: one-hot, [B, K].

    Returns:
      Values of shape [B], at most log K.

    Raises:
      ValueError: if the shapes differ.

    Example:
      >>> sure = categorical_bound(jnp.asarray([[9.0, -9.0]]), jnp.asarray([[1.0, 0.0]]))
      >>> round(float(sure[0]), 4)  # log 2
      0.6931

    References:
      Chen et al., 2016 (arXiv:1606.03657), eq. 5.
    """
    _check_equal_shapes("categorical_bound", logits, code)
    return math.log(logits.shape[1]) + jnp.sum(code * jax.nn.log_softmax(logits), axis=1)


def gaussian_bound(mean: Array, log_std: Array, code: Array) -> Array:
    """The information about codes uniform on [-1, 1] that a Gaussian Q finds, per example.

    Σ_j log 2 + log N(u_j; μ_j, σ_j²).

    Args:
      mean: μ, [B, J].
      log_std: log σ, [B, J].
      code: u, [B, J].

    Returns:
      Values of shape [B]. As a density may be above 1, they have no upper limit.

    Raises:
      ValueError: if the shapes differ.

    Example:
      >>> found = gaussian_bound(jnp.zeros((1, 1)), jnp.zeros((1, 1)), jnp.zeros((1, 1)))
      >>> round(float(found[0]), 4)  # log 2 - ½ log 2π
      -0.2258

    References:
      Chen et al., 2016 (arXiv:1606.03657), eq. 5 and section 6.
    """
    _check_equal_shapes("gaussian_bound", mean, log_std, code)
    scaled = (code - mean) * jnp.exp(-log_std)
    constant = math.log(2.0) - 0.5 * math.log(2.0 * math.pi)
    return jnp.sum(constant - log_std - 0.5 * scaled * scaled, axis=1)


@checked
def infogan_latent(
    noise_dim: Index, *, categorical: tuple[Several, ...] = (10,), num_continuous: Index = 2
) -> Callable[[Key, tuple[int, ...]], Array]:
    """Latents with codes: [noise, one-hot codes, continuous codes].

    Noise ~ N(0, I) (the paper's is uniform), categorical codes uniform, continuous ones ~ U[-1, 1].

    Args:
      noise_dim: elements of noise.
      categorical: number of values of each categorical code.
      num_continuous: number of continuous codes.

    Returns:
      (key, (num,)) -> array of shape [num, noise_dim + Σ categorical + num_continuous], as the
      `latent` of `gan` takes it.

    Raises:
      ValueError: if there are no codes or a number is out of range.

    Example:
      >>> infogan_latent(62)(jax.random.key(0), (5,)).shape
      (5, 74)

    References:
      Chen et al., 2016 (arXiv:1606.03657), section 7.
    """
    _check_codes("infogan_latent", categorical, num_continuous)

    def draw(key: Key, shape: tuple[int, ...]) -> Array:
        noise_key, *keys, continuous_key = jax.random.split(key, len(categorical) + 2)
        noise = jax.random.normal(noise_key, (*shape, noise_dim))
        parts = [noise]
        for one, size in zip(keys, categorical, strict=True):
            parts.append(
                jax.nn.one_hot(jax.random.randint(one, shape, 0, size), size, dtype=noise.dtype)
            )
        continuous = (*shape, num_continuous)
        parts.append(jax.random.uniform(continuous_key, continuous, minval=-1.0, maxval=1.0))
        return jnp.concatenate(parts, axis=-1)

    return draw


def _check_codes(name: str, categorical: tuple[int, ...], num_continuous: int) -> None:
    if not categorical and not num_continuous:
        raise ValueError(f"{name}: there are no codes; give categorical or num_continuous")


def _check_equal_shapes(name: str, *arrays: Array) -> None:
    try:
        chex.assert_rank(list(arrays), 2)
        chex.assert_equal_shape(list(arrays))
    except AssertionError:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(f"{name}: shapes {shapes}; they must be the same [batch, n]") from None
