"""The page that samples in the browser: the images of the generator, in Chromium."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxgan.core.errors import InputError
from jaxgan.export import make_generator, to_onnx
from tests import helpers
from tests.experiments import imported
from tests.export.families import arguments, generated, make_family

pytest.importorskip("onnxruntime")
RUNTIME = Path(os.environ.get("JAXGAN_ONNXRUNTIME_WEB", "no-such-folder"))
"""The folder `dist` of onnxruntime-web: `npm pack onnxruntime-web`."""

browser_page = imported("browser_page")


def test_what_is_no_generator_of_latents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="model is no ONNX file"):
        browser_page.about(b"\xff\xff")
    with pytest.raises(InputError, match="model has the inputs none; it must have 'latent'"):
        browser_page.about(b"")
    with pytest.raises(InputError, match=r"runtime is .*; it must be a folder with ort\.wasm"):
        browser_page.page(b"", tmp_path)


@pytest.mark.skipif(not RUNTIME.is_dir(), reason="JAXGAN_ONNXRUNTIME_WEB is no folder")
@pytest.mark.parametrize(
    "name", helpers.rows(["biggan", "digits", "stylegan2"], ["biggan", "stylegan2"])
)
def test_the_page_makes_the_images_of_the_generator(
    name: str, tmp_path: Path, open_page: Callable[..., Any]
) -> None:
    family = make_family(name)
    made = to_onnx(make_generator(family.game, family.state, family.spec, **family.options))
    path = tmp_path / "page.html"
    path.write_text(browser_page.page(made.data, RUNTIME))
    given = arguments(family, 3)
    if "truncation" in given:
        given["truncation"] = np.ones((), np.float32)
    if "label" in given:
        given["label"] = np.arange(3, dtype=np.int32)
    page = open_page(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    found = page.evaluate(
        "async (z) => Array.from((await window.generate(z)).data)",
        given["latent"].reshape(-1).tolist(),
    )
    before = pixels(page)
    assert len(before) == 16
    assert len({tuple(image) for image in before}) == 16
    page.click("#new")
    page.wait_for_selector(f"#images[data-seed='{page.input_value('#seed')}']")
    assert pixels(page) != before
    page.fill("#seed", "0")
    page.wait_for_selector("#images[data-seed='0']")
    assert pixels(page) == before  # a seed's samples are the same at every time
    expected = generated(family, given)
    np.testing.assert_allclose(np.reshape(found, expected.shape), expected, atol=1e-4, rtol=0)


def pixels(page: Any) -> list[list[int]]:
    """What every canvas shows."""
    found: list[list[int]] = page.evaluate(
        "[...document.querySelectorAll('canvas')].map((canvas) => Array.from(canvas.getContext("
        "'2d').getImageData(0, 0, canvas.width, canvas.height).data))"
    )
    return found
