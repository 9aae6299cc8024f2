"""How long a slider of `jaxgan explore serve` waits for its picture, in Chromium and at the server.

    python benchmarks/explore_serve.py

The generator is that of configs/digits.py, of no training, which does not matter to time. A slider
is moved step by step, each time until the picture is in the page (decoded): that is one time, and
what the server takes of it another. Then it is dragged, at 60 values a second for two seconds, of
which the page sends the newest whenever an answer is there. The goal is 50 ms. Writes
results/explore_serve.json.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import threading
from pathlib import Path
from typing import Any

import jax
import timing

from jaxgan.cli.program import Parser, run_script, whole
from jaxgan.config import build, resolve
from jaxgan.config.base import load_config
from jaxgan.config.data import open_data
from jaxgan.core.errors import InputError
from jaxgan.sampling.explore import make_controls, make_explorer, principal_directions
from jaxgan.serve import Facts, Server, Site, make_draw, make_save, render

CONFIG = Path(__file__).parents[1] / "configs" / "digits.py"
GOAL_MS = 50.0

STEP = """(value) => {
  const slider = document.querySelector("[data-group=directions]");
  slider.value = value;
  slider.dispatchEvent(new Event("input"));
}"""
DRAG = """async () => {
  const slider = document.querySelector("[data-group=directions]");
  const page = document.documentElement;
  let shown = 0;
  new MutationObserver(() => { shown += 1; }).observe(page, { attributeFilter: ["data-took"] });
  for (let i = 0; i < 120; i++) {
    slider.value = -4 + i / 15;
    slider.dispatchEvent(new Event("input"));
    await new Promise((next) => setTimeout(next, 1000 / 60));
  }
  return shown;
}"""


def make_site(folder: Path) -> Site:
    """The page of the generator, as the command makes it."""
    config = resolve.resolve(load_config(str(CONFIG)))
    spec = open_data(config).element_spec
    algorithm = build.build_algorithm(config, spec)
    state = jax.jit(algorithm.init)(jax.random.key(0))
    explorer = make_explorer(algorithm.field.game, state, spec)
    controls = make_controls(explorer, principal_directions(explorer, 8), num_samples=8)
    draw = make_draw(controls)
    page, policy = render(Facts("digits", "step 0", str(folder), (8, 8)), controls)
    return Site(page, policy, draw, make_save(draw, folder, {}))


def measure(address: str, num: int) -> dict[str, Any]:
    """Milliseconds of `num` moves of a slider, and pictures while it is dragged."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise InputError("there is no Chromium; apt-get install chromium")
    with timing.peer("playwright.sync_api").sync_playwright() as playwright:
        # As root there is no sandbox.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("html[data-idle]", state="attached")
        browser_ms, server_ms = [], []
        for number in range(num):
            value = round(-4 + 8 * (number + 0.5) / num, 2)
            idle = int(page.get_attribute("html", "data-idle"))
            page.evaluate(STEP, value)
            page.wait_for_selector(f'html[data-idle="{idle + 1}"]', state="attached")
            browser_ms.append(float(page.get_attribute("html", "data-took")))
            server_ms.append(float(page.get_attribute("html", "data-server")))
        shown = page.evaluate(DRAG)
        browser.close()
    return {
        "moves": num,
        "browser_ms": statistics.median(browser_ms),
        "browser_ms_95": statistics.quantiles(browser_ms, n=20)[-1],
        "server_ms": statistics.median(server_ms),
        "server_ms_95": statistics.quantiles(server_ms, n=20)[-1],
        "pictures_per_second_of_a_drag": shown / 2,
    }


def main() -> None:
    """Measures and writes."""
    parser = Parser(description=__doc__)
    parser.add_argument("--moves", type=whole(2), default=200)
    parser.add_argument("--out", type=Path, default=timing.RESULTS / "explore_serve.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server(0) as server:
        server.offer(make_site(Path(folder)))
        thread = threading.Thread(target=server.serve_forever, args=(0.1,))
        thread.start()
        try:
            found = measure(server.address, args.moves)
        finally:
            server.shutdown()
            thread.join()
    timing.save_results(args.out, found)
    for name in ("browser", "server"):
        median, late = found[f"{name}_ms"], found[f"{name}_ms_95"]
        print(f"{name:8} {median:6.1f} ms, 95 of 100 within {late:.1f} ms (goal: {GOAL_MS:g} ms)")
    print(f"dragged  {found['pictures_per_second_of_a_drag']:6.1f} pictures a second")


if __name__ == "__main__":
    run_script(main)
