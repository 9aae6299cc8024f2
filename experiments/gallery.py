"""The gallery: what the small run of every family leaves, as a page of the documentation.

    for name in sngan biggan stylegan2; do
        jaxgan train --config configs/$name.py --workdir runs/$name
        jaxgan evaluate --workdir runs/$name --num-samples 2000
    done
    python experiments/gallery.py --runs runs

Writes docs/gallery.md, its pictures and experiments/results/gallery.json from the runs that are
there; families without a finished run keep what the page says of them already.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from reporting import RESULTS

from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.cli.program import Parser, run_script
from jaxgan.evaluation.report import read_report
from jaxgan.files import read_json
from jaxgan.run.directory import read_config
from jaxgan.writers import read_metrics

ROOT = Path(__file__).parents[1]
MAX_PIXELS = 720
"""Of a picture's side in the page."""


class Entry(NamedTuple):
    """A family in the gallery.

    Attributes:
      title: its name.
      page: of the documentation.
      shows: what the picture shows.
      config: the config's name, where it is not the run's.
      flags: of the command, beside the config.
      variant: of the config, `:NAME`.
    """

    title: str
    page: str
    shows: str
    config: str = ""
    flags: str = ""
    variant: str = ""


RECONSTRUCTIONS = ("gen/cycle", "gen/l1", "gen/pixel")
"""Metrics of games that make images of images: how far these are from those wanted."""

SAMPLES = "Samples of the averaged generator."
CLASSES = "Samples of the averaged generator, a column for each class."
TRANSLATIONS = "Source, what is made of it, real."
REBUILT = "Real, its reconstruction."
REBUILT_AND_DRAWN = "Real, its reconstruction, a sample."
ON_MNIST = "--config.data.source=tfds:mnist"

FAMILIES = {
    "conditional_digits": Entry("Conditional DCGAN", "conditional.md", CLASSES),
    "sngan": Entry("SNGAN", "models/sngan.md", SAMPLES),
    "sagan": Entry("SAGAN", "models/sngan.md", SAMPLES),
    "biggan": Entry("BigGAN", "models/biggan.md", CLASSES),
    "progan": Entry("Progressive GAN", "models/progan.md", SAMPLES),
    "stylegan": Entry("StyleGAN", "models/stylegan.md", SAMPLES),
    "stylegan2": Entry("StyleGAN2", "models/stylegan2.md", SAMPLES),
    "r3gan": Entry("R3GAN", "models/r3gan.md", SAMPLES),
    "ebgan": Entry("EBGAN", "models/autoencoders.md", SAMPLES),
    "ebgan_mnist": Entry("EBGAN on MNIST", "models/autoencoders.md", SAMPLES, "ebgan", ON_MNIST),
    "began": Entry("BEGAN", "models/autoencoders.md", SAMPLES),
    "began_mnist": Entry("BEGAN on MNIST", "models/autoencoders.md", SAMPLES, "began", ON_MNIST),
    "infogan": Entry("InfoGAN", "models/infogan.md", SAMPLES),
    "infogan_mnist": Entry(
        "InfoGAN on MNIST", "models/infogan.md", "Samples.", "infogan", variant=":mnist"
    ),
    "bigan": Entry("BiGAN", "models/bigan.md", REBUILT_AND_DRAWN),
    "bigan_mnist": Entry("BiGAN on MNIST", "models/bigan.md", REBUILT_AND_DRAWN, "bigan", ON_MNIST),
    "vae": Entry("VAE", "models/vae.md", REBUILT_AND_DRAWN),
    "vae_mnist": Entry("VAE on MNIST", "models/vae.md", REBUILT_AND_DRAWN, "vae", ON_MNIST),
    "vae_gan": Entry("VAE-GAN", "models/vae.md", REBUILT_AND_DRAWN),
    "vae_gan_mnist": Entry(
        "VAE-GAN on MNIST", "models/vae.md", REBUILT_AND_DRAWN, "vae_gan", ON_MNIST
    ),
    "autoencoder": Entry("Autoencoder", "models/autoencoders.md", REBUILT),
    "autoencoder_mnist": Entry(
        "Autoencoder on MNIST",
        "models/autoencoders.md",
        REBUILT,
        "autoencoder",
        ON_MNIST,
    ),
    "pix2pix": Entry("pix2pix", "models/translation.md", TRANSLATIONS),
    "pix2pix_emoji": Entry(
        "pix2pix: emoji made sharp",
        "models/translation.md",
        TRANSLATIONS,
        "pix2pix",
        "--config.data.source=paired:png/32,png/128 --config.data.direction=AtoB "
        "--config.data.jitter=False --config.total_steps=2000",
    ),
    "cyclegan": Entry(
        "CycleGAN",
        "models/translation.md",
        "Source, translated, back again; and the other way round.",
    ),
    "super_resolution": Entry("Super-resolution", "models/translation.md", TRANSLATIONS),
}

_HEAD = """\
# Gallery

What the small run of every family leaves, each from one command, on two CPU cores.
They show that the networks and games work as they should, not what they can do at full size. Scores
are those of `jaxgan evaluate --num-samples 2000`; [Evaluation](evaluation.md) says what they mean.
Times are of the training alone, most of them on a machine that was shared; the page is made by
`python experiments/gallery.py`. FD, the Fréchet distance between features of a classifier of the
data, can be compared within a data set only.
"""


def seconds_of(lines: list[dict[str, Any]]) -> float:
    """How long a run was training, from the speeds that it logged; without compiling."""
    seconds, last = 0.0, 0
    for line in lines:
        if line.get("steps_per_second", 0) > 0:  # the first line of a run may have none
            seconds += (line["step"] - last) / line["steps_per_second"]
        last = line["step"]
    return seconds


def read_run(workdir: Path) -> dict[str, Any] | None:
    """What the page says of a run; None if it is not finished."""
    if not (workdir / "config.json").exists():
        return None
    config = read_config(workdir)
    steps = Checkpoints(workdir / "checkpoints").steps()
    if not steps or steps[-1] < config["total_steps"]:
        return None
    lines = read_metrics(workdir / "metrics.jsonl")
    num_last = max(1, len(lines) // 10)
    found: dict[str, Any] = {
        "data": config["data"]["source"].partition(":")[2] or config["data"]["source"],
        "steps": steps[-1],
        "minutes": round(seconds_of(lines) / 60, 1),
        "scores": {
            f"{name} {when}": round(sum(line[name] for line in some) / len(some), 4)
            for name in RECONSTRUCTIONS
            if name in lines[0]
            for when, some in (("at first", lines[:1]), ("at last", lines[-num_last:]))
        },
    }
    if not config["data"]["source"].startswith("tfds:"):  # a path: its end
        parts = [Path(part).parts[-2:] for part in found["data"].split(",")]
        found["data"] = " and ".join("/".join(part) for part in parts)
    report = workdir / "evaluation.json"
    if report.exists():
        found["scores"] |= {score.name: round(score.value, 4) for score in read_report(report)}
    return found


def save_picture(workdir: Path, steps: int, to: Path) -> None:
    """The last picture of a run, at most `MAX_PIXELS` wide."""
    with Image.open(workdir / "samples" / f"step_{steps:08d}.png") as picture:
        factor = max(1, -(-max(picture.size) // MAX_PIXELS))
        smaller = picture.resize(
            (picture.width // factor, picture.height // factor), Image.Resampling.BOX
        )
        to.parent.mkdir(parents=True, exist_ok=True)
        smaller.save(to, optimize=True)


def table_of(runs: dict[str, dict[str, Any]]) -> str:
    """The Fréchet distances and classes covered of all that were measured, by section."""
    lines = ["| | data | steps | minutes | FD | classes |", "|---|---|---|---|---|---|"]
    for name, entry in FAMILIES.items():
        if name not in runs:
            continue
        run = runs[name]
        scores = {key.partition("_")[0]: value for key, value in run["scores"].items()}
        if "fd" not in scores:  # not measured: it draws no samples
            continue
        section = entry.title.lower().replace(" ", "-")
        lines.append(
            f"| [{entry.title}](#{section}) | {run['data']} | {run['steps']:,} | "
            f"{run['minutes']:g} | {scores['fd']:.3g} | {scores['classes']:g} |"
        )
    return "\n".join([*lines, ""])


def page_of(runs: dict[str, dict[str, Any]]) -> str:
    """The page, in the order of `FAMILIES`."""
    parts = [_HEAD, table_of(runs)]
    for name, entry in FAMILIES.items():
        if name not in runs:
            continue
        run = runs[name]
        scores = ", ".join(f"{key} {value:g}" for key, value in run["scores"].items())
        config = f"configs/{entry.config or name}.py{entry.variant}"
        command = f"jaxgan train --config {config} --workdir runs/{name}"
        parts.append(
            f"## {entry.title}\n\n"
            f"`{' '.join([command, entry.flags]).strip()}`: {run['data']}, "
            f"{run['steps']:,} steps, {run['minutes']:g} minutes. [More]({entry.page})."
            f"\n\n![{entry.title}](images/gallery/{name}.png)\n\n{entry.shows}"
            + (f"\n\n{scores}." if scores else "")
            + "\n"
        )
    return "\n".join(parts)


def main() -> None:
    """Reads the runs, writes the page."""
    flags = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--runs", type=Path, default=Path("runs"), help="folder of runs by name")
    flags.add_argument("--docs", type=Path, default=ROOT / "docs", help="where the page goes")
    flags.add_argument("--out", type=Path, default=RESULTS, help="folder for gallery.json")
    args = flags.parse_args()
    kept = args.out / "gallery.json"
    runs = read_json(kept, dict[str, dict[str, Any]]) if kept.exists() else {}
    for name in FAMILIES:
        found = read_run(args.runs / name)
        if found is None:
            print(f"{name}: {'as it was' if name in runs else 'no finished run'}")
            continue
        runs[name] = found
        picture = args.docs / "images" / "gallery" / f"{name}.png"
        save_picture(args.runs / name, found["steps"], picture)
        print(f"{name}: {found}")
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(runs, indent=2) + "\n")
    (args.docs / "gallery.md").write_text(page_of(runs))


if __name__ == "__main__":
    run_script(main)
