"""Regularisers: each a factory of a `Penalty`, one a file or a few that are kin."""

from jaxgan.core.penalty import Penalty, Term, View, input_gradient, norm, squared_norm
from jaxgan.penalties._consistency import balanced_consistency, consistency, latent_consistency
from jaxgan.penalties._dragan import dragan
from jaxgan.penalties._drift import drift
from jaxgan.penalties._historical_averaging import historical_averaging
from jaxgan.penalties._lecam import lecam
from jaxgan.penalties._max_gp import max_gp
from jaxgan.penalties._mode_seeking import mode_seeking
from jaxgan.penalties._orthogonal import orthogonal
from jaxgan.penalties._path_length import path_length
from jaxgan.penalties._spectral_norm import spectral_norm_penalty
from jaxgan.penalties._wgan_gp import wgan_gp, wgan_lp
from jaxgan.penalties._zero_centered import r1, r2, zero_centered_gp

__all__ = [
    "Penalty",
    "Term",
    "View",
    "balanced_consistency",
    "consistency",
    "dragan",
    "drift",
    "historical_averaging",
    "input_gradient",
    "latent_consistency",
    "lecam",
    "max_gp",
    "mode_seeking",
    "norm",
    "orthogonal",
    "path_length",
    "r1",
    "r2",
    "spectral_norm_penalty",
    "squared_norm",
    "wgan_gp",
    "wgan_lp",
    "zero_centered_gp",
]
