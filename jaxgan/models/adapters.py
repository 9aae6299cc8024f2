"""Flax modules as networks: the only place where a contract meets Flax."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx

from jaxgan.core.errors import bad_value
from jaxgan.core.network import BATCH_STATS, Network, Styles
from jaxgan.core.state import stream
from jaxgan.core.typing import Array, Key, NetState, Params, PyTree
from jaxgan.models.modes import mode_arguments, mode_attributes, said


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
    return Network(
        init=init,
        apply=apply,
        couples_batch=couples_batch,
        module=module,
        detached=tuple(detached),
        inputs=tuple(inputs),
    )


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
      See `jaxgan.config.networks.stylegan2_generator`.
    """
    network = from_linen(module, *example_inputs, couples_batch=couples_batch)
    mapping = _linen_apply(module, "styles", len(example_inputs))
    return network._replace(styles=Styles(mapping=mapping, mean=mean))


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
    state here: they are set from the key given to `apply`. `module.train()` and
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
    if isinstance(build, nn.Module | nnx.Module):
        example = f"lambda rngs: {type(build).__name__}(..., rngs=rngs)"
        linen = "; a Linen module is for from_linen" if isinstance(build, nn.Module) else ""
        raise TypeError(bad_value("build", build, f"a function of its streams, {example}{linen}"))
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
    return Network(
        init=init, apply=apply, couples_batch=BATCH_STATS in net_state, detached=detached
    )


def _fill(state: Any, value: Callable[[tuple[Any, ...], Any], Array]) -> Any:
    flat = nnx.to_flat_state(state)
    return nnx.from_flat_state([(path, leaf.replace(value(path, leaf))) for path, leaf in flat])


def _leaf(tree: PyTree, path: tuple[Any, ...], leaf: Any) -> Array:
    found: Array = reduce(lambda subtree, name: subtree[name], path, tree)
    return found


def _rng_value(key: Key, path: tuple[Any, ...], leaf: Any) -> Array:
    # A stream of NNX is a typed key and a counter: a key derived from ours, counted from 0.
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return stream(key, "/".join(map(str, path)))
    return jnp.zeros(leaf.shape, leaf.dtype)
