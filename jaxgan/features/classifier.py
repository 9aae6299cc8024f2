"""A small classifier that is trained on the labelled data set itself, for its features and logits.

Where Inception means little (small grey digits) or its weights are not to be had, a network that
knows the data's own classes tells the samples of one GAN from those of another. Its scores carry
its name, `fd_digits-cnn`, and its protocol how it was trained and how good it is.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jax import lax

from jaxgan import optimizers
from jaxgan.core.errors import FeatureError
from jaxgan.core.state import stream
from jaxgan.core.typing import Array, Key, Params, PyTree
from jaxgan.data import DeviceSource, Source, array_source
from jaxgan.features.base import Extractor, Protocol, extract
from jaxgan.features.weights import About, content_sha256, read_arrays, write_arrays

RECIPE = 1
"""Raised whenever the same data would give another network; part of the cache's key."""

HELD_OUT = 6
"""One in so many examples is not trained on, but tells the accuracy."""

MAX_TESTED = 10_000

_CHUNK = 1024
_LOGGER = logging.getLogger(__name__)

Read = Callable[[np.ndarray], dict[str, np.ndarray]]


class Settings(NamedTuple):
    """How the classifier is trained.

    Attributes:
      num_steps: updates by Adam, its learning rate falling to 0 along a cosine.
      batch_size: examples in each.
      learning_rate: of the first update.
      seed: of the initial weights and the order.
    """

    num_steps: int = 4000
    batch_size: int = 64
    learning_rate: float = 3e-3
    seed: int = 0


class Cnn(nn.Module):
    """3x3 convolutions of stride 2 with ReLU, a hidden layer, a linear one.

    Args:
      num_classes: K.
      widths: features of the convolutions.
      num_features: F, of the hidden layer.
    """

    num_classes: int
    widths: tuple[int, ...]
    num_features: int = 128

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Maps images [B, H, W, C] to (features [B, F], logits [B, K])."""
        exact = lax.Precision.HIGHEST
        init = nn.initializers.he_normal()
        for width in self.widths:
            x = nn.relu(nn.Conv(width, (3, 3), 2, kernel_init=init, precision=exact)(x))
        x = x.reshape(len(x), -1)
        x = nn.relu(nn.Dense(self.num_features, kernel_init=init, precision=exact)(x))
        return x, nn.Dense(self.num_classes, precision=exact)(x)


def cnn(shape: tuple[int, ...], num_classes: int) -> Cnn:
    """The network for images of a shape: stages until 7 pixels or fewer are left.

    >>> cnn((28, 28, 1), 10).widths, cnn((8, 8, 1), 10).widths, cnn((64, 64, 3), 2).widths
    ((16, 32), (16,), (16, 32, 64, 128))
    """
    widths: list[int] = []
    side = max(shape[:2])
    while side > 7 or not widths:
        widths.append(min(16 * 2 ** len(widths), 128))
        side = -(-side // 2)
    return Cnn(num_classes, tuple(widths))


def is_held_out(indices: np.ndarray) -> np.ndarray:
    """Whether examples are kept from training: a sixth of all, by a hash of their index.

    >>> int(is_held_out(np.arange(60_000)).sum())
    10011
    """
    spread = (indices.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    held_out: np.ndarray = (spread >> np.uint64(32)) % np.uint64(HELD_OUT) == 0
    return held_out


def dataset_name(source_name: str) -> str:
    """The bare name of a data set: without kind, version, configuration, folder and suffix.

    >>> [dataset_name(name) for name in ("digits", "tfds:cifar10:3.0.2", "npz:/data/My Set.npz")]
    ['digits', 'cifar10', 'my-set']
    """
    kind, _, rest = source_name.partition(":")
    name = rest or kind
    name = name.split(":")[0].split("/")[0] if kind == "tfds" else Path(name).stem
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())
    return plain.strip("-") or "data"


def classifier(
    source: Source | DeviceSource,
    *,
    test: Source | None = None,
    settings: Settings | None = None,
    cache_dir: Path | None = None,
    data_key: str | None = None,
) -> Extractor:
    """Trains a classifier on a labelled data set, or takes it from the cache.

    The same data and settings give the same network, on the same kind of machine to the last bit.

    Args:
      source: labelled images.
      test: others, that tell the accuracy; by default a sixth of `source` is kept from training.
      settings: of the training.
      cache_dir: a folder to keep it in; None keeps it nowhere.
      data_key: the sha256 of the content of `source` and `test`, if it is known already.

    Returns:
      An `Extractor` named `DATASET-cnn`: the features are the last hidden layer.

    Raises:
      FeatureError: for points, data without labels, or labels of fewer than two classes.
    """
    source, shape, num_classes = labelled_images(source)
    settings = settings or Settings()
    module = cnn(shape, num_classes)
    name = f"{dataset_name(source.name)}-cnn"
    labels: np.ndarray | None = None
    if data_key is None:
        labels, data_key = _scan(source)
        if test is not None:
            data_key = f"{data_key} {_scan(test)[1]}"
    path = None
    if cache_dir is not None:
        recipe = json.dumps([RECIPE, shape, num_classes, settings, data_key])
        key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
        path = Path(cache_dir) / "classifiers" / f"{name}-{key}.npz"
        if cached := _cached(path):
            return _extractor(name, module, *cached)
    if labels is None:
        labels, _ = _scan(source)
    params, about = _train_and_test(name, module, source, test, labels, settings)
    about["trained_on"] = f"sha256:{data_key}"
    if path is not None:
        write_arrays(path, traverse_util.flatten_dict(params, sep="/"), about)
    return _extractor(name, module, params, about)


def fit(
    images: np.ndarray, labels: np.ndarray, *, settings: Settings | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Trains the same classifier on arrays: what GAN-train and GAN-test are given.

    Args:
      images: uint8, or floating point in [-1, 1], [N, H, W, C].
      labels: integers [N].
      settings: of the training.

    Returns:
      predict: images [M, H, W, C], uint8 or in [-1, 1], to classes, integers [M].

    Raises:
      FeatureError: for points, or labels of fewer than two classes.
      DataError: for images or labels out of range.

    Example:
      >>> images = np.zeros((32, 8, 8, 1), np.float32)
      >>> images[16:] = 0.5
      >>> predict = fit(images, np.arange(32) // 16, settings=Settings(num_steps=20))
      >>> predict(images[::8]).tolist()
      [0, 0, 1, 1]
    """
    source, shape, num_classes = labelled_images(array_source("given", images, labels))
    settings = settings or Settings()
    module = cnn(shape, num_classes)
    params = _train(module, source, np.arange(len(images)), settings)
    extractor = _extractor("given-cnn", module, params, {})

    def predict(queries: np.ndarray) -> np.ndarray:
        queries = array_source("given", queries).read(np.arange(len(queries)))["image"]
        classes: np.ndarray = extract(extractor, queries, chunk=_CHUNK)["logits"].argmax(axis=1)
        return classes

    return predict


def labelled_images(source: Source | DeviceSource) -> tuple[Source, tuple[int, ...], int]:
    """The data, if a classifier can be trained on them.

    Args:
      source: any.

    Returns:
      (source, (H, W, C), number of classes).

    Raises:
      FeatureError: otherwise.
    """
    shape = source.element_spec["image"].shape
    if len(shape) != 3:
        raise FeatureError(
            f"classifier: {source.name} has examples of shape {shape}; they must be "
            "images [H, W, C]; for points take pixels"
        )
    if source.num_classes is None or not isinstance(source, Source):
        raise FeatureError(
            f"classifier: {source.name} has no labels; take random-conv, pixels or inception"
        )
    if source.num_classes < 2:
        raise FeatureError(
            f"classifier: {source.name} has {source.num_classes} class; it must have at least 2"
        )
    return source, tuple(shape), source.num_classes


def _scan(source: Source) -> tuple[np.ndarray, str]:
    """All labels, and the sha256 of all images and labels."""
    digest = hashlib.sha256()
    labels = np.empty(source.num_examples, np.int32)
    for start in range(0, source.num_examples, _CHUNK):
        indices = np.arange(start, min(start + _CHUNK, source.num_examples))
        batch = source.read(indices)
        digest.update(np.ascontiguousarray(batch["image"]).data)
        labels[indices] = batch["label"]
    digest.update(labels.data)
    return labels, digest.hexdigest()


def _train_and_test(
    name: str,
    module: Cnn,
    source: Source,
    test: Source | None,
    labels: np.ndarray,
    settings: Settings,
) -> tuple[Params, About]:
    start = time.monotonic()
    known = np.flatnonzero(labels >= 0)  # of partly labelled data some are hidden
    held_out = is_held_out(known) if test is None else np.zeros(len(known), bool)
    training = known[~held_out]
    if test is None:
        test, tested = source, known[held_out]
    else:
        tested = np.arange(test.num_examples)
    if len(np.unique(labels[training])) < 2 or not len(tested):
        raise FeatureError(
            f"classifier: {source.name} has {len(training)} labelled examples to train on and "
            f"{len(tested)} held out; there must be two classes, and one held out"
        )
    tested = tested[:MAX_TESTED]
    params = _train(module, source, training, settings)
    batch = test.read(tested)
    logits = extract(_extractor(name, module, params, {}), batch["image"], chunk=_CHUNK)["logits"]
    accuracy = float((logits.argmax(axis=1) == batch["label"]).mean())
    _LOGGER.info(
        "%s: trained in %.0f s, accuracy %.4f on %d held-out examples",
        name,
        time.monotonic() - start,
        accuracy,
        len(tested),
    )
    about: About = {
        "accuracy": round(accuracy, 6),
        "num_train": len(training),
        "num_held_out": len(tested),
        "num_steps": settings.num_steps,
        "classifier_seed": settings.seed,
    }
    return params, about


def _train(module: Cnn, source: Source, indices: np.ndarray, settings: Settings) -> Params:
    key = jax.random.key(settings.seed)
    shape = source.element_spec["image"].shape
    params, opt_state = _init(module, stream(key, "classifier/init"), shape)
    batches = _order(key, indices, min(settings.batch_size, len(indices)))
    progress = np.arange(settings.num_steps) / settings.num_steps
    for rate in settings.learning_rate * (1.0 + np.cos(np.pi * progress)) / 2.0:
        batch = source.read(next(batches))
        params, opt_state = _step(
            module, params, opt_state, np.float32(rate), batch["image"], batch["label"]
        )
    return jax.tree.map(np.asarray, params)


def _order(key: Key, indices: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Batches of whole passes, each in an order of its own; a pass's short rest is left out."""
    epoch = 0
    while True:
        order = jax.random.permutation(stream(key, "classifier/order", epoch), len(indices))
        shuffled = indices[np.asarray(order)]
        for start in range(0, len(indices) - batch_size + 1, batch_size):
            yield shuffled[start : start + batch_size]
        epoch += 1


# The learning rate is an argument, so that one program serves every number of steps.


@partial(jax.jit, static_argnums=(0, 2))
def _init(module: Cnn, key: Key, shape: tuple[int, ...]) -> tuple[Params, PyTree]:
    params = module.init(key, jnp.zeros((1, *shape)))["params"]
    return params, optimizers.init(optimizers.adam(lambda _: jnp.float32(0.0)), params)


@partial(jax.jit, static_argnums=0, donate_argnums=(1, 2))
def _step(
    module: Cnn, params: Params, opt_state: PyTree, rate: Array, images: Array, labels: Array
) -> tuple[Params, PyTree]:
    optimizer = optimizers.adam(lambda _: rate)

    def loss(params: Params) -> Array:
        said: Any = module.apply({"params": params}, images)
        _, logits = said
        chances = jax.nn.log_softmax(logits)
        return -jnp.take_along_axis(chances, labels[:, None], axis=1).mean()

    return optimizers.update(optimizer, jax.grad(loss)(params), opt_state, params)


def _cached(path: Path) -> tuple[Params, About] | None:
    if not path.is_file():
        return None
    try:
        arrays, about = read_arrays(path)
    except (FeatureError, OSError) as error:
        _LOGGER.warning("trained again: %s", error)
        return None
    return traverse_util.unflatten_dict(arrays, sep="/"), about


def _extractor(name: str, module: Cnn, params: Params, about: About) -> Extractor:
    sha256 = content_sha256(traverse_util.flatten_dict(params, sep="/"))
    stated = {key: about[key] for key in about if key not in ("format", "sha256")}
    protocol: Protocol = {
        "network": f"{name}, recipe {RECIPE}",
        "weights": f"sha256:{sha256}",
        "published": 0,
        "resize": "none",
        "normalise": "[-1, 1]",
        **stated,
    }
    return Extractor(
        name=name,
        params=params,
        apply=_apply_of(module),
        protocol=protocol,
        num_classes=module.num_classes,
    )


@cache
def _apply_of(module: Cnn) -> Callable[[Params, Array], dict[str, Array]]:
    """The same function for the same module, so that it is compiled once."""

    def apply(params: Params, images: Array) -> dict[str, Array]:
        features, logits = module.apply({"params": params}, images)
        return {"features": features, "logits": logits}

    return apply
