"""Whatever the sizes: what the stream's elements are, and which of them a batch holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jaxgan.data import Pipeline, Source, array_source, mirrored, pipeline

SEEDS = st.integers(0, 2**64 - 1)
STARTS = st.integers(0, 6) | st.integers(0, 10**9)
LEADING = st.lists(st.integers(1, 3), max_size=2).map(tuple)


def stream(source: Source, start: int = 0, **options: Any) -> Pipeline:
    made = pipeline(source, prefetch=0, **options)
    made.set_state({"next": start})
    return made


def images(num: int) -> Source:
    """Example n is the image (n / 12, 0), of label n; some elements of the stream are mirrored."""
    numbers = np.arange(num)
    pixels = np.stack([numbers / 12, np.zeros(num)], axis=1).astype(np.float32)
    return mirrored(array_source("numbers", pixels.reshape(num, 1, 2, 1), numbers))


def numbered() -> Source:
    """Its elements are their own numbers."""
    return images(3)._replace(read_elements=lambda elements, seed: {"label": elements})


@given(st.data())
def test_a_batch_is_the_elements_of_its_place(data: st.DataObject) -> None:
    start, leading = data.draw(STARTS), data.draw(LEADING)
    num_processes, share = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 5))
    size = num_processes * share
    parts = [
        next(
            stream(
                numbered(),
                start,
                batch_size=size,
                seed=0,
                num_batches=leading,
                process_index=index,
                num_processes=num_processes,
            )
        )["label"]
        for index in range(num_processes)
    ]
    whole = np.concatenate(parts, axis=-1)
    assert whole.shape == (*leading, size)
    np.testing.assert_array_equal(whole.ravel(), start * size + np.arange(whole.size))


@given(num=st.integers(1, 12), seed=SEEDS, sizes=st.tuples(*[st.integers(1, 30)] * 2))
def test_an_element_depends_on_its_number_and_the_seed_alone(
    num: int, seed: int, sizes: tuple[int, int]
) -> None:
    found = []
    for size in sizes:
        made = stream(images(num), batch_size=size, seed=seed)
        batches = [next(made) for _ in range(-(-60 // size))]
        found.append({k: np.concatenate([b[k] for b in batches])[:60] for k in batches[0]})
    for key, value in found[0].items():
        np.testing.assert_array_equal(value, found[1][key])
    labels, pixels = found[0]["label"], found[0]["image"][:, 0, :, 0]
    np.testing.assert_allclose(pixels.sum(axis=1), labels / 12, rtol=1e-6)
    epochs = labels[: 60 // num * num].reshape(-1, num)
    np.testing.assert_array_equal(np.sort(epochs), np.tile(np.arange(num), (len(epochs), 1)))


@given(st.data())
def test_whatever_stops_it_the_stream_goes_on(data: st.DataObject) -> None:
    options: dict[str, Any] = {"batch_size": data.draw(st.integers(1, 5)), "seed": 1}
    place, read = data.draw(STARTS), list[np.ndarray]()
    start = options["batch_size"] * place
    state = {"next": place}
    for num in data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=5)):
        here = stream(numbered(), 0, **options, num_batches=data.draw(LEADING))
        here.set_state(state)
        read += [next(here)["label"].ravel() for _ in range(num)]
        state = here.get_state()
    elements = np.concatenate([np.empty(0, int), *read])
    np.testing.assert_array_equal(elements, start + np.arange(len(elements)))
    assert state == {"next": place + len(elements) // options["batch_size"]}
