"""The public interface as text, one line for each name: `python -m tests.public_api` writes it.

A change of the interface is then a line in a review.
"""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jaxgan

PATH = Path(__file__).with_name("public_api.txt")
PACKAGES = (
    *("losses", "penalties", "auxiliary", "augment", "games", "fields", "algorithms"),
    *("transforms", "analysis", "optimizers", "models", "models.layers", "data", "features"),
    *("metrics", "evaluation", "pretrained", "distributed", "writers", "files", "plan"),
    "export",
    *("report", "sampling.explore", "serve", "writers.tracking"),
    *("core.schedules", "core.ranges", "fields.trees"),  # public under another name
)


def lines() -> Iterator[str]:
    """The lines, sorted."""
    yield from sorted(_described(jaxgan))
    for name in PACKAGES:
        yield from sorted(_described(importlib.import_module(f"jaxgan.{name}")))


def _described(module: Any) -> Iterator[str]:
    own = [n for n, value in vars(module).items() if _is_own(module, n, value)]
    for name in getattr(module, "__all__", own):
        value = getattr(module, name)
        path = f"{module.__name__}.{name}"
        if inspect.isclass(value):
            yield f"class {path}{_signature(value)}"
        elif callable(value):
            yield f"{path}{_signature(value)}"
        elif inspect.ismodule(value):
            yield f"module {path}"
        else:
            yield f"constant {path}"


def _is_own(module: Any, name: str, value: Any) -> bool:
    is_here = getattr(value, "__module__", None) == module.__name__
    return is_here and callable(value) and not name.startswith("_")


def _signature(value: Any) -> str:
    if typing.get_origin(value) is not None:  # an alias, which is called from Python 3.13 on
        return ""
    try:
        found = inspect.signature(value)
    except ValueError:  # of a class of typing or of C
        return ""
    parameters = [_short(one) for one in found.parameters.values()]
    return str(found.replace(parameters=parameters, return_annotation=found.empty))


def _short(parameter: inspect.Parameter) -> inspect.Parameter:
    """A parameter without its type; defaults that print an address are shown by their name."""
    default = parameter.default
    if default is not parameter.empty and " at 0x" in repr(default):
        default = getattr(default, "__name__", type(default).__name__)
    return parameter.replace(annotation=parameter.empty, default=default)


if __name__ == "__main__":
    PATH.write_text("\n".join(lines()) + "\n")
