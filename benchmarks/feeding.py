"""Images per second of every format that sources read, against those of a folder of files.

    pip install -e ".[formats]" webdataset tfrecord
    python benchmarks/feeding.py --num 20000

The same pictures, 32x32 PNGs of ten classes, are written in each format by its own library, and
read in random order without being held in memory, in batches of 64 and one thread; candidates take
turns, round after round. Arrays hold the pixels instead of PNGs: npy, hdf5, idx (grey) and cifar.
Opening, which looks at every header, is timed in a process of its own, whose growth of peak memory
is that of the index and of looking. Prints ratios to the folder, and writes
benchmarks/results/feeding.json.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import timing
from PIL import Image

from jaxgan.cli.program import Parser, run_script, whole
from jaxgan.data import Source, open_source

SIDE, NUM_CLASSES, BATCH, CALLS = 32, 10, 64, 16

Pictures = Callable[[], Iterator[tuple[int, bytes]]]


def pixels_of(index: int) -> np.ndarray:
    """A smooth picture, which compresses about as photographs do."""
    small = np.random.default_rng(index).integers(0, 256, (4, 4, 3), np.uint8)
    large = Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(large)


def png(index: int) -> bytes:
    """The same, encoded."""
    buffer = io.BytesIO()
    Image.fromarray(pixels_of(index)).save(buffer, "png")
    return buffer.getvalue()


def name_of(index: int) -> str:
    """Where it is in a folder."""
    return f"{index % NUM_CLASSES}/{index:07d}.png"


def write_folder(root: Path, pictures: Pictures) -> str:
    """Files."""
    for number in range(NUM_CLASSES):
        (root / "files" / str(number)).mkdir(parents=True)
    for index, content in pictures():
        (root / "files" / name_of(index)).write_bytes(content)
    return f"folder:{root / 'files'}"


def write_zip(root: Path, pictures: Pictures) -> str:
    """StyleGAN's archive."""
    labels = []
    with zipfile.ZipFile(root / "a.zip", "w") as archive:
        for index, content in pictures():
            archive.writestr(name_of(index), content)
            labels.append([name_of(index), index % NUM_CLASSES])
        archive.writestr("dataset.json", json.dumps({"labels": labels}))
    return f"zip:{root / 'a.zip'}"


def write_tar(root: Path, pictures: Pictures) -> str:
    """Class folders in an archive."""
    with tarfile.open(root / "a.tar", "w") as archive:
        for index, content in pictures():
            entry = tarfile.TarInfo(name_of(index))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return f"tar:{root / 'a.tar'}"


def write_webdataset(root: Path, pictures: Pictures) -> str:
    """Shards of a thousand."""
    writer = timing.peer("webdataset").ShardWriter(
        f"{root}/shard-%04d.tar", maxcount=1000, verbose=0
    )
    for index, content in pictures():
        writer.write({"__key__": f"{index:07d}", "png": content, "cls": index % NUM_CLASSES})
    writer.close()
    return f"webdataset:{root}/shard-*.tar"


def write_parquet(root: Path, pictures: Pictures) -> str:
    """A table as the Hugging Face Hub has it."""
    arrow, parquet = timing.peer("pyarrow"), timing.peer("pyarrow.parquet")
    rows = list(pictures())
    images = [{"bytes": content, "path": None} for _, content in rows]
    table = arrow.table({"image": images, "label": [index % NUM_CLASSES for index, _ in rows]})
    parquet.write_table(table, root / "a.parquet", row_group_size=100)
    return f"parquet:{root / 'a.parquet'}"


def write_lmdb(root: Path, pictures: Pictures) -> str:
    """A database of encoded pictures."""
    database = timing.peer("lmdb").open(str(root / "lmdb"), map_size=2**33)
    with database, database.begin(write=True) as store:
        for index, content in pictures():
            store.put(b"image-%07d" % index, content)
            store.put(b"label-%07d" % index, b"%d" % (index % NUM_CLASSES))
    return f"lmdb:{root / 'lmdb'}"


def write_tfrecord(root: Path, pictures: Pictures) -> str:
    """Examples with checksums."""
    writer = timing.peer("tfrecord").TFRecordWriter(str(root / "a.tfrecord"))
    for index, content in pictures():
        writer.write({"image": (content, "byte"), "label": (index % NUM_CLASSES, "int")})
    writer.close()
    return f"tfrecord:{root / 'a.tfrecord'}"


def write_npy(root: Path, images: np.ndarray) -> str:
    """The pixels."""
    np.save(root / "a.npy", images)
    return f"npy:{root / 'a.npy'}"


def write_hdf5(root: Path, images: np.ndarray) -> str:
    """StudioGAN's file."""
    with timing.peer("h5py").File(root / "a.h5", "w") as archive:
        chunk = (1, 3, SIDE, SIDE)
        archive.create_dataset("imgs", data=np.moveaxis(images, -1, 1), chunks=chunk)
        archive["labels"] = np.arange(len(images)) % NUM_CLASSES
    return f"hdf5:{root / 'a.h5'}"


def write_idx(root: Path, images: np.ndarray) -> str:
    """MNIST's file: grey."""
    header = struct.pack(">HBBIII", 0, 8, 3, len(images), SIDE, SIDE)
    (root / "train-images-idx3-ubyte").write_bytes(header + images[..., 0].tobytes())
    return f"idx:{root / 'train-images-idx3-ubyte'}"


def write_cifar(root: Path, images: np.ndarray) -> str:
    """CIFAR-10's binary files."""
    (root / "cifar").mkdir()
    for number, part in enumerate(np.array_split(np.arange(len(images)), 5), 1):
        rows = np.moveaxis(images[part], -1, 1).reshape(len(part), -1)
        labels = (part % NUM_CLASSES).astype(np.uint8)[:, None]
        content = np.concatenate([labels, rows], axis=1).tobytes()
        (root / "cifar" / f"data_batch_{number}.bin").write_bytes(content)
    return f"cifar:{root / 'cifar'}"


def write_all(root: Path, num: int) -> dict[str, str]:
    """Every format; what each is opened as."""
    encoded = [(index, png(index)) for index in range(num)]
    of_files = (
        *(write_folder, write_zip, write_tar, write_webdataset, write_parquet, write_lmdb),
        write_tfrecord,
    )
    specs = [write(root, lambda: iter(encoded)) for write in of_files]
    images = np.stack([pixels_of(index) for index in range(num)])
    specs += [write(root, images) for write in (write_npy, write_hdf5, write_idx, write_cifar)]
    return {spec.partition(":")[0]: spec for spec in specs}


def opened(spec: str) -> Source:
    """A source that holds no pictures in memory."""
    source = open_source(spec, decode_limit_bytes=0)
    assert isinstance(source, Source)
    return source


def peak_megabytes() -> float:
    """Of this process, since it began; Linux tells."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def opening(spec: str) -> dict[str, float]:
    """Seconds, and the growth of peak memory in MB, in this process."""
    before, start = peak_megabytes(), time.perf_counter()
    opened(spec)
    return {
        "seconds": time.perf_counter() - start,
        "megabytes": peak_megabytes() - before,
    }


def opening_elsewhere(spec: str) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--open", spec]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def read_some(source: Source, random: np.random.Generator) -> None:
    """A few batches in random order."""
    for _ in range(CALLS):
        source.read(random.integers(0, source.num_examples, BATCH))


def main() -> None:
    """Measures; see the module."""
    parser = Parser(description=str(__doc__), formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--num", type=whole(5), default=20_000, help="pictures")
    parser.add_argument("--rounds", type=whole(1), default=9)
    parser.add_argument("--open", metavar="SPEC", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.open:
        print(json.dumps(opening(args.open)))
        return
    with tempfile.TemporaryDirectory() as folder:
        specs = write_all(Path(folder), args.num)
        opens = {kind: opening_elsewhere(spec) for kind, spec in specs.items()}
        random = np.random.default_rng(0)
        calls = {kind: partial(read_some, opened(spec), random) for kind, spec in specs.items()}
        seconds = timing.seconds_per_call(calls, num_rounds=args.rounds, num_calls=1)
    rates = {kind: CALLS * BATCH / one for kind, one in seconds.items()}
    print(f"{args.num} pictures; images/s of one thread, and as many times those of the folder")
    for kind, rate in rates.items():
        ratio, found = rate / rates["folder"], opens[kind]
        print(
            f"{kind:10} {rate:8.0f}  x {ratio:5.2f}   opened in {found['seconds']:5.1f} s, "
            f"{found['megabytes']:4.0f} MB"
        )
    results: dict[str, Any] = {"num": args.num, "images_per_second": rates, "opening": opens}
    timing.save_results(timing.RESULTS / "feeding.json", results)


if __name__ == "__main__":
    run_script(main)
