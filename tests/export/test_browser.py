"""The page that samples in the browser: the images of the generator, in Chromium."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxgan.core.errors import InputError
from jaxgan.export import to_onnx
from tests.experiments import imported
from tests.export.families import arguments, generated, make_family

pytest.importorskip("onnxruntime")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
RUNTIME = Path(os.environ.get("JAXGAN_ONNXRUNTIME_WEB", "no-such-folder"))
"""The folder `dist` of onnxruntime-web: `npm pack onnxruntime-web`."""

browser_page = imported("browser_page")


def test_what_is_no_generator_of_latents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="model is no ONNX file"):
        browser_page.about(b"\xff\xff")
    with pytest.raises(InputError, match=r"runtime is .*; it must be a folder with ort\.wasm"):
        browser_page.page(b"", tmp_path)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
@pytest.mark.skipif(not RUNTIME.is_dir(), reason="JAXGAN_ONNXRUNTIME_WEB is no folder")
@pytest.mark.parametrize("name", ["digits", "biggan", "stylegan2"])
def test_the_page_makes_the_images_of_the_generator(name: str, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    family = make_family(name)
    made = to_onnx(family.game, family.state, family.spec, **family.options)
    path = tmp_path / "page.html"
    path.write_text(browser_page.page(made.data, RUNTIME))
    given = arguments(family, 3)
    if "truncation" in given:
        given["truncation"] = np.ones((), np.float32)
    if "label" in given:
        given["label"] = np.arange(3, dtype=np.int32)
    complaints: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.extend(asked(request)))
        page.goto(path.as_uri())
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
        browser.close()
    expected = generated(family, given)
    np.testing.assert_allclose(np.reshape(found, expected.shape), expected, atol=1e-4, rtol=0)
    assert complaints == []


def asked(request: Any) -> list[str]:
    """What a request asks of a network."""
    return [] if request.url.startswith(("file:", "data:", "blob:")) else [request.url]


def pixels(page: Any) -> list[list[int]]:
    """What every canvas shows."""
    found: list[list[int]] = page.evaluate(
        "[...document.querySelectorAll('canvas')].map((canvas) => Array.from(canvas.getContext("
        "'2d').getImageData(0, 0, canvas.width, canvas.height).data))"
    )
    return found
