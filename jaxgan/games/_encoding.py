"""What games with an encoder share: codes of the batch's examples, and their divergence."""

from __future__ import annotations

from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp

from jaxgan.core.examples import entry_of
from jaxgan.core.network import Network
from jaxgan.core.state import Context, stream
from jaxgan.core.typing import Array, Batch, Key, NetState, Params


def init_autoencoder(
    key: Key, encoder: Network, decoder: Network
) -> tuple[dict[str, Params], dict[str, NetState]]:
    """Parameters and states of an encoder and a decoder that belong to one player.

    Args:
      key: typed PRNG key.
      encoder: of the stream `init/encoder`.
      decoder: of the stream `init/decoder`.

    Returns:
      (params, net_state), each {"encoder", "decoder"}.

    Example:
      >>> one = Network(init=lambda key: (1.0, {}), apply=lambda w, state, x, **_: (x, state))
      >>> init_autoencoder(jax.random.key(0), one, one)[0]
      {'encoder': 1.0, 'decoder': 1.0}
    """
    encoder_params, encoder_state = encoder.init(stream(key, "init/encoder"))
    decoder_params, decoder_state = decoder.init(stream(key, "init/decoder"))
    params = {"encoder": encoder_params, "decoder": decoder_params}
    return params, {"encoder": encoder_state, "decoder": decoder_state}


def encode(
    encoder: Network, params: Params, state: NetState, batch: Batch, context: Context
) -> tuple[dict[str, Array], NetState]:
    """Codes of the batch's `image`.

    Of an encoder that returns codes z, `code` is z. Of one that returns `mean` μ and `log_var`
    log σ², `code` is μ + σ ε with ε ~ N(0, I), drawn for the whole batch, or the batch's `noise`
    where it has one; in a context that does not train, ε = 0.

    Args:
      encoder: image -> codes [B, D], or {"mean": [B, D], "log_var": [B, D]}.
      params: its parameters.
      state: its network state.
      batch: with `image` [B, ...].
      context: of this update.

    Returns:
      ({"code"}, state), with `code_mean` and `code_log_var` where there is a distribution.

    Example:
      >>> from jaxgan.core.state import Context
      >>> def apply(w, state, x, train=True, key=None):
      ...     return {"mean": x @ w, "log_var": jnp.zeros((len(x), 1))}, state
      >>> encoder = Network(init=lambda key: (jnp.ones((2, 1)), {}), apply=apply)
      >>> batch = {"image": jnp.ones((1, 2)), "noise": jnp.full((1, 1), 0.5)}
      >>> encode(encoder, jnp.ones((2, 1)), {}, batch, Context(jax.random.key(0)))[0]["code"].item()
      2.5

    References:
      Kingma & Welling, 2014 (arXiv:1312.6114), section 2.4.
    """
    key = context.part_stream("encoder/noise")
    out, state = encoder.apply(
        params, state, entry_of(batch, "image"), train=context.train, key=key
    )
    if not isinstance(out, Mapping):
        return {"code": out}, state
    mean, log_var = out["mean"], out["log_var"]
    chex.assert_equal_shape([mean, log_var])
    found = {"code": mean, "code_mean": mean, "code_log_var": log_var}
    if not context.train:
        return found, state

    def normal(key: Key, shape: tuple[int, ...]) -> Array:
        return jax.random.normal(key, shape, mean.dtype)

    noise = batch["noise"] if "noise" in batch else context.draw("posterior", normal, mean.shape)
    return {**found, "code": mean + jnp.exp(0.5 * log_var) * noise}, state


def gaussian_kl(mean: Array, log_var: Array) -> Array:
    """The divergence of normal distributions with independent coordinates from N(0, I), in nats.

    KL(N(μ, σ²) || N(0, I)) = ½ Σ_d (μ_d² + σ_d² - 1 - log σ_d²).

    Args:
      mean: μ, [B, D].
      log_var: log σ², [B, D].

    Returns:
      Values of shape [B].

    Raises:
      AssertionError: if the shapes are not the same [B, D].

    Example:
      >>> gaussian_kl(jnp.asarray([[0.0, 2.0]]), jnp.zeros((1, 2))).tolist()
      [2.0]

    References:
      Kingma & Welling, 2014 (arXiv:1312.6114), appendix B.
    """
    chex.assert_rank([mean, log_var], 2)
    chex.assert_equal_shape([mean, log_var])
    return 0.5 * jnp.sum(mean**2 + jnp.exp(log_var) - 1.0 - log_var, axis=1)


def check_shape(what: str, found: Array, wanted: Array, owner: str) -> None:
    """Raises unless two batches hold examples of one shape.

    Args:
      what: that was made, for the message.
      found: [B, ...].
      wanted: [B, ...].
      owner: of the second.

    Raises:
      ValueError: with both shapes.

    Example:
      >>> check_shape("the encoder's codes", jnp.ones((2, 3)), jnp.ones((2, 4)), "the latents")
      Traceback (most recent call last):
      ...
      ValueError: the encoder's codes have shape (3,); the latents have (4,)
    """
    if found.shape[1:] != wanted.shape[1:]:
        raise ValueError(f"{what} have shape {found.shape[1:]}; {owner} have {wanted.shape[1:]}")
