"""A run whose networks begin with published weights."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.config.base import Config
from jaxgan.config.build import build_algorithm
from jaxgan.config.games import parts_of
from jaxgan.config.grid import num_members
from jaxgan.core.errors import ConfigError, PublishedError
from jaxgan.core.state import TrainState
from jaxgan.data.source import ElementSpec
from jaxgan.pretrained import FAMILIES, Published, convert

ROLES: Mapping[str, str] = {"gen": "generator", "disc": "discriminator"}


def pretrained_state(
    config: Config, spec: ElementSpec, published: Mapping[str, Mapping[str, np.ndarray]]
) -> TrainState:
    """The first state of a run, with published weights in place of random ones.

    Args:
      config: as `resolve` returns it; its networks have to be those of the weights.
      spec: shape and dtype of one example.
      published: for `gen`, `disc` or both, arrays by published name.

    Returns:
      A state at step 0. An average of the generator, where one is kept, begins with the same.

    Raises:
      ConfigError: if the networks' names have no published weights, or there are several seeds.
      PublishedError: naming the first array that does not fit, and both shapes.

    Example:
      See `jaxgan.cli.import_weights`.
    """
    if (num := num_members(config)) > 1:
        name = "sweep" if config["sweep"] else "num_seeds"
        raise ConfigError(f"{name} makes {num} members; weights are imported for one")
    algorithm = build_algorithm(config, spec)
    state = jax.jit(algorithm.init)(jax.random.key(config["seed"]))
    params, net_state, ema = dict(state.params), dict(state.net_state), dict(state.ema)
    for player, arrays in published.items():
        known = published_rules(config, spec, player)
        own = net_state[player]
        if "network" not in own or set(params[player]) == {"forward", "backward"}:
            raise ConfigError(
                f"game is {config['game']['name']!r}; it has several networks in one player: "
                "import them with jaxgan.pretrained.convert"
            )
        template = {"params": params[player], **own["network"]}
        try:
            made = convert(arrays, known.rules, template, known.family.ignored)
        except PublishedError as error:
            raise PublishedError(f"{ROLES[player]}: {error}") from error
        made = jax.tree.map(jnp.asarray, made)
        params[player] = made.pop("params")
        net_state[player] = {**own, "network": made}
        if player in ema:
            average = {"params": params[player], "net_state": net_state[player]}
            ema[player] = jax.tree.map(jnp.copy, average)
    started: TrainState = state._replace(params=params, net_state=net_state, ema=ema)
    return started


def published_rules(config: Config, spec: ElementSpec, player: str = "gen") -> Published:
    """What is known of the names that the authors of a run's network gave.

    Args:
      config: as `resolve` returns it.
      spec: shape and dtype of one example.
      player: `gen` or `disc`.

    Returns:
      A `Published`.

    Raises:
      ConfigError: if nothing is known of a network of that name.
      PublishedError: if its authors have no such network.

    Example:
      See `jaxgan.cli.export`.
    """
    section = config[ROLES[player]]
    if section is None or section["name"] not in FAMILIES:
        name = None if section is None else section["name"]
        known = ", ".join(sorted(FAMILIES))
        raise ConfigError(f"{ROLES[player]} is {name!r}; weights are known for {known}")
    family, network = FAMILIES[section["name"]], parts_of(config, spec).network(ROLES[player])
    return Published(family.rules(player, network.module), family)
