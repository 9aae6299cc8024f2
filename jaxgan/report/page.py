"""The page itself: one file, which asks for nothing from a network."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.core.text import escaped
from jaxgan.report.content import Content
from jaxgan.report.plots import plots
from jaxgan.version import __version__
from jaxgan.writers.curves import TITLES
from jaxgan.writers.panels import meaning

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent
_SCRIPTS = ("uPlot.iife.min.js", "report.js")
_STYLES = ("uPlot.min.css", "report.css")


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
    scripts, styles = ([_read(name) for name in names] for names in (_SCRIPTS, _STYLES))
    drawn = plots({run.name: run.curves for run in runs})
    environment = _environment()
    return environment.get_template("report.html").render(
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
        policy=_policy(scripts, styles),
    )


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def printable(value: Any) -> Any:
        # Control characters, and bytes of names that were not UTF-8; most texts have none.
        is_clean = not isinstance(value, str) or isinstance(value, Markup) or value.isprintable()
        return value if is_clean else escaped(value)

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=printable,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    environment.filters["trusted"] = Markup
    return environment


def _read(name: str) -> str:
    return (_HERE / "static" / name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """A Content-Security-Policy: no network, no script but these."""

    def hashes(texts: Sequence[str]) -> str:
        digests = (hashlib.sha256(text.encode()).digest() for text in texts)
        return " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in digests)

    return (
        f"default-src 'none'; img-src data:; script-src {hashes(scripts)}; "
        f"style-src {hashes(styles)}; base-uri 'none'; form-action 'none'"
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
