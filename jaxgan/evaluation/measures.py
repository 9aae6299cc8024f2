"""What each metric does with samples and real examples: options chosen, and said."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxgan.core.typing import Array
from jaxgan.data import DeviceSource, Source
from jaxgan.evaluation import nearest
from jaxgan.evaluation.collect import MAX_IMAGES, Side
from jaxgan.evaluation.reference import Reference
from jaxgan.features import Extractor, fit
from jaxgan.features.base import Protocol
from jaxgan.metrics import (
    KernelDistance,
    PrdcScore,
    blocks_share_pairs,
    class_histogram,
    class_moments,
    gan_test,
    gan_train,
    gaussian_distance,
    inception_score,
    intra_class_distance,
    kernel_and_prdc,
    kernel_distance,
    kl_divergence,
    mixture_score,
    ms_ssim_diversity,
    num_covered,
    path_length,
    prdc,
    sliced_wasserstein,
)
from jaxgan.sampling.draw import CHUNK

NUM_BLOCKS = 100
BLOCK = 1000
"""Samples in a block of the kernel distance, at most."""

NUM_NEIGHBORS = 5
SWD_IMAGES = 8192
NUM_PAIRS = 1000
MAX_PATHS = 5000
EPSILON = 1e-4


class PathDistance(NamedTuple):
    """What a path length is measured by.

    Attributes:
      between: (samples on the devices, samples) -> [CHUNK], on the host.
      protocol: what it says of itself.
    """

    between: Callable[[Array, Array], np.ndarray]
    protocol: Protocol


class Walk(NamedTuple):
    """The generator as a function of its latents, and how far apart its samples are.

    Attributes:
      latents: (num) -> two float32 arrays of shape [num, D]: where paths begin and end.
      generate: latents of shape [CHUNK, D] -> their samples, on the devices.
      distances: by the metric that asked for them.
    """

    latents: Callable[[int], tuple[np.ndarray, np.ndarray]]
    generate: Callable[[np.ndarray], Array]
    distances: Mapping[str, PathDistance]


class Task(NamedTuple):
    """What a metric may look at.

    Attributes:
      real: the real examples.
      fake: the samples.
      source: the data.
      reference: to read real examples from.
      extractor: whose features are on both sides; None if no metric asked for features.
      seed: of the evaluation.
      walk: for metrics of the latents; None if no metric asked for it.
      pictures: where a metric puts what it has to show, uint8 [height, width, C] by name.
      joint: the kernel distance and PRDC found together, see `share_pairs`; None if they are not.
    """

    real: Side
    fake: Side
    source: Source | DeviceSource
    reference: Reference
    extractor: Extractor | None
    seed: int
    walk: Walk | None
    pictures: dict[str, np.ndarray]
    joint: Callable[[], tuple[KernelDistance, PrdcScore]] | None = None


class Found(NamedTuple):
    """A number that a metric has found.

    Attributes:
      name: without the name of the features.
      value: the number.
      std: its error or spread, if it has one.
      options: what its protocol says besides; `n_real` and `n_fake` where not all were used.
    """

    name: str
    value: float
    std: float | None = None
    options: Mapping[str, Any] = {}


def frechet_(task: Task) -> list[Found]:
    """The Fréchet distance of the features."""
    assert task.real.moments is not None
    assert task.fake.moments is not None
    return [Found("fd", gaussian_distance(task.real.moments, task.fake.moments))]


def kernel(task: Task) -> list[Found]:
    """The kernel distance of the features."""
    options = {"num_blocks": NUM_BLOCKS, "block_size": _block_size(task)}
    if task.joint is None:
        found = kernel_distance(task.real.features, task.fake.features, **options, seed=task.seed)
    else:
        found, _ = task.joint()
    return [Found("kd", found.value, found.standard_error, options)]


def _block_size(task: Task) -> int:
    # At most half of a set, or there would be no telling how much blocks vary by chance.
    return min(BLOCK, max(2, min(task.real.num, task.fake.num) // 2))


def inception(task: Task) -> list[Found]:
    """The Inception score, or that of another classifier."""
    num_splits = min(10, task.fake.num)
    found = inception_score(task.fake.logits, num_splits=num_splits)
    return [Found("is", found.mean, found.std, {"num_splits": num_splits, "n_real": None})]


def neighbours(task: Task) -> list[Found]:
    """Precision, recall, density and coverage."""
    # As many of both, or precision and recall would not mean the same to each other.
    num = min(task.real.num, task.fake.num)
    assert task.real.features is not None
    assert task.fake.features is not None
    k = min(NUM_NEIGHBORS, num - 1)
    if task.joint is None:
        found = prdc(task.real.features[:num], task.fake.features[:num], k=k)
    else:
        _, found = task.joint()
    options = {"k": k, "n_real": num, "n_fake": num}
    return [Found(name, value, None, options) for name, value in found._asdict().items()]


def share_pairs(task: Task) -> Task:
    """The task, to be asked for `kernel` and `neighbours`, which are found together if they can be.

    They can where there are as many real examples as samples, so that both look at all of both, and
    not so many that the kernel distance would rather keep to its blocks.
    """
    num, block_size = task.fake.num, _block_size(task)
    if task.real.num != num or not blocks_share_pairs(num, num, NUM_BLOCKS, block_size):
        return task

    @functools.cache
    def joint() -> tuple[KernelDistance, PrdcScore]:
        return kernel_and_prdc(
            task.real.features,
            task.fake.features,
            num_blocks=NUM_BLOCKS,
            block_size=block_size,
            seed=task.seed,
            k=min(NUM_NEIGHBORS, num - 1),
        )

    return task._replace(joint=joint)


def coverage(task: Task) -> list[Found]:
    """Which classes samples are of, and how sure a classifier is of that."""
    logits, labels = task.fake.logits, task.real.labels
    assert logits is not None
    assert labels is not None
    num_classes = logits.shape[1]
    shares = class_histogram(logits.argmax(axis=1), num_classes)
    of_data = class_histogram(labels[labels >= 0], num_classes)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True).astype(np.float64))
    confidence = float((shifted.max(axis=1) / shifted.sum(axis=1)).mean())
    return [
        Found("classes_covered", num_covered(shares), None, {"least_share": 0.01}),
        Found("class_kl", kl_divergence(shares, of_data)),
        Found("confidence", confidence),
    ]


def mixture(task: Task) -> list[Found]:
    """Which modes of a mixture samples are of."""
    assert isinstance(task.source, DeviceSource)
    assert task.fake.images is not None
    found = mixture_score(task.fake.images, task.source.modes, task.source.std)
    options = {
        "num_stds": 3.0,
        "least_share": 0.01,
        "n_real": None,
        "n_fake": len(task.fake.images),
    }
    return [Found(name, value, None, options) for name, value in found._asdict().items()]


def memorised(task: Task) -> list[Found]:
    """How near samples are to stored examples, and a picture of it."""
    assert task.fake.images is not None
    samples = task.fake.images[: nearest.NUM_QUERIES]
    found = nearest.find_nearest(samples, task.reference)
    if samples.ndim == 4:
        task.pictures["nearest"] = nearest.nearest_picture(samples, found, task.reference)
    options = {"n_fake": len(samples)}
    return [
        Found("nearest", float(np.median(found.distances)), None, options),
        Found("nearest_of_real", float(np.median(found.of_real)), None, options),
    ]


def within_classes(task: Task) -> list[Found]:
    """The Fréchet distance class by class."""
    real, fake = task.real, task.fake
    assert real.labels is not None
    assert real.features is not None
    assert task.source.num_classes is not None
    is_known = real.labels >= 0
    of_real = class_moments(real.features[is_known], real.labels[is_known], task.source.num_classes)
    of_fake = class_moments(fake.features, fake.labels, task.source.num_classes)
    found = intra_class_distance(of_real, of_fake)
    return [Found("intra_fd", found.mean, None, {"n_real": int(is_known.sum())})]


def path(metric: str, task: Task) -> list[Found]:
    """The perceptual path length by one of the walk's distances."""
    walk = task.walk
    assert walk is not None
    distance = walk.distances[metric]
    num = min(task.fake.num, MAX_PATHS)
    starts, ends = walk.latents(num)
    found = path_length(
        walk.generate,
        distance.between,
        starts,
        ends,
        epsilon=EPSILON,
        batch=CHUNK,
        seed=task.seed,
    )
    error = found.std / np.sqrt(found.num_kept)
    options = {
        "n_real": None,
        "n_fake": num,
        "epsilon": EPSILON,
        "space": "z",
        **distance.protocol,
    }
    return [Found(metric, found.value, error, options)]


def sliced(task: Task) -> list[Found]:
    """The sliced Wasserstein distance of patches; published with 8,192 images."""
    fake, real = task.fake.images, real_images(task, SWD_IMAGES)
    assert fake is not None
    num = min(len(fake), len(real))
    found = sliced_wasserstein(real[:num], fake[:num], seed=task.seed)
    return [Found("swd", found.mean, None, {"n_real": num, "n_fake": num})]


def similarity(task: Task) -> list[Found]:
    """How alike two samples are, and two real examples; of one class where samples have one."""
    fake, real = task.fake.images, real_images(task, MAX_IMAGES)
    assert fake is not None
    labels = {"ms_ssim": task.fake.labels, "ms_ssim_of_real": task.real.labels}
    if task.fake.labels is None or task.real.labels is None or task.real.labels.min() < 0:
        labels = dict.fromkeys(labels)
    found = []
    for (name, of_images), images in zip(labels.items(), (fake, real), strict=True):
        classes = None if of_images is None else of_images[: len(images)]
        pairs = ms_ssim_diversity(images, labels=classes, num_pairs=NUM_PAIRS, seed=task.seed)
        options = {"n_real": len(real), "n_fake": len(fake), "num_pairs": NUM_PAIRS}
        found.append(Found(name, pairs.mean, pairs.std / NUM_PAIRS**0.5, options))
    return found


def learned_from_samples(task: Task) -> list[Found]:
    """The accuracy on real examples of a classifier that was trained on samples."""
    real, real_labels, fake, fake_labels = _labelled(task)
    found = gan_train(fit, fake, fake_labels, real, real_labels)
    return [Found("gan_train", found.overall, None, {"n_real": len(real), "n_fake": len(fake)})]


def accuracy_on_samples(task: Task) -> list[Found]:
    """The accuracy on samples of a classifier that was trained on real examples."""
    real, real_labels, fake, fake_labels = _labelled(task)
    found = gan_test(fit, real, real_labels, fake, fake_labels)
    return [Found("gan_test", found.overall, None, {"n_real": len(real), "n_fake": len(fake)})]


def _labelled(task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    fake, labels = task.fake.images, task.real.labels
    assert fake is not None
    assert labels is not None
    assert task.fake.labels is not None
    real = real_images(task, MAX_IMAGES)
    labels = labels[: len(real)]
    is_known = labels >= 0
    fake = np.clip(fake, -1.0, 1.0)
    return real[is_known], labels[is_known], fake, task.fake.labels[: len(fake)]


def real_images(task: Task, most: int) -> np.ndarray:
    """The first real examples, as the data have them."""
    return task.reference.read(0, min(most, task.reference.num))["image"]
