"""Auxiliary terms: what players are taught beside their game. Each a factory of a `Penalty`."""

from jaxgan.auxiliary._classifier import auxiliary_classifier, cross_entropy, supervised
from jaxgan.auxiliary._feature_matching import feature_matching
from jaxgan.auxiliary._mutual_information import (
    categorical_bound,
    gaussian_bound,
    infogan_latent,
    mutual_information,
)
from jaxgan.auxiliary._pull_away import pull_away
from jaxgan.auxiliary._reconstruction import cycle_consistency, identity, l1, l2

__all__ = [
    "auxiliary_classifier",
    "categorical_bound",
    "cross_entropy",
    "cycle_consistency",
    "feature_matching",
    "gaussian_bound",
    "identity",
    "infogan_latent",
    "l1",
    "l2",
    "mutual_information",
    "pull_away",
    "supervised",
]
