"""Which platform is taken: libtpu may be installed for its compiler alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import pytest

from jaxgan.distributed import platforms
from tests.jobs import HANGS

CARDS = {
    "TPU v5e": ("0x1ae0", "0x120000", True),
    "Google's network card": ("0x1ae0", "0x020000", False),
    "Google's disk": ("0x1ae0", "0x010802", False),
    "a GPU": ("0x10de", "0x030200", False),
}


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.mark.parametrize("card", CARDS)
def test_a_tpu_on_the_bus_is_told_from_other_cards(card: str, tmp_path: Path) -> None:
    vendor, kind, expected = CARDS[card]
    folder = tmp_path / "sys" / "bus" / "pci" / "devices" / "0000:00:05.0"
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(f"{vendor}\n")
    (folder / "class").write_text(f"{kind}\n")
    assert platforms.has_tpu(tmp_path) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("accel0", True), ("vfio/0", True), ("vfio/vfio", False), ("null", False)],
)
def test_a_tpu_among_the_devices(name: str, expected: bool, tmp_path: Path) -> None:
    touch(tmp_path, f"dev/{name}")
    assert platforms.has_tpu(tmp_path) == expected


CUDA = ["xla_cuda12"]


@pytest.mark.parametrize(
    ("plugins", "variables", "files", "expected"),
    [
        ([], {}, [], "cpu"),
        ([], {"JAX_PLATFORMS": ""}, [], "cpu"),
        ([], {"JAX_PLATFORMS": "tpu"}, [], None),
        ([], {"TPU_NAME": "mine"}, [], None),
        ([], {"TPU_LIBRARY_PATH": "libtpu sets it itself"}, [], "cpu"),
        ([], {}, ["dev/accel0"], None),
        (CUDA, {}, ["dev/nvidia0"], "cuda,cpu"),
        (CUDA, {"CUDA_VISIBLE_DEVICES": "-1"}, ["dev/nvidia0"], "cpu"),
        (CUDA, {}, ["dev/nvidiactl"], "cpu"),
        (CUDA, {}, ["dev/dxg"], None),
        ([], {}, ["dev/nvidia0", "dev/dxg"], "cpu"),
        (["xla_rocm7"], {}, [], None),
    ],
)
def test_libtpu_is_asked_where_a_tpu_is_or_somebody_says_so(
    plugins: list[str],
    variables: dict[str, str],
    files: list[str],
    expected: str | None,
    tmp_path: Path,
) -> None:
    touch(tmp_path, *files)
    assert platforms.without_tpu(plugins, variables, tmp_path) == expected


def test_what_was_chosen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platforms, "without_tpu", lambda *_: "cuda,cpu")
    platforms.choose()
    config: Any = jax.config
    assert config.jax_platforms == "cpu"


@pytest.mark.slow
@pytest.mark.skipif(platforms.has_tpu(), reason="there is a TPU here")
def test_libtpu_says_nothing_where_there_is_no_tpu() -> None:
    pytest.importorskip("libtpu")
    code = "from jaxgan.distributed import platforms as p; import jax; p.choose(); jax.devices()"
    code += "; print(jax.devices())"
    environment = {k: v for k, v in os.environ.items() if k != "JAX_PLATFORMS"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANGS)
    assert done.stderr == ""
    assert "Cpu" in done.stdout
