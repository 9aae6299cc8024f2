"""The page in Chromium: what a person sees, hears of errors, and can do with mouse and keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jaxgan.run.report import write_report
from tests.report.runs import HOSTILE, make_run


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_run(tmp_path_factory.mktemp("runs") / "a & b", num_lines=20_000)
    write_report(folder / "report.html", [folder])
    return folder / "report.html"


@pytest.fixture
def visit(open_page: Callable[..., Any]) -> Callable[..., Any]:
    def call(path: Path, *, drawn: bool = True, **options: Any) -> Any:
        page = open_page(path.as_uri(), **options)
        if drawn:
            page.wait_for_function("document.documentElement.dataset.drawn")
        return page

    return call


def range_of(page: Any) -> list[int]:
    """The steps on the axis of the last plot, at its ends: all plots show the same."""
    found: list[int] = page.evaluate(
        "(() => { const p = window.plots.at(-1).scales.x; return [p.min, p.max]; })()"
    )
    return found


def test_a_hostile_run_of_20000_lines_opens_and_nothing_in_it_runs(
    visit: Any, report: Path
) -> None:
    assert report.stat().st_size < 600_000  # of which half is pictures and scripts
    page = visit(report)
    assert page.evaluate("[...document.images].every((image) => image.src.startsWith('data:'))")
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.querySelectorAll('.plot canvas').length") == 7
    # What is drawn is there: some pixels of each canvas have a color.
    assert page.evaluate(
        """[...document.querySelectorAll('.plot canvas')].every((canvas) => {
            const { width, height } = canvas;
            const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
            for (let i = 0; i < data.length; i += 4)
              if (data[i + 3] && Math.max(data[i], data[i + 1], data[i + 2])
                  - Math.min(data[i], data[i + 1], data[i + 2]) > 60) return true;
            return false;
        })"""
    )
    assert "1953 of 20000 points" in page.inner_text("#curves")
    assert HOSTILE in page.inner_text(".warnings")


def test_the_slider_shows_samples_by_keyboard_and_mouse(visit: Any, report: Path) -> None:
    page = visit(report)
    slider, label = page.locator("#slider-1-1"), page.locator(".viewer output").first
    assert label.inner_text() == "step 500"
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert label.inner_text() == slider.get_attribute("aria-valuetext") == "step 400"
    page.keyboard.press("Home")
    assert label.inner_text() == "step 100"
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert label.inner_text() == "step 300"
    shown = page.locator(".viewer").first.locator("img:visible")
    assert shown.count() == 2  # the sample, and real ones beside it
    assert shown.first.get_attribute("data-label") == "step 300"
    assert shown.nth(1).get_attribute("alt") == "real examples"


def test_plots_zoom_together_by_mouse_and_keyboard(visit: Any, report: Path) -> None:
    page = visit(report)
    plot = page.locator(".plot").first
    plot.scroll_into_view_if_needed()
    assert range_of(page) == [1, 20_000]
    box = plot.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 80)
    assert page.locator(".step").first.inner_text().startswith("step ")
    assert float(page.locator(".legend output").first.inner_text()) > 0.5
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 80, steps=3)
    page.mouse.up()
    low, high = range_of(page)
    assert 1 < low < high < 20_000
    page.mouse.dblclick(box["x"] + 250, box["y"] + 80)
    assert range_of(page) == [1, 20_000]
    plot.focus()
    page.keyboard.press("+")
    low, high = range_of(page)
    assert high - low == pytest.approx(19_999 / 2)
    page.keyboard.press("ArrowRight")
    assert range_of(page)[0] > low
    page.keyboard.press("0")
    assert range_of(page) == [1, 20_000]


def test_names_of_curves_have_meanings_and_hide_them(visit: Any, report: Path) -> None:
    page = visit(report)
    key, tip = page.locator(".legend button").first, page.locator(".tip").first
    assert not tip.is_visible()
    key.hover()
    assert tip.inner_text() == "What the generator minimizes."
    key.click()
    assert key.get_attribute("aria-pressed") == "false"
    page.mouse.move(0, 0)
    key.focus()
    page.keyboard.press("Enter")
    assert key.get_attribute("aria-pressed") == "true"
    assert tip.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(visit: Any, report: Path, scheme: str) -> None:
    page = visit(report, color_scheme=scheme)

    def brightness(of: str) -> float:
        color = page.evaluate(f"getComputedStyle(document.body).{of}")
        return sum(map(float, color.strip("rgba()").split(",")[:3])) / 3

    page_is_bright = brightness("backgroundColor") > brightness("color")
    assert page_is_bright == (scheme == "light")
    assert abs(brightness("backgroundColor") - brightness("color")) > 150


def test_a_phone_needs_no_sideways_scrolling(visit: Any, report: Path) -> None:
    page = visit(report, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    widths = page.evaluate("[...document.querySelectorAll('.plot')].map((p) => p.clientWidth)")
    assert min(widths) > 280


def test_runs_side_by_side(visit: Any, tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, fd=fd) for name, fd in (("a", 12.5), ("b", 9.0))]
    write_report(tmp_path / "compare.html", runs)
    page = visit(tmp_path / "compare.html")
    assert page.locator(".panel").first.locator(".legend button").all_inner_texts() == ["a", "b"]
    assert "12.5 ± 0.25" in page.inner_text("#scores")
    assert "9 ± 0.25" in page.inner_text("#scores")
    assert page.locator("#summary table").nth(1).locator("tr").count() == 2  # one key differs


def test_one_line_and_a_metric_that_is_never_a_number(visit: Any, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", num_lines=1, num_pictures=1)
    for lines in ('{"step": 5, "loss/gen": "NaN", "disc/r1": 0.0}\n', ""):
        (folder / "metrics.jsonl").write_text(lines)
        write_report(tmp_path / "a.html", [folder])
        page = visit(tmp_path / "a.html", drawn=bool(lines))
        assert page.locator(".plot canvas").count() == (2 if lines else 0)
        assert page.locator(".viewer input").count() == 0
