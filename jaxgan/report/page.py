"""The page itself: one file, which asks for nothing from a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from jaxgan.report.content import Content
from jaxgan.report.html import BASE_STYLE, content_policy, template
from jaxgan.report.plots import plots
from jaxgan.version import __version__
from jaxgan.writers.curves import TITLES
from jaxgan.writers.panels import meaning

_HERE = Path(__file__).parent
_STATIC = _HERE / "static"
_SCRIPTS = ("uPlot.iife.min.js", "report.js")
_STYLES = ("uPlot.min.css", BASE_STYLE, "report.css")


def render(runs: Sequence[Content], *, written: str = "", notes: Sequence[str] = ()) -> str:
    """The page of a run, or of several side by side.

    Whatever is in the contents is text: nothing of it becomes markup or is run, and the page's own
    policy lets a browser run only the two scripts that are in it.

    Args:
      runs: at least one.
      written: when, as it is to be shown.
      notes: what keeps scores of several runs from being compared.

    Returns:
      HTML.

    Example:
      >>> page = render([Content("<b>a</b>")])
      >>> "<b>a</b>" in page, "&lt;b&gt;a&lt;/b&gt;" in page
      (False, True)
    """
    scripts, styles = (
        [(_STATIC / name).read_text(encoding="utf-8") for name in names]
        for names in (_SCRIPTS, _STYLES)
    )
    drawn = plots({run.name: run.curves for run in runs})
    return template(_HERE / "templates" / "report.html").render(
        runs=runs,
        drawn=drawn,
        sections=TITLES,
        differences=_differences(runs),
        scores=_scores(runs),
        notes=notes,
        written=written,
        version=__version__,
        meaning=meaning,
        scripts=scripts,
        styles=styles,
        policy=content_policy(scripts, styles),
    )


def _differences(runs: Sequence[Content]) -> list[tuple[str, list[str]]]:
    """Keys of the configs that are not the same in all runs, with the value in each."""
    known = [dict(run.config) for run in runs]
    keys = dict.fromkeys(key for one in known for key in one)
    rows = [(key, [one.get(key, "") for one in known]) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def _scores(runs: Sequence[Content]) -> list[tuple[str, list[str]]]:
    """Scores by metric, with the value in each run."""
    found: list[Mapping[str, str]] = [{x.name: x.value for x in run.scores} for run in runs]
    names = dict.fromkeys(name for one in found for name in one)
    return [(name, [one.get(name, "") for one in found]) for name in names]
