"""Adversarial objectives: one a file, each a factory of a `Loss`."""

from jaxgan.core.loss import Loss, as_loss, logits, stateless, with_logits
from jaxgan.losses.began import began
from jaxgan.losses.capped import capped_exp
from jaxgan.losses.divergences import DIVERGENCES, Divergence, alpha_divergence
from jaxgan.losses.ebgan import ebgan
from jaxgan.losses.f_gan import f_gan
from jaxgan.losses.feature_matching import feature_matching
from jaxgan.losses.flip_labels import flip_labels
from jaxgan.losses.hinge import hinge
from jaxgan.losses.least_squares import least_squares
from jaxgan.losses.maximum_likelihood import maximum_likelihood
from jaxgan.losses.minimax import minimax
from jaxgan.losses.multi_class import multi_class
from jaxgan.losses.non_saturating import non_saturating
from jaxgan.losses.relativistic import relativistic
from jaxgan.losses.relativistic_average import relativistic_average
from jaxgan.losses.softmax import softmax
from jaxgan.losses.top_k import top_k
from jaxgan.losses.wasserstein import wasserstein

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
    "relativistic",
    "relativistic_average",
    "softmax",
    "stateless",
    "top_k",
    "wasserstein",
    "with_logits",
]
