"""Adversarial objectives: one a file, each a factory of a `Loss`."""

from jaxgan.core.loss import Loss, as_loss, logits, stateless, with_logits
from jaxgan.losses._began import began
from jaxgan.losses._capped import capped_exp
from jaxgan.losses._divergences import DIVERGENCES, Divergence, alpha_divergence
from jaxgan.losses._ebgan import ebgan
from jaxgan.losses._f_gan import f_gan
from jaxgan.losses._feature_matching import feature_matching
from jaxgan.losses._flip_labels import flip_labels
from jaxgan.losses._hinge import hinge
from jaxgan.losses._least_squares import least_squares
from jaxgan.losses._maximum_likelihood import maximum_likelihood
from jaxgan.losses._minimax import minimax
from jaxgan.losses._multi_class import multi_class
from jaxgan.losses._non_saturating import non_saturating
from jaxgan.losses._over_outputs import over_outputs
from jaxgan.losses._relativistic import relativistic
from jaxgan.losses._relativistic_average import relativistic_average
from jaxgan.losses._softmax import softmax
from jaxgan.losses._top_k import top_k
from jaxgan.losses._wasserstein import wasserstein

__all__ = [
    "DIVERGENCES",
    "Divergence",
    "Loss",
    "alpha_divergence",
    "as_loss",
    "began",
    "capped_exp",
    "ebgan",
    "f_gan",
    "feature_matching",
    "flip_labels",
    "hinge",
    "least_squares",
    "logits",
    "maximum_likelihood",
    "minimax",
    "multi_class",
    "non_saturating",
    "over_outputs",
    "relativistic",
    "relativistic_average",
    "softmax",
    "stateless",
    "top_k",
    "wasserstein",
    "with_logits",
]
