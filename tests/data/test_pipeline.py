"""The stream: what element i is, whoever reads it, however it is batched, whenever it resumes."""

import itertools

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxgan.data import (
    Pipeline,
    array_source,
    decoded_source,
    digits,
    example_order,
    pipeline,
    prefetch_to_device,
    ring,
)

NUM_EXAMPLES = 37


@pytest.fixture(scope="module")
def source():
    """Example n is the point (n, -n) with the label n, so that a batch tells what it read."""
    numbers = np.arange(NUM_EXAMPLES)
    points = np.stack([numbers, -numbers], axis=1).astype(np.float32)
    return array_source("numbers", points, numbers)


def labels(batches, num):
    read = [item["label"].ravel() for item in itertools.islice(batches, num)]
    return np.concatenate([np.empty(0, np.int32), *read])


@pytest.mark.parametrize("prefetch", [0, 3])
@pytest.mark.parametrize("num_threads", [0, 1, 3])
def test_batch_t_is_the_elements_from_t_b_on(source, prefetch, num_threads):
    batches = pipeline(source, batch_size=8, seed=3, prefetch=prefetch, num_threads=num_threads)
    order = example_order(NUM_EXAMPLES, seed=3)
    np.testing.assert_array_equal(labels(batches, 20), order(np.arange(160)))


def test_a_batch_larger_than_the_data_set_goes_on_into_the_next_epochs(source):
    small = labels(pipeline(source, batch_size=10, seed=0), 10)
    large = labels(pipeline(source, batch_size=100, seed=0), 1)
    np.testing.assert_array_equal(large, small)


def test_leading_axes_are_consecutive_batches_in_c_order(source):
    flat = pipeline(source, batch_size=6, seed=1)
    item = next(pipeline(source, batch_size=6, seed=1, num_batches=(2, 3)))
    assert item["image"].shape == (2, 3, 6, 2)
    assert item["label"].shape == (2, 3, 6)
    assert (item["image"].dtype, item["label"].dtype) == (np.float32, np.int32)
    np.testing.assert_array_equal(item["label"].ravel(), labels(flat, 6))
    np.testing.assert_array_equal(item["image"][..., 0], item["label"])


@pytest.mark.parametrize("num_processes", [2, 3, 6])
def test_the_global_batch_is_the_same_on_any_number_of_processes(source, num_processes):
    whole = next(pipeline(source, batch_size=12, seed=5, num_batches=(4,)))
    parts = [
        next(
            pipeline(
                source,
                batch_size=12,
                seed=5,
                num_batches=(4,),
                process_index=index,
                num_processes=num_processes,
            )
        )
        for index in range(num_processes)
    ]
    for key, value in whole.items():
        np.testing.assert_array_equal(np.concatenate([part[key] for part in parts], 1), value)


@pytest.mark.parametrize("wrap", [lambda batches: batches, prefetch_to_device])
@pytest.mark.parametrize("stop", [0, 1, 4, 7])
def test_resumes_exactly_anywhere(source, wrap, stop):
    def make():
        return wrap(pipeline(source, batch_size=8, seed=2, num_batches=(3,)))

    whole = labels(make(), 12)
    first = make()
    head = labels(first, stop)
    state = first.get_state()
    assert state == {"next": 3 * stop}  # batches handed out, not those read ahead
    second = make()
    next(second)  # a used pipeline, whose read-ahead items must go
    second.set_state(state)
    tail = labels(second, 12 - stop)
    np.testing.assert_array_equal(np.concatenate([head, tail]), whole)


def test_resumes_with_another_grouping_of_batches(source):
    one = pipeline(source, batch_size=8, seed=2, num_batches=(3,))
    whole = labels(pipeline(source, batch_size=8, seed=2), 10)
    head = labels(one, 2)
    other = pipeline(source, batch_size=8, seed=2, num_batches=(2, 2))
    other.set_state(one.get_state())
    np.testing.assert_array_equal(np.concatenate([head, labels(other, 1)]), whole[:80])


def test_a_far_state_is_reached_at_once(source):
    batches = pipeline(source, batch_size=8, seed=2)
    batches.set_state({"next": np.int64(10**12)})
    order = example_order(NUM_EXAMPLES, seed=2)
    np.testing.assert_array_equal(labels(batches, 1), order(8 * 10**12 + np.arange(8)))
    assert batches.get_state() == {"next": 10**12 + 1}


def test_every_epoch_is_a_permutation_of_its_own():
    order = example_order(NUM_EXAMPLES, seed=0)(np.arange(50 * NUM_EXAMPLES))
    epochs = order.reshape(50, NUM_EXAMPLES)
    np.testing.assert_array_equal(np.sort(epochs), np.tile(np.arange(NUM_EXAMPLES), (50, 1)))
    assert len(np.unique(epochs, axis=0)) == 50


def test_seeds_share_no_epoch():
    # Seeds next to one another are what people use; Grain's own shuffle would share 9 of 10.
    streams = [example_order(NUM_EXAMPLES, seed)(np.arange(10 * NUM_EXAMPLES)) for seed in range(9)]
    epochs = np.stack(streams).reshape(90, NUM_EXAMPLES)
    assert len(np.unique(epochs, axis=0)) == 90


def test_every_example_is_as_likely_in_every_place():
    num_epochs, num = 6000, 6
    order = example_order(num, seed=1)(np.arange(num_epochs * num)).reshape(num_epochs, num)
    counts = np.stack([(order == example).sum(axis=0) for example in range(num)])
    expected = num_epochs / num
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 52.6  # 0.999 quantile at (6 - 1)^2 = 25 degrees of freedom


def test_the_order_does_not_change_between_releases():
    # A new order would silently break the exact resumption of old checkpoints.
    raw = np.random.Philox(key=np.array([7, 1], np.uint64)).random_raw(5)
    np.testing.assert_array_equal(example_order(5, seed=7)(np.arange(5, 10)), np.argsort(raw))
    first = [0, 2, 9, 1, 8, 5, 4, 3, 6, 7]
    second = [5, 3, 7, 8, 2, 4, 1, 0, 6, 9]
    assert example_order(10, seed=0)(np.arange(20)).tolist() == first + second


def test_a_device_source_gives_empty_batches_counted_alike():
    batches = prefetch_to_device(pipeline(ring(), batch_size=8, seed=0, num_batches=(10, 6)))
    assert [next(batches), next(batches)] == [{}, {}]
    assert batches.get_state() == {"next": 120}


def test_a_failed_read_is_tried_again_not_skipped():
    broken = [False]

    def decode(indices):
        if broken[0]:
            raise OSError("gone for a moment")
        return np.zeros((len(indices), 1, 1, 1), np.uint8), indices

    source = decoded_source(
        "flaky", decode, (NUM_EXAMPLES, 1, 1, 1), num_classes=NUM_EXAMPLES, decode_limit_bytes=0
    )
    broken[0] = True
    batches = pipeline(source, batch_size=4, seed=0)
    with pytest.raises(OSError, match="gone"):
        next(batches)
    assert batches.get_state() == {"next": 0}
    broken[0] = False
    np.testing.assert_array_equal(labels(batches, 2), example_order(NUM_EXAMPLES, 0)(np.arange(8)))


def test_global_batches_on_eight_devices(source):
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    sharding = NamedSharding(mesh, PartitionSpec(None, "data"))
    host = pipeline(source, batch_size=16, seed=0, num_batches=(2,))
    device = prefetch_to_device(pipeline(source, batch_size=16, seed=0, num_batches=(2,)), sharding)
    for expected, batch in zip(itertools.islice(host, 4), device, strict=False):
        assert batch["image"].sharding.is_equivalent_to(sharding, 3)
        assert {shard.data.shape for shard in batch["image"].addressable_shards} == {(2, 2, 2)}
        for key, value in expected.items():
            np.testing.assert_array_equal(np.asarray(batch[key]), value)


def test_prefetch_to_device_starts_where_the_stream_stands(source):
    host = pipeline(source, batch_size=8, seed=0)
    next(host)
    device = prefetch_to_device(host)
    assert device.get_state() == {"next": 1}
    expected = next(host)["label"]
    np.testing.assert_array_equal(np.asarray(next(device)["label"]), expected)


@pytest.mark.parametrize("size", [0, 1, 3])
def test_prefetch_to_device_reads_ahead_by_its_size(size):
    started = []

    def start(t):
        for n in itertools.count(t):
            started.append(n)
            yield {"image": np.zeros(1, np.float32)}

    batches = prefetch_to_device(Pipeline(start, 1), size=size)
    next(batches)
    assert len(started) == size + 1
    assert batches.get_state() == {"next": 1}


def test_an_item_is_read_in_one_call():
    # What keeps data from limiting a step: no Python call per example, nor per batch.
    source, calls = digits(), []

    def read(indices):
        calls.append(len(indices))
        return source.read(indices)

    batches = pipeline(
        source._replace(read=read), batch_size=64, seed=0, num_batches=(10,), prefetch=0
    )
    assert next(batches)["image"].shape == (10, 64, 8, 8, 1)
    assert calls == [640]


@pytest.mark.parametrize(("batch_size", "num_items"), [(4, 32), (512, 7), (8192, 1)])
def test_small_items_are_read_several_at_a_time(batch_size, num_items):
    # 8 x 8 float32 pixels and an int32 label are 260 bytes; a read takes at most 2**20 of them.
    source, calls = digits(), []

    def read(indices):
        calls.append(len(indices))
        return source.read(indices)

    batches = pipeline(source._replace(read=read), batch_size=batch_size, seed=0)
    alone = pipeline(source, batch_size=batch_size, seed=0, prefetch=0)
    for _ in range(num_items + 1):
        np.testing.assert_array_equal(next(batches)["image"], next(alone)["image"])
    assert set(calls) == {num_items * batch_size}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0; it must be an integer, at least 1"),
        ({"batch_size": True}, "batch_size is True; it must be"),
        ({"batch_size": 6.0}, r"batch_size is 6\.0; it must be"),
        ({"seed": -1}, "seed is -1; it must be an integer, from 0 to"),
        ({"seed": 2**64}, "seed is 18446744073709551616; it must be an int"),
        ({"num_batches": (10, 0)}, r"num_batches\[1\] is 0; it must be"),
        ({"num_processes": 0}, "num_processes is 0; it must be"),
        ({"num_processes": 4}, "batch_size is 6; it must be a multiple of the 4 processes"),
        ({"process_index": 1}, "process_index is 1; it must be below 1"),
        ({"process_index": -1}, "process_index is -1; it must be an integer"),
        ({"prefetch": -1}, "prefetch is -1; it must be"),
        ({"num_threads": -2}, "num_threads is -2; it must be"),
    ],
)
def test_bad_options(source, options, message):
    with pytest.raises(ValueError, match=message):
        pipeline(source, **{"batch_size": 6, "seed": 0, **options})


@pytest.mark.parametrize("state", [{}, {"next": -1}, {"nxt": 1}, {"next": 1, "epoch": 0}])
def test_bad_states(source, state):
    with pytest.raises(ValueError, match=r"state is .*it must be {'next': t}"):
        pipeline(source, batch_size=4, seed=0).set_state(state)


def test_prefetch_to_device_bad_size(source):
    with pytest.raises(ValueError, match="size is -1; it must be"):
        prefetch_to_device(pipeline(source, batch_size=4, seed=0), size=-1)
