"""The configs of published systems have what their authors have: a row for each that had not.

Values are those of resolved configs. Where the authors are known by more than one source, it is the
one named; lines are of the versions that an audit of 2026 read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from jaxgan.config.base import load_config
from jaxgan.config.resolve import resolve
from jaxgan.config.sections import SCHEDULE

CONFIGS = Path(__file__).parents[2] / "configs"

PROGAN = "tkarras/progressive_growing_of_gans, original-theano-version config.py:103-105"
STYLEGAN = "NVlabs/stylegan train.py"
R3GAN = "brownvc/R3GAN README.md:36, train.py"
BIGGAN = "ajbrock/BigGAN-PyTorch scripts/launch_BigGAN_bs256x8.sh"
SRGAN = "Ledig et al., 2017 (arXiv:1609.04802), section 3.2"
IMAGES = 20_000_000 / 512  # of R3GAN's cosines, in steps

ROWS: list[tuple[str, str, Any, str]] = [
    ("progan:full", "total_steps", 19_000_000 // 16, PROGAN),
    ("progan:full", "game.stable_steps", 800_000 // 16, PROGAN),
    ("progan:full", "discriminator.group_size", 16, PROGAN),
    ("progan:full", "data.mirror", True, f"{PROGAN}; config.py:53"),
    ("stylegan:full", "data.mirror", True, f"{STYLEGAN}:37"),
    ("stylegan:full", "optimizer.gen.learning_rate.schedule", "piecewise", f"{STYLEGAN}:54"),
    ("stylegan:full", "optimizer.disc.learning_rate.schedule", "piecewise", f"{STYLEGAN}:55"),
    ("stylegan2:full", "data.mirror", True, "NVlabs/stylegan2 README.md:130"),
    ("stylegan2:full", "generator.precision", "float32", "NVlabs/stylegan2, config F"),
    ("stylegan2:full", "discriminator.precision", "float32", "NVlabs/stylegan2, config F"),
    ("r3gan:full", "num_classes", 10, f"{R3GAN}: --cond=1"),
    ("r3gan:full", "data.mirror", True, f"{R3GAN}: --mirror=1"),
    ("r3gan:full", "algorithm.name", "alternating", "R3GAN training_loop.py:287-291"),
    ("r3gan:full", "algorithm.n_critic", 1, "R3GAN training_loop.py:287-291"),
    ("r3gan:full", "augment.name", "bgc", f"{R3GAN}: AugmentPipe"),
    ("r3gan:full", "augment.policy", ["blit", "geometric", "color", "cutout"], f"{R3GAN}"),
    ("r3gan:full", "augment.color_share", 0.5, f"{R3GAN}: brightness=0.5, ..."),
    ("r3gan:full", "ema.warmup", False, "R3GAN training_loop.py:351"),
    ("pix2pix:full", "generator.norm", "batch", "pix2pix test.py without --eval"),
    ("pix2pix:full", "generator.own_statistics", True, "pix2pix test.py without --eval"),
    ("super_resolution:full", "data.crop", True, SRGAN),
    ("super_resolution:full", "discriminator.name", "srgan", f"{SRGAN}, figure 4"),
    ("sagan:full", "generator.upsampling", "nearest", "self-attention-gan generator.py:45"),
    ("sagan:full", "discriminator.rectified_shortcut", False, "discriminator.py:48 of it"),
    ("infogan:full", "total_steps", 5000, "openai/InfoGAN run_mnist_exp.py:23-24"),
    ("infogan:full", "game.continuous_weight", 1.0, "openai/InfoGAN trainer:92-97"),
    ("infogan:full", "algorithm.name", "alternating", "openai/InfoGAN trainer:237-238"),
    ("biggan:launch", "optimizer.gen.learning_rate", 1e-4, BIGGAN),
    ("biggan:launch", "optimizer.disc.learning_rate", 4e-4, BIGGAN),
    ("biggan:launch", "optimizer.gen.eps", 1e-6, BIGGAN),
    ("biggan:launch", "optimizer.disc.eps", 1e-6, BIGGAN),
    ("biggan:launch", "algorithm.n_critic", 1, BIGGAN),
    ("biggan:launch", "penalties", {}, BIGGAN),
]

# What schedules give: (config, key of the schedule, {step: value}, source).
COURSES: list[tuple[str, str, Mapping[Any, float], str]] = [
    *(
        (
            "stylegan:full",
            f"optimizer.{player}.learning_rate",
            {
                **{0: 1e-3, 131_249: 1e-3, 131_250: 1.5e-3, 168_749: 1.5e-3, 168_750: 2e-3},
                **{206_249: 2e-3, 206_250: 3e-3, 243_750: 3e-3, 781_249: 3e-3},
            },
            f"{STYLEGAN}:54-55",
        )
        for player in ("gen", "disc")
    ),
    ("r3gan:full", "augment.p", {0: 0.0, IMAGES / 2: 0.275, IMAGES: 0.55, 390_000: 0.55}, R3GAN),
    (
        "r3gan:full",
        "ema.decay",
        {0: 0.0, IMAGES / 2: 0.5 ** (512 / 2.5e6), IMAGES: 0.5 ** (512 / 5e6)},
        f"{R3GAN}: ema_scheduler",
    ),
    (
        "super_resolution:full",
        "game.adversarial_weight",
        {0: 0.0, 999_999: 0.0, 1_000_000: 1e-3, 1_199_999: 1e-3},
        SRGAN,
    ),
    (
        "super_resolution:full",
        "optimizer.gen.learning_rate",
        {0: 1e-4, 1_099_999: 1e-4, 1_100_000: 1e-5, 1_199_999: 1e-5},
        SRGAN,
    ),
    (
        "super_resolution:full",
        "optimizer.disc.learning_rate",
        {0: 0.0, 999_999: 0.0, 1_000_000: 1e-4, 1_099_999: 1e-4, 1_100_000: 1e-5},
        SRGAN,
    ),
    *(
        (
            "bigan:full",
            f"optimizer.{player}.learning_rate",
            {0: 2e-4, 93_750: 2e-4, 140_625: 2e-5, 187_500: 2e-6},
            "jeffdonahue/bigan train_gan.py:815-829",
        )
        for player in ("gen", "disc")
    ),
    (
        "biggan:launch",
        "ema.decay",
        {0: 0.0, 19_999: 0.0, 20_000: 0.9999},
        f"{BIGGAN}: utils.py:634",
    ),
]


def resolved(name: str) -> Any:
    file, _, size = name.partition(":")
    return resolve(load_config(f"{CONFIGS / file}.py:{size}"))


def entry(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config[part]
    return config


@pytest.mark.parametrize("name", sorted({row[0] for row in ROWS}))
def test_rows(name: str) -> None:
    config = resolved(name)
    wrong = [
        f"{key}: {entry(config, key)!r}; {source} has {value!r}"
        for row, key, value, source in ROWS
        if row == name and entry(config, key) != value
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", sorted({row[0] for row in COURSES}))
def test_courses(name: str) -> None:
    config = resolved(name)
    for row, key, values, source in COURSES:
        if row != name:
            continue
        schedule = SCHEDULE.make(entry(config, key), key)
        found = jax.vmap(schedule)(jnp.asarray([int(step) for step in values], jnp.int32))
        assert [float(x) for x in found] == pytest.approx([*values.values()], rel=1e-4), source


def test_what_a_few_configs_have_the_others_have_not() -> None:
    """Mirrored, cropped and so on are the runs whose authors do it, and their `full` alone."""
    found = {}
    for file in sorted(CONFIGS.glob("*.py")):
        for size in re.findall(r"`(small|smoke|full|launch)`", file.read_text()):
            config = resolved(f"{file.stem}:{size}")
            found[f"{file.stem}:{size}"] = config["data"].get("mirror", False)
    assert len(found) > 40
    assert {name for name, is_on in found.items() if is_on} == {
        *("progan:full", "stylegan:full", "stylegan2:full", "r3gan:full")
    }
