"""A picture of the futures of a run's checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.files.atomic import replacing
from jaxgan.writers.spectrum import new_figure, plain_axes

COLORS = {"healthy": "tab:green", "collapsed": "tab:orange", "diverged": "tab:red"}
_VARIANTS = ("0.15", "tab:blue", "tab:purple", "tab:brown", "tab:pink", "tab:cyan")
_MAX_PANELS = 5


def futures_png(path: Path, report: Mapping[str, Any], title: str = "", *, dpi: int = 100) -> None:
    """Draws the chance of a healthy future against the step, and the futures themselves.

    Above, the share of healthy futures of each checkpoint with its interval, a line for each
    variant; the dotted line is one half, the band the point of no return. Below, a panel for each
    variant: every future from the step that it begins at, in the color of what became of it.

    Args:
      path: the PNG file; its folder is created.
      report: as `jaxgan.run.futures.as_report` gives it, with `no_return` where it was looked for.
      title: above all panels.
      dpi: pixels per inch.

    Example:
      >>> import tempfile
      >>> entry = {"step": 10, "variant": "untouched", "outcomes": ["healthy"], "steps": [20, 30],
      ...          "healthy": {"num": 1, "total": 1, "low": 0.025, "high": 1.0},
      ...          "values": [[6, 7]]}
      >>> report = {"measure": "eval/num_modes", "num_modes": 8, "futures": [entry]}
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     file = Path(folder) / "futures.png"
      ...     futures_png(file, report)
      ...     file.read_bytes()[1:4]
      b'PNG'
    """
    names = list(dict.fromkeys(one["variant"] for one in report["futures"]))
    shown = names[:_MAX_PANELS]
    figure = new_figure(7.5, 2.8 + 2.3 * len(shown), dpi)
    top, *fans = figure.subplots(1 + len(shown), 1, sharex=True)
    _draw_chances(top, report, names)
    for axes, name in zip(fans, shown, strict=True):
        _draw_fan(axes, report, name)
    fans[-1].set_xlabel("step", fontsize="small")
    if title:
        figure.suptitle(title, fontsize="medium")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def _draw_chances(axes: Any, report: Mapping[str, Any], names: list[str]) -> None:
    total = report["futures"][0]["healthy"]["total"]
    for index, name in enumerate(names):
        own = [one for one in report["futures"] if one["variant"] == name]
        own.sort(key=lambda one: int(one["step"]))
        steps = np.asarray([one["step"] for one in own])
        found = [one["healthy"] for one in own]
        share = np.asarray([one["num"] / one["total"] for one in found])
        ends = np.asarray([[one["low"], one["high"]] for one in found]).T
        axes.errorbar(
            steps,
            share,
            yerr=np.abs(ends - share),
            color=_VARIANTS[index % len(_VARIANTS)],
            marker="o",
            markersize=4,
            capsize=3,
            linewidth=1.4,
            label=name,
        )
    axes.axhline(0.5, color="0.5", linewidth=0.8, linestyle=":")
    lost = report.get("no_return")
    if lost and lost["by"] is not None and lost["after"] is not None:
        axes.axvspan(lost["after"], lost["by"], color="tab:red", alpha=0.12, linewidth=0)
    axes.set_ylim(-0.04, 1.04)
    axes.set_ylabel("P(healthy | step)", fontsize="small")
    axes.set_title(
        f"share of {total} futures that stay healthy, with its 95 % interval", fontsize="small"
    )
    axes.legend(fontsize="x-small", loc="best")
    plain_axes(axes)


def _draw_fan(axes: Any, report: Mapping[str, Any], name: str) -> None:
    rng = np.random.default_rng(0)
    is_count = report["measure"].startswith(("eval/num_modes", "eval/classes"))
    seen = set()
    for one in report["futures"]:
        if one["variant"] != name:
            continue
        axes.axvline(one["step"], color="0.85", linewidth=0.8, zorder=0)
        for word, values in zip(one["outcomes"], one["values"], strict=True):
            # Counts would lie upon each other.
            shift = rng.uniform(-0.2, 0.2) if is_count else 0.0
            drawn = np.asarray(values, float) + shift
            label = word if word not in seen else None
            seen.add(word)
            axes.plot(
                one["steps"], drawn, color=COLORS[word], linewidth=0.8, alpha=0.5, label=label
            )
            axes.plot(one["steps"][-1:], drawn[-1:], ".", color=COLORS[word], markersize=4)
    axes.set_ylabel(_label_of(report), fontsize="small")
    axes.set_title(f"{name}: each future, from its checkpoint on", fontsize="small")
    if seen:
        axes.legend(fontsize="x-small", loc="best")
    plain_axes(axes)


def _label_of(report: Mapping[str, Any]) -> str:
    measure: str = report["measure"]
    if measure == "eval/num_modes":
        return f"modes of {report['num_modes']}"
    if measure.startswith("eval/classes_covered"):
        return f"classes of {report['num_modes']}"
    if measure == "samples/spread":
        return "spread of samples\nbeside the data's"
    return measure
