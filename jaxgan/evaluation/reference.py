"""The real examples of an evaluation: which ones, their digest, and what was computed from them."""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.core.errors import EvaluationError, FileError, bad_value
from jaxgan.core.state import stream
from jaxgan.data import DeviceSource, Source
from jaxgan.data.pipeline import example_order
from jaxgan.files import parse_npz
from jaxgan.files.atomic import replacing
from jaxgan.sampling.draw import CHUNK

logger = logging.getLogger("jaxgan.evaluation")

MAX_REAL = 50_000
"""So many examples stand for the data unless more are asked for."""

_FORMAT = 1

Arrays = dict[str, np.ndarray]


class Reference(NamedTuple):
    """The real examples that samples are measured against.

    Attributes:
      name: of the data.
      num: how many.
      num_classes: labels are in [0, num_classes); None when unlabelled.
      read: (start, stop) -> those examples, `image` and perhaps `label`. The order is a shuffled
        one, always the same, so the first n are a random subset.
    """

    name: str
    num: int
    num_classes: int | None
    read: Callable[[int, int], Arrays]


def make_reference(source: Source | DeviceSource, num: int | None, default: int) -> Reference:
    """Chooses the real examples.

    Args:
      source: the data.
      num: how many; None for all, at most `MAX_REAL`.
      default: of data that are sampled, which are endless: how many instead of None.

    Returns:
      A `Reference`.

    Raises:
      EvaluationError: if there are not so many.

    Example:
      >>> from jaxgan.data import digits
      >>> reference = make_reference(digits(), None, 5000)
      >>> reference.num, reference.read(0, 3)["image"].shape
      (1797, (3, 8, 8, 1))
    """
    if num is not None and num < 2:
        raise EvaluationError(bad_value("num_real", num, "at least 2"))
    # A folder of one's own says where this machine keeps it; the digest says what is in it.
    kind, colon, argument = source.name.partition(":")
    name = f"{kind}{colon}{Path(argument).name if colon else ''}"
    if isinstance(source, DeviceSource):
        return Reference(name, num or default, source.num_classes, _sampled(source))
    total = source.num_examples
    if total < 2:
        raise EvaluationError(f"data: {source.name} has {total} example; it must have at least 2")
    if num is not None and num > total:
        raise EvaluationError(f"num_real is {num}; {source.name} has {total} examples")
    order = example_order(total, seed=0)

    def read(start: int, stop: int) -> Arrays:
        batch = source.read(order(np.arange(start, stop)))
        return {key: np.asarray(batch[key]) for key in ("image", "label") if key in batch}

    return Reference(name, num or min(total, MAX_REAL), source.num_classes, read)


def _sampled(source: DeviceSource) -> Callable[[int, int], Arrays]:
    key = jax.random.key(0)
    sample = jax.jit(lambda chunk: source.sample(stream(key, "reference", chunk), CHUNK))

    def read(start: int, stop: int) -> Arrays:
        first = start // CHUNK
        chunks = [jax.device_get(sample(c)) for c in range(first, -(-stop // CHUNK))]
        part = slice(start - first * CHUNK, stop - first * CHUNK)
        return {name: np.concatenate([c[name] for c in chunks])[part] for name in chunks[0]}

    return read


def digest_of(reference: Reference) -> str:
    """What the examples are, whatever the data are called and wherever they lie.

    Args:
      reference: the examples.

    Returns:
      `sha256:...` of shapes, pixels and labels in their order.

    Example:
      >>> from jaxgan.data import digits
      >>> few, all_ = (digest_of(make_reference(digits(), n, 0)) for n in (10, None))
      >>> few.startswith("sha256:"), few == all_
      (True, False)
    """
    digest = hashlib.sha256()
    for start in range(0, reference.num, CHUNK):
        batch = reference.read(start, min(start + CHUNK, reference.num))
        for name, value in sorted(batch.items()):
            digest.update(f"{name}{value.dtype}{value.shape}".encode())
            digest.update(np.ascontiguousarray(value).data)
    return f"sha256:{digest.hexdigest()}"


def cache_path(cache_dir: Path, digest: str, protocol: Mapping[str, Any]) -> Path:
    """Where what an extractor makes of the examples is kept.

    Args:
      cache_dir: the folder.
      digest: of the examples.
      protocol: of the extractor, weights and all.

    Returns:
      A file that is named after all that its content depends on.

    Example:
      >>> a, b = (cache_path(Path("c"), "sha256:00", {"weights": w}) for w in ("x", "y"))
      >>> a == b, a.suffix
      (False, '.features')
    """
    key = json.dumps([_FORMAT, digest, dict(protocol)], sort_keys=True, default=str)
    return cache_dir / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.features"


def store(path: Path, arrays: Arrays) -> None:
    """Keeps arrays, with a digest of the whole; what cannot be written is a warning.

    Args:
      path: as `cache_path` gives it.
      arrays: by name.

    Example:
      See `recall`.
    """
    buffer = io.BytesIO()
    named: dict[str, Any] = {**arrays}
    np.savez(buffer, **named)
    payload = buffer.getvalue()
    try:
        with replacing(path) as temporary, temporary.open("wb") as file:
            file.write(hashlib.sha256(payload).hexdigest().encode() + b"\n")
            file.write(payload)
    except OSError as error:
        logger.warning("features are not kept: %s", error)


def recall(path: Path) -> Arrays | None:
    """What was kept.

    Args:
      path: as `cache_path` gives it.

    Returns:
      The arrays; None if there is no such file, or, with a warning, if it is damaged.

    Example:
      >>> import tempfile
      >>> path = Path(tempfile.mkdtemp()) / "a.features"
      >>> store(path, {"features": np.ones((2, 3))})
      >>> recall(path)["features"].shape
      (2, 3)
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        logger.warning("%s cannot be read (%s); its features are recomputed", path, error)
        return None
    digest, _, payload = content.partition(b"\n")
    if hashlib.sha256(payload).hexdigest().encode() != digest:
        logger.warning("%s is damaged; its features are recomputed", path)
        return None
    try:
        return parse_npz(io.BytesIO(payload), str(path))
    except FileError as error:
        logger.warning("%s; its features are recomputed", error)
        return None
