"""Metrics: pure functions on features, images and labels, one family a file."""

from jaxgan.metrics._classes import class_histogram, kl_divergence, num_covered
from jaxgan.metrics._classification import Accuracy, gan_test, gan_train
from jaxgan.metrics._density_coverage import DensityCoverage, density_coverage
from jaxgan.metrics._frechet import Moments, frechet_distance, gaussian_distance, merge, moments
from jaxgan.metrics._inception_score import InceptionScore, inception_score
from jaxgan.metrics._intra_class import (
    IntraClassDistance,
    class_moments,
    intra_class_distance,
    intra_class_diversity,
)
from jaxgan.metrics._kernel import KernelDistance, blocks_share_pairs, kernel_distance, squared_mmd
from jaxgan.metrics._kernel_and_prdc import kernel_and_prdc
from jaxgan.metrics._labelled import LabelledScore, labelled_score
from jaxgan.metrics._mixture import MixtureScore, mixture_score
from jaxgan.metrics._ms_ssim import PairSimilarity, ms_ssim, ms_ssim_diversity
from jaxgan.metrics._nearest import leave_one_out_distances, nearest_neighbors
from jaxgan.metrics._neighbors import knn_radii
from jaxgan.metrics._path_length import PathLength, lerp, path_length, slerp
from jaxgan.metrics._prdc import PrdcScore, prdc
from jaxgan.metrics._precision_recall import PrecisionRecall, precision_recall
from jaxgan.metrics._sliced_wasserstein import (
    SlicedWasserstein,
    laplacian_pyramid,
    sliced_distance,
    sliced_wasserstein,
)

__all__ = [
    "Accuracy",
    "DensityCoverage",
    "InceptionScore",
    "IntraClassDistance",
    "KernelDistance",
    "LabelledScore",
    "MixtureScore",
    "Moments",
    "PairSimilarity",
    "PathLength",
    "PrdcScore",
    "PrecisionRecall",
    "SlicedWasserstein",
    "blocks_share_pairs",
    "class_histogram",
    "class_moments",
    "density_coverage",
    "frechet_distance",
    "gan_test",
    "gan_train",
    "gaussian_distance",
    "inception_score",
    "intra_class_distance",
    "intra_class_diversity",
    "kernel_and_prdc",
    "kernel_distance",
    "kl_divergence",
    "knn_radii",
    "labelled_score",
    "laplacian_pyramid",
    "leave_one_out_distances",
    "lerp",
    "merge",
    "mixture_score",
    "moments",
    "ms_ssim",
    "ms_ssim_diversity",
    "nearest_neighbors",
    "num_covered",
    "path_length",
    "prdc",
    "precision_recall",
    "slerp",
    "sliced_distance",
    "sliced_wasserstein",
    "squared_mmd",
]
