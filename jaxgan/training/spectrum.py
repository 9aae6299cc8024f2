"""Watching the spectrum of a game while it is trained."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jax.sharding import Mesh
from PIL import Image

from jaxgan import analysis, distributed
from jaxgan.core.algorithm import Optimizers, make_context
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch
from jaxgan.fields import Field
from jaxgan.training.hooks import Hook, Moment
from jaxgan.transforms import member
from jaxgan.writers import spectrum_png

logger = logging.getLogger(__name__)

MAX_DENSE = 2500
"""Up to so many parameters all eigenvalues are computed; beyond, the leading ones."""

NUM_LEADING = 6


def make_spectrum(
    fields: Mapping[str, Field],
    optimizers: Optimizers,
    batch: Batch,
    *,
    every: int,
    mesh: Mesh,
    workdir: Path,
    index: int = 0,
    name: str = "",
) -> Hook:
    """Logs and draws the spectra of some fields where training stands.

    It writes `spectra/step_STEP.png`, one panel per field, logs `stability/max_real`,
    `stability/rotation` and `stability/max_rate` of the last field, and says its verdict in words.
    The eigenvalues are those of the flow v' = -J on one fixed batch: all of them for games of up
    to `MAX_DENSE` parameters, otherwise the `NUM_LEADING` of largest magnitude and of largest real
    part. Of a run with members it watches one.

    Args:
      fields: by name; the last is the one that is played, those before are to be compared with.
      optimizers: one Optax transformation per player, for games that foresee them.
      batch: the real data on which the Jacobian is taken.
      every: steps between two spectra.
      mesh: the devices.
      workdir: the run's folder.
      index: of a run with members, which one; the first by default.
      name: of that member, where several are watched: it follows the names of the numbers, and the
        picture is `spectra/step_STEP_member_INDEX.png`.

    Returns:
      A `Hook`. Where there is no finite spectrum it logs a warning and returns.

    Example:
      >>> import tempfile
      >>> import jax
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import consensus, gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> from jaxgan.training.telemetry import Log
      >>> from jaxgan.writers import MetricWriter
      >>> sgds = {"gen": sgd(0.1), "disc": sgd(0.1)}
      >>> plain = gradient(bilinear())
      >>> played = consensus(plain, gamma=2.0)
      >>> state = simultaneous(played, optimizers=sgds).init(jax.random.key(0))
      >>> mesh, fields = distributed.make_mesh(1), {"gradient": plain, "consensus": played}
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     hook = make_spectrum(fields, sgds, {}, every=10, mesh=mesh, workdir=Path(folder))
      ...     with MetricWriter(Path(folder)) as writer:
      ...         hook.call(Moment(step=0, state=state, log=Log(writer)))
      ...     print((Path(folder) / "metrics.jsonl").read_text().split(",")[1])
       "stability/max_real": -2.0

    References:
      Mescheder et al., 2017 (arXiv:1705.10461), figure 3; Berard et al., 2020 (arXiv:1906.04848).
    """

    said, suffix = (f"{name}: ", f"/{name}") if name else ("", "")

    def look(now: Moment) -> None:
        now.settle()
        state, step, writer = distributed.gather(now.state, mesh), now.step, now.log.writer
        if writer is None:
            return
        if state.key.ndim:
            state = member(state, index)
        try:
            spectra = {
                label: _eigenvalues(field, state, optimizers, batch)
                for label, field in fields.items()
            }
        except ValueError as error:
            logger.warning("step %d: %sno spectrum: %s", step, said, error)
            return
        verdict = analysis.stability(list(spectra.values())[-1])
        path = workdir / "spectra" / f"step_{step:08d}{f'_member_{index}' if name else ''}.png"
        title = f"step {step}: {said}eigenvalues of the flow"
        spectrum_png(path, spectra, title, share_axes=False)
        values = {
            f"stability/max_real{suffix}": verdict.max_real,
            f"stability/rotation{suffix}": verdict.rotation,
            f"stability/max_rate{suffix}": verdict.max_rate,
        }
        writer.scalars(step, values)
        writer.image(step, "spectrum", np.asarray(Image.open(path).convert("RGB")))
        logger.info("step %d: %s%s", step, said, verdict.text)

    return Hook(every, "the analysis of the game", look)


def _eigenvalues(
    field: Field, state: TrainState, optimizers: Optimizers, batch: Batch
) -> np.ndarray:
    updates = dict.fromkeys(state.params, state.step)
    context = make_context(state, optimizers=optimizers, updates=updates, phase=0)
    point = (field, state.params, state.net_state, batch, context)
    vector, _ = analysis.ravel_players(state.params)
    if vector.size <= MAX_DENSE:
        return analysis.flow_eigenvalues(*point)
    found = []
    for which in ("LM", "LR"):
        try:
            # A picture needs three digits.
            found.append(
                analysis.leading_eigenvalues(*point, num=NUM_LEADING, which=which, tol=1e-3)
            )
        except analysis.ConvergenceError as error:
            logger.warning("spectrum: %s", error)
            found.append(error.eigenvalues)
    return np.concatenate(found)
