"""The page in Chromium: what a person turns, by mouse and keyboard, is what is seen."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxgan.core.pixels import to_uint8
from jaxgan.sampling.explore import Settings
from jaxgan.serve import Server
from tests.serve.sites import HOSTILE, controls_of, make_site, served

PIXELS = """async () => {
  const image = document.getElementById("picture"), canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  return [...context.getImageData(0, 0, canvas.width, canvas.height).data];
}"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    folder, kept = tmp_path_factory.mktemp("pages"), {}

    def server(kind: str) -> Server:
        if kind not in kept:
            context = served(make_site(kind, folder / kind))
            kept[kind] = (context, context.__enter__())
        return kept[kind][1]

    yield server
    for context, _ in kept.values():
        context.__exit__(None, None, None)


class Visit:
    """A page that has shown all that it was asked for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.wait(1)

    def wait(self, idle: int) -> None:
        self.page.wait_for_selector(f'html[data-idle="{idle}"]', state="attached")

    def do(self, action: Callable[[], object]) -> Settings:
        """Does something, and waits for the picture; the settings that are shown then."""
        idle = int(self.page.get_attribute("html", "data-idle"))
        action()
        self.wait(idle + 1)
        return self.settings

    @property
    def settings(self) -> Settings:
        found: Settings = json.loads(self.page.get_attribute("html", "data-shown"))
        return found

    @property
    def pixels(self) -> np.ndarray:
        """The picture's, of any size, as a browser has decoded them."""
        return np.asarray(self.page.evaluate(PIXELS)).reshape(-1, 4)[:, 0]

    def slider(self, group: str, key: str = "") -> Any:
        return self.page.locator(f'[data-group={group}][data-key="{key}"]')


@pytest.fixture
def visit(servers: Callable[[str], Server], open_page: Callable[..., Any]) -> Callable[..., Visit]:
    return lambda kind, **options: Visit(open_page(servers(kind).address, **options))


def assert_shown(kind: str, found: Visit, **expected: Any) -> None:
    """The picture in the page is that of these settings, to the bit."""
    settings = {"start": {"seed": 0, "number": 0}, **expected}
    assert found.settings == settings
    picture = controls_of(kind).picture(found.settings)
    np.testing.assert_array_equal(found.pixels, to_uint8(picture).ravel())


def test_sliders_samples_and_interpolation(visit: Callable[..., Visit]) -> None:
    found = visit("plain")
    page = found.page
    assert_shown("plain", found)
    before = found.pixels
    found.slider("directions", "0").focus()
    found.do(lambda: page.keyboard.press("ArrowRight"))
    assert_shown("plain", found, directions={"0": 0.05})
    found.do(lambda: page.keyboard.press("PageUp"))
    assert not np.array_equal(found.pixels, before)
    output = found.slider("directions", "0").locator("xpath=following-sibling::output")
    assert float(output.inner_text()) == found.settings["directions"]["0"]
    found.do(page.get_by_role("button", name="Reset the directions").click)
    assert_shown("plain", found)
    # B by its radio button and a click, and half of the way to it by the mouse.
    page.get_by_label("B, the other end").check()
    found.do(page.get_by_role("button", name="Sample 3").click)
    assert page.locator(".sample span").all_inner_texts() == ["A", "", "", "B"]
    way = found.slider("share")
    box = way.bounding_box()
    found.do(lambda: way.click(position={"x": box["width"] / 2, "y": box["height"] / 2}))
    assert_shown("plain", found, share=0.5, end={"seed": 0, "number": 3})
    assert "50 % of the way to seed 0, sample 3" in page.inner_text("#what")
    found.do(page.get_by_role("button", name="Reset all").click)
    assert_shown("plain", found)
    found.do(page.get_by_label("Keep latents within").check)
    page.get_by_label("Seed").fill("7")
    found.do(lambda: page.keyboard.press("Enter"))
    assert_shown("plain", found, start={"seed": 7, "number": 0}, truncation=1)
    assert page.locator(".sample img").evaluate_all("all => all.every((one) => one.naturalWidth)")
    assert page.get_by_role("combobox").count() == 0  # neither classes nor codes
    assert page.get_by_role("group", name="Layers").count() == 0
    assert page.evaluate("getComputedStyle(document.getElementById('picture')).imageRendering") == (
        "pixelated"
    )


def test_classes_have_names_that_are_text(visit: Callable[..., Visit]) -> None:
    found = visit("classes")
    select = found.page.get_by_role("combobox", name="Class", exact=True)
    assert select.locator("option").all_inner_texts() == ["cat", HOSTILE, "dog"]
    found.do(lambda: select.select_option("1"))
    assert_shown("classes", found, label=1)
    assert HOSTILE in found.page.inner_text("#what")
    assert found.page.inner_text("h1") == HOSTILE
    assert found.page.evaluate("window.hacked") is None


def test_styles_are_mixed_and_truncated(visit: Callable[..., Visit]) -> None:
    found = visit("styles")
    mixing = found.page.get_by_role("group", name="Layers with the style of B")
    found.do(mixing.get_by_label("0").check)
    found.do(mixing.get_by_label("2").check)
    found.do(found.page.get_by_label("Move styles towards their mean").check)
    end = {"seed": 0, "number": 1}
    assert_shown("styles", found, layers=[0, 2], end=end, truncation=0.7)


def test_codes_are_set(visit: Callable[..., Visit]) -> None:
    found = visit("codes")
    found.do(lambda: found.page.get_by_role("combobox", name="kind").select_option("2"))
    assert_shown("codes", found, codes={"kind": 2})
    assert found.page.locator("legend", has_text="Truncation").count() == 0
    keys = found.page.locator("[data-group=coordinates]").evaluate_all(
        "all => all.map((one) => one.dataset.key)"
    )
    assert keys == ["0", "4", "5"]  # the others are of the code


def test_what_is_saved_can_be_opened(visit: Callable[..., Visit], tmp_path: Path) -> None:
    found = visit("styles")
    page = found.page
    found.do(page.get_by_role("group", name="Layers").get_by_label("1").check)
    found.slider("directions", "1").focus()
    found.do(lambda: page.keyboard.press("Home"))
    settings = found.settings
    page.get_by_role("button", name="Save picture").click()
    page.get_by_text("Saved: ").wait_for()
    saved = Path(page.inner_text("#status").removeprefix("Saved: ")).with_suffix(".json")
    assert json.loads(saved.read_text())["settings"] == settings
    found.do(page.get_by_role("button", name="Reset all").click)
    assert_shown("styles", found)
    found.do(lambda: page.set_input_files("#open", saved))
    assert found.settings == settings
    (tmp_path / "a.json").write_text("[]")
    page.set_input_files("#open", tmp_path / "a.json")
    page.get_by_text("a.json has no settings").wait_for()
    assert found.slider("directions", "1").input_value() == "-4"  # nothing was reset for it


def test_of_many_values_the_newest_is_asked_for(
    open_page: Callable[..., Any], tmp_path: Path
) -> None:
    site, asked, gate = make_site("plain", tmp_path), [], threading.Event()
    gate.set()

    def draw(body: bytes) -> Any:
        asked.append(json.loads(body).get("coordinates"))
        gate.wait(30)
        return site.draw(body)

    with served(site._replace(draw=draw)) as server:
        found = Visit(open_page(server.address))
        asked.clear()
        gate.clear()

        def drag() -> None:
            found.page.evaluate(
                """() => {
                  const slider = document.querySelector("[data-group=coordinates]");
                  for (const value of [1, 2, 3, 4]) {
                    slider.value = value;
                    slider.dispatchEvent(new Event("input"));
                  }
                }"""
            )
            gate.set()

        found.do(drag)
    assert asked == [{"0": 1}, {"0": 4}]


def test_light_and_dark(visit: Callable[..., Visit]) -> None:
    page = visit("plain").page

    def brightness(of: str) -> float:
        color = page.evaluate(f"getComputedStyle(document.body).{of}")
        return sum(map(float, color.strip("rgba()").split(",")[:3])) / 3

    for scheme, sign in (("light", 1), ("dark", -1)):
        page.emulate_media(color_scheme=scheme)
        assert sign * (brightness("backgroundColor") - brightness("color")) > 150


def test_a_phone_needs_no_sideways_scrolling(visit: Callable[..., Visit]) -> None:
    for kind in ("classes", "styles"):
        found = visit(kind, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
        found.page.locator("summary").press("Enter")
        assert found.page.evaluate("document.documentElement.scrollWidth") == 360
        assert found.slider("directions", "0").bounding_box()["width"] > 120


def test_what_goes_wrong_is_said(visit: Callable[..., Visit]) -> None:
    page = visit("plain").page
    for fetch, message in (
        ("new Response('no space left', {status: 500})", "no space left"),
        ("null.x", "There is no answer: jaxgan explore serve has ended."),
    ):
        page.evaluate(f"() => {{ window.fetch = async () => {fetch}; }}")
        page.get_by_role("button", name="Save picture").click()
        page.get_by_text(message).wait_for()
        assert "alarm" in page.get_attribute("#status", "class")
