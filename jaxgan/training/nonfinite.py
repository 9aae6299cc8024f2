"""Non-finite numbers: a NaN or an infinity where a number should be, found, named and reported."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core.errors import StepNotFiniteError
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Metrics, PyTree
from jaxgan.files.atomic import replacing
from jaxgan.transforms import all_finite

MAX_SKIPPED = 100
"""So many steps skipped in a row end a run: it does not come out of that by itself."""

WARN_SKIPPED = 10
"""So many are said."""

is_finite = jax.jit(all_finite)


def nonfinite(values: Mapping[str, float]) -> dict[str, float]:
    """The metrics that are not finite, unless the step that gave them was not taken.

    Args:
      values: metrics by name.

    Returns:
      Those that are not.

    Example:
      >>> nonfinite({"loss/gen": math.nan, "loss/disc": 1.0})
      {'loss/gen': nan}
      >>> nonfinite({"loss/gen": math.nan, "skipped": 1.0})
      {}
    """
    if values.get("skipped"):
        return {}
    return {name: value for name, value in values.items() if not math.isfinite(value)}


def find_nonfinite(calls: Sequence[tuple[int, Metrics]]) -> StepNotFiniteError | None:
    """The first of some calls of the step whose metrics are not finite, if the last one's are not.

    Args:
      calls: (step, metrics) of successive calls.

    Returns:
      What was not finite where, or None.

    Example:
      >>> find_nonfinite([(1, {"loss/gen": jnp.nan}), (2, {"loss/gen": jnp.nan})]).step
      1
    """
    error = None
    # What is once not finite stays so: going back, the first good call ends the search.
    for step, metrics in reversed(calls):
        values = {name: float(value) for name, value in jax.device_get(metrics).items()}
        found = nonfinite(values)
        if not found:
            break
        error = StepNotFiniteError(step, found)
    return error


def last_taken(calls: Sequence[tuple[int, Metrics]], before: int) -> int:
    """The last step that was taken: others are skipped where a number would not be finite.

    Args:
      calls: (step, metrics) of successive calls of the step.
      before: the last one taken before them.

    Returns:
      The number of steps done after it.

    Example:
      >>> last_taken([(1, {"skipped": jnp.float32(0)}), (2, {"skipped": jnp.float32(1)})], 0)
      1
    """
    if calls and "skipped" not in calls[-1][1]:
        return calls[-1][0]
    shares = jax.device_get([metrics["skipped"] for _, metrics in calls])
    return max(
        (step for (step, _), share in zip(calls, shares, strict=True) if share < 1), default=before
    )


def check_skipped(step: int, taken: int, metrics: Mapping[str, float]) -> bool:
    """Whether there are so many skipped steps in a row that it should be said.

    Args:
      step: steps done.
      taken: the last one that was taken.
      metrics: of the last call, by name.

    Returns:
      True from `WARN_SKIPPED` on.

    Raises:
      StepNotFiniteError: from `MAX_SKIPPED` on.

    Example:
      >>> check_skipped(30, 15, {})
      True
    """
    num_skipped = step - taken
    if num_skipped >= MAX_SKIPPED:
        not_finite = {name: value for name, value in metrics.items() if not math.isfinite(value)}
        raise StepNotFiniteError(step, not_finite, num_skipped)
    return num_skipped >= WARN_SKIPPED


def write_report(
    path: Path | None, error: StepNotFiniteError, state: TrainState, last_good: int | None
) -> dict[str, Any]:
    """Writes what is known of non-finite numbers.

    Args:
      path: of the JSON file; None writes none.
      error: where they were found.
      state: the state as it is now, some steps later.
      last_good: the last good checkpoint's step.

    Returns:
      `{"step", "players", "metrics", "num_skipped", "leaves", "last_good_checkpoint"}`: the
      players whose parameters, optimizer or metrics are not finite, and the paths of all such
      leaves.

    Example:
      >>> import tempfile
      >>> state = TrainState(step=jnp.int32(9), key=jax.random.key(0),
      ...                    params={"gen": jnp.nan, "disc": 1.0},
      ...                    net_state={})
      >>> folder = Path(tempfile.mkdtemp())
      >>> report = write_report(folder / "a.json", StepNotFiniteError(7, {}), state, None)
      >>> report["players"], report["leaves"]
      (['gen'], ['params/gen'])
    """
    leaves = [name for name, leaf in _named(state._replace(key=jnp.zeros(()))) if not _is_ok(leaf)]
    names = {part for name in (*leaves, *error.metrics) for part in name.split("/")}
    report = {
        "step": error.step,
        "players": sorted(names & set(state.params)),
        "metrics": {name: str(value) for name, value in error.metrics.items()},
        "num_skipped": error.num_skipped,
        "leaves": leaves,
        "last_good_checkpoint": last_good,
    }
    if path is not None:
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(report, indent=2) + "\n")
    return report


def _named(tree: PyTree) -> list[tuple[str, Any]]:
    pairs = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [(jax.tree_util.keystr(path, simple=True, separator="/"), leaf) for path, leaf in pairs]


def _is_ok(leaf: Any) -> bool:
    return bool(is_finite(leaf))
