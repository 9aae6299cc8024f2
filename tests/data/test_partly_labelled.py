"""A few labels: whose are kept, which labelled example goes with which, and what is refused."""

import itertools

import numpy as np
import pytest

from jaxgan.data import (
    array_source,
    decoded_source,
    digits,
    open_source,
    partly_labelled,
    pipeline,
    ring,
)

NUM_EXAMPLES, NUM_CLASSES = 1_000, 4
LABELS = np.random.default_rng(0).integers(0, NUM_CLASSES, NUM_EXAMPLES)
EVERY = np.arange(NUM_EXAMPLES)


@pytest.fixture(scope="module")
def source():
    """Example n is the point (n, class of n), so that a batch tells what it read."""
    points = np.stack([EVERY, LABELS], axis=1).astype(np.float32)
    return array_source("numbers", points, LABELS)


def chosen(source):
    return np.flatnonzero(source.read(np.arange(source.num_examples))["label"] >= 0)


def test_hides_all_labels_but_as_many_of_each_class(source):
    batch = partly_labelled(source, 20).read(EVERY)
    kept = batch["label"] >= 0
    np.testing.assert_array_equal(np.bincount(LABELS[kept]), np.full(NUM_CLASSES, 5))
    np.testing.assert_array_equal(batch["label"], np.where(kept, LABELS, -1))
    np.testing.assert_array_equal(batch["image"], source.read(EVERY)["image"])
    assert batch["label"].dtype == np.int32


def test_every_example_brings_a_labelled_one(source):
    few = partly_labelled(source, 20)
    batch = few.read(EVERY)
    partners = batch["labelled_image"][:, 0].astype(int)
    np.testing.assert_array_equal(batch["labelled_label"], LABELS[partners])
    np.testing.assert_array_equal(batch["labelled_image"][:, 1], batch["labelled_label"])
    # All of them come up, about equally often: 50 times each, with a deviation of 7.
    np.testing.assert_array_equal(np.unique(partners), chosen(few))
    counts = np.bincount(partners)[chosen(few)]
    assert counts.min() > 20
    assert counts.max() < 80
    # Neighbours are not paired alike.
    assert len(set(itertools.pairwise(partners))) > 300


def test_the_spec_is_what_is_read(source):
    for few in (partly_labelled(source, 4), partly_labelled(digits(), 10)):
        batch = few.read(np.arange(3))
        assert set(batch) == set(few.element_spec)
        for name, spec in few.element_spec.items():
            assert batch[name].shape == (3, *spec.shape)
            assert batch[name].dtype == spec.dtype


def test_reading_is_pure(source):
    few, again = partly_labelled(source, 20, seed=3), partly_labelled(source, 20, seed=3)
    indices = np.random.default_rng(1).permutation(NUM_EXAMPLES)
    parts = [few.read(part) for part in np.split(indices, 8)]
    whole = again.read(EVERY)
    for name in whole:
        together = np.concatenate([part[name] for part in parts])
        np.testing.assert_array_equal(together, whole[name][indices])


def test_a_resumed_stream_goes_on(source):
    few = partly_labelled(source, 20)
    batches = pipeline(few, batch_size=16, seed=0)
    read = [next(batches) for _ in range(5)]
    resumed = pipeline(few, batch_size=16, seed=0)
    resumed.set_state({"next": 3})
    for expected, batch in zip(read[3:], itertools.islice(resumed, 2), strict=True):
        for name in expected:
            np.testing.assert_array_equal(batch[name], expected[name])
    batches.close()
    resumed.close()


def test_seeds_choose_and_pair_anew(source):
    zero, one, large = (partly_labelled(source, 40, seed=seed) for seed in (0, 1, 2**64 - 1))
    sets = [set(chosen(few)) for few in (zero, one, large)]
    assert all(len(a & b) < 15 for a, b in itertools.combinations(sets, 2))
    ranks = [
        np.searchsorted(chosen(few), few.read(EVERY)["labelled_image"][:, 0]) for few in (zero, one)
    ]
    assert np.mean(ranks[0] == ranks[1]) < 0.1


def test_all_labels_may_be_kept():
    balanced = array_source("even", np.zeros((8, 2), np.float32), np.arange(8) % 4)
    assert partly_labelled(balanced, 8).read(np.arange(8))["label"].tolist() == [0, 1, 2, 3] * 2


def test_reads_no_more_than_it_needs():
    """Of a set that is decoded when it is read, one look at a chunk is enough for a few labels."""
    read = []

    def decode(indices):
        read.extend(indices)
        return np.zeros((len(indices), 2, 2, 1), np.uint8), indices % 2

    large = decoded_source("large", decode, (100_000, 2, 2, 1), num_classes=2, decode_limit_bytes=0)
    partly_labelled(large, 10)
    assert len(read) < 1_000


def test_configs_can_ask_for_it():
    by_name = open_source("digits", num_labels=30, label_seed=2)
    np.testing.assert_array_equal(chosen(by_name), chosen(partly_labelled(digits(), 30, 2)))
    for plain in (open_source("digits"), open_source("digits", num_labels=None)):
        assert set(plain.element_spec) == {"image", "label"}
        assert len(chosen(plain)) == plain.num_examples


POINTS = np.zeros((9, 2), np.float32)
NINE = array_source("nine", POINTS, np.array([0] * 6 + [1] * 2 + [2]))


@pytest.mark.parametrize(
    ("make", "fragments"),
    [
        (lambda: partly_labelled(array_source("bare", POINTS), 3), ["bare", "no labels"]),
        (lambda: partly_labelled(ring(), 8), ["ring: num_labels is 8", "stored"]),
        (lambda: partly_labelled(NINE, 4), ["nine: num_labels is 4", "multiple of the 3 classes"]),
        (lambda: partly_labelled(NINE, 0), ["num_labels is 0", "at least 1"]),
        (lambda: partly_labelled(NINE, -3), ["num_labels is -3", "at least 1"]),
        (lambda: partly_labelled(NINE, 3.0), ["num_labels is 3.0", "an integer"]),
        (lambda: partly_labelled(NINE, True), ["num_labels is True", "an integer"]),
        (lambda: partly_labelled(NINE, 6), ["class 2 has 1 examples", "it must be at most 3"]),
        (lambda: partly_labelled(NINE, 3, seed=-1), ["seed is -1", "an integer, from 0"]),
        (lambda: open_source("digits", num_labels=7), ["digits: num_labels is 7", "10 classes"]),
        (lambda: open_source("digits", num_labels=10, labels=False), ["digits", "no labels"]),
        (lambda: open_source("ring", num_labels=8), ["ring: num_labels is 8"]),
        (lambda: open_source("digits", num_labels="all"), ["num_labels is 'all'", "an integer"]),
    ],
)
def test_refusals_are_one_line(make, fragments):
    with pytest.raises(ValueError, match=r"; it ") as raised:
        make()
    message = str(raised.value)
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message
