"""Which metrics of a run are drawn together, and what each of them means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

SECTIONS = ("losses", "scores", "signals", "speed")
"""Kinds of panels, in the order in which they are shown."""

_SPEED = {
    "steps_per_second": ("Speed", "steps/s"),
    "images_per_second": ("Real images seen", "images/s, over all seeds"),
    "data_wait": ("Waiting for data", "share of the time"),
    "model_flops_per_second": ("Computation of the model", "FLOP/s"),
    "utilisation": ("Utilization", "share of the devices' peak"),
}

_TOGETHER = {
    "grad_norm": ("Gradient norms", ""),
    "loss_slope": ("Loss slope", "½ at a draw of a logistic loss"),
    "real_sign": ("Sign of real logits", "mean"),
    "separation": ("Separation of the logits", "standard deviations"),
    "real_out": ("Output of the discriminator", "mean"),
    "fake_out": ("Output of the discriminator", "mean"),
    "augment_p": ("Probability of augmentation", ""),
    "max_real": ("Largest real part", "of the flow's eigenvalues"),
    "rotation": ("Rotation", "Σ|Im λ| / Σ|λ|"),
    "max_rate": ("Largest stable rate", "of plain descent"),
}
"""Title and unit of panels that have a metric of several players, by the last part of its name."""

_GROUPS = {
    "samples": ("Diversity of samples", "1 is that of real examples"),
    "term_norm": ("Gradient norms of the terms", ""),
    "term_cosine": ("Cosines of the terms with the others", ""),
    "std": ("Standard deviation over seeds", ""),
}
"""Likewise by the first part."""

_MEANINGS = (
    (r"loss/gen", "What the generator minimizes."),
    (r"loss/disc", "What the discriminator minimizes; near 0 it has won."),
    (r"loss/\w+", "What this player minimizes."),
    (r"std/.*", "Standard deviation: over the seeds, or of the score's estimate."),
    (r"disc/real_out", "The discriminator's mean output on real examples."),
    (r"disc/fake_out", "The discriminator's mean output on generated examples."),
    (r"disc/real_sign", "Mean sign of real logits: above 0 real examples are taken for real."),
    (
        r"disc/separation",
        "Gap between real and fake logits in standard deviations; below 0 the discriminator "
        "is fooled.",
    ),
    (
        r"disc/loss_slope",
        "How much the loss still asks of the discriminator's outputs; near 0 it has won.",
    ),
    (r"\w+/grad_norm", "Length of what this player's optimizer is given."),
    (r"samples/spread", "Mean distance of two samples over that of two real examples."),
    (r"samples/nearest", "Distance of a sample to its nearest fellow, over that of real examples."),
    (r"\w+/(augment|pseudo)_p", "Probability of the adaptive augmentation."),
    (r"\w+/(augment|pseudo)_r", "Mean sign of this batch's real logits, by which it adapts."),
    (r"stability/max_real", "Largest real part of the flow's eigenvalues: above 0 it repels."),
    (r"stability/rotation", "Share of rotation in the flow: 0 is straight, 1 rotation alone."),
    (r"stability/max_rate", "Largest learning rate at which plain descent is stable here."),
    (r"term_norm/.*", "Norm of this term's gradient."),
    (r"term_cosine/.*", "Cosine of this term's gradient with the sum of the others'."),
    (r"steps_per_second", "Training steps in a second, since the line before."),
    (r"images_per_second", "Real images in a second, over all seeds."),
    (r"data_wait", "Share of the time spent waiting for batches."),
    (r"model_flops_per_second", "What the model computes in a second, over all devices."),
    (r"utilisation", "The model's computation over the devices' published peak."),
    (r"skipped", "Share of steps not taken, as they were not finite."),
    (r"eval/(fd|fid).*", "Fréchet distance of the features; lower is better."),
    (r"eval/(kd|kid).*", "Kernel distance of the features; lower is better."),
    (r"eval/is.*", "Inception score; higher is better."),
    (r"eval/precision.*", "Share of samples within the real examples' neighborhoods."),
    (r"eval/recall.*", "Share of real examples within the samples' neighborhoods."),
    (r"eval/density.*", "How many real neighborhoods a sample lies in; about 1 is right."),
    (r"eval/coverage.*", "Share of real examples with a sample in their neighborhood."),
    (r"eval/num_modes", "Modes of the mixture that have samples."),
    (r"eval/high_quality", "Share of samples near a mode."),
    (r"eval/reverse_kl", "KL divergence of the samples' modes from the data's; lower is better."),
    (r"eval/classes_covered.*", "Classes of the data that have samples."),
    (r"eval/class_kl.*", "KL divergence of the samples' classes from the data's; lower is better."),
    (r"eval/confidence.*", "Mean probability that a classifier gives to its choice."),
    (r"eval/intra_fd.*", "Fréchet distance within classes, their mean; lower is better."),
    (r"eval/ppl.*", "Perceptual path length; lower is smoother."),
    (r"eval/nearest_of_real.*", "Median distance of a real example to the nearest other one."),
    (r"eval/nearest.*", "Median distance of a sample to its nearest example; near 0 is a copy."),
    (r"eval/swd.*", "Sliced Wasserstein distance of patches; lower is better."),
    (r"eval/ms_ssim_of_real.*", "Mean similarity of two real examples."),
    (r"eval/ms_ssim.*", "Mean similarity of two samples; above that of real ones is collapse."),
    (r"eval/gan_train.*", "Accuracy on real examples of a classifier trained on samples."),
    (r"eval/gan_test.*", "Accuracy on samples of a classifier trained on real examples."),
    (r"eval/.*", "A score of an evaluation in training, see docs/evaluation.md."),
    (r"(gen|disc)/.*", "What this term adds to its player's loss, or what its game logs."),
)
"""Of metrics by a pattern of their names; the first that fits holds."""


class Panel(NamedTuple):
    """Metrics that share a pair of axes.

    Attributes:
      section: one of `SECTIONS`.
      title: what is drawn.
      unit: of its values; empty where they have none.
      names: of the metrics.
    """

    section: str
    title: str
    unit: str
    names: tuple[str, ...]


def panels(names: Iterable[str]) -> list[Panel]:
    """Sorts metrics into panels; `std/NAME` of a NAME that is there is left to be its band.

    Those of a grid's single points and members have no panel, as there may be thousands.

    Args:
      names: of the metrics.

    Returns:
      The panels, section by section.

    Example:
      >>> [panel.title for panel in panels(["gen/grad_norm", "loss/gen", "loss/disc", "data_wait"])]
      ['Losses', 'Gradient norms', 'Waiting for data']
    """
    known = dict.fromkeys(names)
    found: dict[tuple[str, str, str], list[str]] = {}
    for name in known:
        is_band = name.startswith("std/") and name.removeprefix("std/") in known
        if not is_band and not is_of_member(name):
            found.setdefault(_place(name), []).append(name)
    # The generator first, so that it has the same color in all of them.
    listed = [
        Panel(*place, tuple(sorted(of, key=lambda name: "gen" not in name.split("/"))))
        for place, of in found.items()
    ]
    return sorted(listed, key=lambda panel: SECTIONS.index(panel.section))


def is_of_member(name: str) -> bool:
    """Whether a metric is that of one point, or of one member, of a grid.

    Args:
      name: of the metric.

    Returns:
      Whether it is.

    Example:
      >>> is_of_member("loss/gen/lr=0.1,seed=2"), is_of_member("loss/gen")
      (True, False)
    """
    return re.search(r"/[\w.]+=[^/]*$", name) is not None


def _place(name: str) -> tuple[str, str, str]:
    """Section, title and unit."""
    first, _, rest = name.partition("/")
    if first == "loss":
        return "losses", "Losses", ""
    if first == "eval":  # scores have nothing in common, their sizes least of all
        return "scores", rest, ""
    if name in _SPEED:
        return "speed", *_SPEED[name]
    last = name.rpartition("/")[2]
    if first in _GROUPS:
        return "signals", *_GROUPS[first]
    if last in _TOGETHER:
        return "signals", *_TOGETHER[last]
    players = {"gen": "Terms of the generator", "disc": "Terms of the discriminator"}
    return "signals", players.get(first, first) if rest else name, ""


def section_of(name: str) -> str:
    """The section that a metric is shown in.

    Args:
      name: of the metric.

    Returns:
      One of `SECTIONS`.

    Example:
      >>> section_of("data_wait")
      'speed'
    """
    return _place(name)[0]


def meaning(name: str) -> str:
    """What a metric says, in a sentence.

    Args:
      name: of the metric.

    Returns:
      The sentence; empty where nothing is known of it.

    Example:
      >>> meaning("loss/gen")
      'What the generator minimizes.'
    """
    return next((text for pattern, text in _MEANINGS if re.fullmatch(pattern, name)), "")
