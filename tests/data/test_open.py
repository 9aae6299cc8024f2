"""Names and options, and one line for everything that can be wrong with one's own data."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import DataError, DeviceSource, Source, open_source


@pytest.mark.parametrize(
    ("spec", "options", "kind", "shape", "num_classes"),
    [
        ("digits", {}, Source, (8, 8, 1), 10),
        ("digits", {"image_size": 32, "labels": False}, Source, (32, 32, 1), None),
        ("ring", {}, DeviceSource, (2,), 8),
        ("ring", {"num_modes": 3, "radius": 1, "std": 0.5}, DeviceSource, (2,), 3),
        ("grid", {}, DeviceSource, (2,), 25),
        ("grid", {"num_side": 2}, DeviceSource, (2,), 4),
    ],
)
def test_opens(spec, options, kind, shape, num_classes):
    source = open_source(spec, **options)
    assert isinstance(source, kind)
    assert source.name == spec
    assert source.element_spec["image"].shape == shape
    assert source.element_spec["image"].dtype == np.float32
    assert source.num_classes == num_classes


GREY = np.zeros((3, 4, 4), np.uint8)
COLOUR = np.zeros((3, 4, 4, 3), np.uint8)
POINTS = np.zeros((3, 2), np.float32)


@pytest.mark.parametrize(
    ("arrays", "options", "shape", "num_classes"),
    [
        ({"images": GREY}, {}, (4, 4, 1), None),
        ({"images": COLOUR, "labels": np.array([0, 4, 1])}, {}, (4, 4, 3), 5),
        ({"images": COLOUR, "labels": np.array([0, 4, 1])}, {"labels": False}, (4, 4, 3), None),
        ({"images": COLOUR}, {"image_size": 9}, (9, 9, 3), None),
        ({"images": GREY.astype(np.float64)}, {}, (4, 4, 1), None),
        ({"images": GREY.astype(np.float64)}, {"image_size": 4}, (4, 4, 1), None),
        ({"points": POINTS + 99, "labels": np.zeros(3, np.uint8)}, {}, (2,), 1),
    ],
)
def test_npz_opens(tmp_path, arrays, options, shape, num_classes):
    np.savez(tmp_path / "own.npz", **arrays)
    source = open_source(f"npz:{tmp_path / 'own.npz'}", **options)
    assert source.element_spec["image"].shape == shape
    assert source.num_classes == num_classes
    batch = source.read(np.arange(3))
    assert batch["image"].shape == (3, *shape)
    assert batch["image"].dtype == np.float32


def test_npz_values(tmp_path):
    images = np.arange(3 * 16, dtype=np.uint8).reshape(GREY.shape) * 5
    np.savez_compressed(tmp_path / "own.npz", images=images, labels=np.array([2, 0, 1]))
    batch = open_source(f"npz:{tmp_path / 'own.npz'}").read(np.array([2, 0]))
    np.testing.assert_allclose(batch["image"][..., 0], images[[2, 0]] / 127.5 - 1, atol=1e-7)
    assert batch["label"].tolist() == [1, 2]


WRONG_NAMES = [
    ("digit", {}, ["'digit'", "digits, folder:PATH", "tfds:NAME", "did you mean digits?"]),
    ("", {}, ["''", "it must be cifar:PATH, digits"]),
    ("/", {}, ["'/'", "did you mean folder:/?"]),
    ("digits:8", {}, ["'digits:8'", "it must be digits"]),
    ("ring:", {}, ["'ring:'", "it must be ring"]),
    ("tfds", {}, ["'tfds'", "it must be tfds:NAME"]),
    ("folder:", {}, ["'folder:'", "it must be folder:PATH"]),
    ("digits", {"size": 8}, ["digits: option is 'size'", "it must be 'image_size' or 'labels'"]),
    ("digits", {"image_size": "big"}, ["digits: image_size is 'big'", "it must be an integer"]),
    ("digits", {"image_size": True}, ["digits: image_size is True", "it must be an integer"]),
    ("digits", {"image_size": -1}, ["digits: image_size is -1", "from 1 to 4096"]),
    ("digits", {"image_size": 10**6}, ["digits: image_size is 1000000", "from 1 to 4096"]),
    ("digits", {"labels": "no"}, ["digits: labels is 'no'", "it must be true or false"]),
    (
        "ring",
        {"modes": 8},
        ["ring: option is 'modes'", "it must be 'num_modes', 'radius' or 'std'"],
    ),
    ("ring", {"num_modes": 0}, ["ring: num_modes is 0", "it must be an integer, from 1 to 1000"]),
    ("ring", {"num_modes": 2.5}, ["ring: num_modes is 2.5", "it must be an integer"]),
    ("ring", {"radius": -2.0}, ["ring: radius is -2.0", "it must be above 0 and finite"]),
    ("ring", {"std": 0}, ["ring: std is 0", "it must be above 0 and finite"]),
    ("ring", {"std": float("nan")}, ["ring: std is nan", "must be above 0 and finite"]),
    ("ring", {"radius": float("inf")}, ["ring: radius is inf", "must be above 0 and finite"]),
    ("grid", {"num_side": 0}, ["grid: num_side is 0", "it must be an integer, from 1 to 1000"]),
    ("grid", {"spacing": "2"}, ["grid: spacing is '2'", "must be above 0 and finite"]),
    ("npz:/no/such.npz", {}, ["npz:/no/such.npz: no such file", "it must be a .npz file"]),
    ("npz:/", {}, ["npz:/: no such file"]),
    (
        "npz:x.npz",
        {"split": "test"},
        ["npz: option is 'split'", "it must be 'image_size' or 'labels'"],
    ),
    ("folder:/no/such", {}, ["folder:/no/such: no such folder", "it must be one of"]),
    ("folder:/no/such", {"channels": 4}, ["folder: channels is 4", "it must be 1 or 3"]),
    ("folder:/no/such", {"labels": 1}, ["folder: labels is 1", "it must be true or false"]),
]


@pytest.mark.parametrize(("spec", "options", "fragments"), WRONG_NAMES)
def test_wrong_names_and_options(spec, options, fragments):
    assert_one_line(lambda: open_source(spec, **options), fragments)


def bent(array, value):
    changed = array.astype(np.float32)
    changed[1, 0] = value
    return changed


WRONG_ARRAYS = {
    "no arrays": ({}, {}, ["holds arrays []", "they must be images or points"]),
    "labels only": ({"labels": np.arange(3)}, {}, ["holds arrays ['labels']"]),
    "both": ({"images": GREY, "points": POINTS}, {}, ["['images', 'points']", "must be"]),
    "unknown": (
        {"images": GREY, "x": GREY},
        {},
        ["unknown arrays ['x']", "images, points, labels"],
    ),
    "int images": ({"images": GREY.astype(int)}, {}, ["images.dtype is int64", "it must be uint8"]),
    "bool images": ({"images": GREY > 0}, {}, ["images.dtype is bool", "it must be uint8"]),
    "text": ({"images": np.array(["a"])}, {}, ["images.shape is (1,)", "it must be [N"]),
    "rank 2": ({"images": GREY[0]}, {}, ["shape is (4, 4)", "it must be [N, H, W, C]"]),
    "rank 5": ({"images": COLOUR[None]}, {}, ["shape is (1, 3, 4, 4, 3)", "must be"]),
    "float rank 2": (
        {"images": POINTS},
        {},
        ["images.shape is (3, 2)", "it must be [N"],
    ),
    "none": ({"images": GREY[:0]}, {}, ["shape is (0, 4, 4, 1)", "it must be without a 0"]),
    "no pixels": ({"images": GREY[:, :0]}, {}, ["(3, 0, 4, 1)", "it must be without a 0"]),
    "range": (
        {"images": GREY + 255.0},
        {},
        ["float images in [255, 255]", "they must be in [-1, 1]"],
    ),
    "below": (
        {"images": GREY - 1.5},
        {},
        ["float images in [-1.5, -1.5]", "they must be in [-1, 1]"],
    ),
    "nan image": ({"images": bent(GREY, np.nan)}, {}, ["4 NaN or infinite", "first in example 1"]),
    "inf point": ({"points": bent(POINTS, np.inf)}, {}, ["1 NaN or infinite", "in example 1"]),
    "int points": (
        {"points": np.ones((3, 2), int)},
        {},
        ["points of dtype int64", "floats [N, D]"],
    ),
    "rank 1": ({"points": np.ones(3)}, {}, ["points of dtype float64 and shape (3,)", "[N, D]"]),
    "sized points": ({"points": POINTS}, {"image_size": 8}, ["image_size is 8", "none"]),
    "sized floats": (
        {"images": GREY.astype(np.float32)},
        {"image_size": 8},
        ["image_size is 8 for float32", "it resizes uint8"],
    ),
    "too few labels": (
        {"images": GREY, "labels": np.arange(2)},
        {},
        ["labels.shape is (2,)", "it must be (3,), one per example"],
    ),
    "one-hot labels": ({"images": GREY, "labels": np.eye(3, dtype=int)}, {}, ["shape is (3, 3)"]),
    "float labels": (
        {"images": GREY, "labels": np.zeros(3)},
        {},
        ["float64", "it must be integer"],
    ),
    "negative": (
        {"points": POINTS, "labels": np.array([0, -1, 2])},
        {},
        ["label of example 1 is -1", "it must be 0 and above"],
    ),
    "huge label": ({"points": POINTS, "labels": np.array([0, 2**40, 2])}, {}, ["1099511627776"]),
    "pickle": (
        {"images": np.array([{"a": 1}], dtype=object)},
        {},
        ["cannot be read", "without pickles"],
    ),
}


@pytest.mark.parametrize("case", WRONG_ARRAYS)
def test_wrong_arrays(tmp_path, case):
    arrays, options, fragments = WRONG_ARRAYS[case]
    path = tmp_path / "own.npz"
    np.savez(path, **arrays)
    assert_one_line(lambda: open_source(f"npz:{path}", **options), [f"npz:{path}", *fragments])


def test_damaged_npz(tmp_path):
    path = tmp_path / "own.npz"
    np.savez_compressed(path, images=np.arange(4800, dtype=np.uint8).reshape(3, 40, 40))
    good = path.read_bytes()
    for content in (b"", b"text", good[:40], good[: len(good) // 2], good[:-10]):
        path.write_bytes(content)
        assert_one_line(lambda: open_source(f"npz:{path}"), [f"npz:{path}: it cannot be read"])
    with path.open("wb") as file:
        np.save(file, GREY)
    assert_one_line(lambda: open_source(f"npz:{path}"), [f"npz:{path}: it cannot be read"])


def test_flipped_bytes_never_give_other_images(tmp_path):
    path = tmp_path / "own.npz"
    images = np.arange(480, dtype=np.int64).reshape(3, 10, 16).astype(np.uint8)
    np.savez_compressed(path, images=images)
    good = path.read_bytes()
    expected = open_source(f"npz:{path}").read(np.arange(3))["image"]
    refused = 0
    for place in range(0, len(good), 3):
        bad = bytearray(good)
        bad[place] ^= 0xFF
        path.write_bytes(bad)
        try:
            source = open_source(f"npz:{path}")
        except DataError:
            refused += 1
        else:  # a byte that means nothing, such as a date
            np.testing.assert_array_equal(source.read(np.arange(3))["image"], expected)
    assert refused > len(good) / 3 / 2


def image(path, size=(4, 4)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)


def wrong_folders():
    yield "empty", [], {}, ["no image in it", "there must be .bmp, .jpeg, .jpg, .png, .webp"]
    yield "both", ["a.png", "b/c.png"], {}, ["1 images beside 1 sub-folders", "images must be"]
    yield (
        "empty class",
        ["b/c.png", "d/"],
        {},
        ["no image in sub-folder 'd'", "each must have one"],
    )
    yield (
        "sizes",
        ["a.png", "large.png"],
        {},
        ["a.png is 4x4 and large.png is 5x3", "they must have one size, or image_size"],
    )
    yield "channels", ["a.png"], {"channels": True}, ["channels is True", "it must be 1 or 3"]


@pytest.mark.parametrize(
    ("files", "options", "fragments"),
    [case[1:] for case in wrong_folders()],
    ids=[case[0] for case in wrong_folders()],
)
def test_wrong_folders(tmp_path, files, options, fragments):
    for file in files:
        if file.endswith("/"):
            (tmp_path / file).mkdir()
        else:
            image(tmp_path / file, (5, 3) if "large" in file else (4, 4))
    assert_one_line(lambda: open_source(f"folder:{tmp_path}", **options), fragments)


def assert_one_line(action, fragments):
    with pytest.raises(DataError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    assert " must " in message or "it resizes " in message
    for fragment in fragments:
        assert fragment in message, message
