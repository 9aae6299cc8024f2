"""Batches of an endless, shuffled stream, ahead of the step that uses them.

Element i of the stream depends on (seed, i) alone: epoch e = i // N is a permutation of the N
examples, drawn for (seed, e), and the element is its entry i % N. Global batch t is the elements
[t B, (t + 1) B), of which each process reads its own contiguous part. So what has been seen is
given by one integer, t, and is the same on any number of processes. What a source draws besides the
example (`Source.read_elements`) is made of (seed, i) too.
"""

from __future__ import annotations

import collections
import functools
import itertools
import math
import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import grain
import jax
import numpy as np

from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Count, Index, checked
from jaxgan.data.source import DeviceSource, NumpyBatch, Seed, Source

MAX_READ_ITEMS = 32
MAX_READ_BYTES = 2**20
"""Small items are read several at a time: handing one over from thread to thread takes 0.1 ms."""


class Pipeline:
    """An endless iterator of batches whose whole state is the number of batches handed out.

    Args:
      start: maps t to an iterator of items that begins with global batch t. It may read ahead;
        that does not count.
      batches_per_item: how many global batches one item holds.

    Example:
      >>> counts = Pipeline(lambda t: ({"t": n} for n in itertools.count(t, 2)), 2)
      >>> next(counts), next(counts), counts.get_state()
      ({'t': 0}, {'t': 2}, {'next': 4})
      >>> counts.set_state({"next": 2})
      >>> next(counts)
      {'t': 2}
    """

    def __init__(self, start: Callable[[int], Iterator[Any]], batches_per_item: int) -> None:
        self.start = start
        self.batches_per_item = batches_per_item
        self._next = 0
        self._items: Iterator[Any] | None = None

    def __iter__(self) -> Pipeline:
        return self

    def __next__(self) -> Any:
        if self._items is None:
            self._items = self.start(self._next)
        try:
            item = next(self._items)
        except BaseException:
            self.close()  # so that trying again reads the same item, not the one after it
            raise
        self._next += self.batches_per_item
        return item

    def get_state(self) -> dict[str, int]:
        """Returns `{"next": t}`: the next item begins with global batch t."""
        return {"next": self._next}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Goes to where `get_state` gave `state`, in the time of one batch.

        Raises:
          ValueError: the state is not `{"next": t}` with t of at least 0.
        """
        if set(state) != {"next"} or int(state["next"]) < 0:
            raise ValueError(bad_value("state", dict(state), "{'next': t} with t of at least 0"))
        self.close()
        self._next = int(state["next"])

    def close(self) -> None:
        """Drops what was read ahead; the pipeline can still be used."""
        items, self._items = self._items, None
        close = getattr(items, "close", None)
        if close is not None:
            close()


@checked
def pipeline(
    source: Source | DeviceSource,
    *,
    batch_size: Count,
    seed: Seed,
    num_batches: tuple[Count, ...] = (),
    process_index: Index = 0,
    num_processes: Count = 1,
    num_threads: Index | None = None,
    prefetch: Index = 4,
) -> Pipeline:
    """Makes the stream of batches of a source; see the module for what it promises.

    Args:
      source: a `Source`; a `DeviceSource` needs no batches and gives empty ones, counted alike.
      batch_size: B, examples in a global batch.
      seed: of the order of the examples.
      num_batches: leading axes of an item: `Algorithm.num_batches`. One item holds their product
        of consecutive batches, in C order.
      process_index: which of the processes this is.
      num_processes: how many read the stream; they divide `batch_size`.
      num_threads: threads that read ahead, one item each; None for 1. More help a source that
        decodes when it is read. 0 reads in the caller's thread.
      prefetch: items read ahead, at least; 0 reads in the caller's thread. Small items are read
        several in one call.

    Returns:
      A `Pipeline` of `{"image": [*num_batches, B / num_processes, ...], "label": ...}`, NumPy
      float32 and int32.

    Raises:
      ValueError: a count out of range, or `num_processes` does not divide `batch_size`.

    >>> from jaxgan.data import digits
    >>> batches = pipeline(digits(), batch_size=64, seed=0, num_batches=(10,))
    >>> next(batches)["image"].shape, batches.get_state()
    ((10, 64, 8, 8, 1), {'next': 10})
    """
    _check_processes(batch_size, process_index, num_processes)
    per_item = math.prod(num_batches)
    if isinstance(source, DeviceSource):
        return Pipeline(lambda t: itertools.repeat({}), per_item)

    local_size = batch_size // num_processes
    order = example_order(source.num_examples, seed)

    threads = 0 if prefetch == 0 else 1 if num_threads is None else num_threads
    items = _items_per_read(source, per_item * local_size) if threads else 1

    def read(t: int, num_items: int) -> NumpyBatch:
        first = t * batch_size + process_index * local_size
        batches = first + np.arange(num_items * per_item)[:, None] * batch_size
        elements = (batches + np.arange(local_size)).ravel()
        if source.read_elements is None:
            batch = source.read(order(elements))
        else:
            batch = source.read_elements(elements, seed)
        lead = (num_items, *num_batches, local_size)
        arranged: NumpyBatch = jax.tree.map(lambda x: x.reshape(lead + x.shape[1:]), batch)
        return arranged

    def read_several(t: int) -> Iterator[NumpyBatch]:
        try:
            several = read(t, items)
        except Exception:
            if items == 1:
                raise
            # One by one, so that what comes before the one that fails is used.
            return (
                jax.tree.map(operator.itemgetter(0), read(t + i * per_item, 1))
                for i in range(items)
            )
        return (jax.tree.map(operator.itemgetter(i), several) for i in range(items))

    ahead = max(-(-prefetch // items), threads) if threads else 0
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)

    def start(t: int) -> Iterator[NumpyBatch]:
        stream = grain.MapDataset.range(t, sys.maxsize, items * per_item).map(read_several)
        reads = iter(stream.to_iter_dataset(options))
        try:
            for several in reads:
                yield from several
        finally:
            reads.close()

    return Pipeline(start, per_item)


def _items_per_read(source: Source, num_examples: int) -> int:
    """How many items of so many examples are read in one call."""
    spec = jax.tree.leaves(source.element_spec)
    num_bytes: int = num_examples * sum(math.prod(x.shape) * x.dtype.itemsize for x in spec)
    return max(1, min(MAX_READ_ITEMS, MAX_READ_BYTES // max(num_bytes, 1)))


def _check_processes(batch_size: int, process_index: int, num_processes: int) -> None:
    if process_index >= num_processes:
        raise ValueError(bad_value("process_index", process_index, f"below {num_processes}"))
    if batch_size % num_processes:
        allowed = f"a multiple of the {num_processes} processes"
        raise ValueError(bad_value("batch_size", batch_size, allowed))


@checked
def example_order(num_examples: Count, seed: Seed) -> Callable[[np.ndarray], np.ndarray]:
    """Makes the shuffled order of the endless stream: an example for every element.

    Epoch e sorts the examples by the raw 64-bit output of the generator Philox with the key
    (seed, e), which NumPy keeps the same for ever; so every epoch is a permutation of its own, and
    the streams of two seeds have no epoch in common. (Grain's `shuffle` makes the epochs of seed s
    from the seeds s, s + 1, ..., and takes 20 µs for an index, too slow for data in memory.)

    Args:
      num_examples: N.
      seed: below 2**64.

    Returns:
      A function of the elements' numbers, int [n], to examples in [0, N), int [n]. It remembers
      the last epochs it made, N integers each.

    >>> order = example_order(5, seed=0)
    >>> sorted(order(np.arange(5)).tolist()), sorted(order(np.arange(5, 10)).tolist())
    ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])
    """

    @functools.lru_cache(maxsize=2)
    def permutation(epoch: int) -> np.ndarray:
        key = np.array([seed, epoch], np.uint64)
        return np.argsort(np.random.Philox(key=key).random_raw(num_examples), kind="stable")

    def order(elements: np.ndarray) -> np.ndarray:
        epochs, places = np.divmod(elements, num_examples)
        examples = np.empty_like(places)
        for epoch in np.unique(epochs):
            chosen = epochs == epoch
            examples[chosen] = permutation(int(epoch))[places[chosen]]
        return examples

    return order


@checked
def prefetch_to_device(
    batches: Pipeline, sharding: jax.sharding.Sharding | None = None, size: Index = 2
) -> Pipeline:
    """Puts batches on the devices ahead of the step that uses them.

    Args:
      batches: a `Pipeline` of host batches; only its stream is taken, and its state at this
        moment; it is not advanced.
      sharding: how the *global* batch lies on the devices. Each process gives its own part. None
        puts whole batches on the default device.
      size: items that are on the device or on their way, ahead of the one in use; 0 for none.

    Returns:
      A `Pipeline` of the same items as `jax.Array`, whose state counts what was handed out.

    Raises:
      ValueError: `size` is negative.

    >>> from jaxgan.data import digits
    >>> batches = prefetch_to_device(pipeline(digits(), batch_size=4, seed=0))
    >>> type(next(batches)["image"]) is type(jax.numpy.zeros(())), batches.get_state()
    (True, {'next': 1})
    """

    def put(batch: NumpyBatch) -> dict[str, jax.Array]:
        placed: dict[str, jax.Array]
        if sharding is None or sharding.is_fully_addressable:
            placed = jax.device_put(batch, sharding)
        else:
            placed = jax.tree.map(
                lambda x: jax.make_array_from_process_local_data(sharding, x), batch
            )
        return placed

    def start(t: int) -> Iterator[dict[str, jax.Array]]:
        host = batches.start(t)
        try:
            # Putting does not wait, so the copies go on while the caller computes.
            ahead = collections.deque(put(batch) for batch in itertools.islice(host, size))
            for batch in host:
                ahead.append(put(batch))
                yield ahead.popleft()
        finally:
            close = getattr(host, "close", None)
            if close is not None:
                close()

    prefetched = Pipeline(start, batches.batches_per_item)
    prefetched.set_state(batches.get_state())
    return prefetched
