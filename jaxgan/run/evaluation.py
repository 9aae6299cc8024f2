"""The evaluator of a run, from its config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jax.sharding import Mesh

from jaxgan.config.base import Config
from jaxgan.config.data import open_data
from jaxgan.config.games import has_normal_latents, named
from jaxgan.config.portable import is_own_source
from jaxgan.core.errors import EvaluationError
from jaxgan.core.game import Game
from jaxgan.data import DeviceSource, Source
from jaxgan.data.open import SOURCES
from jaxgan.data.source import ElementSpec
from jaxgan.evaluation import table
from jaxgan.evaluation.evaluator import Evaluator, Options, make_evaluator
from jaxgan.evaluation.extractor import Features, open_extractor
from jaxgan.features import weights
from jaxgan.sampling.draw import makes_images


def open_reference(
    config: Config, *, data_dir: str | None = None, split: str | None = None
) -> Source | DeviceSource:
    """Opens the data that a run is measured against, with all the labels that they have.

    Args:
      config: of the run, resolved.
      data_dir: where the data are now; None for where they were.
      split: of them; None for that of the training.

    Returns:
      The source.

    Raises:
      EvaluationError: if the data have no such options.
      DataError, ConfigError: if they cannot be used.

    Example:
      >>> open_reference({"data": {"source": "digits", "num_labels": 100}}).num_examples
      1797
      >>> open_reference({"data": {"source": "digits"}}, split="test")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.EvaluationError: split is 'test'; digits has none, only tfds:NAME has
    """
    if is_own_source(config["data"]["source"]):
        return _open_own(config["data"], {"data_dir": data_dir, "split": split})
    hidden = ("num_labels", "label_seed")
    data = {key: value for key, value in config["data"].items() if key not in hidden}
    kind, _, _ = data["source"].partition(":")
    if split is not None:
        if kind != "tfds":
            raise EvaluationError(f"split is {split!r}; {kind} has none, only tfds:NAME has")
        data["split"] = split
    if data_dir is not None:
        if kind == "tfds":
            data["data_dir"] = data_dir
        elif SOURCES[kind][1] == "PATH":
            data["source"] = f"{kind}:{data_dir}"
        else:
            raise EvaluationError(f"data_dir is {data_dir!r}; {kind} lies nowhere")
    return open_data({"data": data})


def _open_own(data: Config, asked: Mapping[str, str | None]) -> Source | DeviceSource:
    """People's own source, with what was asked for in place of its options of these names."""
    given = {name: value for name, value in asked.items() if value is not None}
    for name, value in given.items():
        if name not in data:
            raise EvaluationError(f"{name} is {value!r}; {data['source']} has no such option")
    return open_data({"data": {**data, **given}})


def split_of(config: Config, split: str | None) -> str | None:
    """The split that a protocol names.

    Args:
      config: of the run, resolved.
      split: that was asked for.

    Returns:
      It, or that of the training; None of data that have none.

    Example:
      >>> split_of({"data": {"source": "tfds:mnist"}}, None)
      'train'
    """
    data = config["data"]
    if is_own_source(data["source"]):
        return split or (str(data["split"]) if "split" in data else None)
    if not data["source"].startswith("tfds:"):
        return None
    return split or data.get("split", "train")


def check_classes(
    num_classes: int, class_names: Sequence[str], source: Source | DeviceSource
) -> None:
    """Raises if samples could not follow the classes of the data.

    Args:
      num_classes: of a conditional run, whose samples follow the classes of the data; 0 of another.
      class_names: of the run's own data; () where they are not known.
      source: the data that it is measured against.

    Raises:
      EvaluationError: if these have other classes, or none.

    Example:
      >>> from jaxgan.data import digits
      >>> check_classes(2, (), digits())
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.EvaluationError: data: digits has 10 classes; the run was trained \
on 2 classes, and its samples follow those of the data
    """
    if not num_classes:
        return
    found = source.num_classes
    if found != num_classes:
        has = "no labels" if found is None else f"{found} class{'' if found == 1 else 'es'}"
        raise EvaluationError(
            f"data: {source.name} has {has}; the run was trained on {num_classes} classes, and its "
            "samples follow those of the data"
        )
    names = source.class_names if isinstance(source, Source) else ()
    for number, (ours, theirs) in enumerate(zip(class_names, names, strict=False)):
        if ours != theirs:
            raise EvaluationError(
                f"data: class {number} of {source.name} is {theirs!r}; of the run's data it was "
                f"{ours!r}"
            )


def make_run_evaluator(
    config: Config,
    game: Game,
    spec: ElementSpec,
    source: Source | DeviceSource,
    mesh: Mesh,
    options: Options,
    *,
    features: Features = "auto",
    class_names: Sequence[str] = (),
) -> Evaluator:
    """The evaluator of a run.

    Args:
      config: of the run, resolved.
      game: that it plays.
      spec: one example, as the run's own data have it.
      source: as `open_reference` gives it.
      mesh: the devices.
      options: what is measured, and how; `cache_dir` is that of classifiers too, which lie beside
        the features.
      features: see `open_extractor`.
      class_names: of the run's own data, where they are known.

    Returns:
      An `Evaluator`.

    Raises:
      EvaluationError: naming the option and what is allowed.

    Example:
      See `jaxgan.cli.evaluate`.
    """
    if named(config).from_real:
        raise EvaluationError(
            f"game: {config['game']['name']!r} makes images of images; samples are what is measured"
        )
    if not makes_images(game, spec):
        raise EvaluationError(
            f"game: {', '.join(game.players)} make no examples; samples are what is measured"
        )
    shape, found = spec["image"].shape, source.element_spec["image"].shape
    if tuple(shape) != tuple(found):
        raise EvaluationError(
            f"data: {source.name} has examples of shape {tuple(found)}; the run was trained on "
            f"{tuple(shape)}"
        )
    check_classes(config["num_classes"], class_names, source)
    # Before a classifier is trained for it.
    needs = table.Provided(is_conditional=bool(config["num_classes"]), has_latents=True)
    table.check_metrics(options.metrics, source, needs)
    root = options.cache_dir or weights.cache_dir()
    return make_evaluator(
        game,
        source,
        open_extractor(features, options.metrics, source, root),
        mesh,
        options._replace(cache_dir=root / "features"),
        num_classes=config["num_classes"] or None,
        latent_dim=config["latent_dim"] if has_normal_latents(config) else None,
    )
