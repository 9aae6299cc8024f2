"""`report.html` of a run: what its folder holds, as a page."""

from __future__ import annotations

import base64
import datetime
import io
import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from jaxgan.checkpoint.directory import Archive, Best
from jaxgan.config.base import Config, flatten
from jaxgan.config.portable import CODE
from jaxgan.core.errors import ConfigError, EvaluationError, FileError
from jaxgan.core.text import escaped
from jaxgan.evaluation import report as evaluation
from jaxgan.evaluation.compare import as_lines, columns, differences
from jaxgan.evaluation.protocol import Score
from jaxgan.files import read_json
from jaxgan.files.atomic import replacing
from jaxgan.report import Checkpoint, Content, Frame, Pictures, Scored, Warned, render
from jaxgan.run import directory
from jaxgan.training.collapse.watcher import Line
from jaxgan.training.hooks import Hook, Moment
from jaxgan.writers.curves import curves_of
from jaxgan.writers.metrics import logged_lines, read_metrics
from jaxgan.writers.panels import is_of_member

logger = logging.getLogger(__name__)

NAME = "report.html"

MAX_SHARE = 0.01
"""Of a run's time, for its reports while it goes on."""

_MAX_PICTURES = 24
_MAX_BYTES = 200_000
"""A larger picture is shown at most `_MAX_PIXELS` wide and high, as WebP."""

_MAX_PIXELS = 1024
_MAX_SHOWN = 100
"""Names of classes that are listed."""


class _Warning(Line):
    text: NotRequired[str]
    advice: NotRequired[str]


class _Lost(TypedDict):
    step: int


def write_report(path: Path, workdirs: Sequence[Path]) -> None:
    """Writes a page of a run, or of several side by side.

    Args:
      path: the file.
      workdirs: the folders of the runs, at least one.

    Raises:
      ConfigError: if a folder is no run's, or a file in it is damaged.

    Example:
      >>> write_report(Path("report.html"), [Path("no/such/folder")])
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: workdir: no/such/folder holds no run: there is no config.json
    """
    runs = dict(zip(_names(workdirs), map(collect, workdirs), strict=True))
    scores = dict(zip(runs, map(_scores, workdirs), strict=True))
    listed = columns(scores)
    contents = []
    for name, content in runs.items():
        own = [_scored(one.scores[name], one.label) for one in listed if name in one.scores]
        contents.append(content._replace(name=name, scores=tuple(own)))
    written = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    page = render(contents, written=written, notes=as_lines(differences(listed)))
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def make_report_hook(workdir: Path, *, every: int, total_steps: int) -> Hook:
    """Writes the report while a run goes on, as often as its time allows.

    Args:
      workdir: the run's folder.
      every: steps between two reports, at least.
      total_steps: where the run ends: then it is written when all else is.

    Returns:
      A `Hook`, which takes at most `MAX_SHARE` of the run's time.

    Example:
      See `jaxgan.run.make`.
    """
    began, spent, last = time.perf_counter(), [0.0], [0.1]

    def call(now: Moment) -> None:
        is_over = now.is_stopped or now.step >= total_steps
        passed = time.perf_counter() - began
        if is_over or now.log.writer is None or spent[0] + last[0] > MAX_SHARE * passed:
            return
        with now.log.paused():
            start = time.perf_counter()
            try_report(workdir)
            last[0] = time.perf_counter() - start
            spent[0] += last[0]

    return Hook(every, "writing the report", call)


def try_report(workdir: Path) -> None:
    """Writes `report.html` into a run's folder; a failure is a warning, as the run is worth more.

    Args:
      workdir: the run's folder.

    Example:
      >>> try_report(Path("no/such/folder"))
    """
    try:
        write_report(workdir / NAME, [workdir])
    except Exception as error:
        logger.warning("%s: it cannot be written: %s", workdir / NAME, error)


def collect(workdir: Path) -> Content:
    """What a run's folder says of the run, but its name and scores; no checkpoint is opened.

    Args:
      workdir: the run's folder.

    Returns:
      The content of its page.

    Raises:
      ConfigError: if the folder is no run's, or a file in it is damaged.

    Example:
      See `write_report`.
    """
    workdir = Path(workdir)
    config = directory.read_config(workdir)
    data, versions = directory.read_data(workdir) or {}, directory.read_versions(workdir)
    code = _section(config, CODE)
    config = {key: value for key, value in config.items() if key != CODE}
    try:
        rows = read_metrics(workdir / "metrics.jsonl") if _has(workdir, "metrics.jsonl") else []
        warnings = _warnings(workdir)
    except FileError as error:
        raise ConfigError(f"workdir: {error}") from error
    checkpoints = _checkpoints(workdir, config)
    return Content(
        name="",
        summary=_summary(config, rows, checkpoints, warnings),
        curves=curves_of(rows),
        pictures=tuple(_pictures(workdir)),
        warnings=warnings,
        checkpoints=checkpoints,
        data=_data(config, data, directory.read_spec(workdir)),
        config=tuple((key, _said(value)) for key, value in flatten(config).items()),
        code=tuple((name, str(digest)) for name, digest in code.items()),
        versions=tuple(versions.items()),
    )


def _has(workdir: Path, name: str) -> bool:
    return (workdir / name).is_file()


def _names(workdirs: Sequence[Path]) -> list[str]:
    """Names of folders, or the whole paths where two have the same."""
    short = [escaped(Path(os.path.abspath(workdir)).name) for workdir in workdirs]
    is_clear = len(set(short)) == len(short)
    return short if is_clear else [escaped(str(workdir)) for workdir in workdirs]


def _section(config: Config, name: str) -> Config:
    """A section of a config that was not resolved: another version may have written it."""
    section = config.get(name)
    return section if isinstance(section, dict) else {}


def _said(value: Any) -> str:
    return value if isinstance(value, str) else "none" if value is None else str(value)


def _summary(
    config: Config,
    rows: Sequence[Mapping[str, float]],
    checkpoints: Sequence[Checkpoint],
    warnings: Sequence[Warned],
) -> tuple[tuple[str, str], ...]:
    steps = [0, *(int(row["step"]) for row in rows[-1:]), *(one.step for one in checkpoints)]
    last = next((row for row in reversed(rows) if any(map(_is_loss, row))), {})
    num_active = sum(one.cleared is None for one in warnings)
    losses = (f"{n} {v:.4g}" for n, v in last.items() if _is_loss(n))
    return (
        ("step", f"{max(steps)} of {config.get('total_steps', '?')}"),
        ("data", _said(_section(config, "data").get("source"))),
        ("game", _said(_section(config, "game").get("name"))),
        ("last losses", ", ".join(losses)),
        ("warnings that hold", str(num_active)),
    )


def _is_loss(name: str) -> bool:
    return name.startswith("loss/") and not is_of_member(name)


def _data(
    config: Config, data: Mapping[str, Any], spec: Mapping[str, Any]
) -> tuple[tuple[str, str], ...]:
    names = [str(name) for name in data.get("class_names", ())]
    more = f" and {len(names) - _MAX_SHOWN} more" if len(names) > _MAX_SHOWN else ""
    known = {
        **{f"data.{key}": _said(value) for key, value in _section(config, "data").items()},
        "examples": "drawn as they are needed"
        if data.get("num_examples") is None
        else str(data["num_examples"]),
        "an example": "; ".join(f"{k} {s.dtype}{list(s.shape)}" for k, s in spec.items()),
        "classes": _said(data.get("num_classes")),
        "names of classes": ", ".join(names[:_MAX_SHOWN]) + more,
        "digest": str(data.get("digest") or ""),
    }
    return tuple((name, value) for name, value in known.items() if value)


def _warnings(workdir: Path) -> tuple[Warned, ...]:
    found: list[Warned] = []
    active: dict[tuple[str, str], int] = {}
    if _has(workdir, "nonfinite.json"):
        step = read_json(workdir / "nonfinite.json", _Lost)["step"]
        found.append(Warned(step, "numbers were not finite: nonfinite.json says which", "", None))
    if not _has(workdir, "warnings.jsonl"):
        return tuple(found)
    for _, row in logged_lines(workdir / "warnings.jsonl", _Warning):
        member = row.get("member", "")
        if (member, row.get("cleared", "")) in active:
            at = active.pop((member, row["cleared"]))
            found[at] = found[at]._replace(cleared=row["step"])
        elif "warning" in row:
            active[member, row["warning"]] = len(found)
            said = row.get("text", row["warning"])
            found.append(Warned(row["step"], said, row.get("advice", ""), None))
    return tuple(found)


def _checkpoints(workdir: Path, config: Config) -> tuple[Checkpoint, ...]:
    said = _section(config, "keep_best")
    try:
        best = Best(**said) if said else None
        archive = Archive(workdir / "checkpoints", keep=1, best=best)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"workdir: {workdir / directory.CONFIG}: keep_best: {error}") from error
    found = archive.manifests()
    kept = archive.ranked(found)[: best.keep] if best else []
    return tuple(
        Checkpoint(
            step=step,
            created=one.created[:16].replace("T", " "),
            size=sum(size for size, _ in one.files.values()),
            metrics=", ".join(
                f"{name} {'-' if value is None else format(value, '.4g')}"
                for name, value in one.metrics.items()
                if _is_loss(name) or (best and name == best.metric)
            ),
            is_best=step in kept,
        )
        for step, one in found.items()
    )


def _scores(workdir: Path) -> list[Score]:
    """Of `evaluation.json`, or else of the last evaluation in training."""
    there = [workdir / evaluation.NAME, *sorted((workdir / "evaluations").glob("*.json"))[::-1]]
    for path in there:
        if path.is_file():
            try:
                return evaluation.read_report(path)
            except EvaluationError as error:
                raise ConfigError(f"workdir: {error}") from error
    return []


def _scored(score: Score, label: str) -> Scored:
    protocol = {key: str(value) for key, value in score.protocol.items() if value is not None}
    return Scored(label, evaluation.shown(score), protocol)


def _pictures(workdir: Path) -> list[Pictures]:
    real = workdir / "real.png"
    beside = Frame("real examples", _uri(real)) if real.is_file() else None
    found = [
        _sequence(workdir, "samples", "Samples", beside),
        _sequence(workdir, "spectra", "Eigenvalues of the game"),
        _sequence(workdir, "evaluation", "Pictures of the evaluation"),
    ]
    return [one for one in found if one.frames]


def _sequence(workdir: Path, folder: str, title: str, beside: Frame | None = None) -> Pictures:
    """Some of the pictures in a folder, evenly, the first and the last among them."""
    files = sorted((workdir / folder).glob("*.png"))
    num = min(len(files), _MAX_PICTURES)
    chosen = [files[round(i * (len(files) - 1) / max(num - 1, 1))] for i in range(num)]
    frames = tuple(Frame(_label(path), _uri(path)) for path in chosen)
    return Pictures(title, frames, len(files), f"{folder}/", beside)


def _label(path: Path) -> str:
    kind, _, number = path.stem.rpartition("_")
    return f"{kind} {int(number)}" if kind and number.isdecimal() else escaped(path.stem)


def _uri(path: Path) -> str:
    """The picture itself, for a page without other files."""
    content, kind = path.read_bytes(), "png"
    if len(content) > _MAX_BYTES:
        from PIL import Image

        smaller = io.BytesIO()
        try:
            with Image.open(io.BytesIO(content)) as image:
                image.thumbnail((_MAX_PIXELS, _MAX_PIXELS))
                image.convert("RGB").save(smaller, format="WEBP", quality=85, method=2)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise ConfigError(f"workdir: {path} is no picture, or too large a one") from error
        content, kind = smaller.getvalue(), "webp"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
