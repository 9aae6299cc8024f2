"""Where a training step is not smooth, and its derivatives miss something."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax.extend.core import Literal

from jaxgan.core.algorithm import Algorithm
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch

_KINKED = ("relu", "relu6", "leaky_relu", "selu", "hard_tanh", "hard_sigmoid", "hard_silu")
_SMOOTH = ("elu", "celu")
"""Functions of `jax.nn`: with a jump in the slope, and with a slope that is continuous."""

_LAYERS = ("add", "dot_general", "conv_general_dilated")
"""What the output of a layer is made by; maxima of other things are bounds, as in `rsqrt`."""

_COMPARISONS = ("gt", "ge", "lt", "le")
_LOOPS = ("scan", "while")

_Players = frozenset[str]
_Found = tuple[str, _Players]


def kinks(algorithm: Algorithm, state: TrainState, batch: Batch) -> dict[str, tuple[str, ...]]:
    """What in a training step has a jump in its slope, and in whose networks or losses.

    A gradient jumps where a kink is crossed, and the derivative of a step leaves that out. Known by
    name are `relu`, `relu6`, `leaky_relu`, `selu`, `hard_tanh`, `hard_sigmoid` and `hard_silu` of
    `jax.nn`; by form `max(x, 0)` of a layer's output x, and `where(x > 0, x, a * x)`. The step is
    traced, and nothing is computed.

    What is written in another way goes unnoticed: other maxima, `abs` and `sign` are none, since
    `logsumexp`, batch norm and safe divisions have them and are smooth.

    Args:
      algorithm: any.
      state: of it; shapes will do.
      batch: as its step takes them; shapes will do.

    Returns:
      {operation: players}.

    Example:
      >>> from jaxgan.core.game import general_sum
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.optimizers import sgd
      >>> def found(activation):
      ...     game = general_sum(
      ...         lambda key: {"a": jax.numpy.ones(3)},
      ...         lambda params, batch, context: {"a": activation(params["a"]).sum()})
      ...     algorithm = simultaneous(gradient(game), optimizers={"a": sgd(0.1)})
      ...     return kinks(algorithm, algorithm.init(jax.random.key(0)), {})
      >>> found(jax.nn.relu), found(jax.nn.softplus)
      ({'relu': ('a',)}, {})
    """
    closed = jax.make_jaxpr(algorithm.step)(state, batch)
    owners = jax.tree.map(lambda x: frozenset[str](), (state, batch))
    params = {
        player: jax.tree.map(lambda x, player=player: frozenset([player]), own)
        for player, own in state.params.items()
    }
    marked = (owners[0]._replace(params=params), owners[1])
    marks = jax.tree.leaves(marked, is_leaf=lambda x: isinstance(x, frozenset))
    found: list[_Found] = []
    _walk(closed.jaxpr, marks, found)
    names = sorted({name for name, _ in found})
    return {name: _owners([who for one, who in found if one == name]) for name in names}


def warn_of_kinks(caller: str, found: Mapping[str, tuple[str, ...]]) -> None:
    """Warns of what `kinks` found, if anything.

    Args:
      caller: whose derivatives they are.
      found: {operation: players}.

    Example:
      >>> warn_of_kinks("hypergradient", {})
    """
    if found:
        said = "; ".join(f"{name} of {', '.join(players)}" for name, players in found.items())
        warnings.warn(
            f"{caller}: the slope jumps in {said}: gradients jump with it, which no derivative "
            "sees; take smooth activations and losses, or analysis.evolution_strategies",
            stacklevel=4,
        )


def _owners(sets: list[_Players]) -> tuple[str, ...]:
    """What depends on one player alone is that player's; else it is of all of them."""
    single = frozenset().union(*(who for who in sets if len(who) == 1))
    return tuple(sorted(single or frozenset().union(*sets)))


def _walk(jaxpr: Any, marks: list[_Players], found: list[_Found]) -> list[_Players]:
    """On whom the outputs of a program depend; adds the kinks that it meets."""
    depends = dict(zip(jaxpr.invars, marks, strict=True))
    maker: dict[Any, Any] = {}

    def owners(atom: Any) -> _Players:
        return frozenset() if isinstance(atom, Literal) else depends.get(atom, frozenset())

    for eqn in jaxpr.eqns:
        inputs = [owners(atom) for atom in eqn.invars]
        everyone = frozenset[str]().union(*inputs)
        if eqn.primitive.name in _LOOPS:  # what one iteration makes, the next one takes
            inputs = [everyone] * len(inputs)
        outputs = [everyone] * len(eqn.outvars)
        name = _kink(eqn, maker) if everyone else None
        if name is not None:
            found.append((name, everyone))
        elif everyone and not _is_smooth(eqn):
            for inner in _programs(eqn):
                # Those of a branch or a loop's body come last.
                outs = _walk(inner, inputs[len(inputs) - len(inner.invars) :], found)
                is_call = eqn.primitive.name in ("jit", "pjit", "checkpoint", "remat")
                outputs = outs if is_call else outputs
        depends |= dict(zip(eqn.outvars, outputs, strict=True))
        maker |= dict.fromkeys(eqn.outvars, eqn)
    return [owners(atom) for atom in jaxpr.outvars]


def _programs(eqn: Any) -> list[Any]:
    """The programs that an equation runs, without the conditions of loops."""
    inner = [value for name, value in eqn.params.items() if name not in ("cond_jaxpr", "jvp")]
    flat = [one for value in inner for one in (value if isinstance(value, tuple) else (value,))]
    return [
        getattr(one, "jaxpr", one) for one in flat if hasattr(getattr(one, "jaxpr", one), "eqns")
    ]


def _is_smooth(eqn: Any) -> bool:
    """Whether a function's own rule or name says that its slope is continuous."""
    return "custom" in eqn.primitive.name or eqn.params.get("name") in _SMOOTH


def _kink(eqn: Any, maker: dict[Any, Any]) -> str | None:
    name = eqn.params.get("name", eqn.primitive.name)
    # One with a rule of its own has a single call inside, which has the name.
    inside = [one.params.get("name") for program in _programs(eqn) for one in program.eqns]
    named = [one for one in (name, *inside[: "custom" in eqn.primitive.name]) if one in _KINKED]
    if named:
        return str(named[0])
    if name in ("max", "min"):
        made = [maker.get(x) for x in eqn.invars if not isinstance(x, Literal)]
        is_layer = any(one is not None and one.primitive.name in _LAYERS for one in made)
        return f"{name}(x, 0)" if is_layer and any(map(_is_zero, eqn.invars)) else None
    if name in ("select_n", "_where") and len(eqn.invars) == 3:
        chosen = maker.get(eqn.invars[0])
        if chosen is None or chosen.primitive.name not in _COMPARISONS:
            return None
        x = chosen.invars[0]
        others = [one for one in eqn.invars[1:] if one is not x]
        if _is_zero(chosen.invars[1]) and len(others) == 1 and _is_multiple(others[0], x, maker):
            return "where(x > 0, x, a * x)"
    return None


def _is_multiple(atom: Any, x: Any, maker: dict[Any, Any]) -> bool:
    """Whether it is 0 or a number times x."""
    if isinstance(atom, Literal):
        return _is_zero(atom)
    made = maker.get(atom)
    if made is None:
        return False
    if made.primitive.name == "broadcast_in_dim":
        return _is_zero(made.invars[0])
    return made.primitive.name == "mul" and any(one is x for one in made.invars)


def _is_zero(atom: Any) -> bool:
    return isinstance(atom, Literal) and bool(np.all(np.asarray(atom.val) == 0))
