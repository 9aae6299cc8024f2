"""Sites of generators that show their latents, served in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from jaxgan.games import Code
from jaxgan.sampling.explore import Controls, Explorer, make_controls, principal_directions
from jaxgan.serve import Facts, Server, Site, make_draw, make_save, render

HOSTILE = "</script><img src=x onerror=window.hacked=1>\"'&{{7*7}}"
DIM = 6
LAYERS = 4


def draw(seed: int, num: int) -> np.ndarray:
    """Latents between -1 and 1."""
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (num, DIM))


def plain(given: Mapping[str, np.ndarray], labels: np.ndarray) -> np.ndarray:
    """A row of the latent, and a row of the class."""
    z = given["latent"]
    classes = np.repeat(labels[:, None], DIM, axis=1) / 10
    return np.stack([z, classes], axis=1)[..., None].astype(np.float32)


def styles(latent: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The latent in each layer; the mean is 0."""
    return np.repeat(latent[:, None], LAYERS, axis=1)


def styled(given: Mapping[str, np.ndarray], labels: np.ndarray) -> np.ndarray:
    """A row for each layer."""
    images: np.ndarray = (given.get("truncation", 1.0) * given["w"])[..., None].astype(np.float32)
    return images


CODE = Code("kind", "categorical", 1, 3)
EXPLORERS = {
    "plain": Explorer(draw, None, plain),
    "classes": Explorer(draw, None, plain, num_classes=3),
    "styles": Explorer(draw, styles, styled),
    "codes": Explorer(draw, None, plain, codes=(CODE,), is_normal=False),
}
SIZES = {"styles": (LAYERS, DIM)}


def controls_of(kind: str) -> Controls:
    explorer = EXPLORERS[kind]
    return make_controls(explorer, principal_directions(explorer, 2), num_samples=4)


@contextmanager
def served(site: Site) -> Iterator[Server]:
    with Server(0) as server:
        server.offer(site)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def make_site(kind: str, folder: Path) -> Site:
    controls = controls_of(kind)
    facts = Facts(
        title=HOSTILE,
        about="step 3",
        folder=str(folder),
        size=SIZES.get(kind, (2, DIM)),
        class_names=("cat", HOSTILE, "dog"),
    )
    page, policy = render(facts, controls)
    draw = make_draw(controls)
    return Site(page, policy, draw, make_save(draw, folder, {"run": "a"}))
