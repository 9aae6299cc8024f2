"""What there is to see in a latent space: functions of an `Explorer` that give images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from jaxgan.core.errors import ExploreError, bad_value
from jaxgan.sampling.explore.explorer import Explorer
from jaxgan.sampling.explore.paths import PATHS

NEIGHBOUR_STD = 0.25
"""How far the neighbours of a sum lie from it, in every coordinate (Radford et al. 2016)."""

CONTINUOUS_RANGE = 2.0
"""Codes and latents are traversed from minus this to this."""


def need_styles(explorer: Explorer, what: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The generator's map from latents to styles.

    Args:
      explorer: the generator.
      what: is asked for, for the message.

    Returns:
      (latents, labels) -> styles.

    Raises:
      ExploreError: if it has none.

    Example:
      >>> need_styles(Explorer(None, None, None), "mixing")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ExploreError: mixing: this generator has no styles; StyleGAN's have
    """
    if explorer.styles is None:
        raise ExploreError(f"{what}: this generator has no styles; StyleGAN's have")
    return explorer.styles


def interpolate(
    explorer: Explorer,
    latents: np.ndarray,
    labels: np.ndarray,
    *,
    num_frames: int = 9,
    path: str = "spherical",
    space: str = "z",
) -> np.ndarray:
    """From each latent to the next one, and from the last one back to the first.

    Args:
      explorer: the generator.
      latents: where the paths begin, [N, D].
      labels: of the paths, [N].
      num_frames: images of a path; where one would end, the next one begins.
      path: `"linear"` or `"spherical"`.
      space: `"z"`, or `"w"` for the styles.

    Returns:
      Images [N, num_frames, H, W, C].

    Raises:
      ExploreError: if there is no such path or space.

    Example:
      >>> explorer = Explorer(None, None, lambda given, labels: given["latent"][..., None, None])
      >>> ends = np.asarray([[2.0, 0.0], [0.0, 2.0]])
      >>> images = interpolate(explorer, ends, np.zeros(2, int), num_frames=2)
      >>> images.squeeze().round(2).tolist()
      [[[2.0, 0.0], [1.41, 1.41]], [[0.0, 2.0], [1.41, 1.41]]]
    """
    if path not in PATHS:
        raise ExploreError(bad_value("path", path, sorted(PATHS)))
    if space not in ("w", "z"):
        raise ExploreError(bad_value("space", space, "w or z"))
    if num_frames < 2 or len(latents) < 2:
        raise ExploreError(f"frames, num is {num_frames}, {len(latents)}; each must be at least 2")
    points, name = latents, "latent"
    if space == "w":
        points, name = need_styles(explorer, "space: 'w'")(latents, labels), "w"
    shares = np.arange(num_frames) / num_frames
    along = PATHS[path](points, np.roll(points, -1, axis=0), shares)
    rows = [
        explorer.render({name: along[:, i]}, np.full(num_frames, label))
        for i, label in enumerate(labels)
    ]
    return np.stack(rows)


def arithmetic(
    explorer: Explorer, terms: Sequence[np.ndarray], labels: np.ndarray, num: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """a - b + c of mean latents.

    Args:
      explorer: the generator.
      terms: the latents whose means are a, b and c, each [N, D].
      labels: of all pictures, [1].
      num: pictures in a row.

    Returns:
      (images [4, num + 1, H, W, C], the sum [D]). A row for each term: its mean, then its first
      examples, again and again; at last the sum, then neighbours of it, N(a - b + c, 0.25² I).

    Raises:
      ExploreError: if there are not three terms, or one has no latents.

    Example:
      >>> explorer = Explorer(None, None, lambda given, labels: given["latent"][..., None, None])
      >>> terms = [np.full((2, 3), x) for x in (5.0, 3.0, 1.0)]
      >>> images, total = arithmetic(explorer, terms, np.zeros(1, int), num=2)
      >>> total.tolist(), images.shape
      ([3.0, 3.0, 3.0], (4, 3, 3, 1, 1))

    References:
      Radford et al., 2016 (arXiv:1511.06434), section 6.3.2.
    """
    if len(terms) != 3 or min(len(term) for term in terms) == 0:
        raise ExploreError(f"a, b, c: {[len(t) for t in terms]} latents; each needs at least 1")
    means = [term.mean(axis=0) for term in terms]
    total = means[0] - means[1] + means[2]
    noise = np.random.default_rng(0).normal(scale=NEIGHBOUR_STD, size=(num, *total.shape))
    rows = [np.resize(term, (num, *total.shape)) for term in terms] + [total + noise]
    images = [
        explorer.render({"latent": np.concatenate([centre[None], row])}, np.resize(labels, num + 1))
        for centre, row in zip([*means, total], rows, strict=True)
    ]
    return np.stack(images), total


def truncation(
    explorer: Explorer, latents: np.ndarray, labels: np.ndarray, values: Sequence[float]
) -> np.ndarray:
    """The same samples under stronger and stronger truncation.

    Styles move towards their mean, w̄ + ψ (w - w̄). Normal latents are redrawn until they lie
    within ψ, shown here by the map that takes the one law to the other, coordinate by coordinate:
    Φ⁻¹(Φ(-ψ) + Φ(z) (Φ(ψ) - Φ(-ψ))).

    Args:
      explorer: the generator.
      latents: [N, D].
      labels: [N].
      values: ψ, one row each; from 0 for styles, above 0 for latents.

    Returns:
      Images [len(values), N, H, W, C].

    Raises:
      ExploreError: if there is nothing to truncate, or a value is out of range.

    Example:
      >>> explorer = Explorer(None, None, lambda given, labels: given["latent"][..., None, None])
      >>> shown = truncation(explorer, np.asarray([[3.0]]), np.zeros(1, int), [0.5])
      >>> round(float(shown.squeeze()), 2)
      0.5

    References:
      Styles: Karras et al., 2019 (arXiv:1812.04948), appendix B. Latents: Brock et al., 2019
      (arXiv:1809.11096), section 3.1.
    """
    if explorer.styles is None and not explorer.is_normal:
        raise ExploreError("truncation: the latents are no normal ones, and there are no styles")
    for value in values:
        if not 0 <= value < np.inf or (explorer.styles is None and value == 0):
            least = "at least 0" if explorer.styles is not None else "above 0"
            raise ExploreError(bad_value("values", value, f"{least} and finite"))
    rows = []
    for value in values:
        if explorer.styles is not None:
            given = {"latent": latents, "truncation": np.asarray(value, np.float32)}
        else:
            given = {"latent": truncated(latents, value)}
        rows.append(explorer.render(given, labels))
    return np.stack(rows)


def truncated(latents: np.ndarray, value: float) -> np.ndarray:
    """Normal latents, mapped to the law of those that are redrawn until they lie within a value.

    Args:
      latents: z, of any shape.
      value: ψ, above 0.

    Returns:
      Φ⁻¹(Φ(-ψ) + Φ(z) (Φ(ψ) - Φ(-ψ))), coordinate by coordinate.

    Example:
      >>> truncated(np.asarray([-9.0, 0.0, 9.0]), 0.5).round(6).tolist()
      [-0.5, 0.0, 0.5]
    """
    low = ndtr(-value)
    found: np.ndarray = ndtri(low + ndtr(latents) * (1 - 2 * low))
    return found


def traverse(
    explorer: Explorer, latent: np.ndarray, label: int, names: Sequence[str] = (), num: int = 10
) -> tuple[np.ndarray, list[str]]:
    """One part of the latent at a time, the rest as it is.

    Args:
      explorer: the generator.
      latent: where it starts, [D].
      label: of a conditional game.
      names: which codes, or elements of the latent by their numbers; all codes by default, or the
        first ten elements.
      num: images in a row. A categorical code takes each of its values in turn; all else goes from
        -2 to 2.

    Returns:
      (images [len(names), num, H, W, C], names of the rows).

    Raises:
      ExploreError: if there is no such code.

    Example:
      >>> explorer = Explorer(None, None, lambda given, labels: given["latent"][..., None, None])
      >>> images, names = traverse(explorer, np.ones(2), 0, ["1"], num=3)
      >>> images.squeeze().tolist()
      [[1.0, -2.0], [1.0, 0.0], [1.0, 2.0]]

    References:
      Chen et al., 2016 (arXiv:1606.03657), figure 2.
    """
    known = {code.name: (code.kind, code.start, code.size) for code in explorer.codes}
    elements = {str(i): ("continuous", i, 1) for i in range(len(latent))}
    chosen = list(names) or list(known) or list(elements)[:10]
    rows = []
    for name in chosen:
        if name not in known and name not in elements:
            allowed = [*known, f"0 to {len(latent) - 1}"]
            raise ExploreError(bad_value("codes", name, f"one of {', '.join(allowed)}"))
        kind, start, size = {**elements, **known}[name]
        moved = np.repeat(latent[None], num, axis=0)
        if kind == "categorical":
            moved[:, start : start + size] = np.eye(size)[np.arange(num) % size]
        else:
            moved[:, start] = np.linspace(-CONTINUOUS_RANGE, CONTINUOUS_RANGE, num)
        rows.append(explorer.render({"latent": moved}, np.full(num, label)))
    return np.stack(rows), chosen


def mixing(
    explorer: Explorer,
    coarse: np.ndarray,
    fine: np.ndarray,
    label: int,
    layers: tuple[int, int] | None = None,
) -> np.ndarray:
    """Styles of one sample in some layers, of another in the rest.

    Args:
      explorer: the generator.
      coarse: latents of the rows, [N, D], whose styles the layers from the first to the last of
        `layers` have.
      fine: latents of the columns, [M, D], whose styles all other layers have.
      label: of a conditional game.
      layers: first and last, from 0; by default the first half, which is the coarse one.

    Returns:
      Images [N + 1, M + 1, H, W, C]; the first row and the first column show the samples
      themselves, and the corner is white.

    Raises:
      ExploreError: if there are no styles or no such layers.

    Example:
      See `jaxgan.cli.explore`.

    References:
      Karras et al., 2019 (arXiv:1812.04948), figure 3.
    """
    styles = need_styles(explorer, "mixing")
    rows = styles(coarse, np.full(len(coarse), label))
    columns = styles(fine, np.full(len(fine), label))
    num_layers = rows.shape[1]
    first, last = layers or (0, max(0, num_layers // 2 - 1))
    if not 0 <= first <= last < num_layers:
        raise ExploreError(bad_value("layers", f"{first}-{last}", f"within 0-{num_layers - 1}"))
    top = explorer.render({"w": columns}, np.full(len(fine), label))
    images = [np.concatenate([np.ones_like(top[:1]), top])]
    for row in rows:
        mixed = columns.copy()
        mixed[:, first : last + 1] = row[first : last + 1]
        given = np.concatenate([row[None], mixed])
        images.append(explorer.render({"w": given}, np.full(len(given), label)))
    return np.stack(images)
