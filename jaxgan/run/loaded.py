"""A trained run: its samples, its pictures, its scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import jax
import ml_collections
import numpy as np
from jax.sharding import Mesh
from PIL import Image

from jaxgan import distributed
from jaxgan.config.base import Config, name_of
from jaxgan.config.grid import num_members
from jaxgan.core.errors import EvaluationError, InputError, bad_value
from jaxgan.core.game import Game
from jaxgan.core.show import counts_of, rows, shapes_of
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Key
from jaxgan.data import DeviceSource, Source
from jaxgan.data.source import NumpyBatch
from jaxgan.distributed.processes import is_first
from jaxgan.evaluation import Evaluation, Metric, Options
from jaxgan.evaluation.extractor import Features
from jaxgan.evaluation.progress import ProgressCallback, make_progress, silent
from jaxgan.evaluation.spread import summary
from jaxgan.run.evaluation import make_run_evaluator, open_reference, split_of
from jaxgan.run.previews import examples
from jaxgan.run.saved import SavedRun
from jaxgan.sampling.pictures import picture, side_by_side
from jaxgan.sampling.sampler import Chunks, make_chunks, make_panels
from jaxgan.writers import as_image


@dataclass(frozen=True, repr=False, eq=False)
class Loaded:
    """A run that can be sampled and measured.

    Attributes:
      saved: what its folder says of it.
      state: its state at `step`; of one member.
      step: how many steps it has done.
      mesh: the devices on which its state lies.
      source: its data, where they were given in Python.
      member: which of several seeds was asked for.
      standing_batches: over which its batch statistics were recomputed.
      state_of: the state of another member, made as `state` was; None where there are no others.
    """

    saved: SavedRun
    state: TrainState
    step: int
    mesh: Mesh
    source: Source | DeviceSource | None = None
    member: int | None = None
    standing_batches: int = 0
    state_of: Callable[[int], TrainState] | None = None

    @property
    def config(self) -> ml_collections.FrozenConfigDict:
        """What it was trained with; entries of a list by their names."""
        return _frozen(self.saved.config)

    @property
    def game(self) -> Game:
        """The game it plays."""
        return self.saved.game

    def sample(
        self,
        num: int,
        *,
        key: Key | None = None,
        labels: np.ndarray | None = None,
        truncation: float | None = None,
    ) -> np.ndarray:
        """Draws samples; sample i depends on the key and i alone.

        Args:
          num: how many.
          key: of the latents; `jax.random.key(0)` by default.
          labels: integers [num] of a conditional game; its classes in turn by default.
          truncation: of normal latents, which are redrawn beyond it, or of styles, which are moved
            towards their mean; none by default.

        Returns:
          float32 images [num, H, W, C] in [-1, 1], or points [num, D], or what else the game makes.

        Raises:
          InputError: if there are no such labels, nothing to truncate, or the game makes its images
            of real examples.
        """
        drawn = self.chunks(num, key=key, labels=labels, truncation=truncation)
        return np.concatenate(list(drawn))

    def chunks(
        self,
        num: int,
        *,
        key: Key | None = None,
        labels: np.ndarray | None = None,
        truncation: float | None = None,
    ) -> Iterator[np.ndarray]:
        """The samples of `sample` as they come, a few at a time, in the memory of a few.

        Args:
          num: how many.
          key: of the latents; `jax.random.key(0)` by default.
          labels: integers [num] of a conditional game; its classes in turn by default.
          truncation: as of `sample`.

        Returns:
          An iterator of parts of the samples.

        Raises:
          InputError: as of `sample`.
        """
        if self.saved.row.from_real:
            name = self.saved.config["game"]["name"]
            raise InputError(f"game {name!r} makes its images of real examples: use panels(batch)")
        return self._drawing(truncation)(self.state, _key(key), num, labels)

    def _drawing(self, truncation: float | None) -> Chunks:
        """Compiled once for each truncation."""
        if truncation not in self._chunks:
            saved = self.saved
            self._chunks[truncation] = make_chunks(
                saved.game,
                saved.spec,
                distributed.replicated(self.mesh),
                num_classes=saved.num_classes,
                truncation=truncation,
                latent_dim=saved.normal_latents,
            )
        return self._chunks[truncation]

    @cached_property
    def _chunks(self) -> dict[float | None, Chunks]:
        return {}

    def panels(self, batch: NumpyBatch, *, key: Key | None = None) -> dict[str, np.ndarray]:
        """What the game makes of real examples, and what its pictures show beside that.

        Args:
          batch: the examples.
          key: of the latents; `jax.random.key(0)` by default.

        Returns:
          Images by name, `{"fake": ...}` at least.
        """
        return self._panels(self.state, _key(key), batch)

    @cached_property
    def _panels(self) -> Callable[[TrainState, Key, NumpyBatch], dict[str, np.ndarray]]:
        sharding = distributed.replicated(self.mesh)
        return make_panels(self.game, self.saved.row.panels or ("fake",), sharding)

    def translate(
        self, images: np.ndarray, *, domain: str = "source", key: Key | None = None
    ) -> np.ndarray:
        """Makes images of images, as the generator of pix2pix, CycleGAN or super-resolution does.

        Args:
          images: float32 [B, H, W, C] in [-1, 1], of any size that the generator takes.
          domain: which they are of: `"source"`, or `"image"` for the way back of CycleGAN.
          key: of the generator's noise, if it has some; `jax.random.key(0)` by default.

        Returns:
          float32 [B, H', W', C'] in [-1, 1].

        Raises:
          InputError: if the game translates nothing of that domain, or its generator takes no
            images of that shape.
        """
        paths = self.saved.row.translations
        if domain not in paths:
            name = self.saved.config["game"]["name"]
            allowed = f"{' or '.join(map(repr, paths)) or 'of another game'}, as game is {name!r}"
            raise InputError(bad_value("domain", domain, allowed))
        channels = {name: self.saved.spec[name].shape[-1] for name in paths}
        if images.ndim != 4 or images.shape[-1] != channels[domain]:
            allowed = f"[B, H, W, {channels[domain]}]"
            raise InputError(bad_value("images.shape", list(images.shape), allowed))
        # Nothing is asked of the other domain, so nothing is computed of it.
        batch = {n: np.zeros((*images.shape[:3], c), np.float32) for n, c in channels.items()}
        show = self._translators.setdefault(
            domain, make_panels(self.game, [paths[domain]], distributed.replicated(self.mesh))
        )
        try:
            return show(self.state, _key(key), {**batch, domain: images})[paths[domain]]
        except (TypeError, ValueError) as error:
            shape = list(images.shape)
            raise InputError(f"images.shape is {shape}; the generator says: {error}") from error

    @cached_property
    def _translators(self) -> dict[str, Callable[..., dict[str, np.ndarray]]]:
        return {}

    def show(self, num: int = 64, *, key: Key | None = None) -> Image.Image:
        """A picture of samples, which a notebook shows.

        Args:
          num: how many samples.
          key: of the latents; `jax.random.key(0)` by default.

        Returns:
          A grid of images, one column for each class of a conditional game; points over real ones;
          or what the game makes of a few real examples, beside them.
        """
        if self.saved.row.from_real:
            batch = examples(_key(key), self._data(), num)
            return as_image(side_by_side(self.panels(batch, key=key), num))
        samples = self.sample(num, key=key)
        is_points = samples.ndim == 2
        real = examples(_key(key), self._data(), 1000)["image"] if is_points else None
        return as_image(picture(samples, real, self.saved.num_classes, self.saved.class_names))

    def evaluate(
        self,
        *,
        metrics: Sequence[str | Metric] = (),
        data: Source | DeviceSource | None = None,
        features: Features = "auto",
        data_dir: str | None = None,
        split: str | None = None,
        num_samples: int = 5000,
        num_real: int | None = None,
        seed: int = 0,
        repeats: int = 1,
        members: Sequence[int] | Literal["all"] | None = None,
        truncation: float | None = None,
        cache_dir: Path | None = None,
        progress: ProgressCallback | None = None,
    ) -> Evaluation:
        """Measures its samples against its data.

        Args:
          metrics: names of docs/evaluation.md, or metrics, see `jaxgan.evaluation.make_metric`;
            those that fit the data by default.
          data: to compare with; those that it was trained on by default.
          features: the name of a feature network, see `jaxgan.features.open_features`, or one
            itself.
          data_dir: where its data are now; where they were by default.
          split: of its data; that of the training by default.
          num_samples: how many samples are drawn.
          num_real: how many real examples; all by default.
          seed: of the latents.
          repeats: how often it is measured, with latents of the seeds that follow: of several the
            scores are means, with their standard deviations and all values.
          members: of a run of several seeds, those that are measured, in the same way; this one
            alone by default.
          truncation: see `jaxgan.evaluation.Options`.
          cache_dir: where features of real examples are kept.
          progress: called with how far it is; lines on stderr by default.

        Returns:
          The scores, with how each was measured.

        Raises:
          EvaluationError, DataError, ConfigError: naming the option and what is allowed.
        """
        saved = self.saved
        chosen = self._members(members)
        if repeats < 1:
            raise EvaluationError(bad_value("repeats", repeats, "at least 1"))
        if data is None and (data := self.source) is None:
            data = open_reference(saved.config, data_dir=data_dir, split=split)
        options = Options(
            metrics=tuple(metrics),
            num_samples=num_samples,
            num_real=num_real,
            seed=seed,
            truncation=truncation,
            standing_batches=self.standing_batches,
            split=split_of(saved.config, split),
            cache_dir=cache_dir,
        )
        evaluator = make_run_evaluator(
            saved.config,
            saved.game,
            saved.spec,
            data,
            self.mesh,
            options,
            features=features,
            class_names=saved.class_names,
        )
        say = progress or _default_progress()
        found = {
            (member, one): evaluator.evaluate(self._state_of(member), say, seed=one, member=member)
            for member in chosen
            for one in range(seed, seed + repeats)
        }
        if len(found) == 1:
            return next(iter(found.values()))
        scores = [one.scores for one in found.values()]
        pictures = {
            f"{name}_{'' if member is None else f'member_{member}_'}seed_{one}": picture
            for (member, one), each in found.items()
            for name, picture in each.pictures.items()
        }
        return Evaluation(summary(scores, members=len(chosen), repeats=repeats), pictures)

    def _members(self, asked: Sequence[int] | Literal["all"] | None) -> list[int | None]:
        """Those that are measured; None stands for the only one."""
        num = num_members(self.saved.config)
        if asked is None:
            return [(self.member or 0) if num > 1 else None]
        found = range(num) if asked == "all" else asked
        if num == 1 or not found or not set(found) <= set(range(num)):
            allowed = f"all, or some from 0 to {num - 1}" if num > 1 else "left out, as it has one"
            raise EvaluationError(bad_value("members", asked, allowed))
        return [*dict.fromkeys(found)]

    def _state_of(self, member: int | None) -> TrainState:
        if member is None or self.state_of is None or member == (self.member or 0):
            return self.state
        return self.state_of(member)

    def _data(self) -> Source | DeviceSource:
        return open_reference(self.saved.config) if self.source is None else self.source

    def __repr__(self) -> str:
        saved, state = self.saved, self.state
        total = saved.config["total_steps"]
        kept = ", ".join(sorted(state.ema)) or "none"
        return rows(
            f"{saved.path}: step {self.step} of {total}",
            {
                "game": ", ".join(self.game.players),
                "data": f"{saved.config['data']['source']}, {shapes_of(saved.spec)}",
                "parameters": counts_of(state.params),
                "averaged": kept,
                "devices": str(self.mesh.size),
            },
        )


def _key(key: Key | None) -> Key:
    return jax.random.key(0) if key is None else key


def _default_progress() -> ProgressCallback:
    return make_progress() if is_first() else silent


def _frozen(config: Config) -> ml_collections.FrozenConfigDict:
    """Lists of sections as dicts by their names, since no list in it may hold a dict."""

    def keyed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: keyed(entry) for key, entry in value.items()}
        if isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
            return {name_of(entry): keyed(entry) for entry in value}
        return value

    return ml_collections.FrozenConfigDict(keyed(config), allow_dotted_keys=True)
