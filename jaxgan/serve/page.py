"""The page: one answer, with its script and style in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jaxgan.report.html import BASE_STYLE, content_policy, template
from jaxgan.sampling.explore import Controls
from jaxgan.version import __version__

_HERE = Path(__file__).parent
MAX_TRUNCATION = 2.0
"""Of the slider; there is nothing to see beyond it."""


class Facts(NamedTuple):
    """What a page says of a generator.

    Attributes:
      title: of the page, such as the name of the run.
      about: what it is, in a line.
      folder: where pictures are saved.
      size: (height, width) of a picture.
      class_names: of a conditional game, if they have some.
      seed: that is shown first.
      label: likewise.
    """

    title: str
    about: str
    folder: str
    size: tuple[int, int]
    class_names: Sequence[str] = ()
    seed: int = 0
    label: int = 0


def render(facts: Facts, controls: Controls) -> tuple[str, str]:
    """The page, with those controls alone that the generator has.

    Whatever is in the facts is text: nothing of it becomes markup or is run.

    Args:
      facts: of the generator.
      controls: likewise.

    Returns:
      (HTML, its Content-Security-Policy).

    Example:
      >>> controls = Controls(None, 8, 2, 0, None, True, (), ())
      >>> page, policy = render(Facts("<b>a</b>", "step 3", "runs/a", (8, 8)), controls)
      >>> "<b>a</b>" in page, "&lt;b&gt;a&lt;/b&gt;" in page
      (False, True)
    """
    script = (_HERE / "static" / "explore.js").read_text(encoding="utf-8")
    styles = [
        path.read_text(encoding="utf-8") for path in (BASE_STYLE, _HERE / "static" / "explore.css")
    ]
    names = [
        facts.class_names[i] if i < len(facts.class_names) else str(i)
        for i in range(controls.num_classes or 0)
    ]
    in_codes = {i for code in controls.codes for i in range(code.start, code.start + code.size)}
    page = template(_HERE / "templates" / "explore.html").render(
        facts=facts,
        controls=controls,
        classes=names,
        coordinates=[i for i in range(controls.latent_dim) if i not in in_codes],
        known={"seed": facts.seed, "numSamples": controls.num_samples},
        max_truncation=MAX_TRUNCATION,
        version=__version__,
        script=script,
        styles=styles,
    )
    more = "connect-src 'self'; frame-ancestors 'none'"
    return page, content_policy([script], styles, images="data: blob:", more=more)
