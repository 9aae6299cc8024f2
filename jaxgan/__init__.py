"""jaxgan: the GAN framework for JAX.

Say what is played (a `Game`), how each player is pulled (a `Field`), how it is played (an
`Algorithm`): values made of pure functions over pytrees, which compose by ordinary calls.
"""

from etils import epy

from jaxgan.version import __version__

# Names are imported when they are first used (PEP 562): `import jaxgan` is quick.
with epy.lazy_api_imports(globals()):
    from jaxgan import (
        algorithms,
        analysis,
        augment,
        auxiliary,
        checkpoint,
        config,
        data,
        distributed,
        evaluation,
        features,
        fields,
        files,
        games,
        losses,
        metrics,
        models,
        optimizers,
        penalties,
        plan,
        pretrained,
        run,
        sampling,
        training,
        transforms,
        writers,
    )
    from jaxgan.algorithms import (
        Algorithm,
        alternating,
        extragradient,
        past_extragradient,
        sequence,
        simultaneous,
    )
    from jaxgan.core import ranges, schedules
    from jaxgan.core.game import Game, general_sum, zero_sum
    from jaxgan.core.network import Network
    from jaxgan.core.schedules import cosine, linear
    from jaxgan.core.state import Context, TrainState, stream
    from jaxgan.evaluation.samples import evaluate
    from jaxgan.fields import Field, gradient, microbatch
    from jaxgan.games import (
        ada,
        apa,
        augmented,
        augmented_at,
        balanced,
        bilinear,
        dirac,
        gan,
        implicit,
        instance_noise,
        normal_latent,
        quadratic,
        unrolled,
        with_penalty,
    )
    from jaxgan.losses import Loss
    from jaxgan.models.adapters import from_linen, from_nnx
    from jaxgan.penalties import Penalty
    from jaxgan.run.load import load
    from jaxgan.run.loaded import Loaded
    from jaxgan.run.train import train
    from jaxgan.transforms import (
        device_data,
        ema,
        lookahead,
        member,
        seeds,
        skip_nonfinite,
        substeps,
    )

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
    "algorithms",
    "alternating",
    "analysis",
    "apa",
    "augment",
    "augmented",
    "augmented_at",
    "auxiliary",
    "balanced",
    "bilinear",
    "checkpoint",
    "config",
    "cosine",
    "data",
    "device_data",
    "dirac",
    "distributed",
    "ema",
    "evaluate",
    "evaluation",
    "extragradient",
    "features",
    "fields",
    "files",
    "from_linen",
    "from_nnx",
    "games",
    "gan",
    "general_sum",
    "gradient",
    "implicit",
    "instance_noise",
    "linear",
    "load",
    "lookahead",
    "losses",
    "member",
    "metrics",
    "microbatch",
    "models",
    "normal_latent",
    "optimizers",
    "past_extragradient",
    "penalties",
    "plan",
    "pretrained",
    "quadratic",
    "ranges",
    "run",
    "sampling",
    "schedules",
    "seeds",
    "sequence",
    "simultaneous",
    "skip_nonfinite",
    "stream",
    "substeps",
    "train",
    "training",
    "transforms",
    "unrolled",
    "with_penalty",
    "writers",
    "zero_sum",
]
