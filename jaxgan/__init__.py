"""jaxgan: the GAN framework for JAX.

Say what is played (a `Game`), how each player is pulled (a `Field`), how it is played (an
`Algorithm`): values made of pure functions over pytrees, which compose by ordinary calls.
"""

from jaxgan import analysis, augment, auxiliary, fields, losses, optimizers, penalties
from jaxgan.algorithms import (
    Algorithm,
    alternating,
    extragradient,
    past_extragradient,
    sequence,
    simultaneous,
)
from jaxgan.core.game import Game, zero_sum
from jaxgan.core.network import Network
from jaxgan.core.schedules import cosine, linear
from jaxgan.core.state import Context, TrainState, stream
from jaxgan.fields import Field, gradient, microbatch
from jaxgan.games import (
    ada,
    apa,
    augmented,
    augmented_at,
    bilinear,
    dirac,
    gan,
    instance_noise,
    normal_latent,
    quadratic,
    unrolled,
)
from jaxgan.games.balanced import balanced
from jaxgan.games.with_penalty import with_penalty
from jaxgan.losses import Loss
from jaxgan.models.adapters import from_linen, from_nnx
from jaxgan.penalties import Penalty
from jaxgan.run.load import Loaded, load
from jaxgan.transforms import device_data, ema, lookahead, member, seeds, skip_nonfinite, substeps
from jaxgan.version import __version__

__all__ = [
    "Algorithm",
    "Context",
    "Field",
    "Game",
    "Loaded",
    "Loss",
    "Network",
    "Penalty",
    "TrainState",
    "__version__",
    "ada",
    "alternating",
    "analysis",
    "apa",
    "augment",
    "augmented",
    "augmented_at",
    "auxiliary",
    "balanced",
    "bilinear",
    "cosine",
    "device_data",
    "dirac",
    "ema",
    "extragradient",
    "fields",
    "from_linen",
    "from_nnx",
    "gan",
    "gradient",
    "instance_noise",
    "linear",
    "load",
    "lookahead",
    "losses",
    "member",
    "microbatch",
    "normal_latent",
    "optimizers",
    "past_extragradient",
    "penalties",
    "quadratic",
    "seeds",
    "sequence",
    "simultaneous",
    "skip_nonfinite",
    "stream",
    "substeps",
    "unrolled",
    "with_penalty",
    "zero_sum",
]
