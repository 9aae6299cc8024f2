"""Progressive growing: one game for each resolution, of players that never change shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import chex
import jax.numpy as jnp
from jax import lax

from jaxgan.core.errors import bad_value
from jaxgan.core.game import Game, Played
from jaxgan.core.network import Network
from jaxgan.core.ranges import Count, Index, Width, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, NetState, Params, PlayerTree, PyTree, Scene
from jaxgan.games._gan import Latent, gan
from jaxgan.losses import Loss


class Phases(NamedTuple):
    """When which resolution is trained, as a function of the step alone.

    The first resolution is trained for `stable_steps`, each further one for `fade_steps`, while its
    layers are faded in, and `stable_steps` after; the last one to the end.

    Attributes:
      resolutions: pixels per side, each twice the one before.
      fade_steps: steps in which alpha rises from 0 to 1.
      stable_steps: steps with alpha 1.
    """

    resolutions: tuple[int, ...]
    fade_steps: int
    stable_steps: int

    @property
    def first_steps(self) -> tuple[int, ...]:
        """The step at which each phase begins."""
        later = len(self.resolutions) - 1
        length = self.fade_steps + self.stable_steps
        return (0, *(self.stable_steps + index * length for index in range(later)))

    def at(self, step: int) -> int:
        """The index of the phase that a step is in."""
        return max(i for i, first in enumerate(self.first_steps) if first <= max(step, 0))

    def traced_at(self, step: Array) -> Array:
        """`at` of a traced step."""
        return jnp.sum(step >= jnp.asarray(self.first_steps[1:], jnp.int32), dtype=jnp.int32)

    def alpha(self, step: Array, phase: int) -> Array:
        """How far the layers of a phase are faded in: 0 at its first step, then linearly to 1."""
        if phase == 0 or self.fade_steps == 0:
            return jnp.ones((), jnp.float32)
        done = (step - self.first_steps[phase]).astype(jnp.float32) / self.fade_steps
        return jnp.clip(done, 0.0, 1.0)


@checked
def make_phases(
    resolutions: tuple[Count, ...], *, fade_steps: Index, stable_steps: Count
) -> Phases:
    """`Phases`, checked.

    Args:
      resolutions: pixels per side, each twice the one before.
      fade_steps: steps in which a resolution is faded in, at least 0; the paper's are 800,000
        images, over the batch size.
      stable_steps: steps that it is trained afterwards, at least 1.

    Returns:
      `Phases`.

    Raises:
      ValueError: if they are none.

    Example:
      >>> phases = make_phases((4, 8, 16), fade_steps=10, stable_steps=20)
      >>> phases.first_steps, phases.at(25), float(phases.alpha(jnp.int32(25), 1))
      ((0, 20, 50), 1, 0.5)
    """
    doubled = tuple(resolutions[0] * 2**index for index in range(len(resolutions)))
    if not resolutions or resolutions[0] < 4 or tuple(resolutions) != doubled:
        raise ValueError(
            bad_value("resolutions", tuple(resolutions), "at least 4, each twice the one before")
        )
    return Phases(resolutions=tuple(resolutions), fade_steps=fade_steps, stable_steps=stable_steps)


@checked
def progressive(
    gen: Callable[[int], Network],
    disc: Callable[[int], Network],
    *,
    phases: Phases,
    step: Index = 0,
    latent: Width | Latent,
    loss: Loss | None = None,
    num_classes: Count | None = None,
) -> Game:
    """The `gan` of one phase of progressive growing.

    In training both networks compute at the phase's resolution r with alpha(step) of its layers.
    Real images are averaged down to r and blended with those at r / 2, upsampled,
    x_{r/2} + alpha (x_r - x_{r/2}), so that both kinds gain detail together. The scene's images
    have r pixels.

    Outside training, images are those of the phase that `context.step` is in, whatever phase the
    game is of, at full resolution by nearest-neighbour upsampling: whoever samples or evaluates
    need not know of phases.

    Penalties measure the discriminator's slope at images of full size R, as the authors do, who
    show it every phase's images upsampled: the gradient at r pixels times r / R, since a change of
    one of them changes (R / r)² equal ones. R1 of a phase is (r / R)² of what it is at r pixels.

    Parameters and state have the same shapes in all phases.

    Args:
      gen: resolution -> generator of `{"latent" or "w": ..., "alpha": scalar}` with the parameters
        of all resolutions, such as `networks.progan_generator`.
      disc: resolution -> discriminator of `{"image": ..., "alpha": scalar}`.
      phases: when which resolution is trained; the last is that of the data.
      step: a step of the phase that is played.
      latent: as for `gan`.
      loss: as for `gan`.
      num_classes: as for `gan`.

    Returns:
      A `Game` with players `gen` and `disc`.

    Raises:
      ValueError: as `gan`; when played, if images are not of the last resolution.

    Example:
      >>> import jax
      >>> from jaxgan.config.networks import progan_discriminator, progan_generator
      >>> shape, options = (8, 8, 1), {"channel_base": 32}
      >>> game = progressive(
      ...     lambda r: progan_generator(shape, 4, resolution=r, **options),
      ...     lambda r: progan_discriminator(shape, resolution=r, **options),
      ...     phases=make_phases((4, 8), fade_steps=10, stable_steps=10), latent=4)
      >>> def play(key):
      ...     return game.generate(*game.init(key), {"image": jnp.ones((4, *shape))}, Context(key))
      >>> scene, _ = jax.eval_shape(play, jax.random.key(0))
      >>> scene["real"].shape, scene["fake"].shape
      ((4, 4, 4, 1), (4, 4, 4, 1))

    References:
      Karras et al., 2018 (arXiv:1710.10196), section 2 and appendix A; where slopes are measured:
      `UpscaleLOD` of its code and of StyleGAN's (Karras et al., 2019, arXiv:1812.04948).
    """
    game = _Progressive(
        gens=[gen(resolution) for resolution in phases.resolutions],
        discs=[disc(resolution) for resolution in phases.resolutions],
        phases=phases,
        phase=phases.at(step),
        of=partial(gan, latent=latent, loss=loss, num_classes=num_classes),
    )
    base = game.at(game.phase, jnp.ones((), jnp.float32))
    return base._replace(
        generate=game.generate,
        losses=game.losses,
        critic=game.critic,
        slope_scale=game.slope_scale,
    )


@dataclass(frozen=True, eq=False)
class _Progressive:
    gens: Sequence[Network]
    discs: Sequence[Network]
    phases: Phases
    phase: int
    of: Callable[[Network, Network], Game]

    def at(self, phase: int, alpha: Array) -> Game:
        """The game of a phase, its layers faded in so far."""
        disc = _judging(self.discs[phase], alpha, self.phases.resolutions[phase])
        return self.of(_faded(self.gens[phase], alpha), disc)

    def now(self, context: Context) -> Game:
        return self.at(self.phase, self.phases.alpha(context.step, self.phase))

    def generate(
        self, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        if (image := batch.get("image")) is not None:
            chex.assert_rank(image, 4)
            if image.shape[1] != self.phases.resolutions[-1]:
                raise ValueError(
                    f"resolutions: the last is {self.phases.resolutions[-1]}; it must be that of "
                    f"the images, {image.shape[1]}"
                )
        if not context.train:
            return self.sample(params, net_state, batch, context), net_state
        alpha = self.phases.alpha(context.step, self.phase)
        if image is not None:
            batch = {**batch, "image": shown_at(image, self.phases.resolutions[self.phase], alpha)}
        return self.now(context).generate(params, net_state, batch, context)

    def sample(
        self, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> Scene:
        """The scene of the phase that the context's step is in, at full resolution."""

        def make(phase: int) -> Scene:
            given = dict(batch)
            if "image" in given:
                given["image"] = averaged_to(given["image"], self.phases.resolutions[phase])
            here = self.at(phase, self.phases.alpha(context.step, phase))
            scene, _ = here.generate(params, net_state, given, context)
            fake = repeated_to(scene["fake"], self.phases.resolutions[-1])
            return {**{k: v for k, v in scene.items() if k != "real"}, "fake": fake}

        branches = [partial(make, phase) for phase in range(len(self.gens))]
        scene = lax.switch(self.phases.traced_at(context.step), branches)
        return {**scene, "real": batch.get("image")}

    def losses(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        return self.now(context).losses(params, net_state, scene, context)

    def critic(
        self,
        params: PlayerTree,
        net_state: PlayerTree,
        inputs: PyTree,
        scene: Scene,
        context: Context,
    ) -> PyTree:
        return self.now(context).critic(params, net_state, inputs, scene, context)

    def slope_scale(self, images: PyTree) -> float:
        size: int = images.shape[1]
        return size / self.phases.resolutions[-1]


def shown_at(images: Array, resolution: int, alpha: Array) -> Array:
    """Real images as a phase sees them.

    Args:
      images: [B, H, W, C].
      resolution: r, pixels per side.
      alpha: how much of what r / 2 pixels do not show.

    Returns:
      [B, r, r, C].

    Example:
      >>> images = jnp.arange(4.0).reshape(1, 2, 2, 1)
      >>> shown_at(images, 2, jnp.float32(0.5)).ravel().tolist()
      [0.75, 1.25, 1.75, 2.25]
    """
    images = averaged_to(images, resolution)
    coarse = repeated_to(averaged_to(images, resolution // 2), resolution)
    return coarse + alpha.astype(images.dtype) * (images - coarse)


def averaged_to(images: Array, resolution: int) -> Array:
    """Images of fewer pixels, each the mean of those in its place.

    Example:
      >>> averaged_to(jnp.arange(4.0).reshape(1, 2, 2, 1), 1).item()
      1.5
    """
    batch, size, _, channels = images.shape
    if size == resolution:
        return images
    factor = size // resolution
    blocks = images.reshape(batch, resolution, factor, resolution, factor, channels)
    return jnp.mean(blocks, axis=(2, 4))


def repeated_to(images: Array, resolution: int) -> Array:
    """Images of more pixels, each repeated.

    Example:
      >>> repeated_to(jnp.ones((1, 1, 1, 1)), 2).shape
      (1, 2, 2, 1)
    """
    factor = resolution // images.shape[1]
    return jnp.repeat(jnp.repeat(images, factor, axis=1), factor, axis=2)


def _faded(network: Network, alpha: Array) -> Network:
    """A generator of latents alone, or of `{"w": styles}`."""

    def apply(
        params: Params, net_state: NetState, inputs: PyTree, *labels: Array, **options: PyTree
    ) -> tuple[PyTree, NetState]:
        named = inputs if isinstance(inputs, dict) else {"latent": inputs}
        return network.apply(params, net_state, {**named, "alpha": alpha}, *labels, **options)

    return network._replace(apply=apply)


def _judging(network: Network, alpha: Array, resolution: int) -> Network:
    """A discriminator of images alone, which sees larger ones at its own resolution."""

    def apply(
        params: Params, net_state: NetState, image: Array, *labels: Array, **options: PyTree
    ) -> tuple[PyTree, NetState]:
        inputs = {"image": averaged_to(image, resolution), "alpha": alpha}
        return network.apply(params, net_state, inputs, *labels, **options)

    return network._replace(apply=apply)
