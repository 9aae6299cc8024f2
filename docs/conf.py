"""Sphinx configuration: pages in Markdown, the API reference from docstrings."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

# What the docstrings describe is read from this very tree.
sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from jaxgan.version import __version__

project = "jaxgan"
author = "the jaxgan authors"
copyright = "the jaxgan authors"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
default_role = "py:obj"

html_theme = "furo"
html_title = f"jaxgan {release}"
html_theme_options = {"navigation_with_keys": True}

myst_heading_anchors = 3

autosummary_generate = True
autosummary_ignore_module_all = False
# Of these modules only the helpers are listed; the rest is documented with its package.
autosummary_context = {
    "only": {
        "jaxgan.core.algorithm": "apply_updates, flatten_metrics, make_context, make_init",
        "jaxgan.core.field": "Linearized, linearize",
        "jaxgan.core.loss": "as_loss, logits, with_logits",
        "jaxgan.pretrained.base": (
            "same, conv, conv_transpose, dense, dense_to_map, map_to_dense, scalar, unit, "
            "right_vector, largest_singular_value, both, batch_norm"
        ),
        "jaxgan.core.penalty": "input_gradient, norm, squared_norm",
    }
}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_attr_annotations = False
napoleon_use_ivar = True
napoleon_use_rtype = False
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True


def is_skipped(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leaves out what is described elsewhere: fields by their class, errors by `core.errors`."""
    module = getattr(obj, "__module__", None) or "jaxgan"
    if module == "jaxgan.core.errors" != app.env.temp_data.get("autodoc:module"):
        return True
    is_field = type(obj).__name__ == "_tuplegetter"
    is_default = what == "class" and not module.startswith("jaxgan")
    return True if is_field or is_default else None


def without_parent(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """Leaves out of a Flax module's signature what Flax adds to it."""
    head, found, _ = (signature or "").partition(", parent:")
    return (f"{head})", returns) if found else None


def setup(app: Any) -> None:
    app.connect("autodoc-skip-member", is_skipped)
    app.connect("autodoc-process-signature", without_parent)
