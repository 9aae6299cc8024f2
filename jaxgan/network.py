"""A player's function approximator as two pure functions; the only file that knows Flax."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx

from jaxgan.modes import mode_arguments, mode_attributes, said
from jaxgan.state import stream
from jaxgan.typing import Array, Key, NetState, Params, PyTree

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
    """

    init: Callable[[Key], tuple[Params, NetState]]
    apply: Callable[..., tuple[Any, NetState]]
    couples_batch: bool = False
    styles: Styles | None = None
    module: Any = None
    detached: tuple[str, ...] = ()


def detached_of(*networks: Network) -> tuple[str, ...]:
    """What several networks detach from derivatives, each name once.

    Args:
      *networks: a game's.

    Returns:
      Names, in alphabetical order.

    Example:
      >>> network = from_linen(nn.Dense(3), jnp.zeros((1, 2)))
      >>> detached_of(network, network._replace(detached=("mine",)))
      ('mine',)
    """
    return tuple(sorted({name for network in networks for name in network.detached}))


def _spec(example_input: PyTree) -> PyTree:
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), example_input)


def from_linen(
    module: nn.Module, *example_inputs: PyTree, couples_batch: bool | None = None
) -> Network:
    """Makes a `Network` of a Flax Linen module.

    The module's `__call__` may take `train`, `training`, `is_training` or `update_stats`, or
    `deterministic` or `use_running_average`, which say the opposite: each is passed. So is an
    attribute of such a name where `__call__` has no such argument. All its random streams (dropout,
    noise) are fed from the one key given to `apply`.

    Args:
      module: a Linen module, not bound.
      *example_inputs: one array or `jax.ShapeDtypeStruct` per positional input, batch axis
        included; only shapes and dtypes are used.
      couples_batch: whether an example's output depends on the rest of its batch; by default,
        whether the module has batch statistics. Layers such as minibatch discrimination have none,
        so whoever uses them has to say it.

    Returns:
      A `Network`.

    Raises:
      TypeError: if `module` is no Linen module.
      ValueError: if its `__call__` needs an argument that is neither an input nor one of these.

    Example:
      >>> network = from_linen(nn.Dense(3), jnp.zeros((1, 2)))
      >>> params, net_state = network.init(jax.random.key(0))
      >>> output, _ = network.apply(params, net_state, jnp.ones((5, 2)))
      >>> output.shape, net_state
      ((5, 3), {})
    """
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"module is a {type(module).__name__}; from_linen takes a flax.linen.Module"
        )
    inputs = _spec(example_inputs)
    in_training: dict[str, Any] = {**said(mode_arguments(module, "__call__", len(inputs)), True)}
    training = _in_mode(module, "__call__", train=True)

    def init(key: Key) -> tuple[Params, NetState]:
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), inputs)
        variables = dict(training.init(key, *zeros, **in_training))
        return variables.pop("params", {}), variables

    detached = set()

    def note(run: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
        if isinstance(context.module, nn.SpectralNorm):
            detached.add("flax.linen.SpectralNorm")
        return run(*args, **kwargs)

    with nn.intercept_methods(note):
        _, net_state = jax.eval_shape(init, jax.random.key(0))
    if couples_batch is None:
        couples_batch = BATCH_STATS in net_state
    apply = _linen_apply(module, "__call__", len(inputs))
    return Network(init, apply, couples_batch, module=module, detached=tuple(detached))


def from_linen_styles(
    module: nn.Module,
    *example_inputs: PyTree,
    mean: Callable[[NetState], Array],
    couples_batch: bool | None = None,
) -> Network:
    """Makes a generator with `styles` of a Flax Linen module.

    Args:
      module: its `__call__(z_or_w, *labels, train)` takes latents or `{"w": styles}`, its method
        `styles(z, *labels, train)` maps latents to styles.
      *example_inputs: as in `from_linen`.
      mean: reads the mean style from the network's state.
      couples_batch: as in `from_linen`.

    Returns:
      A `Network`.

    Example:
      See `jaxgan.networks.stylegan2_generator`.
    """
    network = from_linen(module, *example_inputs, couples_batch=couples_batch)
    mapping = _linen_apply(module, "styles", len(example_inputs))
    return network._replace(styles=Styles(mapping, mean))


def _in_mode(module: nn.Module, method: str, train: bool) -> nn.Module:
    """The module with its attributes saying whether it trains, where its method does not."""
    attributes: dict[str, Any] = {**said(mode_attributes(module, method), train)}
    return module.clone(**attributes) if attributes else module


def _linen_apply(
    module: nn.Module, method: str, num_inputs: int
) -> Callable[..., tuple[Any, NetState]]:
    names = mode_arguments(module, method, num_inputs)
    modules = {train: _in_mode(module, method, train) for train in (True, False)}

    def apply(
        params: Params,
        net_state: NetState,
        *inputs: PyTree,
        train: bool = True,
        key: Key | None = None,
    ) -> tuple[Any, NetState]:
        # A stream without a key of its own ("dropout") is derived from the one named "params".
        rngs = None if key is None else {"params": key}
        output = modules[train].apply(
            {"params": params, **net_state},
            *inputs,
            **said(names, train),
            rngs=rngs,
            mutable=list(net_state) if train else False,
            method=method,
        )
        if not train:
            return output, net_state
        output, new_state = output
        return output, {**net_state, **new_state}

    return apply


def from_nnx(build: Callable[[nnx.Rngs], nnx.Module]) -> Network:
    """Makes a `Network` of a Flax NNX module.

    Parameters are the module's `nnx.Param`, its batch statistics become the collection
    `batch_stats`, any other variable the collection `other`. Keys and counters of NNX are not
    state here: they are set anew from the key given to `apply`. `module.train()` and
    `module.eval()` say whether it trains, to attributes `training` and `is_training` too, and so do
    the arguments of its `__call__` that `from_linen` knows.

    Args:
      build: makes the module from its random streams, `lambda rngs: nnx.Linear(2, 3, rngs=rngs)`.

    Returns:
      A `Network`.

    Raises:
      ValueError: when applied, if `__call__` needs an argument that is neither an input nor one of
        these.

    Example:
      >>> network = from_nnx(lambda rngs: nnx.Linear(2, 3, rngs=rngs))
      >>> params, net_state = network.init(jax.random.key(0))
      >>> output, _ = network.apply(params, net_state, jnp.ones((5, 2)))
      >>> output.shape
      (5, 3)
    """
    filters = (nnx.Param, nnx.RngState, nnx.BatchStat, ...)

    def split(module: nnx.Module) -> tuple[Any, list[Any]]:
        graph, *states = nnx.split(module, *filters)
        return graph, [nnx.to_pure_dict(state) for state in states]

    def collect(batch_stats: PyTree, other: PyTree) -> NetState:
        collections = {BATCH_STATS: batch_stats, "other": other}
        return {name: tree for name, tree in collections.items() if tree}

    # NNX keeps the mode (train or not) in the module's static part: one abstract module for each.
    abstract = {}
    for train in (True, False):
        module = nnx.eval_shape(lambda: build(nnx.Rngs(0)))
        flags = said(("training", "is_training"), train)
        if train:
            module.train(**flags)
        else:
            module.eval(**flags)
        abstract[train] = nnx.split(module, *filters)

    def init(key: Key) -> tuple[Params, NetState]:
        _, (params, _, batch_stats, other) = split(build(nnx.Rngs(key)))
        return params, collect(batch_stats, other)

    def apply(
        params: Params,
        net_state: NetState,
        *inputs: PyTree,
        train: bool = True,
        key: Key | None = None,
    ) -> tuple[Any, NetState]:
        graph, *states = abstract[train]
        if key is None:
            if train and jax.tree.leaves(states[1]):
                raise ValueError("this network draws random numbers in training; key is None")
            key = jax.random.key(0)
        trees = [params, None, net_state.get(BATCH_STATS, {}), net_state.get("other", {})]
        filled = [
            _fill(state, partial(_rng_value, key) if tree is None else partial(_leaf, tree))
            for state, tree in zip(states, trees, strict=True)
        ]
        module = nnx.merge(graph, *filled, copy=True)
        output = module(*inputs, **said(mode_arguments(module, "__call__", len(inputs)), train))
        _, (_, _, batch_stats, other) = split(module)
        return output, collect(batch_stats, other) if train else net_state

    _, net_state = jax.eval_shape(init, jax.random.key(0))
    is_spectral = any(isinstance(part, nnx.SpectralNorm) for _, part in nnx.iter_modules(module))
    detached = ("flax.nnx.SpectralNorm",) if is_spectral else ()
    return Network(init, apply, couples_batch=BATCH_STATS in net_state, detached=detached)


def remat(network: Network) -> Network:
    """A network that keeps only its inputs for its gradient and computes the rest anew.

    Outputs and derivatives of every order are the same. Of several passes through such networks in
    one step only one has its activations in memory at a time.

    Args:
      network: any network.

    Returns:
      A `Network` with the same parameters and state.

    Example:
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

        return jax.checkpoint(run)(params, net_state, inputs, key)

    return network._replace(apply=apply)


def unconditional(network: Network) -> Network:
    """A network that is called with labels and does not look at them.

    Args:
      network: of (inputs).

    Returns:
      A `Network` of (inputs, label) with the same parameters and state.

    Example:
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
    return network._replace(apply=ignoring(network.apply), styles=styles)


def packed(network: Network, num: int) -> Network:
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
      >>> network = packed(from_linen(nn.Dense(1), jnp.zeros((1, 6))), num=3)
      >>> params, net_state = network.init(jax.random.key(0))
      >>> network.apply(params, net_state, jnp.ones((12, 2)))[0].shape
      (4, 1)

    References:
      Lin et al., 2018 (arXiv:1712.04086).
    """
    if num < 1:
        raise ValueError(f"packing is {num}; it must be at least 1")

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

    return network._replace(apply=apply, couples_batch=network.couples_batch or num > 1)


def with_reference(network: Network, *reference: PyTree) -> Network:
    """Puts a fixed reference batch in front of every batch, for virtual batch norm.

    The network's `VirtualBatchNorm` layers must know its size, and what the network says of the
    reference examples is dropped. They are computed anew with every batch.

    Args:
      network: any network, of one or more inputs.
      *reference: for each input, its reference examples, [R, ...]: real images for a
        discriminator, latents for a generator. They are part of the compiled program.

    Returns:
      A `Network` with the same parameters, state and outputs' shapes.

    Raises:
      ValueError: if there is no reference for an input, or there are not equally many for each.

    Example:
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


def _fill(state: Any, value: Callable[[tuple[Any, ...], Any], Array]) -> Any:
    flat = nnx.to_flat_state(state)
    return nnx.from_flat_state([(path, leaf.replace(value(path, leaf))) for path, leaf in flat])


def _leaf(tree: PyTree, path: tuple[Any, ...], leaf: Any) -> Array:
    return reduce(lambda subtree, name: subtree[name], path, tree)


def _rng_value(key: Key, path: tuple[Any, ...], leaf: Any) -> Array:
    # A stream of NNX is a typed key and a counter: a key derived from ours, counted from 0.
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return stream(key, "/".join(map(str, path)))
    return jnp.zeros(leaf.shape, leaf.dtype)
