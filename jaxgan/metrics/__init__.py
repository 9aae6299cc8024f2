"""Metrics: pure functions on samples and labels, one family a file."""

from jaxgan.metrics.classes import class_histogram, kl_divergence, num_covered
from jaxgan.metrics.labelled import LabelledScore, labelled_score
from jaxgan.metrics.mixture import MixtureScore, mixture_score
from jaxgan.metrics.nearest import leave_one_out_distances, nearest_neighbors

__all__ = [
    "LabelledScore",
    "MixtureScore",
    "class_histogram",
    "kl_divergence",
    "labelled_score",
    "leave_one_out_distances",
    "mixture_score",
    "nearest_neighbors",
    "num_covered",
]
