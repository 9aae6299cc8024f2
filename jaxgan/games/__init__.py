"""Games: one a file."""

from jaxgan.games.adaptive import ada, apa
from jaxgan.games.augmented import augmented, augmented_at, instance_noise
from jaxgan.games.autoencoder import Sparsity, autoencoder, sparsity_kl
from jaxgan.games.balanced import balanced
from jaxgan.games.bigan import bigan
from jaxgan.games.cyclegan import cyclegan
from jaxgan.games.encoding import gaussian_kl
from jaxgan.games.gan import gan, normal_latent
from jaxgan.games.infogan import Code, infogan, infogan_codes
from jaxgan.games.pix2pix import pix2pix
from jaxgan.games.pool import empty_pool, query
from jaxgan.games.progressive import Phases, make_phases, progressive
from jaxgan.games.signals import signals, with_signals
from jaxgan.games.super_resolution import super_resolution
from jaxgan.games.toy import bilinear, dirac, quadratic
from jaxgan.games.translation import translation
from jaxgan.games.unrolled import unrolled
from jaxgan.games.vae import Likelihood, bernoulli_likelihood, gaussian_likelihood, vae
from jaxgan.games.vae_gan import vae_gan
from jaxgan.games.with_penalty import with_penalty

__all__ = [
    "Code",
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
    "infogan",
    "infogan_codes",
    "instance_noise",
    "make_phases",
    "normal_latent",
    "pix2pix",
    "progressive",
    "quadratic",
    "query",
    "signals",
    "sparsity_kl",
    "super_resolution",
    "translation",
    "unrolled",
    "vae",
    "vae_gan",
    "with_penalty",
    "with_signals",
]
