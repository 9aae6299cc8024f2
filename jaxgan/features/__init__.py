"""Networks that turn images into vectors, for metrics to compare."""

from jaxgan.core.errors import FeatureError
from jaxgan.features.base import Distance, Extractor, extract, function, squared_distance
from jaxgan.features.classifier import Settings, classifier, fit
from jaxgan.features.inception import inception
from jaxgan.features.lpips import lpips
from jaxgan.features.open import open_features
from jaxgan.features.pixels import pixels
from jaxgan.features.random_conv import random_conv

__all__ = [
    "Distance",
    "Extractor",
    "FeatureError",
    "Settings",
    "classifier",
    "extract",
    "fit",
    "function",
    "inception",
    "lpips",
    "open_features",
    "pixels",
    "random_conv",
    "squared_distance",
]
