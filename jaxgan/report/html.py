"""Pages as one file: templates in which whatever is filled in is text, and what a page may do."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.core.text import escaped

if TYPE_CHECKING:
    from jinja2 import Environment, Template

BASE_STYLE = Path(__file__).parent / "static" / "base.css"
"""Colors, light and dark, and type: what all pages have in common."""


def template(path: Path) -> Template:
    """A template, whose values never become markup.

    Args:
      path: the file.

    Returns:
      Jinja2's template; a value that is missing is an error.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     _ = (Path(folder) / "a.html").write_text("<p>{{ text }}</p>")
      ...     template(Path(folder) / "a.html").render(text="<b>\\x1b")
      '<p>&lt;b&gt;\\\\x1b</p>'
    """
    return _environment(path.parent).get_template(path.name)


@functools.cache
def _environment(folder: Path) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def printable(value: Any) -> Any:
        # Control characters, and bytes of names that were not UTF-8; most texts have none.
        is_clean = not isinstance(value, str) or isinstance(value, Markup) or value.isprintable()
        return value if is_clean else escaped(value)

    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=printable,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    environment.filters["trusted"] = Markup
    return environment


def content_policy(
    scripts: Sequence[str], styles: Sequence[str], *, images: str = "data:", more: str = ""
) -> str:
    """A Content-Security-Policy: no network, no script but these.

    Args:
      scripts: that the page has.
      styles: likewise.
      images: where its pictures come from.
      more: what it may do besides, as further directives.

    Returns:
      The value of the header, or of the element that stands for it.

    Example:
      >>> content_policy([], []).partition(";")[0]
      "default-src 'none'"
    """

    def hashes(texts: Sequence[str]) -> str:
        digests = (hashlib.sha256(text.encode()).digest() for text in texts)
        return " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in digests)

    return (
        f"default-src 'none'; img-src {images}; script-src {hashes(scripts)}; "
        f"style-src {hashes(styles)}; base-uri 'none'; form-action 'none'{more and '; '}{more}"
    )
