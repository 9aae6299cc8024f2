"""The networks whose published weights can be converted, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from jaxgan.core.errors import FeatureError, bad_value
from jaxgan.features.inception import recipe as inception_recipe
from jaxgan.features.lpips import NETWORKS
from jaxgan.features.lpips import recipe as lpips_recipe
from jaxgan.features.weights import Recipe

RECIPES: dict[str, Callable[[], Recipe]] = {
    "inception": inception_recipe,
    **{f"lpips-{network}": partial(lpips_recipe, network) for network in NETWORKS},
}


def recipe_of(network: str) -> Recipe:
    """How the published weights of a network become ours.

    Args:
      network: one of `RECIPES`.

    Returns:
      A `Recipe`.

    Raises:
      FeatureError: for an unknown name.

    Example:
      >>> [one.name for one in recipe_of("lpips-vgg16").files]
      ['vgg16-397923af.pth', 'vgg.pth']
    """
    if network not in RECIPES:
        raise FeatureError(bad_value("network", network, RECIPES))
    return RECIPES[network]()
