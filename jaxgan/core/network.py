"""A player's function approximator as two pure functions, and maps from network to network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.core.ranges import Count, checked
from jaxgan.core.typing import Array, Key, NetState, Params, PyTree

BATCH_STATS = "batch_stats"
"""The collection of running batch statistics; `ema` averages it, and it couples examples."""


class Styles(NamedTuple):
    """The intermediate latent space W of a generator that is steered by styles.

    Attributes:
      mapping: `(params, net_state, z, *labels, train=True, key=None) -> (w [B, L, D], net_state)`:
        one style for each of the L layers. In training it may mix styles and move their mean.
      mean: (net_state) -> w [D], the mean style so far.
    """

    mapping: Callable[..., tuple[Array, NetState]]
    mean: Callable[[NetState], Array]


class Network(NamedTuple):
    """A generator, a discriminator, an encoder: two pure functions.

    Attributes:
      init: (key) -> (params, net_state). `net_state` is a dict of collections, such as
        `{"batch_stats": ...}`; empty for a stateless network.
      apply: `(params, net_state, *inputs, train=True, key=None) -> (output, net_state)`. `key`
        feeds the network's own noise (dropout, say); `train=False` reads running statistics.
      couples_batch: whether an example's output depends on the other examples of its batch, so
        that splitting the batch changes the result.
      styles: of a generator that has an intermediate latent space; its `apply` takes
        `{"w": [B, L, D]}` in place of z.
      module: the Flax module that it was made of, for those who know its layers by name.
      detached: names of its parts that stop derivatives altogether, see `Game`.
      inputs: what `apply` takes, as ShapeDtypeStructs [B, ...]; () where that is not known.
    """

    init: Callable[[Key], tuple[Params, NetState]]
    apply: Callable[..., tuple[Any, NetState]]
    couples_batch: bool = False
    styles: Styles | None = None
    module: Any = None
    detached: tuple[str, ...] = ()
    inputs: tuple[PyTree, ...] = ()


def detached_of(*networks: Network) -> tuple[str, ...]:
    """What several networks detach from derivatives, each name once.

    Args:
      *networks: a game's.

    Returns:
      Names, in alphabetical order.

    Example:
      >>> import flax.linen as nn
      >>> from jaxgan import from_linen
      >>> network = from_linen(nn.Dense(3), jnp.zeros((1, 2)))
      >>> detached_of(network, network._replace(detached=("mine",)))
      ('mine',)
    """
    return tuple(sorted({name for network in networks for name in network.detached}))


def remat(network: Network) -> Network:
    """A network that keeps only its inputs for its gradient and recomputes the rest.

    Outputs and derivatives of every order are the same. Of several passes through such networks in
    one step only one has its activations in memory at a time.

    Args:
      network: any network.

    Returns:
      A `Network` with the same parameters and state.

    Example:
      >>> import flax.linen as nn
      >>> from jaxgan import from_linen
      >>> network = remat(from_linen(nn.Dense(3), jnp.zeros((1, 2))))
      >>> params, net_state = network.init(jax.random.key(0))
      >>> network.apply(params, net_state, jnp.ones((5, 2)))[0].shape
      (5, 3)

    References:
      Chen et al., 2016 (arXiv:1604.06174).
    """

    def apply(
        params: Params,
        net_state: NetState,
        *inputs: PyTree,
        train: bool = True,
        key: Key | None = None,
    ) -> tuple[Any, NetState]:
        def run(
            params: Params, net_state: NetState, inputs: tuple[PyTree, ...], key: Key | None
        ) -> tuple[Any, NetState]:
            return network.apply(params, net_state, *inputs, train=train, key=key)

        made: tuple[Any, NetState] = jax.checkpoint(run)(params, net_state, inputs, key)
        return made

    return network._replace(apply=apply)


def unconditional(network: Network) -> Network:
    """A network that is called with labels and does not look at them.

    Args:
      network: of (inputs).

    Returns:
      A `Network` of (inputs, label) with the same parameters and state.

    Example:
      >>> import flax.linen as nn
      >>> from jaxgan import from_linen
      >>> network = unconditional(from_linen(nn.Dense(3), jnp.zeros((1, 2))))
      >>> params, net_state = network.init(jax.random.key(0))
      >>> network.apply(params, net_state, jnp.ones((5, 2)), jnp.zeros(5, jnp.int32))[0].shape
      (5, 3)
    """

    def ignoring(run: Callable[..., tuple[Any, NetState]]) -> Callable[..., tuple[Any, NetState]]:
        def apply(
            params: Params, net_state: NetState, inputs: PyTree, label: PyTree, **options: Any
        ) -> tuple[Any, NetState]:
            del label
            return run(params, net_state, inputs, **options)

        return apply

    styles = network.styles
    if styles is not None:
        styles = styles._replace(mapping=ignoring(styles.mapping))
    return network._replace(apply=ignoring(network.apply), styles=styles, inputs=network.inputs[:1])


@checked
def packed(network: Network, *, num: Count) -> Network:
    """PacGAN: a discriminator that judges several examples at once, so that it sees collapse.

    Consecutive examples of the batch are joined along the last axis: images [B, H, W, C] become
    [B / num, H, W, num C], vectors [B, D] become [B / num, num D] and labels [B] become
    [B / num, num].

    Args:
      network: for that many channels or features.
      num: examples in a pack.

    Returns:
      A `Network` whose output has B / num rows for a batch of B.

    Raises:
      ValueError: if `num` is not positive or, when applied, does not divide the batch.

    Example:
      >>> import flax.linen as nn
      >>> from jaxgan import from_linen
      >>> network = packed(from_linen(nn.Dense(1), jnp.zeros((1, 6))), num=3)
      >>> params, net_state = network.init(jax.random.key(0))
      >>> network.apply(params, net_state, jnp.ones((12, 2)))[0].shape
      (4, 1)

    References:
      Lin et al., 2018 (arXiv:1712.04086).
    """

    def join(x: Array) -> Array:
        if len(x) % num:
            raise ValueError(f"packing is {num}; it must divide the batch of {len(x)}")
        packs = x.reshape(len(x) // num, num, *x.shape[1:])
        if x.ndim == 1:
            return packs
        beside = jnp.moveaxis(packs, 1, -2)
        return beside.reshape(*beside.shape[:-2], num * x.shape[-1])

    def apply(
        params: Params, net_state: NetState, *inputs: PyTree, **options: Any
    ) -> tuple[Any, NetState]:
        return network.apply(params, net_state, *jax.tree.map(join, inputs), **options)

    couples = network.couples_batch or num > 1
    return network._replace(apply=apply, couples_batch=couples, inputs=())


def with_reference(network: Network, *reference: PyTree) -> Network:
    """Puts a fixed reference batch in front of every batch, for virtual batch norm.

    The network's `VirtualBatchNorm` layers must know its size, and what the network says of the
    reference examples is dropped. They are recomputed with every batch.

    Args:
      network: any network, of one or more inputs.
      *reference: for each input, its reference examples, [R, ...]: real images for a
        discriminator, latents for a generator. They are part of the compiled program.

    Returns:
      A `Network` with the same parameters, state and outputs' shapes.

    Raises:
      ValueError: if there is no reference for an input, or there are not equally many for each.

    Example:
      >>> from jaxgan import from_linen
      >>> from jaxgan.models.layers import VirtualBatchNorm
      >>> layer = from_linen(VirtualBatchNorm(num_reference=2), jnp.zeros((1, 1)))
      >>> network = with_reference(layer, jnp.asarray([[-1.0], [1.0]]))
      >>> params, net_state = network.init(jax.random.key(0))
      >>> network.apply(params, net_state, jnp.zeros((5, 1)))[0].shape
      (5, 1)

    References:
      Salimans et al., 2016 (arXiv:1606.03498), section 3.5.
    """
    sizes = sorted({leaf.shape[0] for leaf in jax.tree.leaves(reference)})
    if len(sizes) != 1 or sizes[0] < 1:
        raise ValueError(f"reference has {sizes} examples; it must be one number, at least 1")

    def apply(
        params: Params, net_state: NetState, *inputs: PyTree, **options: Any
    ) -> tuple[Any, NetState]:
        if len(inputs) != len(reference):
            raise ValueError(
                f"reference is for {len(reference)} inputs; the network is given {len(inputs)}"
            )
        joined = jax.tree.map(
            lambda x, fixed: jnp.concatenate([jnp.asarray(fixed, x.dtype), x]), inputs, reference
        )
        output, net_state = network.apply(params, net_state, *joined, **options)
        return jax.tree.map(lambda y: y[sizes[0] :], output), net_state

    return network._replace(apply=apply)
