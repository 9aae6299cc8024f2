"""`jaxgan explore serve`: a local page on which a person explores a generator by hand."""

from __future__ import annotations

import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from jaxgan.cli.terminal import say

if TYPE_CHECKING:
    from jaxgan.cli.explore import Asked
    from jaxgan.serve import Site

NUM_DIRECTIONS = 8
MAX_SAMPLES = 256


def serve(asked: Asked) -> None:
    """Serves the page until a signal ends it.

    Args:
      asked: what is to be shown.

    Raises:
      InputError: if the port cannot be had, or there is nothing to explore.
    """
    from jaxgan.core.errors import ExploreError, bad_value
    from jaxgan.serve import Server

    if asked.num > MAX_SAMPLES:
        raise ExploreError(bad_value("num", asked.num, f"from 1 to {MAX_SAMPLES}"))
    with Server(asked.own["port"]) as server, _ended_by_signals():
        say("compiling ...")
        server.offer(_site(asked))
        say(f"serving, to this machine alone: {server.address}")
        say("Ctrl-C ends it")
        sys.stdout.flush()
        if not asked.own["no_browser"]:
            _open_browser(server.address)
        server.serve_forever(poll_interval=0.1)


def _site(asked: Asked) -> Site:
    """The page and what it asks for; all that it needs is compiled."""
    from jaxgan.sampling.explore import Sample, make_controls, principal_directions
    from jaxgan.serve import Facts, Site, make_draw, make_save, render

    explorer, saved, folder = asked.explorer, asked.saved, asked.out.parent / "pictures"
    directions = principal_directions(
        explorer, NUM_DIRECTIONS, label=asked.label, progress=_progress()
    )
    controls = make_controls(explorer, directions, num_samples=asked.num, label=asked.label)
    draw = make_draw(controls)
    about = {
        "run": str(saved.path),
        "step": int(asked.state.step),
        "average": bool(asked.state.ema),
        "member": asked.member,
        "num": asked.num,
    }
    start: Sample = {"seed": asked.seed, "number": 0}
    if controls.num_layers:  # truncated styles, and those that are moved, are other programs
        controls.picture({"start": start, "truncation": 1.0, "directions": {"0": 0.0}})
    image = controls.picture({"start": start})
    line = f"step {about['step']}, {'the averaged' if about['average'] else 'the live'} generator"
    line += f", {saved.config['data']['source']}, {image.shape[0]} x {image.shape[1]} pixels"
    facts = Facts(
        title=saved.path.resolve().name,
        about=line,
        folder=str(folder),
        size=image.shape[:2],
        class_names=saved.class_names,
        seed=asked.seed,
        label=asked.label,
    )
    page, policy = render(facts, controls)
    return Site(page, policy, draw, make_save(draw, folder, about))


def _progress() -> Any:
    """Says how far it is, where that takes long enough to be of interest."""
    import time

    last = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > 5 and done < total:
            last = time.monotonic()
            say(f"principal directions: {done} of {total} pictures")

    return progress


def _open_browser(address: str) -> None:
    """Opens one that has windows: another would take the terminal."""
    has_windows = sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if has_windows:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the body with the exit code of a run that they preempt."""
    from jaxgan.training.settings import Exit

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(int(Exit.PREEMPTED))

    heard = [signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        heard.append(signal.SIGHUP)
    previous = {number: signal.signal(number, end) for number in heard}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
