"""Games: one a file."""

from jaxgan.games._adaptive import ada, apa
from jaxgan.games._augmented import augmented, augmented_at, instance_noise
from jaxgan.games._autoencoder import Sparsity, autoencoder, sparsity_kl
from jaxgan.games._balanced import balanced
from jaxgan.games._bigan import bigan
from jaxgan.games._cyclegan import cyclegan
from jaxgan.games._encoding import gaussian_kl
from jaxgan.games._gan import Latent, gan, normal_latent
from jaxgan.games._gman import gman
from jaxgan.games._implicit import implicit
from jaxgan.games._infogan import Code, infogan, infogan_codes
from jaxgan.games._logan import logan
from jaxgan.games._mad_gan import mad_gan
from jaxgan.games._pix2pix import pix2pix
from jaxgan.games._pool import empty_pool, query
from jaxgan.games._progressive import Phases, make_phases, progressive
from jaxgan.games._signals import signals, with_signals
from jaxgan.games._social import matrix_game, prisoners_dilemma, tandem
from jaxgan.games._super_resolution import super_resolution
from jaxgan.games._toy import bilinear, dirac, quadratic
from jaxgan.games._translation import translation
from jaxgan.games._unrolled import unrolled
from jaxgan.games._vae import Likelihood, bernoulli_likelihood, gaussian_likelihood, vae
from jaxgan.games._vae_gan import vae_gan
from jaxgan.games._with_penalty import with_penalty

__all__ = [
    "Code",
    "Latent",
    "Likelihood",
    "Phases",
    "Sparsity",
    "ada",
    "apa",
    "augmented",
    "augmented_at",
    "autoencoder",
    "balanced",
    "bernoulli_likelihood",
    "bigan",
    "bilinear",
    "cyclegan",
    "dirac",
    "empty_pool",
    "gan",
    "gaussian_kl",
    "gaussian_likelihood",
    "gman",
    "implicit",
    "infogan",
    "infogan_codes",
    "instance_noise",
    "logan",
    "mad_gan",
    "make_phases",
    "matrix_game",
    "normal_latent",
    "pix2pix",
    "prisoners_dilemma",
    "progressive",
    "quadratic",
    "query",
    "signals",
    "sparsity_kl",
    "super_resolution",
    "tandem",
    "translation",
    "unrolled",
    "vae",
    "vae_gan",
    "with_penalty",
    "with_signals",
]
