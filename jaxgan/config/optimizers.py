"""Optimizers by name: jaxgan's, Optax's, people's own, and what any of them may have besides."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import optax

from jaxgan.config.references import in_one_line
from jaxgan.config.registry import OPTIMIZERS
from jaxgan.config.sections import Choice, Options
from jaxgan.core.checks import is_zero
from jaxgan.core.optimizer import clip_gradients, decay_weights, with_rates
from jaxgan.core.ranges import (
    Finite,
    NonNegative,
    NonNegativeSchedule,
    PositiveSchedule,
    check,
)
from jaxgan.core.typing import Params, PyTree, ScalarOrSchedule
from jaxgan.optimizers import EPS_ROOT

OPTAX = (
    *("adabelief", "adadelta", "adagrad", "adamax", "adamaxw", "adamw", "adan", "amsgrad"),
    *("fromage", "lamb", "lars", "lion", "nadam", "nadamw", "radam", "sign_sgd"),
    "yogi",
)
"""Optax's that need nothing beside gradients and parameters, and whose derivative at a zero
gradient is finite with `eps_root` as jaxgan sets it."""

_NO_OPTIONS = ("mask", "mu_dtype", "trust_ratio_mask", "weight_decay_mask")
"""Parameters of them that no config can write."""


def of_optax(name: str) -> Callable[..., optax.GradientTransformation]:
    """One of Optax's optimizers, with ranges in its signature and `eps_root` above 0.

    Args:
      name: one of `OPTAX`.

    Returns:
      A factory.

    Example:
      >>> sorted(inspect.signature(of_optax("lion")).parameters)
      ['b1', 'b2', 'learning_rate', 'weight_decay']
    """
    factory = getattr(optax, name)

    def typed(one: inspect.Parameter) -> inspect.Parameter:
        kind: Any = bool if isinstance(one.default, bool) else Finite
        if one.name == "learning_rate":
            kind = NonNegativeSchedule
        elif one.default is None:
            kind = Finite | None
        default = EPS_ROOT if one.name == "eps_root" else one.default
        return one.replace(default=default, annotation=kind)

    signature = inspect.signature(factory)
    options = [typed(p) for p in signature.parameters.values() if p.name not in _NO_OPTIONS]

    def make(**given: Any) -> optax.GradientTransformation:
        made: optax.GradientTransformation = factory(**given)
        return made

    return _with_signature(make, signature.replace(parameters=options, return_annotation=Any))


def _shared(
    clip_by_global_norm: PositiveSchedule | None = None,
    rates: Mapping[str, NonNegative] = MappingProxyType({}),
    weight_decay: NonNegativeSchedule = 0.0,
) -> None:
    """What every optimizer may have besides, see `optimizers`."""


SHARED = {
    name: one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
    for name, one in inspect.signature(_shared, eval_str=True).parameters.items()
}


def with_shared(
    function: Callable[..., optax.GradientTransformation],
) -> Callable[..., optax.GradientTransformation]:
    """A factory that takes the options of `SHARED` besides, unless its own are called so.

    Args:
      function: the factory.

    Returns:
      The larger one. Gradients are clipped first; what a rate scales is the whole update.

    Example:
      >>> from jaxgan.optimizers import sgd
      >>> [*inspect.signature(with_shared(sgd)).parameters][3:]
      ['clip_by_global_norm', 'rates', 'weight_decay']
    """
    signature = inspect.signature(function, eval_str=True)
    own = [*signature.parameters.values()]
    shared = [one for name, one in SHARED.items() if name not in signature.parameters]
    is_last = [one.kind is inspect.Parameter.VAR_KEYWORD for one in own]
    at = is_last.index(True) if True in is_last else len(own)

    def make(**options: Any) -> optax.GradientTransformation:
        said = {one.name: options.pop(one.name) for one in shared if one.name in options}
        made = function(**options)
        check("what it returns", made, optax.GradientTransformation)
        if said.get("clip_by_global_norm") is not None:
            made = clip_gradients(made, norm=said["clip_by_global_norm"])
        decay: ScalarOrSchedule = said.get("weight_decay", 0.0)
        if not is_zero(decay):
            if "learning_rate" not in options:
                raise ValueError("weight_decay is for optimizers that have a learning_rate")
            rate = options["learning_rate"]
            made = decay_weights(made, weight=decay, learning_rate=rate)
        return with_rates(made, rates=said["rates"]) if said.get("rates") else made

    return _with_signature(make, signature.replace(parameters=[*own[:at], *shared, *own[at:]]))


def _with_signature(
    function: Callable[..., optax.GradientTransformation], signature: inspect.Signature
) -> Callable[..., optax.GradientTransformation]:
    vars(function)["__signature__"] = signature
    return function


@dataclass(frozen=True)
class Optimizers(Choice):
    """A `Choice` of one player's optimizer.

    Example:
      >>> OPTIMIZER.resolve({"name": "lion", "learning_rate": 1e-4}, "optimizer.gen")["b2"]
      0.99
    """

    def options(self, name: Any, path: str) -> Options:
        """Those of one factory, with `SHARED`."""
        if isinstance(name, str) and name in OPTAX:
            return Options(with_shared(of_optax(name)))
        options = super().options(name, path)
        return replace(options, function=with_shared(options.function))

    def make(self, section: Any, path: str, **given: Any) -> optax.GradientTransformation:
        """See `Section`; patterns that match nothing are refused where parameters are known."""
        made: optax.GradientTransformation = super().make(section, path, **given)
        if "rates" not in section or not section["rates"]:
            return made

        def init(params: Params) -> PyTree:
            with in_one_line(path):
                return made.init(params)

        return made._replace(init=init)


OPTIMIZER = Optimizers(OPTIMIZERS, makes=optax.GradientTransformation)
