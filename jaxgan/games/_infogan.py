"""InfoGAN: the GAN whose generator must use a part of its latent so that it can be read off."""

from __future__ import annotations

from typing import Literal, NamedTuple

from jaxgan.auxiliary import infogan_latent, mutual_information
from jaxgan.core.game import Game
from jaxgan.core.network import Network
from jaxgan.core.ranges import Count, Index, NonNegative, NonNegativeSchedule, Several, checked
from jaxgan.games._gan import gan
from jaxgan.games._with_penalty import with_penalty
from jaxgan.losses import Loss


class Code(NamedTuple):
    """Where a code lies in the latent, and what it may be.

    Attributes:
      name: such as `"categorical 0"`.
      kind: `"categorical"` for one-hot vectors, `"continuous"` for a number in [-1, 1].
      start: index of its first element in the latent.
      size: how many elements it has: values of a categorical code, 1 of a continuous one.
    """

    name: str
    kind: Literal["categorical", "continuous"]
    start: int
    size: int


@checked
def infogan(
    gen: Network,
    disc: Network,
    *,
    noise_dim: Index,
    categorical: tuple[Several, ...] = (10,),
    num_continuous: Index = 2,
    weight: NonNegativeSchedule = 1.0,
    continuous_weight: NonNegative = 0.1,
    loss: Loss | None = None,
    num_classes: Count | None = None,
) -> Game:
    """A `gan` with the latents of `infogan_latent` and the term `mutual_information`.

    L_gen = L_gen^GAN - λ I_Q and L_disc = L_disc^GAN - λ I_Q: Q is a head of the discriminator, so
    both players make the bound I_Q ≤ I(c; G(z, c)) large.

    Args:
      gen: [noise, categorical codes, continuous codes] -> image.
      disc: image -> `logits`, and what Q says: `code_logits`, `code_mean` and, if it has one,
        `code_log_std`: the head `"codes"`.
      noise_dim: elements of the latent that are noise.
      categorical: number of values of each categorical code.
      num_continuous: number of continuous codes.
      weight: λ.
      continuous_weight: that of the continuous codes, in units of λ.
      loss: an adversarial objective; non-saturating by default.
      num_classes: of a conditional game.

    Returns:
      A `Game` with players `gen` and `disc`, whose scene is that of `gan`.

    Raises:
      ValueError: as `gan`, `infogan_latent` and `mutual_information`.

    Example:
      >>> import flax.linen as nn
      >>> import jax, jax.numpy as jnp
      >>> from jaxgan.models import MLPDiscriminator
      >>> from jaxgan.models.adapters import from_linen
      >>> disc = MLPDiscriminator((4,), head="codes", num_categories=3, num_continuous=1)
      >>> game = infogan(from_linen(nn.Dense(2), jnp.zeros((1, 6))),
      ...                from_linen(disc, jnp.zeros((1, 2))),
      ...                noise_dim=2, categorical=(3,), num_continuous=1)
      >>> game.players
      ('disc', 'gen')

    References:
      Chen et al., 2016 (arXiv:1606.03657).
    """
    latent = infogan_latent(noise_dim, categorical=categorical, num_continuous=num_continuous)
    game = gan(gen, disc, latent=latent, loss=loss, num_classes=num_classes)
    term = mutual_information(
        weight,
        noise_dim=noise_dim,
        categorical=categorical,
        num_continuous=num_continuous,
        continuous_weight=continuous_weight,
    )
    return with_penalty(game, term)


@checked
def infogan_codes(
    noise_dim: Index, *, categorical: tuple[Several, ...] = (10,), num_continuous: Index = 2
) -> tuple[Code, ...]:
    """Where the codes lie in the latents of `infogan_latent`.

    Args:
      noise_dim: elements of noise, which come first.
      categorical: number of values of each categorical code.
      num_continuous: number of continuous codes.

    Returns:
      One `Code` each, in the order of the latent.

    Example:
      >>> for code in infogan_codes(62, categorical=(10,), num_continuous=2):
      ...     print(code.name, code.start, code.size)
      categorical 0 62 10
      continuous 0 72 1
      continuous 1 73 1

    References:
      Chen et al., 2016 (arXiv:1606.03657), section 7.
    """
    codes: list[Code] = []
    start = noise_dim
    for index, size in enumerate(categorical):
        codes.append(Code(f"categorical {index}", "categorical", start, size))
        start += size
    for index in range(num_continuous):
        codes.append(Code(f"continuous {index}", "continuous", start + index, 1))
    return tuple(codes)
