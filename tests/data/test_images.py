"""Bytes and [-1, 1], sizes and channels."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import resize_and_crop, to_float, to_uint8
from jaxgan.data.images import convert_channels, resize_array


def test_every_byte_comes_back():
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_uint8(to_float(every)), every)


def test_to_float_is_the_convention():
    np.testing.assert_allclose(
        to_float(np.arange(256, dtype=np.uint8)), np.arange(256) / 127.5 - 1, atol=1e-7
    )
    assert to_float(np.zeros(1, np.uint8)).dtype == np.float32


def test_to_float_refuses_what_is_not_bytes():
    with pytest.raises(ValueError, match=r"image\.dtype is int64; it must be uint8"):
        to_float(np.arange(3))


def test_to_uint8_clips_and_survives_a_diverged_sample():
    values = np.array([-np.inf, -1.01, -0.5, 0.5, 1.01, np.inf, np.nan])
    assert to_uint8(values).tolist() == [0, 0, 64, 191, 255, 255, 0]


def test_resize_keeps_the_middle_of_the_longer_side():
    # Left third red, middle green, right blue: a square cut from the centre sees only green.
    bars = np.zeros((20, 60, 3), np.uint8)
    for channel in range(3):
        bars[:, 20 * channel : 20 * (channel + 1), channel] = 255
    cropped = np.asarray(resize_and_crop(Image.fromarray(bars), 20))
    np.testing.assert_array_equal(cropped, bars[:, 20:40])
    tall = np.asarray(resize_and_crop(Image.fromarray(bars.transpose(1, 0, 2)), 20))
    np.testing.assert_array_equal(tall, bars.transpose(1, 0, 2)[20:40])


def test_resize_is_antialiased():
    # A one-pixel chequerboard is mid grey when seen from afar; picking pixels would alias it.
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = np.asarray(resize_and_crop(Image.fromarray(board), 8)).astype(int)
    assert np.abs(small - 127).max() <= 2


@pytest.mark.parametrize("size", [(7, 5), (5, 7), (1, 99), (33, 32)])
def test_resize_always_gives_the_size(size):
    assert resize_and_crop(Image.new("L", size), 16).size == (16, 16)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_is_laid_on_white(mode):
    if mode == "P":
        image = Image.new("P", (1, 1), 0)
        image.info["transparency"] = 0
    else:
        image = Image.new(mode, (1, 1), 0)
    assert convert_channels(image, 3).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["I", "I;16", "F"])
def test_more_than_eight_bits_are_refused(mode):
    with pytest.raises(ValueError, match=f"mode is {mode}; it must be of 8 bits"):
        convert_channels(Image.new(mode, (2, 2)), 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_resize_array_changes_channels(channels):
    grey = np.full((3, 5, 1), 77, np.uint8)
    changed = resize_array(grey, 4, channels)
    np.testing.assert_array_equal(changed, np.full((4, 4, channels), 77, np.uint8))
    back = resize_array(changed, None, 1)
    np.testing.assert_array_equal(back, np.full((4, 4, 1), 77, np.uint8))
