"""Pictures of settings that a person turns: samples, directions, truncation, styles."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, NotRequired, TypedDict, get_type_hints

import numpy as np

from jaxgan.core.errors import ExploreError, bad_value
from jaxgan.files.json_file import check_json
from jaxgan.games import Code
from jaxgan.sampling.explore.directions import Directions
from jaxgan.sampling.explore.explorer import Explorer
from jaxgan.sampling.explore.paths import linear, spherical
from jaxgan.sampling.explore.pictures import truncated

MAX_SEED = 2**31 - 1
MAX_MOVE = 10
"""In standard deviations; beyond it there is nothing to see."""

MAX_TRUNCATION = 10


class Sample(TypedDict):
    """One of the samples that `Explorer.draw` gives."""

    seed: int
    number: int


class Settings(TypedDict):
    """What makes a picture.

    `start` is a sample, and `share` of the way to `end` is gone: along the great circle of latents,
    or the line of styles. Then categorical `codes` are set to a value, and `coordinates` of the
    latent and principal `directions` moved, by their numbers, in standard deviations; `layers` have
    the styles of `end`; `truncation` comes last. What is left out has no effect.
    """

    start: Sample
    end: NotRequired[Sample]
    share: NotRequired[float]
    label: NotRequired[int]
    truncation: NotRequired[float]
    layers: NotRequired[list[int]]
    codes: NotRequired[dict[str, int]]
    coordinates: NotRequired[dict[str, float]]
    directions: NotRequired[dict[str, float]]


class Controls(NamedTuple):
    """What of a generator can be set by hand.

    Attributes:
      picture: (settings that were checked) -> image, float32 [H, W, C].
      num_samples: of a seed, that can be picked.
      latent_dim: D, the size of a latent.
      num_layers: that take styles; 0 of a generator without.
      num_classes: of a conditional game, else None.
      is_truncated: whether it knows truncation.
      codes: parts of the latent that mean something.
      shares: of the change of pictures, for each principal direction.
    """

    picture: Callable[[Settings], np.ndarray]
    num_samples: int
    latent_dim: int
    num_layers: int
    num_classes: int | None
    is_truncated: bool
    codes: tuple[Code, ...]
    shares: tuple[float, ...]


def make_controls(
    explorer: Explorer, directions: Directions, *, num_samples: int, label: int = 0
) -> Controls:
    """What can be set by hand of a generator, and the picture that this makes.

    Args:
      explorer: the generator.
      directions: its principal directions.
      num_samples: of a seed, that can be picked.
      label: of a conditional game, where settings have none.

    Returns:
      Its `Controls`. Pictures are made one at a time, so that equal settings give equal bits.

    Example:
      >>> draw = lambda seed, num: np.full((num, 2), seed) + np.arange(num)[:, None]
      >>> render = lambda given, labels: given["latent"][..., None, None]
      >>> along = Directions(np.asarray([[0.0, 1.0]]), np.ones(1))
      >>> controls = make_controls(Explorer(draw, None, render), along, num_samples=4)
      >>> controls.picture({"start": {"seed": 5, "number": 3}, "directions": {"0": -2}}).ravel()
      array([8., 6.])
    """

    @functools.lru_cache(maxsize=8)
    def drawn(seed: int) -> np.ndarray:
        return explorer.draw(seed, num_samples)

    def sample(which: Sample) -> np.ndarray:
        z: np.ndarray = drawn(which["seed"])[which["number"]]
        return z

    def picture(settings: Settings) -> np.ndarray:
        labels = np.full(1, settings.get("label", label))
        make = _latent if explorer.styles is None else _styles
        given = make(explorer, directions, settings, sample, labels)
        image: np.ndarray = explorer.render(given, labels)[0]
        return image

    styles, latents = explorer.styles, drawn(0)
    num_layers = 0 if styles is None else styles(latents[:1], np.full(1, label)).shape[1]
    return Controls(
        picture,
        num_samples=num_samples,
        latent_dim=latents.shape[1],
        num_layers=num_layers,
        num_classes=explorer.num_classes,
        is_truncated=styles is not None or explorer.is_normal,
        codes=explorer.codes,
        shares=tuple(directions.shares.tolist()),
    )


Take = Callable[[Sample], np.ndarray]


def _latent(
    explorer: Explorer, directions: Directions, settings: Settings, sample: Take, labels: np.ndarray
) -> dict[str, np.ndarray]:
    z, share = sample(settings["start"]), settings.get("share", 0.0)
    if "end" in settings and share > 0:
        # At its end it is the other sample, to the bit.
        path = spherical if explorer.is_normal else linear
        end = sample(settings["end"])
        z = end if share == 1 else path(z, end, np.asarray([share]))[0]
    z = _moved(explorer, z, settings)
    for number, amount in settings.get("directions", {}).items():
        z = z + amount * directions.vectors[int(number)]
    if "truncation" in settings:
        z = truncated(z, settings["truncation"])
    return {"latent": z[None]}


def _styles(
    explorer: Explorer, directions: Directions, settings: Settings, sample: Take, labels: np.ndarray
) -> dict[str, np.ndarray]:
    assert explorer.styles is not None
    w = explorer.styles(_moved(explorer, sample(settings["start"]), settings)[None], labels)[0]
    if "end" in settings:
        end = explorer.styles(sample(settings["end"])[None], labels)[0]
        if share := settings.get("share", 0.0):
            w = linear(w, end, np.asarray([share]))[0]
    for number, amount in settings.get("directions", {}).items():
        w = w + amount * directions.vectors[int(number)]
    if layers := settings.get("layers"):
        w = w.copy()
        w[layers] = end[layers]
    given = {"w": w[None]}
    if "truncation" in settings:
        given["truncation"] = np.asarray(settings["truncation"], np.float32)
    return given


def _moved(explorer: Explorer, z: np.ndarray, settings: Settings) -> np.ndarray:
    """A latent with its codes set and its coordinates moved."""
    z = z.copy()
    for code in explorer.codes:
        if code.name in settings.get("codes", {}):
            value = settings["codes"][code.name]
            z[code.start : code.start + code.size] = np.eye(code.size)[value]
    for number, amount in settings.get("coordinates", {}).items():
        z[int(number)] += amount
    return z


def check_settings(value: Any, controls: Controls) -> Settings:
    """Settings from outside, if they are some that the generator knows.

    Args:
      value: as JSON gives it.
      controls: of the generator.

    Returns:
      The settings.

    Raises:
      ExploreError, FileError: one line that names the entry.

    Example:
      >>> controls = Controls(None, 4, 2, 0, None, True, (), (1.0,))
      >>> check_settings({"start": {"seed": 0, "number": 4}}, controls)
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ExploreError: start.number is 4; it must be from 0 to 3
    """
    settings = check_json(value, "settings", Settings)
    _known("settings", settings, get_type_hints(Settings))
    for name in ("start", "end"):
        if (one := value.get(name)) is not None:
            _known(name, one, get_type_hints(Sample))
            _within(f"{name}.seed", one["seed"], 0, MAX_SEED)
            _within(f"{name}.number", one["number"], 0, controls.num_samples - 1)
    _within("share", settings.get("share", 0), 0, 1)
    if "label" in settings:
        _only_if(controls.num_classes, "label", settings["label"], "unconditional")
        _within("label", settings["label"], 0, (controls.num_classes or 1) - 1)
    if "truncation" in settings:
        psi = settings["truncation"]
        _only_if(controls.is_truncated, "truncation", psi, "without normal latents or styles")
        # Latents that are cut to nothing have no law.
        _within("truncation", psi, 0 if controls.num_layers else 0.01, MAX_TRUNCATION)
    for layer in settings.get("layers", []):
        _only_if(controls.num_layers, "layers", settings["layers"], "without styles")
        _within("layers", layer, 0, controls.num_layers - 1)
    if "end" not in settings and (settings.get("layers") or settings.get("share")):
        raise ExploreError("end is missing; share and layers need it")
    codes = {code.name: code.size for code in controls.codes if code.kind == "categorical"}
    _known("codes", settings.get("codes", {}), codes)
    for name, number in settings.get("codes", {}).items():
        _within(f"codes.{name}", number, 0, codes[name] - 1)
    for name, num in (("coordinates", controls.latent_dim), ("directions", len(controls.shares))):
        moves: Mapping[str, float] = value.get(name, {})
        _known(name, moves, map(str, range(num)))
        for which, amount in moves.items():
            _within(f"{name}.{which}", amount, -MAX_MOVE, MAX_MOVE)
    return settings


def _known(where: str, given: Iterable[str], known: Iterable[str]) -> None:
    known = list(known)
    for name in given:
        if name not in known:
            few = known if len(known) <= 9 else f"from {known[0]} to {known[-1]}"
            raise ExploreError(bad_value(f"a name in {where}", name, few))


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # neither is NaN
        raise ExploreError(bad_value(name, value, f"from {least} to {most}"))


def _only_if(is_there: object, name: str, value: Any, without: str) -> None:
    if not is_there:
        raise ExploreError(f"{name} is {value}; the run is {without}")
