"""The arguments and attributes that say whether a module trains, by the names people use."""

from __future__ import annotations

import inspect
from typing import Any

MODES = {
    "train": True,
    "training": True,
    "is_training": True,
    "update_stats": True,
    "deterministic": False,
    "use_running_average": False,
}
"""For each name what it says in training; in evaluation it says the opposite."""


def mode_arguments(module: Any, method: str, num_inputs: int) -> tuple[str, ...]:
    """The arguments of a method that say whether its module trains.

    Args:
      module: an instance of the module.
      method: `"__call__"` or another one that is applied.
      num_inputs: how many inputs come before, by position.

    Returns:
      Names out of `MODES`; not those which the module's constructor has fixed, as `nn.Dropout`
      lets it.

    Raises:
      ValueError: if the method needs what nobody will give it, or is given an input where it takes
        one of these.

    Example:
      >>> class Mine:
      ...     def __call__(self, x, deterministic=True):
      ...         return x
      >>> mode_arguments(Mine(), "__call__", 1)
      ('deterministic',)
    """
    called = f"{type(module).__name__}.{method}"
    _, *parameters = inspect.signature(getattr(type(module), method)).parameters.values()
    by_position = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    given = {p.name for p in by_position[:num_inputs]}
    if taken := given & set(MODES):
        raise ValueError(
            f"{called} takes {min(taken)!r} among its first {num_inputs} arguments, which must be "
            "the inputs; put it behind them"
        )
    for p in parameters:
        is_needed = p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        if is_needed and p.name not in given | set(MODES):
            raise ValueError(
                f"{called} needs {p.name!r}; it must be an input, have a default, or be one of "
                f"{', '.join(MODES)}"
            )
    names = [p.name for p in parameters if p.name in MODES]
    return tuple(name for name in names if not isinstance(getattr(module, name, None), bool))


def mode_attributes(module: Any, method: str) -> tuple[str, ...]:
    """The attributes that say whether a module trains, where its method has no argument for it.

    Args:
      module: an instance of the module.
      method: which is applied.

    Returns:
      Names out of `MODES` whose value is True or False.

    Example:
      >>> class Mine:
      ...     training = False
      ...     def __call__(self, x):
      ...         return x
      >>> mode_attributes(Mine(), "__call__")
      ('training',)
    """
    arguments = inspect.signature(getattr(type(module), method)).parameters
    own = [name for name in MODES if name not in arguments]
    return tuple(name for name in own if isinstance(getattr(module, name, None), bool))


def said(names: tuple[str, ...], train: bool) -> dict[str, bool]:
    """What the arguments or attributes of those names are.

    Args:
      names: out of `MODES`.
      train: whether the module trains.

    Returns:
      A value for each name.

    Example:
      >>> said(("is_training", "deterministic"), train=True)
      {'is_training': True, 'deterministic': False}
    """
    return {name: MODES[name] == train for name in names}
